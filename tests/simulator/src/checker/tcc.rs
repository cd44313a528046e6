//! A TCC, from its first record to its last, and what must be true when all is over. Written from
//! semantics.md, as the checker of sagas is; the two share the tracks of attempts and nothing else.

mod attempts;
mod end;
mod member;
mod reader;

use wasaga_core::definition::{Source, Tcc};
use wasaga_core::{CallId, Cause, Created, Decided, Fact, Operation, Timestamp, UnknownCause};
use wasaga_journal::Stored;

use super::book::Book;
use super::calls;
use super::findings::Findings;
use super::units::{Last, Track};
use crate::log::Evidence;
use member::{Member, Phase};
use reader::Reader;

pub(super) fn check(tcc: &Tcc, evidence: &Evidence, stored: &Stored, book: &Book<'_>, found: &mut Findings) {
    calls::check_made(book, found);
    let member = |of| Member {
        of,
        tried: Track::default(),
        settled: Track::default(),
        refused: false,
        given_up: false,
        confirmed: false,
        cancelled: false,
    };
    let mut reader = Reader {
        tcc,
        members: tcc.participants.iter().map(|of| (&*of.id, member(of))).collect(),
        phase: Phase::Trying,
        decided: None,
        paused: false,
        cancel_asked: false,
        deadline: None,
        found,
        book,
        id: book.id,
        place: 0,
        at: Timestamp::default(),
    };
    let mut made = book.calls.iter().peekable();
    for (place, line) in book.lines.iter().enumerate() {
        // What a call was told is compared with the records that were there when it was made.
        while let Some(call) = made.next_if(|call| call.order < line.order) {
            reader.made(book, call);
        }
        (reader.place, reader.at) = (place, line.record.at);
        reader.fact(&line.record.fact);
    }
    made.for_each(|call| reader.made(book, call));
    reader.end(evidence, stored);
}

