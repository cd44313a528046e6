//! Where a saga stands. Deliberately absent: how it came there (`evolve`) and what follows (`turn`).

use alloc::{sync::Arc, vec::Vec};

use crate::{
    attempt::{Attempt, Tally, Try},
    definition::CompensationPolicy,
    id::{Name, Seq},
    json::{Headers, Json, Variables},
    plan::{Plan, StepIx},
    record::{CallId, Cause, Created, Operation},
    status::Status,
    summary::{Summary, Wake},
    time::Timestamp,
};

/// Everything that is known of a saga.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) created: Created,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) seq: Seq,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    /// By the index of the step.
    pub(super) nodes: Vec<Node>,
    pub(super) variables: Variables,
    pub(super) headers: Headers,
    /// How many attempts have ended: the order in which steps are undone.
    pub(super) endings: u32,
    /// Calls in flight.
    pub(super) calling: usize,
    /// What a call of it waits for that is missing, in words.
    pub(super) held: Option<Arc<str>>,
    /// The first step that failed for good: why the saga is to unwind.
    pub(super) failed: Option<Cause>,
    /// Arguments that the decision under way has bound for the next `started`, to bind them once
    /// only. The table takes them out again, and binds for itself where there are none.
    pub(super) bound: Option<Json>,
}

/// Which part of its life a saga is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    Scheduled,
    Running,
    Unwinding { cause: Cause, circuit_open: bool },
    Stuck { cause: Cause },
    Completed,
    Compensated { cause: Cause },
    Terminated { cause: Option<Cause> },
}

/// One step: a single unit, or after its expansion one for each item.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for every plain step")]
pub(super) enum Node {
    One(Unit),
    Many { items: Arc<[Json]>, units: Vec<Unit> },
}

/// What is called and undone by itself: a step, or one item of a fan-out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unit {
    pub(super) progress: Progress,
    pub(super) run: Tally,
    pub(super) undo: Tally,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Progress {
    #[default]
    Waiting,
    Skipped,
    Trying(Try),
    Ended(Ended),
}

