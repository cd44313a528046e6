//! Instances that wait for their next call, of a module that declares it. What ended badly never
//! comes back here: it is poisoned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::budget::{Budget, Idle, Share};
use crate::instance::Instance;

/// Instances of one module that wait. More than are ever in flight on a few cores; each holds its
/// memory.
pub(crate) const WAITING_MAX: usize = 64;

/// PoolSlots that are counted and never waited for.
#[derive(Debug)]
pub(crate) struct PoolSlots {
    free: AtomicU32,
}

/// One of them; given back when it is dropped.
struct PoolSlot(Arc<PoolSlots>);

impl PoolSlots {
    pub(crate) fn new(count: u32) -> Self {
        Self { free: AtomicU32::new(count) }
    }

    fn take(self: &Arc<Self>) -> Option<PoolSlot> {
        // Nothing else is written with it that others read.
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1));
        taken.is_ok().then(|| PoolSlot(self.clone()))
    }
}

impl Drop for PoolSlot {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}

/// The waiting instances of one module.
pub(crate) struct Warm {
    calls_per_instance: u32,
    /// Last in, first out: what was used just now is in the caches. Held for a push or a pop.
    waiting: Mutex<Vec<(Box<Instance>, PoolSlot)>>,
    /// PoolSlots of the pool for instances that wait, which all modules share: what waits must not take the
    /// place of what is called.
    idle: Arc<PoolSlots>,
    /// Calls of this module that wait for an instance, or for the memory of one.
    wanted: AtomicU32,
    given: Notify,
}

impl std::fmt::Debug for Warm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Warm").field("calls_per_instance", &self.calls_per_instance).finish_non_exhaustive()
    }
}

impl Warm {
    pub(crate) fn new(calls_per_instance: u32, idle: Arc<PoolSlots>) -> Self {
        let (wanted, given) = (AtomicU32::new(0), Notify::new());
        Self { calls_per_instance, waiting: Mutex::default(), idle, wanted, given }
    }

    /// Whether an instance may serve more calls than these.
    pub(crate) fn serves_more(&self, served: u32) -> bool {
        served < self.calls_per_instance
    }

    /// An instance for a call with this much memory; one that has grown beyond it is let go.
    pub(crate) fn take(&self, memory_bytes_max: u64) -> Option<Box<Instance>> {
        if self.calls_per_instance <= 1 {
            return None;
        }
        let (instance, _slot) = self.waiting.lock().pop()?;
        (instance.store.data().limits.memory_bytes as u64 <= memory_bytes_max).then_some(instance)
    }

    /// Waits for an instance that another call gives back; without an end where none is kept. Dropping
    /// the future gives it up.
    pub(crate) async fn next(&self, memory_bytes_max: u64) -> Box<Instance> {
        let _wanted = Wanted::of(self);
        loop {
            if let Some(instance) = self.take(memory_bytes_max) {
                return instance;
            }
            self.given.notified().await;
        }
    }

    /// Takes an instance back that has answered. Where there is no place for it, it is let go.
    pub(crate) fn give(&self, mut instance: Box<Instance>, budget: &Budget) {
        let served = instance.served;
        let limits = &mut instance.store.data_mut().limits;
        let bytes = limits.memory_bytes as u64;
        // What it has of the part that is kept is for the next one that grows.
        let is_grown = limits.share.as_ref().is_some_and(Share::is_grown);
        if !self.serves_more(served) || is_grown {
            return;
        }
        if let Some(share) = &mut limits.share {
            share.shrink(bytes);
        }
        let Some(slot) = self.idle.take() else { return };
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push((instance, slot));
        }
        drop(waiting);
        // Who waits is counted before it looks here for the last time, so nobody is overlooked.
        match self.wanted.load(Ordering::Relaxed) {
            // Others wait for the memory, who cannot use the instance.
            own if budget.waiting() > own => self.let_go(),
            0 => {}
            _ => self.given.notify_one(),
        }
    }
}

impl Idle for Warm {
    fn let_go(&self) {
        drop(std::mem::take(&mut *self.waiting.lock()));
    }
}

/// Counts one that wants an instance, for as long as it does.
struct Wanted<'w>(&'w Warm);

impl<'w> Wanted<'w> {
    fn of(warm: &'w Warm) -> Self {
        warm.wanted.fetch_add(1, Ordering::Relaxed);
        Self(warm)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted.fetch_sub(1, Ordering::Relaxed);
    }
}
