//! Unwinding: what is undone, in which order, and what follows when undoing fails for good.
//! Rule: the policies of semantics.md. Which steps are to be undone is read off the state each time.

use alloc::vec::Vec;

use super::{
    sources::View,
    state::{Ended, Phase, Undo},
    turn::Turn,
};
use crate::{
    attempt::Try,
    definition::CompensationPolicy,
    id::Name,
    outcome::Failure,
    plan::StepIx,
    record::{Fact, Operation},
};

/// A unit that is to be undone, or was.
struct Undoing {
    ix: StepIx,
    item: Option<u32>,
    order: u32,
    layer: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Ready { attempt: u32 },
    Trying,
    Stuck,
    Over,
}

impl Turn<'_, '_> {
    pub(super) fn unwind(&mut self) {
        self.give_up_forward();
        self.give_up_late();
        self.start_due();
        let forward = self.tries(|_, _| true).iter().any(|(_, _, operation)| *operation == Operation::Run);
        if !forward {
            self.compensate();
        }
    }

    /// Forward attempts that were still to come do not come. A pending one goes on, until its own
    /// deadline; the saga's deadline is that of one that has no other.
    fn give_up_forward(&mut self) {
        let delayed = self.tries(|_, tried| matches!(tried, Try::Delayed(..)));
        let forward = delayed.into_iter().filter(|(_, _, operation)| *operation == Operation::Run).collect();
        self.give_up(forward, &Failure::new("unwinding", "the saga unwinds, and nothing new starts"));
    }

    fn compensate(&mut self) {
        loop {
            let units = self.undoings();
            let (ready, goes_on) = self.next_undoings(&units);
            let refused = ready.into_iter().fold(false, |refused, (ix, item, attempt)| {
                refused | (self.has_room() && self.start_undo(ix, item, attempt))
            });
            if !refused {
                if !goes_on {
                    self.conclude();
                }
                return;
            }
        }
    }

    /// What may start now by the policy, and whether anything is under way or starts.
    fn next_undoings(&self, units: &[Undoing]) -> (Vec<(StepIx, Option<u32>, u32)>, bool) {
        use CompensationPolicy::{BestEffortParallel, CircuitBreaker, GroupedParallel};
        let circuit_open = matches!(self.saga.state.phase, Phase::Unwinding { circuit_open: true, .. });
        let policy = self.saga.state.policy();
        let open = units.iter().filter(|u| match policy {
            CircuitBreaker => matches!(u.stage, Stage::Ready { .. } | Stage::Trying),
            _ => u.stage != Stage::Over,
        });
        let group: Vec<&Undoing> = match policy {
            BestEffortParallel => open.collect(),
            GroupedParallel => {
                let last = open.clone().map(|u| u.layer).max();
                open.filter(|u| Some(u.layer) == last).collect()
            }
            _ => open.max_by_key(|u| u.order).into_iter().collect(),
        };
        let trying = group.iter().any(|u| u.stage == Stage::Trying);
        let ready: Vec<_> = group
            .iter()
            .filter_map(|u| match u.stage {
                Stage::Ready { attempt } if !circuit_open => Some((u.ix, u.item, attempt)),
                _ => None,
            })
            .collect();
        let goes_on = trying || !ready.is_empty();
        (ready, goes_on)
    }

    /// Nothing is under way and nothing may start: it is over, or stuck.
    fn conclude(&mut self) {
        let undoings = self.undoings();
        if undoings.iter().all(|u| u.stage == Stage::Over) {
            self.push(Fact::Compensated);
            return;
        }
        let mut nodes: Vec<Name> =
            undoings.iter().filter(|u| u.stage == Stage::Stuck).map(|u| self.saga.plan.step(u.ix).id.clone()).collect();
        nodes.dedup();
        self.push(Fact::Stuck { nodes });
        self.alarm();
    }

    /// Starts a compensation; true where it cannot be called, which leaves it stuck.
    fn start_undo(&mut self, ix: StepIx, item: Option<u32>, attempt: u32) -> bool {
        let patched = self
            .saga
            .state
            .node(ix)
            .unit(item)
            .and_then(|unit| unit.ended())
            .is_some_and(|ended| matches!(&ended.undo, Undo::Again { arguments: Some(_), .. }));
        if !patched {
            let view = View { plan: &self.saga.plan, state: &self.saga.state, step: ix, item };
            match view.arguments(Operation::Compensate) {
                Ok(arguments) => self.saga.state.bound = Some(arguments),
                Err(why) => {
                    let node = self.saga.plan.step(ix).id.clone();
                    self.push(Fact::UndoRefused { node, item, failure: Failure::new("unbound", why.0) });
                    self.note_circuit(ix, item);
                    return true;
                }
            }
        }
        self.start(ix, item, Operation::Compensate, attempt);
        false
    }

    /// A critical compensation that failed for good opens the circuit; one that failed before an
    /// operator closed it again does not.
    pub(super) fn note_circuit(&mut self, ix: StepIx, item: Option<u32>) {
        let state = &self.saga.state;
        let closed = matches!(state.phase, Phase::Unwinding { circuit_open: false, .. });
        if state.policy() != CompensationPolicy::CircuitBreaker || !closed {
            return;
        }
        let step = self.saga.plan.step(ix);
        let critical = step.compensation.as_ref().is_some_and(|undo| undo.critical);
        let stuck = |ended: &Ended| matches!(ended.undo, Undo::Stuck { .. });
        if critical && state.node(ix).unit(item).and_then(|unit| unit.ended()).is_some_and(stuck) {
            let node = step.id.clone();
            self.push(Fact::CircuitOpened { node });
        }
    }

    /// Every unit that is or may be done and has a compensation, with how far undoing it is.
    fn undoings(&self) -> Vec<Undoing> {
        let plan = &self.saga.plan;
        let nodes = self.saga.state.nodes.iter().enumerate();
        let undoable = nodes.filter(|(i, _)| plan.step(StepIx(*i)).compensation.is_some());
        undoable
            .flat_map(|(i, node)| node.named_units().map(move |(item, unit)| (StepIx(i), item, unit)))
            .filter_map(|(ix, item, unit)| {
                let ended = unit.ended().filter(|ended| ended.how.may_be_done())?;
                let stage = match &ended.undo {
                    Undo::Idle => Stage::Ready { attempt: 1 },
                    Undo::Again { before, .. } => Stage::Ready { attempt: before + 1 },
                    Undo::Trying(_) => Stage::Trying,
                    Undo::Stuck { .. } => Stage::Stuck,
                    Undo::Undone(_) | Undo::GivenUp => Stage::Over,
                };
                Some(Undoing { ix, item, order: ended.order, layer: plan.step(ix).layer, stage })
            })
            .collect()
    }
}
