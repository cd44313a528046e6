//! What the records say of one participant, and which part of its life a TCC is in.

use wasaga_core::definition::{Limits, Participant};
use wasaga_core::{Decided, Operation, RetryPolicy};

use crate::checker::graph::whole;
use crate::checker::units::{Last, Track};

/// Attempts of a confirm or a cancel where nothing else is said, and the most that either has.
pub(super) const BUDGET: u32 = 70;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Trying,
    Confirming,
    Cancelling,
    /// With what was decided.
    Stuck(Decided),
    Confirmed,
    Cancelled,
    Terminated,
}

/// What the records say of one participant.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) of: &'a Participant,
    pub(super) tried: Track,
    pub(super) settled: Track,
    pub(super) refused: bool,
    pub(super) given_up: bool,
    pub(super) confirmed: bool,
    pub(super) cancelled: bool,
}

impl Member<'_> {
    /// Its try failed for good, called or not.
    pub(super) fn is_lost(&self) -> bool {
        self.refused || self.tried.failed
    }

    /// The transaction goes on without it.
    pub(super) fn is_dropped(&self) -> bool {
        self.of.optional && self.is_lost()
    }

    pub(super) fn is_passed(&self) -> bool {
        self.tried.is_completed() || self.is_dropped()
    }

    pub(super) fn is_over(&self) -> bool {
        self.tried.attempt == 0 || self.confirmed || self.cancelled || self.given_up
    }

    /// Something may be left at the partner if all stops here.
    pub(super) fn remains(&self) -> bool {
        if self.tried.is_open() {
            return self.tried.flying || self.tried.last == Last::Pending || self.tried.unknown;
        }
        self.tried.attempt > 0 && !self.confirmed && !self.cancelled
    }

    /// What a confirm or a cancel is told.
    pub(super) fn may_have_happened(&self) -> bool {
        self.tried.unknown || self.tried.left_pending
    }

    pub(super) fn limits(&self, operation: Operation) -> Limits {
        match operation {
            Operation::Confirm => self.of.confirm_limits,
            Operation::Cancel => self.of.cancel_limits,
            _ => self.of.try_limits,
        }
    }

    pub(super) fn policy(&self, operation: Operation) -> RetryPolicy {
        let asked = self.limits(operation).retry.map(whole);
        if operation == Operation::Try {
            return asked.unwrap_or_default();
        }
        let plain = RetryPolicy { max_attempts: BUDGET, ..RetryPolicy::default() };
        let policy = asked.unwrap_or(plain);
        RetryPolicy { max_attempts: policy.max_attempts.min(BUDGET), ..policy }
    }

    pub(super) fn track(&mut self, operation: Operation) -> &mut Track {
        if operation == Operation::Try { &mut self.tried } else { &mut self.settled }
    }
}
