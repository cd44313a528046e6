//! A TCC, from its first record to its last, and what must be true when all is over. Written from
//! semantics.md, as the checker of sagas is; the two share the tracks of attempts and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wasaga_core::definition::{Limits, Participant, Source, Tcc};
use wasaga_core::{
    CallId, Cause, Created, Decided, Fact, Forward, Operation, Report, RetryPolicy, Status, Timestamp, UnknownCause,
};
use wasaga_journal::Stored;

use super::Findings;
use super::book::{Book, Made};
use super::calls;
use super::units::{Last, Track, delays};
use crate::log::Evidence;

/// Attempts of a confirm or a cancel where nothing else is said, and the most that either has.
const BUDGET: u32 = 70;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Trying,
    Confirming,
    Cancelling,
    /// With what was decided.
    Stuck(Decided),
    Confirmed,
    Cancelled,
    Terminated,
}

/// What the records say of one participant.
#[derive(Debug)]
struct Member<'a> {
    of: &'a Participant,
    tried: Track,
    settled: Track,
    refused: bool,
    given_up: bool,
    confirmed: bool,
    cancelled: bool,
}

impl Member<'_> {
    /// Its try failed for good, called or not.
    fn is_lost(&self) -> bool {
        self.refused || self.tried.failed
    }

    /// The transaction goes on without it.
    fn is_dropped(&self) -> bool {
        self.of.optional && self.is_lost()
    }

    fn is_passed(&self) -> bool {
        self.tried.is_completed() || self.is_dropped()
    }

    fn is_over(&self) -> bool {
        self.tried.attempt == 0 || self.confirmed || self.cancelled || self.given_up
    }

    /// Something may be left at the partner if all stops here.
    fn remains(&self) -> bool {
        if self.tried.is_open() {
            return self.tried.flying || self.tried.last == Last::Pending || self.tried.unknown;
        }
        self.tried.attempt > 0 && !self.confirmed && !self.cancelled
    }

    /// What a confirm or a cancel is told.
    fn may_have_happened(&self) -> bool {
        self.tried.unknown || self.tried.left_pending
    }
}

