//! What is called and undone by itself: a step, or one item of a fan-out; and how far it is.

use alloc::vec::Vec;

use crate::{
    attempt::{Attempt, Tally, Try},
    json::Json,
    plan::StepIx,
    record::Operation,
    settling::Settling,
};

/// One step: a single unit, or after its expansion one for each item.
#[derive(Clone, Debug, PartialEq)]
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
