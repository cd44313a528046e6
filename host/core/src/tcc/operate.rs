//! What people ask of a TCC: cancel, pause, resume, terminate, and for a stuck one retry, skip and
//! patch. Each is a record with who and why, or a refusal that says why not.

use alloc::{format, string::String, vec::Vec};

use super::{
    Tcc,
    state::{Phase, Progress, Settle, Unit},
    turn::Turn,
};
use crate::{
    attempt::Try,
    command::{Decision, Moment},
    id::Name,
    json::Json,
    plan::closest,
    record::{Cause, Fact, Operator},
    transaction::Refused,
};

impl Tcc {
    /// Asks for it to be cancelled. Cancelling what is cancelled already changes nothing.
    ///
    /// # Errors
    /// It is confirming, cancels for another reason, is stuck, or has ended.
    pub fn cancel(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let cancelled = |cause: Option<&Cause>| cause == Some(&Cause::Cancelled);
        if cancelled(self.state.cause()) || cancelled(self.state.failed.as_ref()) {
            return Ok(Turn::new(self, moment).decision());
        }
        match self.state.phase {
            Phase::Trying if self.state.failed.is_none() => Ok(self.operate(moment, Fact::CancelRequested { by })),
            Phase::Trying => Err(Refused("it is about to cancel, for a try has failed".into())),
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

    /// Takes it out of the machine as it stands, and says in the record which participants are left
    /// neither confirmed nor cancelled. Calls in flight are to be dropped.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.not_ended("terminated")?;
        let named = self.plan.participants().iter().zip(&self.state.units);
        let not_undone = named.filter(|(_, unit)| remains(unit)).map(|(of, _)| of.id.clone()).collect();
        Ok(self.operate(moment, Fact::Terminated { by, not_undone }))
    }

    /// Tries stuck confirms or cancels again, all or that of one participant.
    ///
    /// # Errors
    /// It is not stuck, or the participant is not.
    pub fn retry(&mut self, node: Option<&str>, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let node = node.map(|name| self.stuck_participant(name)).transpose()?;
        self.stuck("tried again")?;
        Ok(self.operate(moment, Fact::RetryRequested { by, node }))
    }

    /// Gives the stuck confirm or cancel of a participant up: someone has seen to it, or accepts it. The
    /// verdict stays as it is.
    ///
    /// # Errors
    /// It is not stuck, or the participant is not.
    pub fn skip(&mut self, node: &str, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let node = self.stuck_participant(node)?;
        Ok(self.operate(moment, Fact::UndoSkipped { by, node }))
    }

    /// Tries a stuck confirm or cancel again with these arguments in place of the bound ones.
    ///
    /// # Errors
    /// It is not stuck, the participant is not, an item is named, or the arguments are no JSON object.
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
        if item.is_some() {
            return Err(Refused(format!("participant `{node}` has no items (name the participant alone)")));
        }
        let node = self.stuck_participant(node)?;
        Ok(self.operate(moment, Fact::Patched { by, node, item, arguments }))
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
            Phase::Stuck(_) => Ok(()),
            _ => Err(Refused(format!("it is {}; only what is stuck can be {what}", self.state.status()))),
        }
    }

    fn stuck_participant(&self, name: &str) -> Result<Name, Refused> {
        self.stuck("seen to")?;
        let participants = self.plan.participants();
        let Some(ix) = self.plan.find(name) else {
            let hint = closest(name, participants.iter().map(|of| of.id.as_str()));
            return Err(Refused(format!("the TCC has no participant `{name}`{hint}")));
        };
        if self.state.unit(ix).is_stuck() {
            return Ok(self.plan.participant(ix).id.clone());
        }
        let stuck = participants.iter().zip(&self.state.units).filter(|(_, unit)| unit.is_stuck());
        let names: Vec<String> = stuck.map(|(of, _)| format!("`{}`", of.id)).collect();
        Err(Refused(format!("participant `{name}` is not stuck (stuck: {})", names.join(", "))))
    }
}

/// Whether something was tried, or may have been, and is not settled.
fn remains(unit: &Unit) -> bool {
    match &unit.progress {
        Progress::Waiting | Progress::Refused(_) => false,
        Progress::Trying(Try::Delayed(attempt, _)) => attempt.maybe_done,
        Progress::Trying(_) => true,
        Progress::Ended(ended) => !matches!(ended.settle, Settle::Done(_)),
    }
}
