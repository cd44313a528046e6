//! What people ask of a saga alone: cancel, and for a stuck one retry, skip and patch. Each is a record with who and
//! why, or a refusal that says why not.

use alloc::{format, string::String, vec::Vec};

use super::{
    machine::Saga,
    state::Phase,
    unit::{Node, Unit, UnitIx},
};
use crate::{
    command::Decision,
    id::Name,
    incoming::{Moment, Refused},
    json::Json,
    plan::{StepIx, closest},
    record::{Cause, Fact, Operator},
    report::unit_name,
    turn::Turn,
    words,
};

impl Saga {
    /// Asks for it to be undone. Cancelling what is cancelled already changes nothing.
    ///
    /// # Errors
    /// It unwinds for another reason, is stuck, or has ended.
    pub(crate) fn cancel(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let cancelled = |cause: Option<&Cause>| cause == Some(&Cause::Cancelled);
        let failed = self.state.common.failed.as_ref();
        if cancelled(self.state.cause()) || cancelled(failed) {
            return Ok(Turn::new(self, moment).decision());
        }
        match (self.state.is_forward(), failed) {
            (true, None) => Ok(words::say(self, moment, Fact::CancelRequested { by })),
            (true, Some(_)) => Err(Refused("it is about to unwind, for a step has failed".into())),
            (false, _) => Err(words::too_late(self, "cancelled")),
        }
    }

    /// Tries stuck compensations again, all, those of one step, or that of one item; what a circuit breaker left goes
    /// on too.
    ///
    /// # Errors
    /// It is not stuck, or the step is not.
    pub(crate) fn retry(&mut self, node: Option<&str>, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.check_stuck("tried again")?;
        let meant = node.map(|name| self.stuck(name, None)).transpose()?;
        let (node, item) = meant.map_or((None, None), |(node, item)| (Some(node), item));
        Ok(words::say(self, moment, Fact::RetryRequested { by, node, item }))
    }

    /// Gives the stuck compensation of a step or an item up: someone has seen to it, or accepts it. The step is
    /// named by its id or by its compensation's name.
    ///
    /// # Errors
    /// It is not stuck, or the step is not.
    pub(crate) fn skip(&mut self, node: &str, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.check_stuck("seen to")?;
        let (node, item) = self.stuck(node, None)?;
        Ok(words::say(self, moment, Fact::UndoSkipped { by, node, item }))
    }

    /// Tries a stuck compensation again with these arguments in place of the bound ones. They hold until others are
    /// given.
    ///
    /// # Errors
    /// It is not stuck, the step or item is not, or the arguments are no JSON object.
    pub(crate) fn patch(
        &mut self,
        node: &str,
        item: Option<u32>,
        arguments: Json,
        by: Operator,
        moment: &Moment<'_>,
    ) -> Result<Decision, Refused> {
        words::check_arguments(&arguments)?;
        self.check_stuck("seen to")?;
        let (node, item) = self.stuck(node, item)?;
        if let (None, Some(Node::Many(_))) = (item, self.plan.find(&node).map(|step| self.state.node(step))) {
            return Err(Refused(format!("step `{node}` is a fan-out; name the item: {}", self.stuck_names())));
        }
        Ok(words::say(self, moment, Fact::Patched { by, node, item, arguments }))
    }

    fn check_stuck(&self, what: &str) -> Result<(), Refused> {
        match self.state.phase {
            Phase::Stuck { .. } => Ok(()),
            _ => Err(words::only_stuck(self, what)),
        }
    }

    /// What of the saga is meant that is stuck: a step, by its id or its compensation's name, or one item of it.
    fn stuck(&self, name: &str, item: Option<u32>) -> Result<(Name, Option<u32>), Refused> {
        let (step, item) = match (self.find_step(name), words::parse_unit(name)) {
            (Some(step), _) => (Some(step), item),
            (None, Some((step, item))) => (self.find_step(step), Some(item)),
            (None, None) => (None, item),
        };
        let Some(step) = step else {
            let hint = closest(name, self.plan.steps().iter().map(|step| step.id.as_str()));
            return Err(Refused(format!("the saga has no step or compensation `{name}`{hint}")));
        };
        let is_stuck = match item {
            None => self.state.node(step).units().iter().any(Unit::is_stuck),
            Some(_) => self.state.unit(UnitIx { step, item }).is_some_and(Unit::is_stuck),
        };
        if is_stuck {
            return Ok((self.plan.step(step).id.clone(), item));
        }
        Err(Refused(format!("step `{name}` is not stuck (stuck: {})", self.stuck_names())))
    }

    fn find_step(&self, name: &str) -> Option<StepIx> {
        let undoes = |step: &crate::plan::Step| step.compensation.as_ref().is_some_and(|undo| undo.name == name);
        self.plan.find(name).or_else(|| self.plan.steps().iter().position(undoes).map(StepIx))
    }

    fn stuck_names(&self) -> String {
        let name = |at: UnitIx| unit_name(&self.plan.step(at.step).id, at.item);
        let names: Vec<String> = self.state.index.stuck().into_iter().map(name).collect();
        words::listed(&names)
    }
}
