//! Modules and transactions out of the journal: what a stored transaction needs before it can be driven.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::{Digest, Timestamp, Transaction, TransactionId, Wake};
use wasaga_journal::{Held, Rest, Stored};

use crate::Error;
use crate::definitions::Definitions;
use crate::error::chain;
use crate::shared::Shared;

/// When what is held is looked at again though nobody put the module that it waits for: another process may have put
/// right what is wrong with it. Half of the time since its last record, so that each look costs less than the one before,
/// within these bounds in milliseconds.
const HELD_AGAIN_MS: std::ops::RangeInclusive<u64> = 5_000..=300_000;

/// The modules that answer a transaction's calls. Whoever drives it keeps them loaded.
pub(crate) type Answering = BTreeMap<Digest, Arc<Definitions>>;

/// A transaction that can be driven.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) transaction: Transaction,
    pub(crate) answering: Answering,
}

impl Shared {
    /// A module that is loaded, or was kept in the journal; none where it is nowhere. One load at a time for a module.
    async fn definitions(&self, digest: Digest) -> Result<Option<Arc<Definitions>>, Error> {
        if let Some(known) = self.modules.find(digest) {
            return Ok(Some(known));
        }
        let lock = self.modules.loading(digest);
        let _alone = lock.lock().await;
        if let Some(known) = self.modules.find(digest) {
            return Ok(Some(known));
        }
        if let Some(error) = self.modules.broken(digest) {
            return Err(Error::Shared(error));
        }
        let bytes = match self.journal.modules().get(digest).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) if error.is_transient() => return Err(Error::Journal(error)),
            // Damaged bytes are as good as none: the module is waited for.
            Err(error) => return Err(self.broken(digest, Error::DamagedModule { digest, source: error })),
        };
        let loaded = match self.guests.load(bytes).await {
            Ok(guest) => Definitions::check(guest, &self.defaults).await.map(Arc::new),
            Err(error) => Err(Error::Load(error)),
        };
        let definitions = loaded.map_err(|error| self.broken(digest, error))?;
        self.modules.note(&definitions);
        Ok(Some(definitions))
    }

    fn broken(&self, digest: Digest, error: Error) -> Error {
        let error = Arc::new(error);
        self.modules.note_broken(digest, error.clone());
        Error::Shared(error)
    }

    /// The machine of a stored transaction, with the modules that answer its calls.
    pub(crate) async fn replay(&self, stored: &Stored) -> Result<Loaded, Error> {
        let id = stored.row.id;
        let own = self.needed(id, stored.row.module).await?;
        let runnable = own.find(&stored.row.definition).map_err(|error| Error::ModuleBroken {
            id,
            digest: stored.row.module,
            source: Box::new(error),
        })?;
        let transaction = Transaction::replay(&runnable.plan, &stored.records);
        let transaction = transaction.map_err(|source| Error::Illegal { id, source })?;
        let mut answering = Answering::from([(own.digest(), own.clone())]);
        for provider in transaction.created().providers.values() {
            let provider = self.needed(id, *provider).await?;
            answering.insert(provider.digest(), provider);
        }
        Ok(Loaded { transaction, answering })
    }

    /// A module that a transaction is pinned to.
    async fn needed(&self, id: TransactionId, digest: Digest) -> Result<Arc<Definitions>, Error> {
        let known = self.definitions(digest).await.map_err(|error| match error {
            Error::Journal(error) => Error::Journal(error),
            other => Error::ModuleBroken { id, digest, source: Box::new(other) },
        })?;
        known.ok_or(Error::ModuleMissing { id, digest })
    }

    /// How a transaction rests that cannot be driven: it is held, its cause is seen in lists, and it costs nothing until
    /// then. None where trying again at once may help.
    pub(crate) fn rest_of(&self, error: &Error, last: Timestamp) -> Option<Rest> {
        let module = match error.root() {
            Error::Journal(error) if error.is_transient() => return None,
            Error::ModuleMissing { digest, .. } | Error::ModuleBroken { digest, .. } => Some(*digest),
            _ => None,
        };
        let held = Some(Held { cause: chain(error.root()).into(), module });
        let now = self.world.now();
        let pause = (now.since(last).as_millis() as u64 / 2).clamp(*HELD_AGAIN_MS.start(), *HELD_AGAIN_MS.end());
        Some(Rest { wake: Wake::At(now.after_ms(pause)), held })
    }
}
