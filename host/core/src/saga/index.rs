//! What is derived from the units of a saga: which may start, which wait for their time, which are to be undone and in
//! what order. Kept up with each change of a unit, so that the cost of an answer does not grow with their number.

use alloc::{collections::BTreeSet, vec::Vec};

use super::unit::{Progress, Unit, UnitIx};
use crate::{
    definition::CompensationPolicy,
    plan::{Plan, Step, StepIx},
    record::Operation,
    settling::Stage,
    time::Timestamp,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Index {
    /// Steps of which something waits, and that depend on nothing that is not passed.
    startable: BTreeSet<StepIx>,
    /// For each step how many of those that it depends on are not passed.
    missing: Vec<u32>,
    /// Steps that are not passed.
    open: usize,
    /// Forward operations under way.
    forward: usize,
    /// Attempts that wait, by when they are due.
    due: BTreeSet<(Timestamp, UnitIx)>,
    /// Attempts that wait, by when they are given up.
    ends: BTreeSet<(Timestamp, UnitIx)>,
    /// What is to be undone, by its turn: what may begin, what is under way, what is stuck.
    ready: BTreeSet<(u64, UnitIx)>,
    undoing: BTreeSet<(u64, UnitIx)>,
    stuck: BTreeSet<(u64, UnitIx)>,
}

/// What the index knows of one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) is_passed: bool,
    pub(super) is_undone: bool,
    forward: bool,
    due: Option<Timestamp>,
    end: Option<Timestamp>,
    /// How far undoing it is, with its turn.
    undo: Option<(Stage, u64)>,
}

impl Index {
    pub(super) fn new(plan: &Plan) -> Self {
        let missing: Vec<u32> = plan.steps().iter().map(|step| step.depends_on.len() as u32).collect();
        let startable = missing.iter().enumerate().filter(|(_, missing)| **missing == 0).map(|(i, _)| StepIx(i));
        Self {
            startable: startable.collect(),
            open: missing.len(),
            missing,
            forward: 0,
            due: BTreeSet::new(),
            ends: BTreeSet::new(),
            ready: BTreeSet::new(),
            undoing: BTreeSet::new(),
            stuck: BTreeSet::new(),
        }
    }

    pub(super) fn place(step: &Step, policy: CompensationPolicy, deadline: Option<Timestamp>, unit: &Unit) -> Place {
        let trying = unit.trying();
        let is_forward = trying.is_some_and(|(operation, _)| operation == Operation::Run);
        let deadline = deadline.filter(|_| is_forward);
        let ended = unit.ended();
        let undo = ended.filter(|ended| step.compensation.is_some() && ended.how.may_be_done()).and_then(|ended| {
            let stage = ended.undo.stage();
            (stage != Stage::Over).then(|| (stage, turn(policy, step, ended.order)))
        });
        Place {
            is_passed: unit.progress == Progress::Skipped || unit.output().is_some(),
            is_undone: ended.is_some_and(|ended| ended.undo.output().is_some()),
            forward: is_forward,
            due: trying.and_then(|(_, tried)| tried.due()),
            end: trying.and_then(|(_, tried)| tried.end(deadline)).map(|end| end.at),
            undo,
        }
    }

    pub(super) fn move_unit(&mut self, at: UnitIx, before: Place, after: Place) {
        self.forward = self.forward + usize::from(after.forward) - usize::from(before.forward);
        let moved = |set: &mut BTreeSet<_>, from: Option<Timestamp>, to: Option<Timestamp>| {
            if from != to {
                from.map(|from| set.remove(&(from, at)));
                to.map(|to| set.insert((to, at)));
            }
        };
        moved(&mut self.due, before.due, after.due);
        moved(&mut self.ends, before.end, after.end);
        if before.undo != after.undo {
            if let Some((stage, turn)) = before.undo {
                self.stage(stage).remove(&(turn, at));
            }
            if let Some((stage, turn)) = after.undo {
                self.stage(stage).insert((turn, at));
            }
        }
    }

