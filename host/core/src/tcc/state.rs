//! Where a TCC stands. Deliberately absent: how it came there (`evolve`) and what follows (`turn`, `settle`).

use alloc::{sync::Arc, vec, vec::Vec};

use crate::{
    arguments::Arguments,
    attempt::{Tally, Try},
    common::Common,
    json::Json,
    outcome::Failure,
    plan::{ParticipantIx, TccPlan},
    record::{Cause, Created, Operation, Record},
    settling::Settling,
    status::Status,
    time::Timestamp,
};

/// Everything that is known of a TCC.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) common: Common,
    pub(super) phase: Phase,
    /// By the index of the participant.
    pub(super) units: Vec<Unit>,
}

/// Which part of its life a TCC is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    Trying,
    /// The verdict is carried out. It never changes from here on.
    Settling(Verdict),
    Stuck(Verdict),
    Ended(Verdict),
    /// With the verdict, if there was one.
    Terminated(Option<Verdict>),
}

/// What was decided for all that was tried.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Confirm,
    Cancel(Cause),
}

/// One participant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unit {
    pub(super) progress: Progress,
    /// Of its try.
    pub(super) tried: Tally,
    /// Of its confirm or its cancel: it has one of them, never both.
    pub(super) settled: Tally,
    /// Whether its confirm or cancel was rejected, which a participant must not do.
    pub(super) breached: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Progress {
    /// Its try was never started.
    #[default]
    Waiting,
    /// Its try cannot be called, and never was.
    Refused(Failure),
    Trying(Try),
    Ended(Ended),
}

/// A participant that will not be tried again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) how: How,
    /// What it was tried with: confirm and cancel repeat it.
    pub(super) arguments: Arguments,
    pub(super) settle: Settling,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    /// It reserved what was asked for, and answered this.
    Tried(Json),
    Rejected {
        failure: Failure,
        maybe_done: bool,
    },
    UsedUp {
        failure: Failure,
        maybe_done: bool,
    },
    /// Left because the TCC cancels.
    GivenUp {
        failure: Failure,
        maybe_done: bool,
    },
}

impl Verdict {
    /// The operation that carries it out.
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Confirm => Operation::Confirm,
            Self::Cancel(_) => Operation::Cancel,
        }
    }
}

impl How {
    pub(super) fn output(&self) -> Option<&Json> {
        match self {
            Self::Tried(output) => Some(output),
            _ => None,
        }
    }
}

impl Unit {
    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.progress {
            Progress::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    pub(super) fn output(&self) -> Option<&Json> {
        self.ended()?.how.output()
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.ended().is_some_and(|ended| ended.settle.is_stuck())
    }

    /// What is under way of it.
    pub(super) fn trying(&self) -> Option<&Try> {
        match &self.progress {
            Progress::Trying(tried) | Progress::Ended(Ended { settle: Settling::Trying(tried), .. }) => Some(tried),
            _ => None,
        }
    }

    /// Whether something was tried, or may have been, and is not settled.
    pub(super) fn remains(&self) -> bool {
        match &self.progress {
            Progress::Waiting | Progress::Refused(_) => false,
            Progress::Trying(Try::Delayed(attempt, _)) => attempt.maybe_done,
            Progress::Trying(_) => true,
            Progress::Ended(ended) => ended.settle.output().is_none(),
        }
    }

    /// What its calls of this operation came to so far.
    pub(super) fn tally_of(&self, operation: Operation) -> &Tally {
        if operation == Operation::Try { &self.tried } else { &self.settled }
    }

    pub(super) fn tally(&mut self, operation: Operation) -> &mut Tally {
        if operation == Operation::Try { &mut self.tried } else { &mut self.settled }
    }

    pub(super) fn set_try(&mut self, tried: Try) {
        match &mut self.progress {
            Progress::Ended(ended) => ended.settle = Settling::Trying(tried),
            progress => *progress = Progress::Trying(tried),
        }
    }

    /// Whether its try failed for good, called or not.
    pub(super) fn is_lost(&self) -> bool {
        match &self.progress {
            Progress::Refused(_) => true,
            Progress::Ended(ended) => ended.how.output().is_none(),
            Progress::Waiting | Progress::Trying(_) => false,
        }
    }
}

impl State {
    /// The state after a transaction's first record.
    pub(super) fn created(record: &Record, created: Arc<Created>) -> Self {
        let units = vec![Unit::default(); created.participants.len()];
        Self { common: Common::new(record, created), phase: Phase::Trying, units }
    }