struct Reader<'r, 'a> {
    tcc: &'a Tcc,
    members: BTreeMap<&'a str, Member<'a>>,
    phase: Phase,
    decided: Option<Decided>,
    paused: bool,
    cancel_asked: bool,
    deadline: Option<Timestamp>,
    found: &'r mut Findings,
    book: &'r Book<'r>,
    id: wasaga_core::TransactionId,
    place: usize,
    at: Timestamp,
}

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
    fn wrong(&mut self, rule: &'static str, what: &str) {
        self.found.add(rule, Some(self.id), format!("record {}: {what}", self.place + 1));
    }

    fn member(&mut self, node: &str) -> Option<&mut Member<'a>> {
        if !self.members.contains_key(node) {
            self.wrong("tcc-decision", &format!("`{node}` is not a participant"));
        }
        self.members.get_mut(node)
    }

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

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= self.at)
    }

    fn has_failed(&self) -> bool {
        self.cancel_asked || self.members.values().any(|member| member.is_lost() && !member.of.optional)
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

    fn limits(member: &Member<'_>, operation: Operation) -> Limits {
        match operation {
            Operation::Confirm => member.of.confirm_limits,
            Operation::Cancel => member.of.cancel_limits,
            _ => member.of.try_limits,
        }
    }

    fn policy(member: &Member<'_>, operation: Operation) -> RetryPolicy {
        let asked = Self::limits(member, operation).retry;
        if operation == Operation::Try {
            return asked.unwrap_or_default();
        }
        let plain = RetryPolicy { max_attempts: BUDGET, ..RetryPolicy::default() };
        let policy = asked.unwrap_or(plain);
        RetryPolicy { max_attempts: policy.max_attempts.min(BUDGET), ..policy }
    }

    /// Numbers rise by one, save for polls, and are not more than allowed; times are the definition's.
    fn in_time(&mut self, call: &CallId, deadline: Timestamp, until: Option<Timestamp>) {
        let at = self.at;
        let Some(member) = self.members.get_mut(&*call.node) else { return };
        let (limits, policy) = (Self::limits(member, call.operation), Self::policy(member, call.operation));
        let track = track(member, call.operation);
        let mut wrong = Vec::new();
        let polls = track.last == Last::Pending;
        let expected = if polls { track.attempt } else { track.attempt + 1 };
        if track.flying || track.is_completed() || track.failed || call.attempt != expected {
            wrong.push(("attempts", format!("{call} is started where attempt {expected} would be next")));
        }
        if !polls && track.charged() >= policy.max_attempts {
            wrong.push(("attempts", format!("{call} is started, and {} attempts are all", policy.max_attempts)));
        }
        let first = track.attempt == track.before;
        let total = limits.total_timeout.map(|ms| at.after_ms(ms));
        if until != total.filter(|_| first) {
            wrong.push(("time", format!("{call} has another total timeout than the definition")));
        }
        let until = if first { until } else { track.until };
        if track.due.is_some_and(|due| at < due) || until.is_some_and(|until| at >= until) {
            wrong.push(("time", format!("{call} is started before it is due, or too late")));
        }
        let latest = at.after_ms(limits.timeout.unwrap_or(30_000));
        if deadline > until.map_or(latest, |until| until.min(latest)) {
            wrong.push(("time", format!("{call} has a later deadline than the definition gives it")));
        }
        (track.until, track.due, track.attempt, track.flying) = (until, None, call.attempt, true);
        for (rule, what) in wrong {
            self.wrong(rule, &what);
        }
    }

    fn outcome(&mut self, call: &CallId, last: Last, due: Option<Timestamp>) {
        let Some(member) = self.members.get_mut(&*call.node) else { return };
        let track = track(member, call.operation);
        let flies = track.flying && track.attempt == call.attempt;
        (track.flying, track.last, track.due) = (false, last, due);
        track.unknown |= last == Last::Unknown;
        if !flies {
            self.wrong("attempts", &format!("{call} has an outcome, and is not in flight"));
        }
    }

    fn failed(&mut self, call: &CallId, last: Last, due: Option<Timestamp>, lost: bool) {
        self.outcome(call, last, due);
        let (at, decided) = (self.at, self.decided);
        let Some(member) = self.members.get_mut(&*call.node) else { return };
        let policy = Self::policy(member, call.operation);
        let track = track(member, call.operation);
        track.lost += u32::from(lost);
        let Some(due) = due else {
            let used_up = track.charged() >= policy.max_attempts || track.until.is_some();
            let over = call.operation == Operation::Try && (last == Last::Rejected || decided.is_some());
            track.failed = true;
            if !(used_up || over) {
                self.wrong("attempts", &format!("{call} is the last attempt, and more are allowed"));
            }
            return;
        };
        let round = call.attempt - track.before;
        let after = self.book.lines.get(self.place).and_then(|line| calls::after(self.book, line));
        let (least, most) = delays(&policy, round, after);
        if !lost && after.is_none() {
            self.found.spread.note(&policy, round, at, due);
        }
        if !lost && (due < at.after_ms(least) || due > at.after_ms(most)) {
            self.wrong("time", &format!("the attempt after {call} is due too early or too late"));
        }
    }

    fn given_up(&mut self, node: &str) {
        let (at, late) = (self.at, self.is_late());
        let cancels = self.phase == Phase::Cancelling;
        let Some(member) = self.member(node) else { return };
        let forward = member.tried.is_open();
        let track = if forward { &mut member.tried } else { &mut member.settled };
        let (waits, pending) = (track.is_open() && !track.flying, track.last == Last::Pending);
        track.left_pending |= pending;
        track.failed = true;
        let excused = track.until.is_some_and(|until| until <= at) || (forward && (cancels || (pending && late)));
        if !waits || !excused {
            self.wrong("attempts", &format!("`{node}` is given up, and waits for nothing or has time left"));
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

    fn stuck(&mut self, nodes: &[wasaga_core::Name]) {
        let stuck = |member: &Member<'_>| member.settled.failed && !member.given_up;
        let known: BTreeSet<&str> =
            self.members.values().filter(|member| stuck(member)).map(|member| &*member.of.id).collect();
        let told: BTreeSet<&str> = nodes.iter().map(|node| node.as_str()).collect();
        let busy = self.members.values().any(|member| member.tried.is_open() || member.settled.is_open());
        let Some(decided) = self.decided.filter(|_| !busy && !known.is_empty() && told == known) else {
            return self.wrong("tcc-ends", &format!("{told:?} are stuck, and the records say {known:?}"));
        };
        self.phase = Phase::Stuck(decided);
    }

    fn over(&mut self, fact: &Fact) {
        let confirmed = *fact == Fact::Confirmed;
        let before = if confirmed { Phase::Confirming } else { Phase::Cancelling };
        let open = self.members.values().find(|member| !member.is_over());
        let mixed = self.members.values().any(|member| !confirmed && member.confirmed);
        if self.phase != before || open.is_some() || mixed {
            let open = open.map(|member| member.of.id.clone());
            self.wrong("tcc-ends", &format!("it is over as {fact:?}, and open is {open:?}"));
        }
        self.phase = if confirmed { Phase::Confirmed } else { Phase::Cancelled };
    }

    fn terminated(&mut self, not_undone: &[wasaga_core::Name]) {
        let known: BTreeSet<&str> =
            self.members.values().filter(|member| member.remains()).map(|member| &*member.of.id).collect();
        let told: BTreeSet<&str> = not_undone.iter().map(|name| name.as_str()).collect();
        if told != known {
            self.wrong("tcc-ends", &format!("it is ended with {told:?} left, and the records say {known:?}"));
        }
        self.phase = Phase::Terminated;
    }

    /// A call is told what is known of the try, and repeats its arguments.
    fn made(&mut self, book: &Book<'_>, made: &Made<'_>) {
        let id = made.id();
        let Some(member) = self.members.get(&*id.node) else { return };
        let refused = matches!(&made.call.forward, Some(Forward::Rejected(_)));
        let fits = match (id.operation, &member.tried.output) {
            (Operation::Try, _) => made.call.forward.is_none(),
            (_, Some(output)) => made.call.forward == Some(Forward::Completed(output.clone())),
            (_, None) if member.may_have_happened() => made.call.forward == Some(Forward::Unknown),
            (_, None) => refused,
        };
        let first = book.calls.iter().find(|other| other.id().node == id.node);
        let repeats = first.is_some_and(|first| first.call.arguments == made.call.arguments);
        if !fits {
            self.found.add("forward", Some(self.id), format!("{id} is told {:?}", made.call.forward));
        }
        if !repeats && !self.members.get(&*id.node).is_some_and(|member| member.settled.patched) {
            self.found.add("same-arguments", Some(self.id), format!("{id} has other arguments than its try"));
        }
        self.bound(made);
    }

    /// The output of an earlier try is bound as it is, and null where that one was dropped.
    fn bound(&mut self, made: &Made<'_>) {
        let id = made.id();
        if id.operation != Operation::Try {
            return;
        }
        let Some(member) = self.members.get(&*id.node) else { return };
        let given: Value = made.call.arguments.read().unwrap_or_default();
        let mut wrong = Vec::new();
        for parameter in &member.of.parameters {
            let Source::StepOutput { step, pointer: None } = &parameter.source else { continue };
            let output = self.members.get(&**step).and_then(|earlier| earlier.tried.output.as_ref());
            let expected: Value = output.and_then(|output| output.read().ok()).unwrap_or_default();
            if given.get(&parameter.name) != Some(&expected) {
                wrong.push(format!("parameter `{}` of {id} is not what `{step}` answered", parameter.name));
            }
        }
        for what in wrong {
            self.found.add("same-arguments", Some(self.id), what);
        }
    }

    fn status(&self) -> Status {
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

    fn end(mut self, evidence: &Evidence, stored: &Stored) {
        let (row, status) = (&stored.row, self.status());
        if (row.status, row.paused) != (status, self.paused) || row.status.is_ended() != row.ended.is_some() {
            let what = format!("its row says {}, and its records {status}", row.status);
            self.found.add("report", Some(self.id), what);
        }
        for report in evidence.reports.iter().filter(|report| report.transaction == row.id) {
            self.report(report);
        }
        self.partner(evidence);
    }

    fn report(&mut self, report: &Report) {
        if (report.status, report.paused, report.decision) != (self.status(), self.paused, self.decided) {
            let what = format!("it is reported as {}, decided {:?}", report.status, report.decision);
            self.found.add("report", Some(self.id), what);
        }
        let named = |fits: &dyn Fn(&Member<'_>) -> bool| -> BTreeSet<String> {
            self.members.values().filter(|member| fits(member)).map(|member| member.of.id.clone()).collect()
        };
        let lists = [
            ("confirmed", &report.confirmed, named(&|member| member.confirmed)),
            ("cancelled", &report.cancelled, named(&|member| member.cancelled)),
            ("given up", &report.given_up, named(&|member| member.given_up)),
            ("stuck", &report.stuck, named(&|member| member.settled.failed && !member.given_up)),
        ];
        let mut differs = Vec::new();
        for (list, reported, known) in lists {
            let reported: BTreeSet<String> = reported.iter().cloned().collect();
            if reported != known {
                differs.push(format!("{list} is reported as {reported:?}, and the records say {known:?}"));
            }
        }
        for what in differs {
            self.found.add("report", Some(self.id), what);
        }
    }

    /// What the partner has at the end is what the end allows for.
    fn partner(&mut self, evidence: &Evidence) {
        let of = |list: &[(wasaga_core::TransactionId, String, Option<u32>)]| -> BTreeSet<String> {
            list.iter().filter(|(id, ..)| *id == self.id).map(|(_, node, _)| node.clone()).collect()
        };
        let (present, confirmed) = (of(&evidence.present), of(&evidence.confirmed));
        let mut wrong = Vec::new();
        for (node, member) in &self.members {
            let (there, final_there) = (present.contains(*node), confirmed.contains(*node));
            if final_there && self.decided != Some(Decided::Confirm) {
                wrong.push(("tcc-ends", format!("`{node}` was told to make it final, and that was not decided")));
            }
            if member.confirmed && !(there && final_there) {
                wrong.push(("tcc-ends", format!("`{node}` is confirmed, and the partner does not have it")));
            }
            let allowed = member.confirmed || member.given_up || (!self.status().is_ended() && member.remains());
            let allowed = allowed || (self.phase == Phase::Terminated && member.remains());
            if there && !allowed {
                wrong.push(("left-behind", format!("it is {}, and `{node}` is left", self.status())));
            }
        }
        for (rule, what) in wrong {
            self.found.add(rule, Some(self.id), what);
        }
    }
}

fn track<'m>(member: &'m mut Member<'_>, operation: Operation) -> &'m mut Track {
    if operation == Operation::Try { &mut member.tried } else { &mut member.settled }
}