    fn stage(&mut self, stage: Stage) -> &mut BTreeSet<(u64, UnitIx)> {
        match stage {
            Stage::Ready => &mut self.ready,
            Stage::Trying => &mut self.undoing,
            Stage::Stuck | Stage::Over => &mut self.stuck,
        }
    }

    pub(super) fn no_longer_waits(&mut self, step: StepIx) {
        self.startable.remove(&step);
    }

    /// The step may start once all that it depends on is passed.
    pub(super) fn waits(&mut self, step: StepIx) {
        if self.missing[step.0] == 0 {
            self.startable.insert(step);
        }
    }

    /// Takes a step from what is open; those that depend on nothing else any more.
    pub(super) fn pass<'p>(&mut self, plan: &'p Plan, step: StepIx) -> impl Iterator<Item = StepIx> + use<'p> {
        self.open -= 1;
        let dependents = &plan.dependents[step.0];
        for dependent in dependents {
            self.missing[dependent.0] -= 1;
        }
        dependents.iter().copied()
    }

    pub(super) fn are_all_passed(&self) -> bool {
        self.open == 0
    }

    pub(super) fn is_forward_under_way(&self) -> bool {
        self.forward > 0
    }

    /// The first step from here on that may start.
    pub(super) fn next_startable(&self, from: StepIx) -> Option<StepIx> {
        self.startable.range(from..).next().copied()
    }

    pub(super) fn may_start(&self, step: StepIx) -> bool {
        self.missing[step.0] == 0
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, UnitIx)>| set.first().map(|(at, _)| *at);
        first(&self.due).into_iter().chain(first(&self.ends)).min()
    }

    pub(super) fn first_due(&self, now: Timestamp) -> Option<UnitIx> {
        self.due.first().filter(|(due, _)| *due <= now).map(|(_, at)| *at)
    }

    /// Units that wait for another attempt or poll.
    pub(super) fn waiting(&self) -> impl Iterator<Item = UnitIx> {
        self.due.iter().map(|(_, at)| *at)
    }

    pub(super) fn late(&self, now: Timestamp) -> Vec<UnitIx> {
        self.ends.iter().take_while(|(end, _)| *end <= now).map(|(_, at)| *at).collect()
    }

    pub(super) fn is_undoing_over(&self) -> bool {
        self.ready.is_empty() && self.undoing.is_empty() && self.stuck.is_empty()
    }

    pub(super) fn is_anything_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }

    /// Those that are stuck, in the order of declaration.
    pub(super) fn stuck(&self) -> Vec<UnitIx> {
        let mut stuck: Vec<UnitIx> = self.stuck.iter().map(|(_, at)| *at).collect();
        stuck.sort_unstable();
        stuck
    }

    /// The turn that undoing is at: the last one of which anything is left. What is stuck holds its turn up, unless it
    /// is passed over.
    pub(super) fn turn(&self, pass_over_stuck: bool) -> Option<u64> {
        let last = |set: &BTreeSet<(u64, UnitIx)>| set.last().map(|(turn, _)| *turn);
        last(&self.ready).max(last(&self.undoing)).max(last(&self.stuck).filter(|_| !pass_over_stuck))
    }

    /// What may begin in this turn.
    pub(super) fn next_ready(&self, turn: u64) -> Option<UnitIx> {
        self.ready.range((turn, FIRST)..).next().map(|(_, at)| *at)
    }

    /// Whether anything is under way in this turn.
    pub(super) fn is_under_way(&self, turn: u64) -> bool {
        self.undoing.range((turn, FIRST)..).next().is_some()
    }
}

/// Before every other unit.
const FIRST: UnitIx = UnitIx { step: StepIx(0), item: None };

/// When a unit is undone: those of the last turn first, those of one turn at once (semantics.md, the policies).
fn turn(policy: CompensationPolicy, step: &Step, order: u32) -> u64 {
    match policy {
        CompensationPolicy::BestEffortParallel => 0,
        CompensationPolicy::GroupedParallel => step.layer as u64,
        CompensationPolicy::StrictSequential
        | CompensationPolicy::RetryWithBackoff
        | CompensationPolicy::CircuitBreaker => u64::from(order),
    }
}
