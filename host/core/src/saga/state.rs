//! Where a saga stands. Deliberately absent: how it came there (`evolve`), what follows (`turn`), and what is derived
//! from the units so that nobody must look through all of them (`index`).

use alloc::vec::Vec;

use super::index::Index;
use crate::{
    attempt::{Attempt, Tally, Try},
    common::Common,
    definition::CompensationPolicy,
    json::Json,
    plan::{Plan, StepIx},
    record::{Cause, Operation},
    settling::Settling,
    status::Status,
    time::Timestamp,
};

/// Everything that is known of a saga.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) common: Common,
    pub(super) phase: Phase,
    /// By the index of the step.
    pub(super) nodes: Vec<Node>,
    /// How many attempts have ended: the order in which steps are undone.
    pub(super) endings: u32,
    pub(super) index: Index,
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
    Many(Fan),
}

/// A fan-out after its expansion.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fan {
    pub(super) items: Vec<Json>,
    pub(super) units: Vec<Unit>,
    /// Items before this one have begun.
    pub(super) begun: usize,
    /// Items that have not completed.
    pub(super) open: usize,
    /// Items that are not undone.
    pub(super) not_undone: usize,
    /// What all of them answered, in order, once all have: put together once, for whoever binds it.
    pub(super) output: Option<Json>,
    /// What all of their compensations answered, likewise.
    pub(super) undo_output: Option<Json>,
    /// Arguments that are the same for every item.
    pub(super) fixed: Option<Vec<Option<Json>>>,
    /// Those of the compensations.
    pub(super) undo_fixed: Option<Vec<Option<Json>>>,
}

