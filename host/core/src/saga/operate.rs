//! What people ask of a saga: cancel, pause, resume, terminate, and for a stuck one retry, skip and
//! patch. Each is a record with who and why, or a refusal that says why not.

use alloc::{format, string::String, vec::Vec};

use super::{
    Saga,
    state::{Ended, Phase, Undo, Unit},
    turn::Turn,
};
use crate::{
    attempt::Try,
    command::{Decision, Moment},
    id::Name,
    json::Json,
    plan::{StepIx, closest},
    record::{Cause, Fact, Operation, Operator},
    transaction::Refused,
};

impl Saga {
    /// Asks for it to be undone. Cancelling what is cancelled already changes nothing.
    ///
    /// # Errors
    /// It unwinds for another reason, is stuck, or has ended.
    pub fn cancel(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let cancelled = |cause: Option<&Cause>| cause == Some(&Cause::Cancelled);
        if cancelled(self.state.cause()) || cancelled(self.state.failed.as_ref()) {
            return Ok(Turn::new(self, moment).decision());
        }
        match self.state.phase {
            Phase::Scheduled | Phase::Running if self.state.failed.is_none() => {
                Ok(self.operate(moment, Fact::CancelRequested { by }))
            }
            Phase::Scheduled | Phase::Running => Err(Refused("it is about to unwind, for a step has failed".into())),
            _ => Err(self.refused("cancelled")),
        }
    }

    /// Starts nothing new until it is resumed. Calls in flight end as they do.
    ///
    /// # Errors
    /// It is paused already, or has ended.
    pub fn pause(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        if self.state.paused {
            return Err(Refused("it is paused already".into()));
        }
        self.not_ended("paused")?;
        Ok(self.operate(moment, Fact::Paused { by }))
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// It is not paused, or has ended.
    pub fn resume(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.not_ended("resumed")?;
        if !self.state.paused {
            return Err(Refused("it is not paused".into()));
        }
        Ok(self.operate(moment, Fact::Resumed { by }))
    }

    /// Takes it out of the machine as it stands, and says in the record what was not undone. Calls
    /// in flight are to be dropped.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.not_ended("terminated")?;
        let not_undone = self.not_undone();
        Ok(self.operate(moment, Fact::Terminated { by, not_undone }))
    }

    /// Tries stuck compensations again, all or those of one step; what a circuit breaker left goes on too.
    ///
    /// # Errors
    /// It is not stuck, or the step is not.
    pub fn retry(&mut self, node: Option<&str>, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let node = node.map(|name| self.stuck_step(name, None)).transpose()?;
        self.stuck("tried again")?;
        Ok(self.operate(moment, Fact::RetryRequested { by, node }))
    }

    /// Gives the stuck compensation of a step up: someone has seen to it, or accepts it. The step is
    /// named by its id or by its compensation's name.
    ///
    /// # Errors
    /// It is not stuck, or the step is not.
    pub fn skip(&mut self, node: &str, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let node = self.stuck_step(node, None)?;
        Ok(self.operate(moment, Fact::UndoSkipped { by, node }))
    }

    /// Tries a stuck compensation again with these arguments in place of the bound ones.
    ///
    /// # Errors
    /// It is not stuck, the step or item is not, or the arguments are no JSON object.
    pub fn patch(
        &mut self,
        node: &str,
        item: Option<u32>,
        arguments: Json,
        by: Operator,
        moment: &Moment<'_>,
    ) -> Result<Decision, Refused> {
        if !arguments.as_str().starts_with('{') {
            return Err(Refused(
                "the arguments are not a JSON object (give one with a member for each parameter)".into(),
            ));
        }
        let name = self.stuck_step(node, Some(item))?;
        Ok(self.operate(moment, Fact::Patched { by, node: name, item, arguments }))
    }

    fn operate(&mut self, moment: &Moment<'_>, fact: Fact) -> Decision {
        self.turn(moment, |turn| turn.push(fact))
    }

    fn refused(&self, what: &str) -> Refused {
        Refused(format!("it is {}, and can no longer be {what}", self.state.status()))
    }

    fn not_ended(&self, what: &str) -> Result<(), Refused> {
        if self.state.status().is_ended() { Err(self.refused(what)) } else { Ok(()) }
    }

    fn stuck(&self, what: &str) -> Result<(), Refused> {
        match self.state.phase {
            Phase::Stuck { .. } => Ok(()),
            _ => Err(Refused(format!("it is {}; only what is stuck can be {what}", self.state.status()))),
        }
    }

    /// The id of a step whose compensation is stuck, by its id or its compensation's name.
    fn stuck_step(&self, name: &str, item: Option<Option<u32>>) -> Result<Name, Refused> {
        self.stuck("seen to")?;
        let steps = self.plan.steps();
        let by_undo = || steps.iter().position(|s| s.compensation.as_ref().is_some_and(|undo| undo.name == name));
        let Some(ix) = self.plan.find(name).or_else(|| by_undo().map(StepIx)) else {
            let hint = closest(name, steps.iter().map(|s| s.id.as_str()));
            return Err(Refused(format!("the saga has no step or compensation `{name}`{hint}")));
        };
        let node = self.state.node(ix);
        let found = match item {
            None => node.units().iter().any(is_stuck),
            Some(item) => node.unit(item).is_some_and(is_stuck),
        };
        if found {
            return Ok(self.plan.step(ix).id.clone());
        }
        let stuck = steps.iter().zip(&self.state.nodes).filter(|(_, node)| node.units().iter().any(is_stuck));
        let names: Vec<String> = stuck.map(|(step, _)| format!("`{}`", step.id)).collect();
        Err(Refused(format!("step `{name}` is not stuck (stuck: {})", names.join(", "))))
    }

    /// Steps that are or may be done, and are not undone.
    fn not_undone(&self) -> Vec<Name> {
        let named = self.plan.steps().iter().zip(&self.state.nodes);
        named.filter(|(_, node)| node.units().iter().any(remains)).map(|(step, _)| step.id.clone()).collect()
    }
}

fn is_stuck(unit: &Unit) -> bool {
    unit.ended().is_some_and(|ended| matches!(ended.undo, Undo::Stuck { .. }))
}

/// Whether an effect of the unit may remain.
fn remains(unit: &Unit) -> bool {
    match (unit.trying(), unit.ended()) {
        (Some((Operation::Run, Try::Delayed(attempt, _))), _) => attempt.maybe_done,
        (Some(_), _) => true,
        (None, Some(Ended { how, undo, .. })) => how.may_be_done() && !matches!(undo, Undo::Undone(_)),
        (None, None) => false,
    }
}
