//! One that reads a TCC's records: what it knows so far, and where it is.

use std::collections::BTreeMap;

use wasaga_core::definition::Tcc;
use wasaga_core::{Decided, Status, Timestamp, TransactionId};

use super::member::{Member, Phase};
use crate::checker::book::Book;
use crate::checker::findings::Findings;

pub(super) struct Reader<'r, 'a> {
    pub(super) tcc: &'a Tcc,
    pub(super) members: BTreeMap<&'a str, Member<'a>>,
    pub(super) phase: Phase,
    pub(super) decided: Option<Decided>,
    pub(super) paused: bool,
    pub(super) cancel_asked: bool,
    pub(super) deadline: Option<Timestamp>,
    pub(super) found: &'r mut Findings,
    pub(super) book: &'r Book<'r>,
    pub(super) id: TransactionId,
    pub(super) place: usize,
    pub(super) at: Timestamp,
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn wrong(&mut self, rule: &'static str, what: &str) {
        self.found.add(rule, Some(self.id), format!("record {}: {what}", self.place + 1));
    }

    pub(super) fn member(&mut self, node: &str) -> Option<&mut Member<'a>> {
        if !self.members.contains_key(node) {
            self.wrong("tcc-decision", &format!("`{node}` is not a participant"));
        }
        self.members.get_mut(node)
    }

    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= self.at)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.cancel_asked || self.members.values().any(|member| member.is_lost() && !member.of.optional)
    }

    pub(super) fn status(&self) -> Status {
        match self.phase {
            Phase::Trying => Status::Trying,
            Phase::Confirming => Status::Confirming,
            Phase::Cancelling => Status::Cancelling,
            Phase::Stuck(_) => Status::Stuck,
            Phase::Confirmed => Status::Confirmed,
            Phase::Cancelled => Status::Cancelled,
            Phase::Terminated => Status::Terminated,
        }
    }
}
