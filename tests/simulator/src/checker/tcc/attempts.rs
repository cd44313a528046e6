//! The calls of a TCC: their numbers, their times, their outcomes, and what they are told.

use serde_json::Value;
use wasaga_core::definition::Source;
use wasaga_core::{CallId, Forward, Operation, Timestamp};

use super::member::Phase;
use super::reader::Reader;
use crate::checker::book::{Book, Made};
use crate::checker::calls;
use crate::checker::units::{Last, delays, lost_delays};

impl Reader<'_, '_> {
    /// Numbers rise by one, save for polls, and are not more than allowed; times are the definition's.
    pub(super) fn in_time(&mut self, call: &CallId, deadline: Timestamp, until: Option<Timestamp>) {
        let at = self.at;
        let Some(member) = self.members.get_mut(&*call.node) else { return };
        let (limits, policy) = (member.limits(call.operation), member.policy(call.operation));
        let track = member.track(call.operation);
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

    pub(super) fn outcome(&mut self, call: &CallId, last: Last, due: Option<Timestamp>) {
        let Some(member) = self.members.get_mut(&*call.node) else { return };
        let track = member.track(call.operation);
        let flies = track.flying && track.attempt == call.attempt;
        (track.flying, track.last, track.due) = (false, last, due);
        track.unknown |= last == Last::Unknown;
        if !flies {
            self.wrong("attempts", &format!("{call} has an outcome, and is not in flight"));
        }
    }

    pub(super) fn failed(&mut self, call: &CallId, last: Last, due: Option<Timestamp>, lost: bool) {
        self.outcome(call, last, due);
        let (at, decided) = (self.at, self.decided);
        let Some(member) = self.members.get_mut(&*call.node) else { return };
        let policy = member.policy(call.operation);
        let track = member.track(call.operation);
        let first_loss = lost && track.lost == 0;
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
        let (least, most) = if lost { lost_delays(first_loss, least, most) } else { (least, most) };
        if due < at.after_ms(least) || due > at.after_ms(most) {
            self.wrong("time", &format!("the attempt after {call} is due too early or too late"));
        }
    }

    pub(super) fn given_up(&mut self, node: &str) {
        let (at, deadline) = (self.at, self.deadline);
        let cancels = self.phase == Phase::Cancelling;
        let Some(member) = self.member(node) else { return };
        let forward = member.tried.is_open();
        let track = if forward { &mut member.tried } else { &mut member.settled };
        let waits = track.is_open() && !track.flying;
        track.left_pending |= track.last == Last::Pending;
        track.failed = true;
        // Where the deadline came first, it is the cause, and goes before.
        let before = deadline.filter(|_| forward && !cancels);
        let own = track.until.is_some_and(|until| until <= at && before.is_none_or(|deadline| until <= deadline));
        let excused = own || (forward && cancels);
        if !waits || !excused {
            self.wrong("attempts", &format!("`{node}` is given up, and waits for nothing or has time left"));
        }
    }

    /// A call is told what is known of the try, and repeats its arguments.
    pub(super) fn made(&mut self, book: &Book<'_>, made: &Made<'_>) {
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
        let given: Value = made.call.arguments.json().read().unwrap_or_default();
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
}
