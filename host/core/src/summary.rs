//! What a journal keeps beside the records of a transaction, for lists and claims. All of it can be made
//! again from the records. Deliberately absent: the records themselves.

use alloc::sync::Arc;

use crate::{
    record::{Fact, Record},
    status::{Kind, Status},
    time::Timestamp,
};

/// When a host must have a transaction in hand.
///
/// A transaction that nobody owns can be claimed once its wake time has come. One that a driver holds is
/// not claimed, whatever its wake time says; so the writer states what would be right if it let go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    /// Now: a call is in flight, or something can be done at once.
    Now,
    /// At this moment: until then everything in it only waits for time.
    At(Timestamp),
    /// Never by itself: it waits for a person, or it has ended.
    Never,
}

impl Wake {
    /// Whether a claim at this moment may take it.
    pub fn has_come(self, now: Timestamp) -> bool {
        match self {
            Self::Now => true,
            Self::At(at) => at <= now,
            Self::Never => false,
        }
    }
}

/// Where a transaction stands, for lists and claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where the transaction stands.
    pub status: Status,
    /// Whether it is paused on top of that.
    pub paused: bool,
    /// When a host must have it in hand.
    pub wake: Wake,
    /// What it waits for, in words for people, where that is missing: a module, a grant. It goes on by
    /// itself once that is there.
    pub held: Option<Arc<str>>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Summary {
    /// What the records alone tell, without the plan. Status, pause and end are as the machine has them. An
    /// unfinished transaction wakes at once, for only the machine knows its delays.
    pub fn of(records: &[Record]) -> Self {
        let (mut status, mut paused) = (Status::Scheduled, false);
        // What a stuck transaction goes back to.
        let mut before = Status::Compensating;
        for record in records {
            status = match (&record.fact, status) {
                (Fact::Created(created), _) if created.kind() == Kind::Tcc => Status::Trying,
                (Fact::Started { .. }, Status::Scheduled) => Status::Running,
                (Fact::Unwinding { .. }, _) => Status::Compensating,
                (Fact::Confirming, _) => Status::Confirming,
                (Fact::Cancelling { .. }, _) => Status::Cancelling,
                (Fact::RetryRequested { .. } | Fact::UndoSkipped { .. } | Fact::Patched { .. }, Status::Stuck) => {
                    before
                }
                (Fact::Stuck { .. }, status) => {
                    before = status;
                    Status::Stuck
                }
                (Fact::Finished, _) => Status::Completed,
                (Fact::Compensated, _) => Status::Compensated,
                (Fact::Confirmed, _) => Status::Confirmed,
                (Fact::Cancelled, _) => Status::Cancelled,
                (Fact::Terminated { .. }, _) => Status::Terminated,
                (_, status) => status,
            };
            match record.fact {
                Fact::Paused { .. } => paused = true,
                Fact::Resumed { .. } => paused = false,
                _ => {}
            }
        }
        let last = records.last().map(|record| record.at);
        let unfinished = status.is_under_way() && !paused;
        let wake = if unfinished { Wake::Now } else { Wake::Never };
        Self { status, paused, wake, held: None, ended: last.filter(|_| status.is_ended()) }
    }
}
