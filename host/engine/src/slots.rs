//! Who drives what on this host: a slot for each transaction that is driven, or about to be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use wasaga_core::TransactionId;

use crate::ask::{Ask, Stopped};

/// Questions that may wait for one transaction; whoever asks more waits.
const ASKS: usize = 16;
/// How long after its error a write may still take effect: the longest that a network and
/// a database keep one whose sender has gone. Arbitrary; looking again costs a list each second.
const UNSURE: std::time::Duration = std::time::Duration::from_secs(60);

/// What a driver is reached by.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) stopped: watch::Receiver<Option<Stopped>>,
    cut: mpsc::Sender<()>,
}

/// All slots.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// A plain lock, held for one map access.
    taken: Mutex<HashMap<TransactionId, Handle>>,
    /// Told when the last slot is free.
    emptied: Notify,
    /// Counts how often the host was cut off and joined anew: an odd number from the one to the other.
    lease: AtomicU64,
    /// Until when the journal may still give us a transaction that we do not know of, for a create or a claim failed.
    unsure_until: Mutex<Option<Instant>>,
}

impl Slots {
    /// Takes the slot of a transaction. None where it is taken.
    pub(crate) fn reserve(self: &Arc<Self>, id: TransactionId) -> Option<Slot> {
        self.reserve_since(id, self.lease())
    }

    /// Takes the slot of a transaction that the journal gave this host under a lease of before.
    pub(crate) fn reserve_since(self: &Arc<Self>, id: TransactionId, lease: u64) -> Option<Slot> {
        let (asks, questions) = mpsc::channel(ASKS);
        let (stop, stopped) = watch::channel(None);
        let (cut, is_cut) = mpsc::channel(1);
        match self.taken.lock().entry(id) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(Handle { asks, stopped, cut });
                let slots = self.clone();
                Some(Slot { slots, id, lease, asks: questions, is_cut, stop, settled: false, freed: false })
            }
        }
    }

    pub(crate) fn handle(&self, id: TransactionId) -> Option<Handle> {
        self.taken.lock().get(&id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.taken.lock().len()
    }

    /// Waits until no slot is taken.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.taken.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// The lease of this moment.
    pub(crate) fn lease(&self) -> u64 {
        self.lease.load(Ordering::Acquire)
    }

    /// The host has joined anew: what it takes from now on it may drive.
    pub(crate) fn open(&self) {
        self.lease.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes every driver let go at once, and keeps those from calling that come until the host has joined anew: it was
    /// taken for dead.
    pub(crate) fn cut(&self) {
        self.lease.fetch_add(1, Ordering::AcqRel);
        let handles: Vec<Handle> = self.taken.lock().values().cloned().collect();
        for handle in handles {
            // A driver that is not there any more has let go already.
            let _gone = handle.cut.try_send(());
        }
    }

    /// Notes that the journal failed, and may still do what it was asked for.
    pub(crate) fn be_unsure(&self) {
        *self.unsure_until.lock() = Some(Instant::now() + UNSURE);
    }

    /// Whether the journal may have given this host a transaction that it does not know of.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure_until.lock().is_some_and(|until| Instant::now() <= until)
    }

    fn free(&self, id: TransactionId) {
        let mut taken = self.taken.lock();
        taken.remove(&id);
        if taken.is_empty() {
            self.emptied.notify_waiters();
        }
    }
}

/// The slot of one transaction, which its driver keeps until its end. Dropped in the middle, by a caller that went away
/// or by a panic, it is free again, and the engine looks for a transaction that the journal may have given us.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    id: TransactionId,
    /// Under which lease the transaction is driven.
    lease: u64,
    pub(crate) asks: mpsc::Receiver<Ask>,
    /// Told once, when the host was taken for dead.
    pub(crate) is_cut: mpsc::Receiver<()>,
    stop: watch::Sender<Option<Stopped>>,
    settled: bool,
    freed: bool,
}

impl Slot {
    /// Whether calls may begin: the host lives on under the lease that it took the transaction with.
    pub(crate) fn may_call(&self) -> bool {
        self.lease.is_multiple_of(2) && self.lease == self.slots.lease()
    }

    /// Frees the slot, for it is certain that the transaction is not ours, or is ours no longer. Nobody is told why: whoever
    /// waits looks into the journal.
    pub(crate) fn give_up(mut self) {
        self.settled = true;
    }

    /// Frees the slot and tells all who wait how the driver stopped.
    pub(crate) fn stop(mut self, stopped: Stopped) {
        (self.settled, self.freed) = (true, true);
        // Free before anyone hears of it, so that whoever hears finds a free one.
        self.slots.free(self.id);
        self.stop.send_replace(Some(stopped));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.freed {
            self.slots.free(self.id);
        }
        if !self.settled {
            self.slots.be_unsure();
        }
    }
}
