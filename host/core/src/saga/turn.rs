//! What may start next while a saga goes forward.

use alloc::{format, string::String};

use super::{
    machine::Saga,
    sources::View,
    unit::{Node, UnitIx},
};
use crate::{
    attempt::Attempt,
    incoming::{Answer, Scope},
    outcome::Failure,
    plan::{ITEMS_MAX, StepIx},
    record::{CallId, Fact, Operation},
    turn::{Advance, Turn},
};

impl Advance for Saga {
    fn advance(turn: &mut Turn<'_, '_, Self>) {
        if turn.machine.state.common.paused {
            return;
        }
        if turn.machine.state.is_forward() {
            turn.run();
        }
        if turn.machine.state.is_unwinding() {
            turn.unwind();
        }
    }

    fn answer(turn: &mut Turn<'_, '_, Self>, at: UnitIx, attempt: &Attempt, call: CallId, answer: Answer) {
        turn.answer(at, attempt, call, answer);
    }

    fn ended(turn: &mut Turn<'_, '_, Self>, at: UnitIx) {
        turn.note_circuit(at);
    }
}

impl Turn<'_, '_, Saga> {
    fn run(&mut self) {
        self.give_up_late();
        if let Some(cause) = self.cause_to_turn_back() {
            self.push(Fact::Unwinding { cause });
            return;
        }
        self.start_due();
        self.start_ready();
        let state = &self.machine.state;
        if let Some(cause) = state.common.failed.clone() {
            self.push(Fact::Unwinding { cause });
        } else if state.index.are_all_passed() {
            self.push(Fact::Finished);
        }
    }

    fn may_begin(&self) -> bool {
        self.has_room() && self.machine.state.common.failed.is_none()
    }

    /// Starts what depends on nothing that is under way, in the order of declaration. A step that is
    /// skipped or empty may make others ready, also earlier ones, so this goes round until nothing changes.
    fn start_ready(&mut self) {
        loop {
            let before = self.written();
            let mut from = StepIx(0);
            while self.may_begin()
                && let Some(step) = self.machine.state.index.next_startable(from)
            {
                self.start_step(step);
                from = StepIx(step.0 + 1);
            }
            if !self.may_begin() || self.written() == before {
                return;
            }
        }
    }

    fn start_step(&mut self, step: StepIx) {
        let plan = self.machine.plan.clone();
        let this = plan.step(step);
        if matches!(self.machine.state.node(step), Node::Many(_)) {
            return self.start_items(step);
        }
        let at = UnitIx { step, item: None };
        match this.condition.as_deref().map_or(Ok(true), |condition| self.holds(condition)) {
            Err(why) => self.refuse(at, Failure::new("bad-condition", format!("`{}`: {why}", this.id))),
            Ok(false) => self.push(Fact::Skipped { node: this.id.clone() }),
            Ok(true) if this.each.is_some() => self.expand(step),
            Ok(true) => self.start_unit(at),
        }
    }

    fn start_items(&mut self, step: StepIx) {
        while self.may_begin()
            && let Node::Many(fan) = self.machine.state.node(step)
            && fan.begun < fan.units.len()
        {
            let item = Some(fan.begun as u32);
            self.start_unit(UnitIx { step, item });
        }
    }

    fn holds(&self, condition: &str) -> Result<bool, String> {
        let (plan, state) = (&self.machine.plan, &self.machine.state);
        let null = crate::Json::null();
        let outputs = plan.steps().iter().zip(&state.nodes).filter_map(|(step, node)| {
            let output = if node.is_skipped() { Some(&null) } else { node.output() };
            Some((&step.id, output?.clone()))
        });
        let scope = Scope {
            input: &state.common.created.input,
            steps: outputs.collect(),
            variables: &state.common.variables,
            headers: &state.common.headers,
        };
        self.moment.conditions.holds(condition, &scope)
    }

    fn expand(&mut self, step: StepIx) {
        let plan = self.machine.plan.clone();
        let Some(each) = &plan.step(step).each else { return };
        let at = UnitIx { step, item: None };
        match (View { plan: &plan, state: &self.machine.state, at }).items(each) {
            Err(why) => self.refuse(at, Failure::new("bad-items", why.0)),
            Ok(items) if items.len() > ITEMS_MAX => {
                let why = format!("`each`: its source has {} items; the limit is {ITEMS_MAX}", items.len());
                self.refuse(at, Failure::new("bad-items", why));
            }
            Ok(items) => {
                self.push(Fact::Expanded { node: plan.step(step).id.clone(), items: items.len() as u32 });
                self.start_items(step);
            }
        }
    }

    fn refuse(&mut self, at: UnitIx, failure: Failure) {
        let node = self.machine.plan.step(at.step).id.clone();
        self.push(Fact::Refused { node, item: at.item, failure });
    }

    /// Starts the first attempt of a unit that waits.
    fn start_unit(&mut self, at: UnitIx) {
        let view = View { plan: &self.machine.plan, state: &self.machine.state, at };
        match view.arguments(Operation::Run) {
            Err(why) => self.refuse(at, Failure::new("unbound", why.0)),
            Ok(arguments) => {
                self.machine.state.common.bound = Some(arguments);
                self.start(at, Operation::Run, 1);
            }
        }
    }
}
