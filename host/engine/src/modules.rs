//! The modules that this host has loaded, by digest, and apart from them which one each name stands for. A module that was
//! added stays; one that only a stored transaction needs goes with the last driver that holds it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use wasaga_core::{Checked, Digest, Name, definition};

use crate::Error;
use crate::definitions::Definitions;

/// How long a module that cannot be used is not tried again: compiling it once more would end alike.
const BROKEN_FOR: Duration = Duration::from_secs(5);
/// Modules that cannot be used which are remembered.
const BROKEN_MAX: usize = 256;

/// A module that was added.
#[derive(Clone, Debug)]
pub struct Module {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// What it says of itself.
    pub description: Arc<definition::Module>,
}

/// Everything that is loaded.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// A plain lock, held for map accesses.
    known: Mutex<Known>,
    /// One load at a time for each digest; others wait and take what it gave.
    loading: Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Known {
    added: HashMap<Digest, Arc<Definitions>>,
    loaded: HashMap<Digest, Weak<Definitions>>,
    /// The module that starts and providers of this name go to.
    active: HashMap<Name, Digest>,
    broken: HashMap<Digest, (Instant, Arc<Error>)>,
}

impl Modules {
    pub(crate) fn find(&self, digest: Digest) -> Option<Arc<Definitions>> {
        let known = self.known.lock();
        let loaded = || known.loaded.get(&digest).and_then(Weak::upgrade);
        known.added.get(&digest).cloned().or_else(loaded)
    }

    /// Keeps a module, and makes it the active one of its name.
    pub(crate) fn add(&self, definitions: Arc<Definitions>) -> Module {
        let (digest, description) = (definitions.digest(), definitions.guest.description().clone());
        let mut known = self.known.lock();
        known.broken.remove(&digest);
        known.active.insert(definitions.name().into(), digest);
        known.added.insert(digest, definitions);
        Module { digest, description }
    }

    /// Remembers a module for as long as somebody holds it.
    pub(crate) fn note(&self, definitions: &Arc<Definitions>) {
        let mut known = self.known.lock();
        known.loaded.retain(|_, loaded| loaded.strong_count() > 0);
        known.loaded.insert(definitions.digest(), Arc::downgrade(definitions));
    }

    /// Why a module could not be used a moment ago.
    pub(crate) fn broken(&self, digest: Digest) -> Option<Arc<Error>> {
        let known = self.known.lock();
        known.broken.get(&digest).filter(|(until, _)| Instant::now() < *until).map(|(_, error)| error.clone())
    }

    pub(crate) fn note_broken(&self, digest: Digest, error: Arc<Error>) {
        let mut known = self.known.lock();
        if known.broken.len() >= BROKEN_MAX {
            known.broken.clear();
        }
        known.broken.insert(digest, (Instant::now() + BROKEN_FOR, error));
    }

    /// The lock that a load of this module holds.
    pub(crate) fn loading(&self, digest: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut loading = self.loading.lock();
        if let Some(lock) = loading.get(&digest).and_then(Weak::upgrade) {
            return lock;
        }
        loading.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        loading.insert(digest, Arc::downgrade(&lock));
        lock
    }

    /// The active module of a name.
    fn active(&self, name: &str) -> Option<Arc<Definitions>> {
        let known = self.known.lock();
        known.added.get(known.active.get(name)?).cloned()
    }

    /// The module for each provider of a definition: the active one of that name.
    ///
    /// # Errors
    /// [`Error::ProvidersMissing`]; [`Error::Mistakes`] where one does not offer what is asked of it.
    pub(crate) fn providers(&self, plan: &Checked, module: &str) -> Result<BTreeMap<Name, Digest>, Error> {
        let names = plan.providers();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found: BTreeMap<Name, Arc<Definitions>> =
            names.iter().filter_map(|name| Some(((*name).clone(), self.active(name)?))).collect();
        let missing: Vec<String> =
            names.into_iter().filter(|name| !found.contains_key(*name)).map(|name| format!("`{name}`")).collect();
        if !missing.is_empty() {
            return Err(Error::ProvidersMissing { kind: plan.kind(), definition: plan.name().to_string(), missing });
        }
        let descriptions: Vec<_> = found.values().map(|known| &**known.guest.description()).collect();
        plan.check_providers(&descriptions).map_err(|mistakes| Error::Mistakes { module: module.into(), mistakes })?;
        Ok(found.into_iter().map(|(name, known)| (name, known.digest())).collect())
    }
}