/// A unit whose forward operation will not be tried again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) how: How,
    pub(super) order: u32,
    pub(super) undo: Undo,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    Completed(Json),
    Rejected {
        maybe_done: bool,
    },
    UsedUp {
        maybe_done: bool,
    },
    /// An at-most-once step whose outcome is unknown.
    Unknown,
    /// Left because the saga unwinds.
    GivenUp {
        maybe_done: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Undo {
    /// Not begun.
    Idle,
    /// To be tried again at an operator's word.
    Again {
        arguments: Option<Json>,
        before: u32,
    },
    Trying(Try),
    Undone(Json),
    Stuck {
        before: u32,
    },
    GivenUp,
}

impl How {
    /// Whether there is, or may be, something to undo.
    pub(super) fn may_be_done(&self) -> bool {
        match self {
            Self::Completed(_) | Self::Unknown => true,
            Self::Rejected { maybe_done } | Self::UsedUp { maybe_done } | Self::GivenUp { maybe_done } => *maybe_done,
        }
    }
}

impl Unit {
    /// What is under way, forward or back.
    pub(super) fn trying(&self) -> Option<(Operation, &Try)> {
        match &self.progress {
            Progress::Trying(run) => Some((Operation::Run, run)),
            Progress::Ended(Ended { undo: Undo::Trying(undo), .. }) => Some((Operation::Compensate, undo)),
            _ => None,
        }
    }

    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.progress {
            Progress::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    pub(super) fn output(&self) -> Option<&Json> {
        match self.ended()? {
            Ended { how: How::Completed(output), .. } => Some(output),
            _ => None,
        }
    }
}

impl Node {
    pub(super) fn units(&self) -> &[Unit] {
        match self {
            Self::One(unit) => core::slice::from_ref(unit),
            Self::Many { units, .. } => units,
        }
    }

    /// A unit by its item; none where a fan-out is not expanded, or the item is not one.
    pub(super) fn unit(&self, item: Option<u32>) -> Option<&Unit> {
        match (self, item) {
            (Self::One(unit), None) => Some(unit),
            (Self::Many { units, .. }, Some(item)) => units.get(item as usize),
            _ => None,
        }
    }

    pub(super) fn unit_mut(&mut self, item: Option<u32>) -> Option<&mut Unit> {
        match (self, item) {
            (Self::One(unit), None) => Some(unit),
            (Self::Many { units, .. }, Some(item)) => units.get_mut(item as usize),
            _ => None,
        }
    }

    /// Units with the item that names each.
    pub(super) fn named_units(&self) -> impl Iterator<Item = (Option<u32>, &Unit)> {
        let fan = matches!(self, Self::Many { .. });
        self.units().iter().enumerate().map(move |(i, unit)| (fan.then_some(i as u32), unit))
    }

    pub(super) fn is_skipped(&self) -> bool {
        matches!(self, Self::One(Unit { progress: Progress::Skipped, .. }))
    }

    /// Whether what depends on it may start.
    pub(super) fn is_passed(&self) -> bool {
        self.is_skipped() || self.units().iter().all(|unit| unit.output().is_some())
    }

    /// The step's output: of a fan-out the array in order.
    pub(super) fn output(&self) -> Option<Json> {
        self.array(Unit::output)
    }

    /// What its compensation answered.
    pub(super) fn undo_output(&self) -> Option<Json> {
        self.array(|unit| match &unit.ended()?.undo {
            Undo::Undone(output) => Some(output),
            _ => None,
        })
    }

    fn array(&self, of: impl Fn(&Unit) -> Option<&Json>) -> Option<Json> {
        match self {
            Self::One(unit) => of(unit).cloned(),
            Self::Many { units, .. } => {
                let outputs: Option<Vec<&Json>> = units.iter().map(of).collect();
                Some(Json::of(&outputs?).expect("JSON texts serialise"))
            }
        }
    }
}

impl State {
    pub(super) fn status(&self) -> Status {
        match self.phase {
            Phase::Scheduled => Status::Scheduled,
            Phase::Running => Status::Running,
            Phase::Unwinding { .. } => Status::Compensating,
            Phase::Stuck { .. } => Status::Stuck,
            Phase::Completed => Status::Completed,
            Phase::Compensated { .. } => Status::Compensated,
            Phase::Terminated { .. } => Status::Terminated,
        }
    }

    pub(super) fn cause(&self) -> Option<&Cause> {
        match &self.phase {
            Phase::Unwinding { cause, .. } | Phase::Stuck { cause } | Phase::Compensated { cause } => Some(cause),
            Phase::Terminated { cause } => cause.as_ref(),
            Phase::Scheduled | Phase::Running | Phase::Completed => None,
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
        let forward = matches!(self.phase, Phase::Scheduled | Phase::Running);
        let deadline = self.created.deadline.filter(|_| forward);
        let tries = self.nodes.iter().flat_map(Node::units).filter_map(|unit| unit.trying()?.1.due());
        tries.chain(deadline).min()
    }

    /// How it unwinds. It is written down with every saga.
    pub(super) fn policy(&self) -> CompensationPolicy {
        self.created.policy.unwrap_or_default()
    }

    /// The deadline of what is pending: the saga's is that of its steps alone, for undoing has its own
    /// time, and most of all after that deadline.
    pub(super) fn pending_deadline(&self, operation: Operation) -> Option<Timestamp> {
        self.created.deadline.filter(|_| operation == Operation::Run)
    }

    pub(super) fn node(&self, ix: StepIx) -> &Node {
        &self.nodes[ix.0]
    }

    /// The unit of a call.
    pub(super) fn unit_of(&self, plan: &Plan, node: &Name, item: Option<u32>) -> Option<(StepIx, &Unit)> {
        let ix = plan.find(node)?;
        Some((ix, self.node(ix).unit(item)?))
    }

    /// The attempt of a call in flight; none where the call is not in flight.
    pub(super) fn in_flight(&self, plan: &Plan, call: &CallId) -> Option<(StepIx, &Attempt)> {
        let (ix, unit) = self.unit_of(plan, &call.node, call.item)?;
        match unit.trying()? {
            (operation, Try::Started(attempt)) if operation == call.operation && attempt.number == call.attempt => {
                Some((ix, attempt))
            }
            _ => None,
        }
    }
}
