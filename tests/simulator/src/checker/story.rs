//! Reads the records of one transaction from the first to the last, and checks at each that it may
//! stand where it stands. Forward steps here; undoing is in `undo`.

use std::collections::{BTreeMap, BTreeSet};

use wasaga_core::definition::CompensationPolicy;
use wasaga_core::{CallId, Cause, Created, Fact, Operation, Timestamp, TransactionId, UnknownCause};

use super::book::Book;
use super::calls;
use super::findings::Findings;
use super::graph::{Graph, Node};
use super::units::{Last, Unit, delays, lost_delays, name, unit_of};

/// Which part of its life a transaction is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Scheduled,
    Running,
    Unwinding,
    Stuck,
    Completed,
    Compensated,
    Terminated,
}

/// What the records say so far.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    pub(crate) graph: &'a Graph<'a>,
    pub(crate) units: BTreeMap<(String, Option<u32>), Unit>,
    pub(crate) skipped: BTreeSet<String>,
    pub(crate) expanded: BTreeMap<String, u32>,
    pub(crate) phase: Phase,
    pub(crate) paused: bool,
    pub(crate) policy: CompensationPolicy,
    deadline: Option<Timestamp>,
    /// Whether anything has failed for good, or a cancel was asked for.
    failed: bool,
    cancelled: bool,
    pub(crate) circuit_open: bool,
    /// Whether a critical compensation has failed for good since the circuit was closed.
    pub(crate) circuit_due: bool,
}

/// One that reads.
pub(super) struct Reader<'r, 'a> {
    pub(super) story: Story<'a>,
    found: &'r mut Findings,
    id: TransactionId,
    book: &'r Book<'r>,
    /// The place of the record, from 0, and its time.
    pub(super) place: usize,
    pub(super) at: Timestamp,
}

impl<'a> Story<'a> {
    pub(super) fn read(graph: &'a Graph<'a>, book: &Book<'_>, found: &mut Findings) -> Self {
        let story = Self {
            graph,
            units: BTreeMap::new(),
            skipped: BTreeSet::new(),
            expanded: BTreeMap::new(),
            phase: Phase::Scheduled,
            paused: false,
            policy: CompensationPolicy::StrictSequential,
            deadline: None,
            failed: false,
            cancelled: false,
            circuit_open: false,
            circuit_due: false,
        };
        let mut reader = Reader { story, found, id: book.id, book, place: 0, at: Timestamp::default() };
        for (place, line) in book.lines.iter().enumerate() {
            (reader.place, reader.at) = (place, line.record.at);
            reader.fact(&line.record.fact);
        }
        reader.story
    }

    /// Whether what depends on this step may start.
    fn is_passed(&self, node: &str) -> bool {
        if self.skipped.contains(node) {
            return true;
        }
        let done = |item| self.units.get(&(node.to_owned(), item)).is_some_and(|unit| unit.run.is_completed());
        match (self.expanded.get(node), self.graph.steps.get(node)) {
            (Some(items), _) => (0..*items).all(|item| done(Some(item))),
            (None, Some(node)) if node.step.each.is_some() => false,
            _ => done(None),
        }
    }

    pub(crate) fn is_all_passed(&self) -> bool {
        self.graph.steps.keys().all(|node| self.is_passed(node))
    }

    pub(crate) fn flying(&self) -> usize {
        self.units.values().map(|unit| usize::from(unit.run.flying) + usize::from(unit.undo.flying)).sum()
    }
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn wrong(&mut self, rule: &'static str, what: &str) {
        self.found.add(rule, Some(self.id), format!("record {}: {what}", self.place + 1));
    }

    pub(super) fn node(&self, node: &str) -> Option<&'a Node<'a>> {
        self.story.graph.steps.get(node)
    }

    pub(super) fn unit(&mut self, node: &str, item: Option<u32>) -> &mut Unit {
        self.story.units.entry((node.to_owned(), item)).or_default()
    }

    fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Created(created) => self.created(created),
            Fact::Skipped { node } => self.skipped(node),
            Fact::Expanded { node, items } => self.expanded(node, *items),
            Fact::Refused { node, item, .. } => self.refused(node, *item),
            Fact::Started { call, deadline, until } => self.started(call, *deadline, *until),
            Fact::Completed { call, output, .. } => {
                self.outcome(call, Last::Completed, None);
                self.unit(&call.node, call.item).track(call.operation).output = Some(output.clone());
            }
            Fact::Rejected { call, .. } => {
                self.outcome(call, Last::Rejected, None);
                self.failed_for_good(call);
            }
            Fact::Retryable { call, due, .. } => self.once(call, Last::Retryable, *due, false),
            Fact::Unknown { call, due, cause, .. } => {
                self.once(call, Last::Unknown, *due, *cause == UnknownCause::HostLost);
            }
            Fact::Pending { call, due, .. } => self.outcome(call, Last::Pending, Some(*due)),
            Fact::GivenUp { node, item, .. } => self.given_up(node, *item),
            Fact::Unwinding { cause } => self.unwinding(cause),
            Fact::Finished => self.finished(),
            Fact::CancelRequested { .. } => (self.story.cancelled, self.story.failed) = (true, true),
            Fact::Paused { .. } => self.story.paused = true,
            Fact::Resumed { .. } => self.story.paused = false,
            other => self.undo_fact(other),
        }
    }

    fn created(&mut self, created: &Created) {
        self.story.policy = created.policy.unwrap_or_default();
        let allowed = self.story.graph.scenario.saga.deadline.map(|ms| self.at.after_ms(ms));
        if created.deadline != allowed {
            self.wrong("time", "the deadline is not the definition's");
        }
        // A deadline that the definition does not allow is no excuse for what comes.
        self.story.deadline = allowed;
        if self.place != 0 {
            self.wrong("no-gaps", "it is created again");
        }
    }

    fn is_forward(&self) -> bool {
        matches!(self.story.phase, Phase::Scheduled | Phase::Running)
    }

    /// Something new of a step is decided: nothing may stand in its way.
    fn new_of(&mut self, node: &str) {
        if !self.is_forward() || self.story.failed {
            self.wrong("nothing-new", &format!("`{node}` is begun after something failed"));
        }
        if self.story.paused {
            self.wrong("nothing-new", &format!("`{node}` is begun in a pause"));
        }
        let needs = self.node(node).map(|node| node.needs.clone()).unwrap_or_default();
        if let Some(open) = needs.iter().find(|need| !self.story.is_passed(need)) {
            self.wrong("dependencies", &format!("`{node}` is begun before `{open}` is done"));
        }
    }

    fn skipped(&mut self, node: &str) {
        self.new_of(node);
        if self.story.graph.condition(node) != Some(false) {
            self.wrong("conditions", &format!("`{node}` is skipped, and its condition is not false"));
        }
        self.story.skipped.insert(node.to_owned());
    }

    fn expanded(&mut self, node: &str, items: u32) {
        self.new_of(node);
        let lines = self.story.graph.scenario.lines;
        use wasaga_core::definition::Source;
        let expected = self.node(node).and_then(|node| match node.step.each.as_ref()? {
            Source::Input(_) => Some(lines),
            Source::StepOutput { step, pointer: None } => self.story.expanded.get(step).copied(),
            _ => Some(3),
        });
        if expected != Some(items) || self.story.graph.condition(node) != Some(true) {
            self.wrong("conditions", &format!("`{node}` has {items} items, and its source {expected:?}"));
        }
        self.story.expanded.insert(node.to_owned(), items);
    }

    fn refused(&mut self, node: &str, item: Option<u32>) {
        self.new_of(node);
        self.unit(node, item).refused = true;
        self.story.failed = true;
    }

    fn started(&mut self, call: &CallId, deadline: Timestamp, until: Option<Timestamp>) {
        if self.story.paused {
            self.wrong("nothing-new", &format!("{call} is started in a pause"));
        }
        if self.story.flying() >= self.story.graph.concurrency {
            self.wrong("concurrency", &format!("{call} is one call too many in flight"));
        }
        match call.operation {
            Operation::Run => self.may_run(call),
            Operation::Compensate => self.may_undo(call),
            Operation::Try | Operation::Confirm | Operation::Cancel => {
                self.wrong("attempts", &format!("{call} is started, which a saga does not have"));
            }
        }
        self.attempt_follows(call);
        self.in_time(call, deadline, until);
        let (node, item) = unit_of(call);
        let track = self.unit(&node, item).track(call.operation);
        (track.attempt, track.flying) = (call.attempt, true);
        if self.story.phase == Phase::Scheduled {
            self.story.phase = Phase::Running;
        }
    }

    fn may_run(&mut self, call: &CallId) {
        let (node, item) = unit_of(call);
        let track = self.unit(&node, item).run.clone();
        let polls = track.last == Last::Pending;
        if track.attempt == 0 {
            self.new_of(&node);
            if self.story.graph.condition(&node) != Some(true) {
                self.wrong("conditions", &format!("`{node}` is started, and its condition is not true"));
            }
            let fan = self.node(&node).is_some_and(|node| node.step.each.is_some());
            let fits = item.map_or(!fan, |item| self.story.expanded.get(&node).is_some_and(|items| item < *items));
            if !fits {
                self.wrong("conditions", &format!("`{}` is not a unit of its step", name(&node, item)));
            }
        } else if !polls && (!self.is_forward() || self.story.failed) {
            self.wrong("nothing-new", &format!("{call} is started after something failed"));
        }
        if !polls && self.story.deadline.is_some_and(|deadline| self.at >= deadline) {
            self.wrong("time", &format!("{call} is started after the saga's deadline"));
        }
        let once = self.node(&node).is_some_and(|node| node.step.at_most_once);
        if once && track.last == Last::Unknown {
            self.wrong("at-most-once", &format!("{call} is started, and the one before is unknown"));
        }
    }

    /// Numbers rise by one, save for polls; and there are no more than the policy allows.
    fn attempt_follows(&mut self, call: &CallId) {
        let (node, item) = unit_of(call);
        let track = self.unit(&node, item).track(call.operation).clone();
        let expected = if track.last == Last::Pending { track.attempt } else { track.attempt + 1 };
        if track.flying || track.is_completed() || track.failed || call.attempt != expected {
            self.wrong("attempts", &format!("{call} is started where attempt {expected} would be next"));
        }
        let policy = match call.operation {
            Operation::Run => self.story.graph.retry(&node),
            _ => self.story.graph.undo_retry(&node, self.story.policy),
        };
        if track.last != Last::Pending && track.charged() >= policy.max_attempts {
            self.wrong("attempts", &format!("{call} is started, and {} attempts are all", policy.max_attempts));
        }
    }

    fn in_time(&mut self, call: &CallId, deadline: Timestamp, until: Option<Timestamp>) {
        let (node, item) = unit_of(call);
        let track = self.unit(&node, item).track(call.operation).clone();
        let limits = self.node(&node).and_then(|node| match call.operation {
            Operation::Run => Some(node.step.limits),
            _ => Some(node.step.compensation.as_ref()?.limits),
        });
        let Some(limits) = limits else { return };
        let first = track.attempt == track.before;
        let total = limits.total_timeout.map(|ms| self.at.after_ms(ms));
        if until != total.filter(|_| first) {
            self.wrong("time", &format!("{call} has another total timeout than the definition"));
        }
        let until = if first { until } else { track.until };
        if track.due.is_some_and(|due| self.at < due) {
            self.wrong("time", &format!("{call} is started before it is due"));
        }
        if until.is_some_and(|until| self.at >= until) {
            self.wrong("time", &format!("{call} is started after the time for all attempts"));
        }
        let latest = self.at.after_ms(limits.timeout.unwrap_or(30_000));
        if deadline > until.map_or(latest, |until| until.min(latest)) {
            self.wrong("time", &format!("{call} has a later deadline than the definition gives it"));
        }
        let track = self.unit(&node, item).track(call.operation);
        (track.until, track.due) = (until, None);
    }

    fn outcome(&mut self, call: &CallId, last: Last, due: Option<Timestamp>) {
        let (node, item) = unit_of(call);
        let place = self.place;
        let track = self.unit(&node, item).track(call.operation);
        let flies = track.flying && track.attempt == call.attempt;
        (track.flying, track.last, track.due, track.ended_at) = (false, last, due, place);
        track.unknown |= last == Last::Unknown;
        if !flies {
            self.wrong("attempts", &format!("{call} has an outcome, and is not in flight"));
        }
    }

    /// A retryable or an unknown outcome.
    fn once(&mut self, call: &CallId, last: Last, due: Option<Timestamp>, lost: bool) {
        self.outcome(call, last, due);
        let (node, item) = unit_of(call);
        let track = self.unit(&node, item).track(call.operation);
        let first_loss = lost && track.lost == 0;
        track.lost += u32::from(lost);
        match due {
            Some(due) => self.waits_long_enough(call, due, lost, first_loss),
            None => {
                self.gives_up_for_a_reason(call, last);
                self.failed_for_good(call);
            }
        }
    }

    fn waits_long_enough(&mut self, call: &CallId, due: Timestamp, lost: bool, first_loss: bool) {
        let policy = match call.operation {
            Operation::Run => self.story.graph.retry(&call.node),
            _ => self.story.graph.undo_retry(&call.node, self.story.policy),
        };
        let round = call.attempt - self.unit(&call.node, call.item).track(call.operation).before;
        let after = self.book.lines.get(self.place).and_then(|line| calls::after(self.book, line));
        let (least, most) = delays(&policy, round, after);
        let (least, most) = if lost { lost_delays(first_loss, least, most) } else { (least, most) };
        if after.is_none() && !lost {
            self.found.spread.note(&policy, round, self.at, due);
        }
        if due < self.at.after_ms(least) || due > self.at.after_ms(most) {
            self.wrong("time", &format!("the attempt after {call} is due too early or too late"));
        }
    }

    /// No attempt follows: they are used up, or the time is, or nothing new may start.
    fn gives_up_for_a_reason(&mut self, call: &CallId, last: Last) {
        let (node, item) = unit_of(call);
        let track = self.unit(&node, item).track(call.operation).clone();
        let policy = match call.operation {
            Operation::Run => self.story.graph.retry(&node),
            _ => self.story.graph.undo_retry(&node, self.story.policy),
        };
        let once = call.operation == Operation::Run && self.node(&node).is_some_and(|node| node.step.at_most_once);
        let unwinds = call.operation == Operation::Run && !self.is_forward();
        let used_up = track.charged() >= policy.max_attempts || track.until.is_some();
        if !(used_up || unwinds || (once && last == Last::Unknown)) {
            self.wrong("attempts", &format!("{call} is the last attempt, and more are allowed"));
        }
    }

    fn failed_for_good(&mut self, call: &CallId) {
        let (node, item) = unit_of(call);
        self.unit(&node, item).track(call.operation).failed = true;
        match call.operation {
            Operation::Run => self.story.failed = true,
            _ => self.note_critical(&node),
        }
    }

    fn given_up(&mut self, node: &str, item: Option<u32>) {
        let at = self.at;
        let unit = self.unit(node, item);
        let forward = unit.run.is_open();
        let operation = if forward { Operation::Run } else { Operation::Compensate };
        let track = unit.track(operation);
        let waits = track.is_open() && !track.flying;
        track.left_pending |= track.last == Last::Pending;
        track.failed = true;
        let until = track.until;
        let pending = track.last == Last::Pending;
        if !waits {
            self.wrong("attempts", &format!("`{}` is given up, and waits for nothing", name(node, item)));
        }
        // Where the deadline came first, it is the cause, and goes before.
        let before = self.story.deadline.filter(|_| forward && self.is_forward());
        let late = until.is_some_and(|until| until <= at && before.is_none_or(|deadline| until <= deadline));
        let over = self.story.deadline.is_some_and(|deadline| deadline <= self.at);
        let unwinds = !self.is_forward() && (over || !pending);
        if !(late || (forward && unwinds)) {
            self.wrong("attempts", &format!("`{}` is given up, and has time left", name(node, item)));
        }
        match operation {
            Operation::Run => self.story.failed = true,
            _ => self.note_critical(node),
        }
    }

    fn unwinding(&mut self, cause: &Cause) {
        if !self.is_forward() || self.story.paused {
            self.wrong("cause", "it unwinds, and is not running");
        }
        let failed = |reader: &mut Self, node: &str, item| reader.unit(node, item).has_failed();
        let known = match cause {
            Cause::Rejected(lost) | Cause::UsedUp(lost) | Cause::Unknown(lost) => failed(self, &lost.node, lost.item),
            Cause::Deadline => self.story.deadline.is_some_and(|deadline| deadline <= self.at),
            Cause::Cancelled => self.story.cancelled,
        };
        if !known {
            self.wrong("cause", &format!("it unwinds for a reason that is not on record: {cause:?}"));
        }
        (self.story.phase, self.story.failed) = (Phase::Unwinding, true);
    }

    fn finished(&mut self) {
        if !self.is_forward() || !self.story.is_all_passed() || self.story.flying() > 0 {
            self.wrong("ends", "it is completed, and not every step is completed or skipped");
        }
        self.story.phase = Phase::Completed;
    }
}
