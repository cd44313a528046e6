//! Runs guests: the only room that knows wasmtime (invariant I8).
//!
//! A guest is untrusted (invariant I7). Every call has its own fuel, deadline, memory limit and an
//! empty WASI context, and by default its own instance; whatever it does is an
//! [`Outcome`](wasaga_core::Outcome) of that call. Deliberately absent: what an outcome leads to
//! (`wasaga-core`), and any capability that nobody granted.

mod budget;
mod cache;
mod call;
mod compile;
mod contract;
mod cost;
mod describe;
mod engine;
mod failure;
mod guest;
mod http;
mod imports;
mod limits;
mod load;
mod machine;
mod output;
mod policy;
mod state;
mod warm;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{OnceCell, Semaphore};
use wasaga_core::{Answer, Call, Digest, NotMade, definition};
use wasaga_engine::port::{Guest, Guests, LoadError};

use budget::Budget;
use compile::{Compiler, Limits, Process};
use engine::Runtime;
use http::TlsRoots;
use load::Loaded;
use warm::{Places, WAITING_MAX};

pub use compile::{COMPILE_MODULE, compile_module};
pub use cost::CallCost;
pub use http::{Addresses, InvalidAddress, InvalidOrigin, Origin};
pub use policy::{Grants, ModulePolicy, Policy, Secret};

/// Bytes of one JSON text that passes between host and guest, in either direction. What is larger
/// belongs into a store, with its key in the transaction.
pub const PAYLOAD_BYTES_MAX: usize = 8 << 20;
/// Bytes of a module. A Python guest has 18.5 MB, and five times that is still read in a moment.
pub const MODULE_BYTES_MAX: usize = 128 << 20;

/// Modules that say at once what they are. One that does not end holds up as many others for ten
/// seconds at most.
const DESCRIBES_MAX: u32 = 4;

/// What compiling a module may take: ten times what a Python guest takes.
const COMPILE_CPU_MAX: Duration = Duration::from_secs(300);

/// How guests are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where compiled modules are kept: a directory of this user's alone, 4 GiB at most, of which what was not used for
    /// the longest time goes first. None compiles anew in every process, and so does one that belongs to another user or
    /// that others may write to, which is told once in the log.
    pub cache: Option<PathBuf>,
    /// A program that compiles modules in a process of its own, under the two limits that follow: started with
    /// [`COMPILE_MODULE`] it calls [`compile_module`]. None compiles in this process, where only what is in the file bounds
    /// the time and the memory that compiling takes.
    pub compiler: Option<PathBuf>,
    /// Computing, on all cores together, that compiling one module may take. Default: 300 s, ten times what a Python guest
    /// takes.
    pub compile_cpu_max: Duration,
    /// Memory that compiling one module may take. Default: half of the machine's, from 1 to 4 GiB; a Python guest takes
    /// half a GiB. macOS does not keep this limit.
    pub compile_memory_bytes_max: u64,
    /// Calls in flight at once, at least 1; more wait for a place until their deadline. Each has an
    /// instance with its stack and memory, and address space is set aside for all of them at start.
    pub calls_max: u32,
    /// Bytes of memory that all instances may have together. A call that does not fit waits until its
    /// deadline; one instance alone may have no more either. What a module has while it is loaded comes
    /// on top. Default: half of the machine's memory, or of what its control group may have.
    pub memory_bytes_max: u64,
    /// How many calls one instance may serve at most, whatever a module declares.
    pub calls_per_instance_max: u32,
    /// What modules may reach, and how much they may use.
    pub policy: Policy,
    /// Certificates, in PEM, that are trusted instead of the system's when a guest calls `https`.
    pub tls_roots: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: None,
            compiler: None,
            compile_cpu_max: COMPILE_CPU_MAX,
            compile_memory_bytes_max: (machine::memory_bytes() / 2).clamp(1 << 30, 4 << 30),
            calls_max: 1_024,
            memory_bytes_max: machine::memory_bytes() / 2,
            calls_per_instance_max: u32::MAX,
            policy: Policy::default(),
            tls_roots: None,
        }
    }
}

/// What the sandbox has done, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls that were made.
    pub calls: u64,
    /// Instances that were made for them.
    pub instances: u64,
    /// Modules that were compiled, rather than found in the cache.
    pub compiled: u64,
    /// Bytes of memory that are set aside for instances, at this moment.
    pub memory_bytes: u64,
}

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    instances: AtomicU64,
}