/// The place of a unit: a step, or one item of a fan-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitIx {
    pub(super) step: StepIx,
    pub(super) item: Option<u32>,
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
    pub(super) undo: Settling,
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
            Progress::Ended(Ended { undo: Settling::Trying(undo), .. }) => Some((Operation::Compensate, undo)),
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

    pub(super) fn is_stuck(&self) -> bool {
        self.ended().is_some_and(|ended| ended.undo.is_stuck())
    }

    /// Whether an effect of it may remain.
    pub(super) fn remains(&self) -> bool {
        match (self.trying(), self.ended()) {
            (Some((Operation::Run, Try::Delayed(attempt, _))), _) => attempt.maybe_done,
            (Some(_), _) => true,
            (None, Some(ended)) => ended.how.may_be_done() && ended.undo.output().is_none(),
            (None, None) => false,
        }
    }

    /// What its calls of this operation came to so far.
    pub(super) fn tally_of(&self, operation: Operation) -> &Tally {
        if operation == Operation::Run { &self.run } else { &self.undo }
    }

    pub(super) fn tally(&mut self, operation: Operation) -> &mut Tally {
        match operation {
            Operation::Run => &mut self.run,
            // A saga has no other; a call that is none of its own is refused before it is counted.
            Operation::Compensate | Operation::Try | Operation::Confirm | Operation::Cancel => &mut self.undo,
        }
    }

    pub(super) fn set_try(&mut self, operation: Operation, tried: Try) {
        match (operation, &mut self.progress) {
            (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Settling::Trying(tried),
            (_, progress) => *progress = Progress::Trying(tried),
        }
    }

    /// No attempt follows this one.
    pub(super) fn end_for_good(&mut self, operation: Operation, how: How, attempt: &Attempt) {
        match (operation, &mut self.progress) {
            (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Settling::stuck(attempt),
            (_, progress) => {
                *progress = Progress::Ended(Ended { how, order: attempt.ended, undo: Settling::Idle });
            }
        }
    }
}

impl Node {
    pub(super) fn units(&self) -> &[Unit] {
        match self {
            Self::One(unit) => core::slice::from_ref(unit),
            Self::Many(fan) => &fan.units,
        }
    }

    /// A unit by its item; none where a fan-out is not expanded, or the item is not one.
    pub(super) fn unit(&self, item: Option<u32>) -> Option<&Unit> {
        match (self, item) {
            (Self::One(unit), None) => Some(unit),
            (Self::Many(fan), Some(item)) => fan.units.get(item as usize),
            _ => None,
        }
    }

    pub(super) fn unit_mut(&mut self, item: Option<u32>) -> Option<&mut Unit> {
        match (self, item) {
            (Self::One(unit), None) => Some(unit),
            (Self::Many(fan), Some(item)) => fan.units.get_mut(item as usize),
            _ => None,
        }
    }

    /// Units with the item that names each.
    pub(super) fn named_units(&self) -> impl Iterator<Item = (Option<u32>, &Unit)> {
        let fan = matches!(self, Self::Many(_));
        self.units().iter().enumerate().map(move |(i, unit)| (fan.then_some(i as u32), unit))
    }

    pub(super) fn is_skipped(&self) -> bool {
        matches!(self, Self::One(Unit { progress: Progress::Skipped, .. }))
    }

    /// Whether some unit of it waits for its first attempt.
    pub(super) fn waits(&self) -> bool {
        match self {
            Self::One(unit) => unit.progress == Progress::Waiting,
            Self::Many(fan) => fan.begun < fan.units.len(),
        }
    }

    /// The step's output: of a fan-out the array in order.
    pub(super) fn output(&self) -> Option<&Json> {
        match self {
            Self::One(unit) => unit.output(),
            Self::Many(fan) => fan.output.as_ref(),
        }
    }

    /// What its compensation answered.
    pub(super) fn undo_output(&self) -> Option<&Json> {
        match self {
            Self::One(unit) => unit.ended()?.undo.output(),
            Self::Many(fan) => fan.undo_output.as_ref(),
        }
    }
}

impl Fan {
    pub(super) fn new(items: Vec<Json>) -> Self {
        let count = items.len();
        let mut fan = Self {
            items,
            units: alloc::vec![Unit::default(); count],
            begun: 0,
            open: count,
            not_undone: count,
            output: None,
            undo_output: None,
            fixed: None,
            undo_fixed: None,
        };
        if count == 0 {
            fan.complete();
        }
        fan
    }

    /// Puts the output together, once every item has completed.
    pub(super) fn complete(&mut self) {
        self.output = array(self.units.iter().map(Unit::output));
    }

    /// Puts what the compensations answered together, once every item is undone.
    pub(super) fn complete_undo(&mut self) {
        self.undo_output = array(self.units.iter().map(|unit| unit.ended()?.undo.output()));
    }

    /// The arguments that are the same for every item, where they were looked up before.
    pub(super) fn fixed(&self, operation: Operation) -> &[Option<Json>] {
        let fixed = if operation == Operation::Run { &self.fixed } else { &self.undo_fixed };
        fixed.as_deref().unwrap_or_default()
    }
}

fn array<'a>(outputs: impl Iterator<Item = Option<&'a Json>>) -> Option<Json> {
    let outputs: Option<Vec<&Json>> = outputs.collect();
    Some(Json::of(&outputs?).expect("JSON texts serialise"))
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

    /// Whether it has not turned back, nor ended.
    pub(super) fn is_forward(&self) -> bool {
        matches!(self.phase, Phase::Scheduled | Phase::Running)
    }

    pub(super) fn is_unwinding(&self) -> bool {
        matches!(self.phase, Phase::Unwinding { .. })
    }

    pub(super) fn cause(&self) -> Option<&Cause> {
        match &self.phase {
            Phase::Unwinding { cause, .. } | Phase::Stuck { cause } | Phase::Compensated { cause } => Some(cause),
            Phase::Terminated { cause } => cause.as_ref(),
            Phase::Scheduled | Phase::Running | Phase::Completed => None,
        }
    }

    /// When the machine must be asked again though nothing happens.
    pub(super) fn due(&self) -> Option<Timestamp> {
        if self.common.paused || self.status().is_ended() {
            return None;
        }
        let deadline = self.common.created.deadline.filter(|_| self.is_forward());
        self.index.next_due().into_iter().chain(deadline).min()
    }

    /// How it unwinds. It is written down with every saga.
    pub(super) fn policy(&self) -> CompensationPolicy {
        self.common.created.policy.unwrap_or_default()
    }

    pub(super) fn node(&self, ix: StepIx) -> &Node {
        &self.nodes[ix.0]
    }

    pub(super) fn unit(&self, at: UnitIx) -> Option<&Unit> {
        self.node(at.step).unit(at.item)
    }

    /// Every unit with its place.
    pub(super) fn units(&self) -> impl Iterator<Item = (UnitIx, &Unit)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.flat_map(|(i, node)| node.named_units().map(move |(item, unit)| (UnitIx { step: StepIx(i), item }, unit)))
    }

    /// Changes one unit, and all that is derived from it; none where there is no such unit. Nothing else changes one.
    pub(super) fn change<T>(&mut self, plan: &Plan, at: UnitIx, change: impl FnOnce(&mut Unit) -> T) -> Option<T> {
        let policy = self.policy();
        let deadline = self.common.created.deadline;
        let unit = self.nodes[at.step.0].unit_mut(at.item)?;
        let step = plan.step(at.step);
        let before = Index::place(step, policy, deadline, unit);
        let changed = change(unit);
        let after = Index::place(step, policy, deadline, unit);
        if before == after {
            return Some(changed);
        }
        self.index.move_unit(at, before, after);
        let node = &mut self.nodes[at.step.0];
        let mut passes = after.is_passed && !before.is_passed;
        if let Node::Many(fan) = node {
            while fan.units.get(fan.begun).is_some_and(|unit| unit.progress != Progress::Waiting) {
                fan.begun += 1;
            }
            if passes {
                fan.open -= 1;
                passes = fan.open == 0;
                if passes {
                    fan.complete();
                }
            }
            if after.is_undone && !before.is_undone {
                fan.not_undone -= 1;
                if fan.not_undone == 0 {
                    fan.complete_undo();
                }
            }
        }
        if !node.waits() {
            self.index.no_longer_waits(at.step);
        }
        if passes {
            self.pass(plan, at.step);
        }
        Some(changed)
    }

    /// Notes that a step has completed or was skipped: others may start.
    pub(super) fn pass(&mut self, plan: &Plan, step: StepIx) {
        for dependent in self.index.pass(plan, step) {
            if self.nodes[dependent.0].waits() {
                self.index.waits(dependent);
            }
        }
    }
}
