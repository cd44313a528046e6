//! What all modules of a sandbox share: wasmtime, the places for calls, the memory, the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use wasaga_engine::port::LoadError;

use crate::budget::Budget;
use crate::compile::{Compiler, Limits, Process};
use crate::engine::Runtime;
use crate::http::TlsRoots;
use crate::settings::Settings;
use crate::warm::{PoolSlots, WAITING_MAX};

/// Modules that say at once what they are. One that does not end holds up as many others for ten
/// seconds at most.
const DESCRIBES_MAX: u32 = 4;

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
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) instances: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) runtime: Runtime,
    pub(crate) settings: Settings,
    pub(crate) compiler: Compiler,
    /// The pool has a place for each of the three: instances that say what they are, that are called, and
    /// that wait for their next call.
    pub(crate) describing: Semaphore,
    pub(crate) calling: Semaphore,
    pub(crate) idle: Arc<PoolSlots>,
    /// Bounds the memory that they have.
    pub(crate) budget: Arc<Budget>,
    pub(crate) tls: Arc<TlsRoots>,
    pub(crate) counters: Counters,
}

impl Common {
    pub(crate) fn new(settings: Settings) -> Result<Self, LoadError> {
        let tls = TlsRoots::new(settings.tls_roots.as_deref()).map_err(|reason| LoadError {
            reason,
            remedy: "name a file with the certificates of those who may be trusted, or none for the system's".into(),
        })?;
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
        Ok(Self {
            runtime,
            compiler,
            describing: Semaphore::new(DESCRIBES_MAX as usize),
            calling: Semaphore::new(calls_max as usize),
            idle: Arc::new(PoolSlots::new(idle_max)),
            budget: Arc::new(Budget::new(settings.memory_bytes_max)),
            tls: Arc::new(tls),
            counters: Counters::default(),
            settings,
        })
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { calls, instances } = &self.counters;
        let (compiled, memory_bytes) = (self.compiler.compiled(), self.budget.taken_bytes());
        Stats { calls: read(calls), instances: read(instances), compiled, memory_bytes }
    }
}