    pub(super) fn status(&self) -> Status {
        match &self.phase {
            Phase::Trying => Status::Trying,
            Phase::Settling(Verdict::Confirm) => Status::Confirming,
            Phase::Settling(Verdict::Cancel(_)) => Status::Cancelling,
            Phase::Stuck(_) => Status::Stuck,
            Phase::Ended(Verdict::Confirm) => Status::Confirmed,
            Phase::Ended(Verdict::Cancel(_)) => Status::Cancelled,
            Phase::Terminated(_) => Status::Terminated,
        }
    }

    pub(super) fn verdict(&self) -> Option<&Verdict> {
        match &self.phase {
            Phase::Trying => None,
            Phase::Settling(verdict) | Phase::Stuck(verdict) | Phase::Ended(verdict) => Some(verdict),
            Phase::Terminated(verdict) => verdict.as_ref(),
        }
    }

    pub(super) fn cause(&self) -> Option<&Cause> {
        match self.verdict()? {
            Verdict::Confirm => None,
            Verdict::Cancel(cause) => Some(cause),
        }
    }

    /// When the machine must be asked again though nothing happens.
    pub(super) fn due(&self) -> Option<Timestamp> {
        if self.common.paused || self.status().is_ended() {
            return None;
        }
        let deadline = self.common.created.deadline.filter(|_| self.phase == Phase::Trying);
        let of = |unit: &Unit| {
            let tried = unit.trying()?;
            let forward = matches!(unit.progress, Progress::Trying(_));
            let end = tried.end(self.common.created.deadline.filter(|_| forward)).map(|end| end.at);
            tried.due().into_iter().chain(end).min()
        };
        self.units.iter().filter_map(of).chain(deadline).min()
    }

    pub(super) fn unit(&self, ix: ParticipantIx) -> &Unit {
        &self.units[ix.0]
    }

    /// Whether the transaction goes on without this participant: it is optional, and its try failed
    /// for good. It is cancelled alone, whatever becomes of the others.
    pub(super) fn is_dropped(&self, plan: &TccPlan, ix: ParticipantIx) -> bool {
        plan.participant(ix).optional && self.unit(ix).is_lost()
    }

    /// Whether those of a higher order may be tried.
    pub(super) fn is_passed(&self, plan: &TccPlan, ix: ParticipantIx) -> bool {
        self.unit(ix).output().is_some() || self.is_dropped(plan, ix)
    }

    /// How the participant is settled: what was tried by the verdict, what was dropped by a cancel. None
    /// before that is decided, and where its try was never called. It never changes from one to the other.
    pub(super) fn settles_by(&self, plan: &TccPlan, ix: ParticipantIx) -> Option<Operation> {
        let ended = self.unit(ix).ended()?;
        match ended.how {
            How::Tried(_) => self.verdict().map(Verdict::operation),
            _ if self.is_dropped(plan, ix) => Some(Operation::Cancel),
            _ => self.cause().map(|_| Operation::Cancel),
        }
    }

    /// What is under way of a participant.
    pub(super) fn trying(&self, plan: &TccPlan, ix: ParticipantIx) -> Option<(Operation, &Try)> {
        let unit = self.unit(ix);
        let operation = match &unit.progress {
            Progress::Trying(_) => Operation::Try,
            _ => self.settles_by(plan, ix)?,
        };
        Some((operation, unit.trying()?))
    }
}