impl<'a> Reader<'_, 'a> {
    fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Created(created) => self.created(created),
            Fact::Refused { node, .. } => self.refused(node),
            Fact::Started { call, deadline, until } => self.started(call, *deadline, *until),
            Fact::Completed { call, output, .. } => {
                self.outcome(call, Last::Completed, None);
                let Some(member) = self.member(&call.node) else { return };
                match call.operation {
                    Operation::Try => member.tried.output = Some(output.clone()),
                    Operation::Confirm => member.confirmed = true,
                    _ => member.cancelled = true,
                }
            }
            Fact::Rejected { call, due, .. } => {
                if call.operation == Operation::Try && due.is_some() {
                    self.wrong("attempts", &format!("{call} is tried again after it was rejected"));
                }
                self.failed(call, Last::Rejected, *due, false);
            }
            Fact::Retryable { call, due, .. } => self.failed(call, Last::Retryable, *due, false),
            Fact::Unknown { call, due, cause, .. } => {
                self.failed(call, Last::Unknown, *due, *cause == UnknownCause::HostLost);
            }
            Fact::Pending { call, due, .. } => self.outcome(call, Last::Pending, Some(*due)),
            Fact::GivenUp { node, .. } => self.given_up(node),
            Fact::Confirming => self.confirming(),
            Fact::Cancelling { cause } => self.cancelling(cause),
            Fact::CancelRequested { .. } => self.cancel_asked = true,
            Fact::Paused { .. } => self.paused = true,
            Fact::Resumed { .. } => self.paused = false,
            Fact::RetryRequested { node, .. } => self.again(node.as_deref(), false),
            Fact::Patched { node, .. } => self.again(Some(node), true),
            Fact::UndoSkipped { node, .. } => {
                self.unstick();
                if let Some(member) = self.member(node) {
                    member.given_up = true;
                }
            }
            Fact::Stuck { nodes } => self.stuck(nodes),
            Fact::Confirmed | Fact::Cancelled => self.over(fact),
            Fact::Terminated { not_undone, .. } => self.terminated(not_undone),
            other => self.wrong("tcc-decision", &format!("a TCC has no such record: {other:?}")),
        }
    }

    fn created(&mut self, created: &Created) {
        let ids = self.tcc.participants.iter().map(|of| of.id.as_str());
        if !created.participants.iter().map(|name| name.as_str()).eq(ids) {
            self.wrong("tcc-decision", "other participants are registered than the definition has");
        }
        let allowed = self.tcc.deadline.map(|ms| self.at.after_ms(ms));
        if created.deadline != allowed {
            self.wrong("time", "the deadline is not the definition's");
        }
        self.deadline = allowed;
    }

    /// A try is begun, or found to be impossible: nothing may stand in its way.
    fn may_try(&mut self, node: &str) {
        if self.decided.is_some() || self.phase != Phase::Trying {
            self.wrong("tcc-tries", &format!("`{node}` is tried, and it is decided"));
        }
        if self.has_failed() {
            self.wrong("nothing-new", &format!("`{node}` is tried after something failed"));
        }
        let order = self.members.get(node).map_or(0, |member| member.of.order);
        let open = self.members.values().find(|other| other.of.order < order && !other.is_passed());
        if let Some(open) = open.map(|open| open.of.id.clone()) {
            self.wrong("tcc-order", &format!("`{node}` is tried before `{open}`"));
        }
    }

    fn refused(&mut self, node: &str) {
        self.may_try(node);
        let Some(member) = self.members.get(node) else { return };
        let excused = member.of.parameters.iter().any(|parameter| match &parameter.source {
            Source::StepOutput { step, .. } => {
                parameter.required && self.members.get(&**step).is_some_and(Member::is_dropped)
            }
            _ => false,
        });
        if !excused {
            self.wrong("conditions", &format!("`{node}` is refused, and can be called"));
        }
        if let Some(member) = self.member(node) {
            member.refused = true;
        }
    }

    fn started(&mut self, call: &CallId, deadline: Timestamp, until: Option<Timestamp>) {
        if self.paused {
            self.wrong("nothing-new", &format!("{call} is started in a pause"));
        }
        match call.operation {
            Operation::Try => {
                self.may_try(&call.node);
                let polls = self.members.get(&*call.node).is_some_and(|member| member.tried.last == Last::Pending);
                if !polls && self.is_late() {
                    self.wrong("time", &format!("{call} is started after the deadline"));
                }
                if self.members.get(&*call.node).is_some_and(|member| member.cancelled) {
                    self.wrong("tcc-tries", &format!("{call} is started after its cancel"));
                }
            }
            Operation::Confirm => self.may_confirm(call),
            Operation::Cancel => self.may_cancel(call),
            _ => self.wrong("tcc-decision", &format!("{call} is started, which a TCC does not have")),
        }
        self.in_time(call, deadline, until);
    }

    fn may_confirm(&mut self, call: &CallId) {
        if self.phase != Phase::Confirming {
            self.wrong("tcc-decision", &format!("{call} is started, and it is not confirming"));
        }
        let Some(member) = self.members.get(&*call.node) else { return };
        let (order, fits) = (member.of.order, member.tried.is_completed() && !member.is_over());
        if !fits {
            self.wrong("tcc-decision", &format!("{call} is started, and there is nothing to confirm"));
        }
        let before = self
            .members
            .values()
            .find(|other| other.of.order < order && other.tried.is_completed() && !other.is_over());
        if let Some(before) = before.map(|before| before.of.id.clone()) {
            self.wrong("tcc-order", &format!("{call} is started before `{before}` is confirmed"));
        }
    }

    fn may_cancel(&mut self, call: &CallId) {
        let Some(member) = self.members.get(&*call.node) else { return };
        let (order, alone) = (member.of.order, member.is_dropped());
        if member.tried.attempt == 0 || member.tried.is_open() || member.is_over() {
            self.wrong("tcc-decision", &format!("{call} is started, and there is nothing to cancel"));
        }
        if alone {
            return;
        }
        if self.phase != Phase::Cancelling {
            self.wrong("tcc-decision", &format!("{call} is started, and it is not cancelling"));
        }
        if self.members.values().any(|other| other.tried.flying) {
            self.wrong("tcc-order", &format!("{call} is started, and a try is in flight"));
        }
        let above =
            self.members.values().find(|other| other.of.order > order && !other.is_dropped() && !other.is_over());
        if let Some(above) = above.map(|above| above.of.id.clone()) {
            self.wrong("tcc-order", &format!("{call} is started before `{above}` is cancelled"));
        }
    }

    fn confirming(&mut self) {
        let open = self.members.values().any(|member| !member.is_passed());
        if self.phase != Phase::Trying || self.decided.is_some() || open || self.has_failed() || self.is_late() {
            self.wrong("tcc-decision", "it is confirmed, and not all that it needs is tried");
        }
        (self.phase, self.decided) = (Phase::Confirming, Some(Decided::Confirm));
    }

    fn cancelling(&mut self, cause: &Cause) {
        let lost = |node: &str| self.members.get(node).is_some_and(|one| one.is_lost() && !one.of.optional);
        let known = match cause {
            Cause::Rejected(call) | Cause::UsedUp(call) => lost(&call.node),
            Cause::Unknown(_) => false,
            Cause::Deadline => self.is_late(),
            Cause::Cancelled => self.cancel_asked,
        };
        if self.phase != Phase::Trying || self.decided.is_some() || self.paused || !known {
            self.wrong("tcc-decision", &format!("it is cancelled for no reason on record: {cause:?}"));
        }
        (self.phase, self.decided) = (Phase::Cancelling, Some(Decided::Cancel));
    }

    fn unstick(&mut self) {
        let Phase::Stuck(decided) = self.phase else {
            return self.wrong("tcc-ends", "an operator sees to what is not stuck");
        };
        self.phase = if decided == Decided::Confirm { Phase::Confirming } else { Phase::Cancelling };
    }

    fn again(&mut self, node: Option<&str>, patched: bool) {
        self.unstick();
        for member in self.members.values_mut().filter(|member| node.is_none_or(|node| member.of.id == node)) {
            if member.settled.failed && !member.given_up {
                member.settled.another_round();
                member.settled.patched |= patched;
            }
        }
    }
}
