//! What people ask of a TCC alone: cancel, and for a stuck one retry, skip and patch. Each is a record with who and
//! why, or a refusal that says why not.

use alloc::{format, string::String, vec::Vec};

use super::{
    machine::Tcc,
    state::{Phase, Unit},
};
use crate::{
    command::Decision,
    id::Name,
    incoming::{Moment, Refused},
    json::Json,
    plan::closest,
    record::{Cause, Fact, Operator},
    turn::Turn,
    words,
};

impl Tcc {
    /// Asks for it to be cancelled. Cancelling what is cancelled already changes nothing.
    ///
    /// # Errors
    /// It is confirming, cancels for another reason, is stuck, or has ended.
    pub(crate) fn cancel(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let cancelled = |cause: Option<&Cause>| cause == Some(&Cause::Cancelled);
        let failed = self.state.common.failed.as_ref();
        if cancelled(self.state.cause()) || cancelled(failed) {
            return Ok(Turn::new(self, moment).decision());
        }
        match (&self.state.phase, failed) {
            (Phase::Trying, None) => Ok(words::say(self, moment, Fact::CancelRequested { by })),
            (Phase::Trying, Some(_)) => Err(Refused("it is about to cancel, for a try has failed".into())),
            _ => Err(words::too_late(self, "cancelled")),
        }
    }

    /// Tries stuck confirms or cancels again, all or that of one participant.
    ///
    /// # Errors
    /// It is not stuck, or the participant is not.
    pub(crate) fn retry(&mut self, node: Option<&str>, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.check_stuck("tried again")?;
        let node = node.map(|name| self.stuck(name)).transpose()?;
        Ok(words::say(self, moment, Fact::RetryRequested { by, node, item: None }))
    }

    /// Gives the stuck confirm or cancel of a participant up: someone has seen to it, or accepts it. The
    /// verdict stays as it is.
    ///
    /// # Errors
    /// It is not stuck, or the participant is not.
    pub(crate) fn skip(&mut self, node: &str, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        self.check_stuck("seen to")?;
        let node = self.stuck(node)?;
        Ok(words::say(self, moment, Fact::UndoSkipped { by, node, item: None }))
    }

    /// Tries a stuck confirm or cancel again with these arguments in place of the bound ones. They hold until others
    /// are given.
    ///
    /// # Errors
    /// It is not stuck, the participant is not, an item is named, or the arguments are no JSON object.
    pub(crate) fn patch(
        &mut self,
        node: &str,
        item: Option<u32>,
        arguments: Json,
        by: Operator,
        moment: &Moment<'_>,
    ) -> Result<Decision, Refused> {
        words::check_arguments(&arguments)?;
        if item.is_some() {
            return Err(no_items(node));
        }
        self.check_stuck("seen to")?;
        let node = self.stuck(node)?;
        Ok(words::say(self, moment, Fact::Patched { by, node, item, arguments }))
    }

    fn check_stuck(&self, what: &str) -> Result<(), Refused> {
        match self.state.phase {
            Phase::Stuck(_) => Ok(()),
            _ => Err(words::only_stuck(self, what)),
        }
    }

    fn stuck(&self, name: &str) -> Result<Name, Refused> {
        let participants = self.plan.participants();
        let Some(ix) = self.plan.find(name) else {
            if let Some((node, _)) = words::parse_unit(name).filter(|(node, _)| self.plan.find(node).is_some()) {
                return Err(no_items(node));
            }
            let hint = closest(name, participants.iter().map(|of| of.id.as_str()));
            return Err(Refused(format!("the TCC has no participant `{name}`{hint}")));
        };
        if self.state.unit(ix).is_stuck() {
            return Ok(self.plan.participant(ix).id.clone());
        }
        let stuck = participants.iter().zip(&self.state.units).filter(|(_, unit): &(_, &Unit)| unit.is_stuck());
        let names: Vec<String> = stuck.map(|(of, _)| String::from(of.id.as_str())).collect();
        Err(Refused(format!("participant `{name}` is not stuck (stuck: {})", words::listed(&names))))
    }
}

fn no_items(node: &str) -> Refused {
    Refused(format!("participant `{node}` has no items (name the participant alone)"))
}
