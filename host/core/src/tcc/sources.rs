//! What the bindings of a participant may refer to.

use super::state::State;
use crate::{
    arguments::Arguments,
    binding::{Sources, Unbound, bind},
    json::{Headers, Json, Variables},
    plan::{ParticipantIx, TccPlan},
};

/// The view of one participant on its TCC.
pub(super) struct View<'a> {
    pub(super) plan: &'a TccPlan,
    pub(super) state: &'a State,
}

impl View<'_> {
    /// The arguments of a participant's try. Confirm and cancel repeat them.
    pub(super) fn arguments(&self, ix: ParticipantIx) -> Result<Arguments, Unbound> {
        bind(&self.plan.participant(ix).parameters, self, &[])
    }
}

/// A plan that exists binds nothing of what has no answer here.
impl Sources for View<'_> {
    fn input(&self) -> &Json {
        &self.state.common.created.input
    }

    /// Of an earlier participant's try; none of one that was dropped.
    fn step_output(&self, participant: &str) -> Option<Json> {
        self.state.unit(self.plan.find(participant)?).output().cloned()
    }

    fn variables(&self) -> &Variables {
        &self.state.common.variables
    }

    fn headers(&self) -> &Headers {
        &self.state.common.headers
    }

    fn item(&self) -> Option<&Json> {
        None
    }

    fn own_output(&self) -> Option<&Json> {
        None
    }

    fn compensation_output(&self, _: &str) -> Option<Json> {
        None
    }

    fn cause(&self) -> Option<Json> {
        None
    }
}
