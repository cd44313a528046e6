//! What all transactions of a host share.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;
use wasaga_core::{Defaults, Moment, Name, TransactionId};
use wasaga_journal::{HostId, Journal, Stored};

use crate::clock::World;
use crate::conditions::Cel;
use crate::drain::Drain;
use crate::modules::Modules;
use crate::port::Guests;
use crate::slots::Slots;
use crate::watch::Counters;
use crate::{Error, Watch};

/// Panics of one transaction's driver after which it is held: a bug that comes each time must not go round for ever.
pub(crate) const PANICS_MAX: u32 = 3;

/// What all transactions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) guests: Arc<dyn Guests>,
    pub(crate) world: Arc<dyn World>,
    /// By which name this host is known to the journal; another one after it was taken for dead.
    host: RwLock<HostId>,
    pub(crate) namespace: Name,
    pub(crate) defaults: Defaults,
    pub(crate) watch: Option<Arc<dyn Watch>>,
    pub(crate) patience: Duration,
    pub(crate) conditions: Cel,
    pub(crate) modules: Modules,
    pub(crate) slots: Arc<Slots>,
    /// Perhaps ours by the journal, and driven by nobody: let go because the journal or a driver failed, or claimed
    /// while an old driver was still there. Each is looked at again in every round.
    pub(crate) strays: Mutex<BTreeSet<TransactionId>>,
    /// How often the driver of a transaction panicked.
    panics: Mutex<HashMap<TransactionId, u32>>,
    /// Places for transactions that are started here.
    pub(crate) starting: Arc<Semaphore>,
    /// Places for those that are taken from the journal: starts that queue up do not keep recovery waiting.
    pub(crate) taking: Arc<Semaphore>,
    /// Whether a transaction that sleeps rests in the journal: only where this host claims what wakes.
    pub(crate) sleepers_rest: bool,
    pub(crate) drain: Drain,
    pub(crate) counters: Counters,
}

/// What a builder gives.
pub(crate) struct Parts {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) guests: Arc<dyn Guests>,
    pub(crate) world: Arc<dyn World>,
    pub(crate) host: HostId,
    pub(crate) namespace: Name,
    pub(crate) defaults: Defaults,
    pub(crate) watch: Option<Arc<dyn Watch>>,
    pub(crate) patience: Duration,
    pub(crate) in_flight_max: usize,
    pub(crate) sleepers_rest: bool,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            journal: parts.journal,
            guests: parts.guests,
            world: parts.world,
            host: RwLock::new(parts.host),
            namespace: parts.namespace,
            defaults: parts.defaults,
            watch: parts.watch,
            patience: parts.patience,
            conditions: Cel::default(),
            modules: Modules::default(),
            slots: Arc::default(),
            strays: Mutex::default(),
            panics: Mutex::default(),
            starting: Arc::new(Semaphore::new(parts.in_flight_max)),
            taking: Arc::new(Semaphore::new(parts.in_flight_max)),
            sleepers_rest: parts.sleepers_rest,
            drain: Drain::default(),
            counters: Counters::default(),
        }
    }

    /// The host's id in the journal.
    pub(crate) fn host(&self) -> HostId {
        self.host.read().clone()
    }

    /// The host goes on under another id.
    pub(crate) fn rename_host(&self, host: HostId) {
        *self.host.write() = host;
    }

    /// The moment of a decision.
    pub(crate) fn moment(&self) -> Moment<'_> {
        let random = self.world.random() as u64;
        let hold = self.drain.is_under_way();
        Moment { now: self.world.now(), random, conditions: &self.conditions, hold }
    }

    /// A transaction with all its records.
    pub(crate) async fn load(&self, id: TransactionId) -> Result<Stored, Error> {
        self.journal.load(id).await?.ok_or(Error::UnknownTransaction(id))
    }

    /// Notes that the driver of a transaction panicked; it is taken up again from the journal.
    pub(crate) fn note_panic(&self, id: TransactionId) {
        *self.panics.lock().entry(id).or_default() += 1;
        self.strays.lock().insert(id);
    }

    /// How often the driver of a transaction panicked.
    pub(crate) fn panics(&self, id: TransactionId) -> u32 {
        self.panics.lock().get(&id).copied().unwrap_or_default()
    }

    /// A transaction is tried anew, or is over: what went wrong before counts no longer.
    pub(crate) fn forget_panics(&self, id: TransactionId) {
        self.panics.lock().remove(&id);
    }
}
