//! What the bindings of a step, an item or a compensation may refer to.

use super::state::{How, Node, State, Unit};
use crate::{
    binding::{Sources, Unbound, bind, elements, resolve},
    definition::Source,
    json::{Headers, Json, Variables},
    plan::{ITEMS_MAX, Plan, StepIx},
    record::{Cause, Operation},
    report::CauseReport,
};

/// The view of one unit on its saga.
pub(super) struct View<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
    pub(super) step: StepIx,
    pub(super) item: Option<u32>,
}

impl View<'_> {
    /// The arguments of the operation.
    pub(super) fn arguments(&self, operation: Operation) -> Result<Json, Unbound> {
        let step = self.plan.step(self.step);
        match (operation, &step.compensation) {
            (Operation::Compensate, Some(undo)) => bind(&undo.parameters, self),
            _ => bind(&step.parameters, self),
        }
    }

    /// The items that a fan-out's source gives.
    pub(super) fn items(&self, each: &Source) -> Result<alloc::vec::Vec<Json>, Unbound> {
        let array = resolve(each, self).map_err(|why| Unbound(alloc::format!("`each`: {}", why.0)))?;
        let items = elements(&array).ok_or_else(|| Unbound("`each`: its source is not an array".into()))?;
        if items.len() > ITEMS_MAX {
            let why = alloc::format!("`each`: its source has {} items; the limit is {ITEMS_MAX}", items.len());
            return Err(Unbound(why));
        }
        Ok(items)
    }

    fn unit(&self) -> Option<&Unit> {
        self.state.node(self.step).unit(self.item)
    }
}

impl Sources for View<'_> {
    fn input(&self) -> &Json {
        &self.state.created.input
    }

    fn step_output(&self, step: &str) -> Option<Json> {
        self.state.node(self.plan.find(step)?).output()
    }

    fn variables(&self) -> &Variables {
        &self.state.variables
    }

    fn headers(&self) -> &Headers {
        &self.state.headers
    }

    fn item(&self) -> Option<&Json> {
        match self.state.node(self.step) {
            Node::Many { items, .. } => items.get(self.item? as usize),
            Node::One(_) => None,
        }
    }

    fn own_output(&self) -> Option<&Json> {
        match &self.unit()?.ended()?.how {
            How::Completed(output) => Some(output),
            _ => None,
        }
    }

    fn compensation_output(&self, step: &str) -> Option<Json> {
        self.state.node(self.plan.find(step)?).undo_output()
    }

    fn cause(&self) -> Option<Json> {
        self.state.cause().map(cause_json)
    }
}

fn cause_json(cause: &Cause) -> Json {
    Json::of(&CauseReport::of(cause)).expect("a cause serialises")
}
