//! What can be seen of an engine: every record as it becomes durable, and counts.

use std::sync::atomic::{AtomicU64, Ordering};

use wasaga_core::{Record, Status, Transaction};

/// Is told of every durable record, in order within a transaction. It runs between an append and the
/// calls that follow from it, so it must not take long.
pub trait Watch: Send + Sync + std::fmt::Debug + 'static {
    /// Records became durable; the transaction is as it stands then. A report of all of it costs as much as it has
    /// steps and items: [`Transaction::unit`] tells of one.
    fn recorded(&self, transaction: &Transaction, records: &[Record]);
}

/// Counts since the engine began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions that were started here.
    pub started: u64,
    /// Transactions that were taken over from the journal.
    pub recovered: u64,
    /// Sagas that completed here.
    pub completed: u64,
    /// Sagas that were compensated here.
    pub compensated: u64,
    /// TCCs that were confirmed here.
    pub confirmed: u64,
    /// TCCs that were cancelled here.
    pub cancelled: u64,
    /// Those that became stuck here.
    pub stuck: u64,
    /// Those that were terminated here.
    pub terminated: u64,
    /// Calls of guests.
    pub calls: u64,
    /// Appends to the journal.
    pub appends: u64,
    /// Records in them.
    pub records: u64,
    /// Times when somebody should look.
    pub alarms: u64,
    /// Transactions that are driven now.
    pub in_flight: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) started: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) compensated: AtomicU64,
    pub(crate) confirmed: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) stuck: AtomicU64,
    pub(crate) terminated: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) appends: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) alarms: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn stats(&self, in_flight: u64) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            started: read(&self.started),
            recovered: read(&self.recovered),
            completed: read(&self.completed),
            compensated: read(&self.compensated),
            confirmed: read(&self.confirmed),
            cancelled: read(&self.cancelled),
            stuck: read(&self.stuck),
            terminated: read(&self.terminated),
            calls: read(&self.calls),
            appends: read(&self.appends),
            records: read(&self.records),
            alarms: read(&self.alarms),
            in_flight,
        }
    }

    pub(crate) fn came_to(&self, status: Status) {
        match status {
            Status::Completed => count(&self.completed),
            Status::Compensated => count(&self.compensated),
            Status::Confirmed => count(&self.confirmed),
            Status::Cancelled => count(&self.cancelled),
            Status::Stuck => count(&self.stuck),
            Status::Terminated => count(&self.terminated),
            Status::Scheduled
            | Status::Running
            | Status::Compensating
            | Status::Trying
            | Status::Confirming
            | Status::Cancelling => {}
        }
    }
}
