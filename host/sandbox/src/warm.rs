//! Instances that wait for their next call, of a module that declares it. What ended badly never
//! comes back here: it is poisoned.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call::Instance;

/// Instances of one module that wait. More than are ever in flight on a few cores; each holds its
/// memory.
pub(crate) const WAITING_MAX: usize = 64;

/// The waiting instances of one module.
pub(crate) struct Warm {
    calls_per_instance: u32,
    /// Last in, first out: what was used just now is in the caches. Held for a push or a pop.
    waiting: Mutex<Vec<(Instance, OwnedSemaphorePermit)>>,
    /// Places of the pool for instances that wait, which all modules share: what waits must not take the
    /// place of what is called.
    idle: Arc<Semaphore>,
}

impl std::fmt::Debug for Warm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Warm").field("calls_per_instance", &self.calls_per_instance).finish_non_exhaustive()
    }
}

impl Warm {
    pub(crate) fn new(calls_per_instance: u32, idle: Arc<Semaphore>) -> Self {
        Self { calls_per_instance, waiting: Mutex::default(), idle }
    }

    /// Whether an instance may serve more calls than these.
    pub(crate) fn serves_more(&self, served: u32) -> bool {
        served < self.calls_per_instance
    }

    /// An instance for a call with this much memory; one that has grown beyond it is let go.
    pub(crate) fn take(&self, memory_bytes_max: u64) -> Option<Instance> {
        if self.calls_per_instance <= 1 {
            return None;
        }
        let (instance, _place) = self.waiting.lock().pop()?;
        (instance.store.data().limits.memory_bytes as u64 <= memory_bytes_max).then_some(instance)
    }

    /// Takes an instance back that has answered. Where there is no place for it, it is let go.
    pub(crate) fn give(&self, instance: Instance) {
        if !self.serves_more(instance.served) {
            return;
        }
        let Ok(place) = self.idle.clone().try_acquire_owned() else { return };
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push((instance, place));
        }
    }
}
