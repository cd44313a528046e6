//! Runs guests: the only room that knows wasmtime (invariant I8).
//!
//! A guest is untrusted (invariant I7). Every call has its own fuel, deadline, memory limit and an
//! empty WASI context, and by default its own instance; whatever it does is an
//! [`Outcome`] of that call. Deliberately absent: what an outcome leads to
//! (`wasaga-core`), and any capability that nobody granted.

mod answer;
mod budget;
mod cache;
mod call;
mod common;
mod compile;
mod contract;
mod cost;
mod engine;
mod failure;
mod guest;
mod http;
mod imports;
mod instance;
mod limits;
mod lines;
mod load;
mod machine;
mod module;
mod output;
mod policy;
mod requests;
mod settings;
mod state;
mod warm;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use tokio::sync::OnceCell;
use wasaga_core::{Answer, Call, Digest, Failure, NotMade, Outcome, definition};
use wasaga_engine::port::{Guest, Guests, LoadError};

use call::NotCalled;
use common::Common;
use module::Loaded;

pub use common::Stats;
pub use compile::{COMPILE_MODULE, compile_module};
pub use cost::CallCost;
pub use http::{Addresses, InvalidAddress, InvalidOrigin, Origin};
pub use limits::{MODULE_BYTES_MAX, PAYLOAD_BYTES_MAX};
pub use policy::{Ceilings, Grants, ModulePolicy, Policy, Reading, Secret, SecretSource, Section, Standing, Terms};
pub use settings::Settings;

/// A load under way, or the end of it, as long as somebody waits for it.
type Loading = OnceCell<Result<Arc<Loaded>, LoadError>>;

/// Runs guests in wasmtime.
#[derive(Debug)]
pub struct Sandbox {
    /// For the modules that it loads: each keeps it.
    me: Weak<Self>,
    common: Common,
    /// Modules that somebody holds. Written when one is loaded.
    modules: RwLock<BTreeMap<Digest, Weak<Loaded>>>,
    /// Loads under way: whoever asks for the same module waits for its end. A plain lock, held for map accesses.
    loading: Mutex<BTreeMap<Digest, Weak<Loading>>>,
}

impl Sandbox {
    /// Makes a sandbox. Its clock thread ends with it.
    ///
    /// # Errors
    /// wasmtime does not support this machine, or the file of certificates has none.
    pub fn new(settings: Settings) -> Result<Arc<Self>, LoadError> {
        let common = Common::new(settings)?;
        Ok(Arc::new_cyclic(|me| Self { me: me.clone(), common, modules: RwLock::default(), loading: Mutex::default() }))
    }

    /// Whether instances come from a pool; otherwise each is mapped when it is needed, which is slower.
    pub fn is_pooling(&self) -> bool {
        self.common.runtime.is_pooling()
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.common.stats()
    }

    fn loaded(&self, digest: Digest) -> Option<Arc<Loaded>> {
        self.modules.read().get(&digest).and_then(Weak::upgrade)
    }

    /// Makes a module ready to answer calls. It stays loaded for as long as the answer is held.
    ///
    /// # Errors
    /// The module cannot be used.
    pub async fn load(&self, bytes: Arc<[u8]>) -> Result<Module, LoadError> {
        let digest = Digest::of(&bytes);
        if let Some(loaded) = self.loaded(digest) {
            return Ok(self.module(loaded));
        }
        let loading = self.loading(digest);
        let loaded = loading.get_or_init(|| self.load_anew(digest, bytes)).await.clone()?;
        Ok(self.module(loaded))
    }

    fn loading(&self, digest: Digest) -> Arc<Loading> {
        let mut loading = self.loading.lock();
        if let Some(other) = loading.get(&digest).and_then(Weak::upgrade) {
            return other;
        }
        loading.retain(|_, loading| loading.strong_count() > 0);
        let new = Arc::default();
        loading.insert(digest, Arc::downgrade(&new));
        new
    }

    async fn load_anew(&self, digest: Digest, bytes: Arc<[u8]>) -> Result<Arc<Loaded>, LoadError> {
        // A load that was under way a moment ago may have ended since.
        if let Some(loaded) = self.loaded(digest) {
            return Ok(loaded);
        }
        let loaded = Arc::new(load::load(&self.common, digest, bytes).await?);
        let mut modules = self.modules.write();
        modules.retain(|_, loaded| loaded.strong_count() > 0);
        modules.insert(digest, Arc::downgrade(&loaded));
        Ok(loaded)
    }

    fn module(&self, loaded: Arc<Loaded>) -> Module {
        let sandbox = self.me.upgrade().expect("whoever asks holds it");
        let (digest, description) = (loaded.digest, loaded.description.clone());
        Module { digest, description, sandbox, loaded }
    }

    /// What a call costs in the sandbox, and in wasmtime alone: repeats a `run` or `try` call over and over, on one
    /// thread. None where the module is not loaded, it is another operation, the guest does not answer, or takes too long
    /// for this to tell anything.
    pub async fn cost(&self, call: &Call) -> Option<CallCost> {
        cost::cost(&self.common, &*self.loaded(call.module)?, call).await
    }

    /// Makes a call of a module that is loaded, for tools that have no engine: a call that was not made is told as a
    /// retryable outcome here.
    pub async fn call(&self, call: &Call) -> Answer {
        let Some(loaded) = self.loaded(call.module) else { return failure::not_loaded(call.module) };
        match call::call(&self.common, &loaded, &Arc::new(call.clone())).await {
            Ok(answer) => answer,
            Err(NotCalled::Busy(outcome)) => call::nothing_done(outcome),
            Err(NotCalled::Held(why)) => {
                let failure = Failure::new("not-granted", &*why);
                call::nothing_done(Outcome::Retryable { failure, after: None })
            }
        }
    }
}

/// A module that is loaded.
#[derive(Clone, Debug)]
pub struct Module {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// What it says of itself.
    pub description: Arc<definition::Module>,
    sandbox: Arc<Sandbox>,
    loaded: Arc<Loaded>,
}

#[async_trait]
impl Guest for Module {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn description(&self) -> &Arc<definition::Module> {
        &self.description
    }

    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade> {
        call::call(&self.sandbox.common, &self.loaded, &call).await.map_err(|why| match why {
            NotCalled::Busy(_) => NotMade::Busy,
            NotCalled::Held(why) => NotMade::Held(why),
        })
    }
}

#[async_trait]
impl Guests for Sandbox {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError> {
        let module = Self::load(self, bytes).await?;
        Ok(Arc::new(module))
    }
}
