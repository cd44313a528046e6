//! Where a TCC stands. Deliberately absent: how it came there (`evolve`) and what follows (`turn`, `settle`).

use alloc::{sync::Arc, vec, vec::Vec};

use crate::{
    attempt::{Attempt, Tally, Try},
    id::Seq,
    json::{Headers, Json, Variables},
    outcome::Failure,
    plan::{ParticipantIx, TccPlan},
    record::{CallId, Cause, Created, Operation},
    status::Status,
    summary::{Summary, Wake},
    time::Timestamp,
};

/// Everything that is known of a TCC.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) created: Created,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) seq: Seq,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    /// By the index of the participant.
    pub(super) units: Vec<Unit>,
    pub(super) variables: Variables,
    pub(super) headers: Headers,
    /// Calls in flight.
    pub(super) calling: usize,
    /// What a call of it waits for that is missing, in words.
    pub(super) held: Option<Arc<str>>,
    /// The first required try that failed for good, or a cancel: why it is to be cancelled.
    pub(super) failed: Option<Cause>,
    /// Arguments that the decision under way has bound for the next `started`, to bind them once
    /// only. The table takes them out again, and binds for itself where there are none.
    pub(super) bound: Option<Json>,
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
    pub(super) arguments: Json,
    pub(super) settle: Settle,
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

/// How far its confirm or cancel is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Settle {
    /// Not begun.
    Idle,
    /// To be tried again at an operator's word.
    Again {
        arguments: Option<Json>,
        before: u32,
    },
    Trying(Try),
    Done(Json),
    Stuck {
        before: u32,
    },
    GivenUp,
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

impl Settle {
    /// Whether nothing more will be called.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::GivenUp)
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
        self.ended().is_some_and(|ended| matches!(ended.settle, Settle::Stuck { .. }))
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
    pub(super) fn created(created: Created, at: Timestamp) -> Self {
        Self {
            created_at: at,
            updated_at: at,
            seq: Seq(1),
            phase: Phase::Trying,
            paused: false,
            units: vec![Unit::default(); created.participants.len()],
            variables: Arc::default(),
            headers: Arc::new(created.headers.clone()),
            calling: 0,
            held: None,
            failed: None,
            bound: None,
            created,
        }
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

    pub(super) fn summary(&self) -> Summary {
        let status = self.status();
        let ended = status.is_ended().then_some(self.updated_at);
        Summary { status, paused: self.paused, wake: self.wake(), held: self.held.clone(), ended }
    }

    /// When a host must have it in hand. A call in flight keeps its host, also while the transaction is paused.
    fn wake(&self) -> Wake {
        let status = self.status();
        match self.due() {
            _ if self.calling > 0 && !status.is_ended() => Wake::Now,
            _ if self.paused || !status.is_under_way() => Wake::Never,
            Some(due) => Wake::At(due),
            None => Wake::Now,
        }
    }

    /// When the machine must be asked again though nothing happens.
    pub(super) fn due(&self) -> Option<Timestamp> {
        if self.paused || self.status().is_ended() {
            return None;
        }
        let deadline = self.created.deadline.filter(|_| self.phase == Phase::Trying);
        let tries = self.units.iter().filter_map(|unit| unit_trying(unit)?.due());
        tries.chain(deadline).min()
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
        Some((operation, unit_trying(unit)?))
    }

    /// The attempt of a call in flight; none where the call is not in flight.
    pub(super) fn in_flight(&self, plan: &TccPlan, call: &CallId) -> Option<(ParticipantIx, &Attempt)> {
        let ix = plan.find(&call.node).filter(|_| call.item.is_none())?;
        match self.trying(plan, ix)? {
            (operation, Try::Started(attempt)) if operation == call.operation && attempt.number == call.attempt => {
                Some((ix, attempt))
            }
            _ => None,
        }
    }
}

fn unit_trying(unit: &Unit) -> Option<&Try> {
    match &unit.progress {
        Progress::Trying(tried) | Progress::Ended(Ended { settle: Settle::Trying(tried), .. }) => Some(tried),
        _ => None,
    }
}
