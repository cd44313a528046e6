//! Unwinding: what is undone, in which order, and what follows when undoing fails for good.
//! Rule: the policies of semantics.md. Which steps are to be undone, and in which turn, is in the index.

use alloc::vec::Vec;

use super::{
    machine::Saga,
    sources::View,
    state::Phase,
    unit::{Unit, UnitIx},
};
use crate::{
    attempt::Try,
    definition::CompensationPolicy,
    id::Name,
    outcome::Failure,
    record::{Fact, Operation},
    report::unit_name,
    settling::Settling,
    turn::Turn,
};

impl Turn<'_, '_, Saga> {
    pub(super) fn unwind(&mut self) {
        if self.machine.state.index.is_forward_under_way() {
            self.give_up_forward();
        }
        self.give_up_late();
        self.start_due();
        if !self.machine.state.index.is_forward_under_way() {
            self.compensate();
        }
    }

    /// Forward attempts that were still to come do not come. A pending one goes on, until its own end.
    fn give_up_forward(&mut self) {
        let state = &self.machine.state;
        let delayed = |at: &UnitIx| {
            let trying = state.unit(*at).and_then(Unit::trying);
            matches!(trying, Some((Operation::Run, Try::Delayed(..))))
        };
        let waiting: Vec<UnitIx> = state.index.waiting().filter(delayed).collect();
        for at in waiting {
            self.give_up(at, Failure::new("unwinding", "the saga unwinds, and nothing new starts"));
        }
    }

    fn compensate(&mut self) {
        loop {
            let state = &self.machine.state;
            let breaker = state.policy() == CompensationPolicy::CircuitBreaker;
            let circuit_open = is_circuit_open(&state.phase);
            let Some(turn) = state.index.turn(breaker) else { return self.conclude() };
            let may_begin = !circuit_open && state.index.next_ready(turn).is_some();
            if !may_begin && !state.index.is_under_way(turn) {
                return self.conclude();
            }
            let mut refused = false;
            while !circuit_open
                && self.has_room()
                && let Some(at) = self.machine.state.index.next_ready(turn)
            {
                refused |= self.start_undo(at);
            }
            if !refused {
                return;
            }
        }
    }

    /// Nothing is under way and nothing may start: it is over, or stuck.
    fn conclude(&mut self) {
        let state = &self.machine.state;
        if state.index.is_undoing_over() {
            return self.push(Fact::Compensated);
        }
        let name = |at: UnitIx| Name::from(unit_name(&self.machine.plan.step(at.step).id, at.item));
        let nodes = state.index.stuck().into_iter().map(name).collect();
        self.push(Fact::Stuck { nodes });
        self.alarm();
    }

    /// Starts a compensation; true where it cannot be called, which leaves it stuck.
    fn start_undo(&mut self, at: UnitIx) -> bool {
        let undo = self.machine.state.unit(at).and_then(Unit::ended).map(|ended| &ended.undo);
        let number = undo.map_or(1, Settling::next_number);
        if undo.and_then(Settling::patched).is_none() {
            let view = View { plan: &self.machine.plan, state: &self.machine.state, at };
            match view.arguments(Operation::Compensate) {
                Ok(arguments) => self.machine.state.common.bound = Some(arguments),
                Err(why) => {
                    let node = self.machine.plan.step(at.step).id.clone();
                    let failure = Failure::new("unbound", why.0);
                    self.push(Fact::UndoRefused { node, item: at.item, failure });
                    self.note_circuit(at);
                    return true;
                }
            }
        }
        self.start(at, Operation::Compensate, number);
        false
    }

    /// A critical compensation that failed for good opens the circuit; one that failed before an
    /// operator closed it again does not.
    pub(super) fn note_circuit(&mut self, at: UnitIx) {
        let state = &self.machine.state;
        let closed = matches!(state.phase, Phase::Unwinding { circuit_open: false, .. });
        if state.policy() != CompensationPolicy::CircuitBreaker || !closed {
            return;
        }
        let step = self.machine.plan.step(at.step);
        let critical = step.compensation.as_ref().is_some_and(|undo| undo.critical);
        if critical && state.unit(at).is_some_and(Unit::is_stuck) {
            let node = step.id.clone();
            self.push(Fact::CircuitOpened { node });
        }
    }
}

fn is_circuit_open(phase: &Phase) -> bool {
    matches!(phase, Phase::Unwinding { circuit_open: true, .. })
}