/// A load under way, or the end of it, as long as somebody waits for it.
type Loading = OnceCell<Result<Arc<Loaded>, LoadError>>;

/// Runs guests in wasmtime.
#[derive(Debug)]
pub struct Sandbox {
    /// For the modules that it loads: each keeps it.
    me: Weak<Self>,
    runtime: Runtime,
    settings: Settings,
    /// Modules that somebody holds. Written when one is loaded.
    modules: RwLock<BTreeMap<Digest, Weak<Loaded>>>,
    /// Loads under way: whoever asks for the same module waits for its end. A plain lock, held for map accesses.
    loading: Mutex<BTreeMap<Digest, Weak<Loading>>>,
    compiler: Compiler,
    /// The pool has a place for each of the three: instances that say what they are, that are called, and
    /// that wait for their next call.
    describing: Semaphore,
    calling: Semaphore,
    idle: Arc<Places>,
    /// Bounds the memory that they have.
    budget: Arc<Budget>,
    tls: Arc<TlsRoots>,
    counters: Counters,
}

impl Sandbox {
    /// Makes a sandbox. Its clock thread ends with it.
    ///
    /// # Errors
    /// wasmtime does not support this machine.
    pub fn new(settings: Settings) -> Result<Arc<Self>, LoadError> {
        let calls_max = settings.calls_max.max(1);
        let idle_max = calls_max.max(WAITING_MAX as u32);
        let instances = calls_max.saturating_add(idle_max).saturating_add(DESCRIBES_MAX);
        let runtime = Runtime::new(instances).map_err(|error| LoadError {
            reason: format!("wasmtime cannot be set up: {error:#}"),
            remedy: "it needs a 64-bit Linux or macOS, and address space for its instances".into(),
        })?;
        let limits = Limits { cpu: settings.compile_cpu_max, memory_bytes: settings.compile_memory_bytes_max };
        let process = settings.compiler.clone().map(|program| Process { program, limits });
        let compiler = Compiler::new(runtime.engine.clone(), settings.cache.clone(), process);
        Ok(Arc::new_cyclic(|me| Self {
            me: me.clone(),
            runtime,
            modules: RwLock::default(),
            loading: Mutex::default(),
            compiler,
            describing: Semaphore::new(DESCRIBES_MAX as usize),
            calling: Semaphore::new(calls_max as usize),
            idle: Arc::new(Places::new(idle_max)),
            budget: Arc::new(Budget::new(settings.memory_bytes_max)),
            tls: Arc::new(TlsRoots::new(settings.tls_roots.clone())),
            counters: Counters::default(),
            settings,
        }))
    }

    /// Whether instances come from a pool; otherwise each is mapped when it is needed, which is slower.
    pub fn is_pooling(&self) -> bool {
        self.runtime.is_pooling()
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { calls, instances } = &self.counters;
        let (compiled, memory_bytes) = (self.compiler.compiled(), self.budget.taken_bytes());
        Stats { calls: read(calls), instances: read(instances), compiled, memory_bytes }
    }

    fn loaded(&self, digest: Digest) -> Option<Arc<Loaded>> {
        self.modules.read().get(&digest).and_then(Weak::upgrade)
    }
}

impl Sandbox {
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
        let loaded = Arc::new(load::load(self, digest, bytes).await?);
        let mut modules = self.modules.write();
        modules.retain(|_, loaded| loaded.strong_count() > 0);
        modules.insert(digest, Arc::downgrade(&loaded));
        Ok(loaded)
    }

    fn module(&self, loaded: Arc<Loaded>) -> Module {
        let sandbox = self.me.upgrade().expect("whoever asks holds it");
        let (digest, description) = (loaded.digest(), loaded.description());
        Module { digest, description, sandbox, loaded }
    }

    /// Makes a call of a module that is loaded, for tools that have no engine: a call that was not made is told as a
    /// retryable outcome here.
    pub async fn call(&self, call: &Call) -> Answer {
        match self.loaded(call.module) {
            Some(loaded) => call::call(self, &loaded, call).await.unwrap_or_else(|not_made| not_made),
            None => failure::not_loaded(call.module),
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

    async fn call(&self, call: &Call) -> Result<Answer, NotMade> {
        call::call(&self.sandbox, &self.loaded, call).await.map_err(|_| NotMade::Busy)
    }
}

#[async_trait]
impl Guests for Sandbox {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError> {
        let module = Self::load(self, bytes).await?;
        Ok(Arc::new(module))
    }
}
