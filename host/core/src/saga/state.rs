//! Where a saga stands. Deliberately absent: how it came there (`evolve`), what follows (`turn`), and what is derived
//! from the units so that nobody must look through all of them (`index`).

use alloc::vec::Vec;

use super::{
    index::Index,
    unit::{Node, Progress, Unit, UnitIx},
};
use crate::{
    common::Common,
    definition::CompensationPolicy,
    plan::{Plan, StepIx},
    record::Cause,
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
