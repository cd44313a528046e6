//! What the bindings of a step, an item or a compensation may refer to.

use alloc::{format, vec::Vec};

use super::{
    state::State,
    unit::{How, Node, UnitIx},
};
use crate::{
    arguments::Arguments,
    binding::{Sources, Unbound, bind, elements, fixed, resolve},
    definition::{Parameter, Source},
    json::{Headers, Json, Variables},
    plan::Plan,
    record::{Cause, Operation},
    report::CauseReport,
};

/// The view of one unit on its saga.
pub(super) struct View<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
    pub(super) at: UnitIx,
}

impl View<'_> {
    /// The arguments of the operation.
    pub(super) fn arguments(&self, operation: Operation) -> Result<Arguments, Unbound> {
        let fixed = match self.state.node(self.at.step) {
            Node::Many(fan) => fan.fixed(operation),
            Node::One(_) => &[],
        };
        bind(self.parameters(operation), self, fixed)
    }

    /// Those that are the same for every item of its fan-out.
    pub(super) fn fixed(&self, operation: Operation) -> Vec<Option<Json>> {
        fixed(self.parameters(operation), self)
    }

    fn parameters(&self, operation: Operation) -> &[Parameter] {
        let step = self.plan.step(self.at.step);
        match (operation, &step.compensation) {
            (Operation::Compensate, Some(undo)) => &undo.parameters,
            _ => &step.parameters,
        }
    }

    /// The items that a fan-out's source gives.
    pub(super) fn items(&self, each: &Source) -> Result<Vec<Json>, Unbound> {
        let array = resolve(each, self).map_err(|why| Unbound(format!("`each`: {}", why.0)))?;
        elements(&array).ok_or_else(|| Unbound("`each`: its source is not an array".into()))
    }
}

impl Sources for View<'_> {
    fn input(&self) -> &Json {
        &self.state.common.created.input
    }

    fn step_output(&self, step: &str) -> Option<Json> {
        self.state.node(self.plan.find(step)?).output().cloned()
    }

    fn variables(&self) -> &Variables {
        &self.state.common.variables
    }

    fn headers(&self) -> &Headers {
        &self.state.common.headers
    }

    fn item(&self) -> Option<&Json> {
        match self.state.node(self.at.step) {
            Node::Many(fan) => fan.items.get(self.at.item? as usize),
            Node::One(_) => None,
        }
    }

    fn own_output(&self) -> Option<&Json> {
        match &self.state.unit(self.at)?.ended()?.how {
            How::Completed(output) => Some(output),
            _ => None,
        }
    }

    fn compensation_output(&self, step: &str) -> Option<Json> {
        self.state.node(self.plan.find(step)?).undo_output().cloned()
    }

    fn cause(&self) -> Option<Json> {
        self.state.cause().map(cause_json)
    }
}

fn cause_json(cause: &Cause) -> Json {
    Json::of(&CauseReport::of(cause)).expect("a cause serialises")
}
