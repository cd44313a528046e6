//! The memory of all guests together. A call waits for its share of it, so that more calls than fit
//! take their turn, and the machine does not run out.
//!
//! A share is what instances of a module usually have; one that grows beyond it takes more, and waits
//! where there is none. So that not all wait for each other, a part is kept for one of those that grow:
//! it ends, and then it is the next one's. Deliberately absent: the limit of one instance (`limits`).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// What is counted: a page of WebAssembly.
const PAGE_BYTES: u64 = 64 << 10;
/// The part that is kept for one that grows.
const KEPT_PART: u64 = 4;

/// Where instances may lie idle, whose memory others need more.
pub(crate) trait Idle: Send + Sync + std::fmt::Debug {
    /// Lets go of them.
    fn let_go(&self);
}

#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: u64,
    kept_bytes: u64,
    /// Pages that nobody has, without what is kept.
    pages: Arc<Semaphore>,
    /// Who has it may have what is kept as well.
    growing: Arc<tokio::sync::Mutex<()>>,
    /// How many wait for a share.
    waiting: AtomicU32,
    /// Where instances may lie idle. Held for a walk through the modules.
    idle: Mutex<Vec<Weak<dyn Idle>>>,
}

/// A part of the memory; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    pages: OwnedSemaphorePermit,
    /// There once it has outgrown what was free.
    growing: Option<OwnedMutexGuard<()>>,
}

impl Budget {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let kept_bytes = bytes_max / KEPT_PART;
        let pages = usize::try_from(pages(bytes_max - kept_bytes)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            bytes_max,
            kept_bytes,
            pages: Arc::new(Semaphore::new(pages)),
            growing: Arc::default(),
            waiting: AtomicU32::new(0),
            idle: Mutex::default(),
        }
    }

    /// What all may have together.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// What is not free, without what one that grows has of the part that is kept.
    pub(crate) fn taken_bytes(&self) -> u64 {
        (self.bytes_max - self.kept_bytes).saturating_sub(self.pages.available_permits() as u64 * PAGE_BYTES)
    }

    /// How many wait for a share.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Tells where instances will lie idle.
    pub(crate) fn watch(&self, idle: Weak<dyn Idle>) {
        let mut all = self.idle.lock();
        all.retain(|known| known.strong_count() > 0);
        all.push(idle);
    }

    /// A share at once, where there is one; what lies idle is let go for it.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let pages = self.pages_of(bytes);
        let pages = self.pages.clone().try_acquire_many_owned(pages).ok().or_else(|| {
            self.let_idle_go();
            self.pages.clone().try_acquire_many_owned(pages).ok()
        });
        pages.map(|pages| Share { budget: self.clone(), pages, growing: None })
    }

    /// A share, in the order of asking. Dropping the future gives the turn up.
    pub(crate) async fn take(self: &Arc<Self>, bytes: u64) -> Share {
        let _waiting = Waiting::of(self);
        self.let_idle_go();
        let pages = self.pages.clone().acquire_many_owned(self.pages_of(bytes)).await;
        Share { budget: self.clone(), pages: pages.expect("it is never closed"), growing: None }
    }

    /// What is asked for, and no more than there ever is.
    fn pages_of(&self, bytes: u64) -> u32 {
        u32::try_from(pages(bytes.min(self.bytes_max - self.kept_bytes))).unwrap_or(u32::MAX)
    }

    fn let_idle_go(&self) {
        // They are dropped when the lock is free again: that takes its time.
        let modules: Vec<_> = self.idle.lock().iter().filter_map(Weak::upgrade).collect();
        for warm in modules {
            warm.let_go();
        }
    }
}

fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_BYTES)
}

impl Share {
    fn bytes(&self) -> u64 {
        let kept = if self.growing.is_some() { self.budget.kept_bytes } else { 0 };
        self.pages.num_permits() as u64 * PAGE_BYTES + kept
    }

    /// What there is at most.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.budget.bytes_max()
    }

    /// Whether it has more than usual, at the cost of others.
    pub(crate) fn is_grown(&self) -> bool {
        self.growing.is_some()
    }

    /// Makes it this large, and waits until that can be. Dropping the future leaves it as it is.
    pub(crate) async fn grow(&mut self, bytes: u64) {
        while bytes > self.bytes() {
            let more = bytes - self.bytes();
            if let Some(more) = self.budget.try_take(more) {
                self.pages.merge(more.pages);
                return;
            }
            let budget = self.budget.clone();
            if self.growing.is_some() {
                let more = budget.take(more).await;
                self.pages.merge(more.pages);
                return;
            }
            tokio::select! {
                biased;
                growing = budget.growing.clone().lock_owned() => self.growing = Some(growing),
                more = budget.take(more) => self.pages.merge(more.pages),
            }
        }
    }

    /// Gives back what is beyond this.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let spare = self.pages.num_permits().saturating_sub(usize::try_from(pages(bytes)).unwrap_or(usize::MAX));
        if spare > 0 {
            drop(self.pages.split(spare));
        }
    }
}

/// Counts one that waits, for as long as it does.
struct Waiting<'b>(&'b Budget);

impl<'b> Waiting<'b> {
    fn of(budget: &'b Budget) -> Self {
        budget.waiting.fetch_add(1, Ordering::Relaxed);
        Self(budget)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn budget() -> Arc<Budget> {
        Arc::new(Budget::new(64 * MIB))
    }

    async fn waits(future: impl Future) -> bool {
        tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
    }

    #[tokio::test]
    async fn what_does_not_fit_waits_for_what_is_given_back() {
        let budget = budget();
        let first = budget.try_take(32 * MIB).unwrap();
        let second = budget.try_take(16 * MIB).unwrap();
        assert_eq!(budget.taken_bytes(), 48 * MIB);
        assert!(budget.try_take(1).is_none() && waits(budget.take(MIB)).await);
        drop(second);
        let third = budget.take(16 * MIB).await;
        drop((first, third));
        assert_eq!(budget.taken_bytes(), 0);
        assert!(budget.try_take(1 << 40).is_some(), "one alone has all that there is");
    }

    #[tokio::test]
    async fn of_all_that_grow_one_goes_on() {
        let budget = budget();
        let mut shares: Vec<Share> = (0..3).map(|_| budget.try_take(16 * MIB).unwrap()).collect();
        let (mut first, mut second) = (shares.pop().unwrap(), shares.pop().unwrap());
        first.grow(32 * MIB).await;
        assert!(first.is_grown() && waits(second.grow(32 * MIB)).await);
        assert!(waits(first.grow(33 * MIB)).await, "what is kept has an end as well");
        drop(first);
        second.grow(32 * MIB).await;
        assert!(!second.is_grown(), "what the first had is free again");
    }

    #[tokio::test]
    async fn what_shrinks_leaves_room() {
        let budget = budget();
        let mut share = budget.try_take(48 * MIB).unwrap();
        share.shrink(14 * MIB + 1);
        assert_eq!(budget.taken_bytes(), 14 * MIB + PAGE_BYTES);
    }
}
