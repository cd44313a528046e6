//! One decision under way: what follows from a machine's state at this moment. A turn changes the state through the
//! transition table alone, and keeps the records and commands that came of it. What both machines do alike stands
//! here: calls that start, that complete, that are lost, that were not made, that wait and are given up. Deliberately absent: what an
//! outcome means and what may start next (`saga`, `tcc`).

use alloc::{sync::Arc, vec::Vec};

use crate::{
    attempt::{Attempt, Delay, Try, not_made_due},
    command::{Call, Command, Decision},
    commit::Commit,
    common::Common,
    id::{Digest, IdempotencyKey, Name, Seq},
    incoming::{Answer, Moment},
    json::Json,
    outcome::{Failure, Forward, NotMade, UnknownCause, Usage, Writes},
    plan::Limits,
    record::{CallId, Cause, Fact, IllegalRecord, Operation, Record},
    retry::RetryPolicy,
    status::Status,
    summary::{Summary, Wake},
    time::{Milliseconds, Timestamp},
};

/// What was lost with its host before is called again after this at the soonest, also where its policy has no delays: a
/// guest that kills its host must not do so in a loop.
const LOST_DELAY: Milliseconds = 1_000;

/// What a turn asks of a machine.
pub(crate) trait Machine: Sized {
    /// What is called by itself: a step or an item of one, or a participant.
    type At: Copy;

    fn common(&self) -> &Common;
    fn status(&self) -> Status;
    /// The definition's name.
    fn definition(&self) -> &Name;
    /// Takes one more record in.
    fn evolve(&mut self, record: &Record) -> Result<(), IllegalRecord>;
    /// Whether it is not yet decided that it unwinds, or is confirmed or cancelled.
    fn is_forward(&self) -> bool;
    /// Calls that may be in flight at once.
    fn concurrency(&self) -> usize;
    fn name(&self, at: Self::At) -> (&Name, Option<u32>);
    fn find(&self, node: &str, item: Option<u32>) -> Option<Self::At>;
    /// The module that answers for it.
    fn module(&self, at: Self::At) -> Digest;
    /// What is under way of it.
    fn trying(&self, at: Self::At) -> Option<(Operation, &Try)>;
    /// Why the attempt before failed.
    fn last_failure(&self, at: Self::At, operation: Operation) -> Option<&Failure>;
    fn limits(&self, at: Self::At, operation: Operation) -> &Limits;
    /// How it is tried again after a failure; none where it is not.
    fn retry(&self, at: Self::At, operation: Operation, unknown: bool) -> Option<RetryPolicy>;
    /// What a call is told of what it undoes, confirms or cancels.
    fn forward(&self, at: Self::At, operation: Operation) -> Option<Forward>;
    /// Those whose call is in flight.
    fn in_flight(&self) -> Vec<Self::At>;
    /// One that waits, and whose time has come.
    fn first_due(&self, now: Timestamp) -> Option<Self::At>;
    /// Those that wait, and are not to be waited for any longer.
    fn late(&self, now: Timestamp) -> Vec<Self::At>;
    /// When it must be asked again though nothing happens.
    fn due(&self) -> Option<Timestamp>;
    /// Names of what is or may be done, and is not undone or settled.
    fn not_undone(&self) -> Vec<Name>;

    fn summary(&self) -> Summary {
        self.common().summary(self.status(), self.due())
    }

    /// The attempt of a call in flight; none where the call is not in flight.
    fn call_in_flight(&self, call: &CallId) -> Option<(Self::At, &Attempt)> {
        let at = self.find(&call.node, call.item)?;
        match self.trying(at)? {
            (operation, Try::Started(attempt)) if operation == call.operation && attempt.number == call.attempt => {
                Some((at, attempt))
            }
            _ => None,
        }
    }

    /// The deadline of the transaction, where it holds for the operation: carrying out what was decided has its own
    /// time, and most of all after that deadline.
    fn deadline(&self, operation: Operation) -> Option<Timestamp> {
        self.common().created.deadline.filter(|_| operation.is_forward())
    }
}

/// What each machine does in its own way.
pub(crate) trait Advance: Machine {
    /// Does all that may be done now.
    fn advance(turn: &mut Turn<'_, '_, Self>);
    /// Writes down what a call came to that is in flight.
    fn answer(turn: &mut Turn<'_, '_, Self>, at: Self::At, attempt: &Attempt, call: CallId, answer: Answer);
    /// Sees to what follows where an attempt has ended.
    fn ended(turn: &mut Turn<'_, '_, Self>, at: Self::At);
}

pub(crate) struct Turn<'s, 'm, M> {
    pub(crate) machine: &'s mut M,
    pub(crate) moment: &'s Moment<'m>,
    before: Seq,
    records: Vec<Record>,
    commands: Vec<Command>,
}

impl<'s, 'm, M: Advance> Turn<'s, 'm, M> {
    /// A turn that begins after the records that the machine has.
    pub(crate) fn new(machine: &'s mut M, moment: &'s Moment<'m>) -> Self {
        let before = machine.common().seq;
        Self { machine, moment, before, records: Vec::new(), commands: Vec::new() }
    }

    /// The decision that a transaction begins with.
    pub(crate) fn first(machine: &'s mut M, moment: &'s Moment<'m>, record: Record) -> Decision {
        let mut turn = Self { machine, moment, before: Seq(0), records: alloc::vec![record], commands: Vec::new() };
        M::advance(&mut turn);
        turn.decision()
    }

    /// The decision that begins with what `first` does, and goes on with all that may be done then.
    pub(crate) fn take(machine: &'s mut M, moment: &'s Moment<'m>, first: impl FnOnce(&mut Self)) -> Decision {
        let mut turn = Self::new(machine, moment);
        if !turn.machine.status().is_ended() {
            first(&mut turn);
            M::advance(&mut turn);
        }
        turn.decision()
    }

    pub(crate) fn decision(self) -> Decision {
        let mut summary = self.machine.summary();
        // What this decision would have begun, whoever takes the transaction over begins at once.
        if self.moment.hold && summary.wake != Wake::Never {
            summary.wake = Wake::Now;
        }
        let transaction = self.machine.common().created.transaction;
        let (before, records) = (self.before, self.records);
        Decision {
            commit: Commit { transaction, before, records, taken: Vec::new(), summary },
            commands: self.commands,
        }
    }

    /// Writes a record down, and takes it into the state.
    pub(crate) fn push(&mut self, fact: Fact) {
        let record = Record { at: self.moment.now, fact };
        if let Err(illegal) = self.machine.evolve(&record) {
            panic!("the machine wrote a record that it does not understand: {illegal}: {record:?}");
        }
        self.records.push(record);
    }

    /// How many records there are so far: whether something came of what was done since.
    pub(crate) fn written(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn alarm(&mut self) {
        self.commands.push(Command::Alarm);
    }

    /// Whether another call may be in flight.
    pub(crate) fn has_room(&self) -> bool {
        !self.moment.hold && self.machine.common().calling < self.machine.concurrency()
    }

    /// Why it is to turn back. A failure goes before the deadline, for it was there first.
    pub(crate) fn cause_to_turn_back(&self) -> Option<Cause> {
        let common = self.machine.common();
        let late = common.created.deadline.is_some_and(|deadline| deadline <= self.moment.now);
        common.failed.clone().or_else(|| late.then_some(Cause::Deadline))
    }

    /// Starts attempts whose time has come, as far as there is room.
    pub(crate) fn start_due(&mut self) {
        while self.has_room()
            && let Some(at) = self.machine.first_due(self.moment.now)
            && let Some((operation, tried)) = self.machine.trying(at)
        {
            let number = match tried {
                Try::Delayed(attempt, _) => attempt.number + 1,
                Try::Polling(attempt, _) | Try::Started(attempt) => attempt.number,
            };
            self.start(at, operation, number);
        }
    }

    /// Writes down that a call starts, and asks for it.
    pub(crate) fn start(&mut self, at: M::At, operation: Operation, attempt: u32) {
        let (now, machine) = (self.moment.now, &*self.machine);
        let limits = machine.limits(at, operation);
        let known = machine.trying(at).map(|(_, tried)| tried.attempt().until);
        let until = known.unwrap_or_else(|| limits.total_timeout.map(|total| now.after_ms(total)));
        let deadline = now.after_ms(limits.timeout);
        let deadline = until.map_or(deadline, |until| deadline.min(until));
        let call = self.call_id(at, operation, attempt);
        let first = until.filter(|_| known.is_none());
        self.push(Fact::Started { call: call.clone(), deadline, until: first });
        let call = self.call(at, call, deadline);
        self.commands.push(Command::Call(Arc::new(call)));
    }

    fn call_id(&self, at: M::At, operation: Operation, attempt: u32) -> CallId {
        let (node, item) = self.machine.name(at);
        CallId { node: node.clone(), item, operation, attempt }
    }

    fn call(&self, at: M::At, id: CallId, deadline: Timestamp) -> Call {
        let (machine, common) = (&*self.machine, self.machine.common());
        let (_, tried) = machine.trying(at).expect("it was started just now");
        let (attempt, limits) = (tried.attempt(), machine.limits(at, id.operation));
        let created = &common.created;
        Call {
            transaction: created.transaction,
            definition: machine.definition().clone(),
            module: machine.module(at),
            key: IdempotencyKey::of(&created.namespace, created.origin(), &id.node, id.item, id.operation.as_str()),
            deadline,
            until: attempt.until,
            fuel: limits.fuel,
            memory_bytes: limits.memory_bytes,
            arguments: attempt.arguments.clone(),
            forward: machine.forward(at, id.operation),
            headers: common.headers.clone(),
            variables: common.variables.clone(),
            token: attempt.token.clone(),
            last_failure: machine.last_failure(at, id.operation).cloned(),
            id,
        }
    }

    /// Ends what has waited past its time. Where the deadline of the transaction came before that time, it is the cause
    /// that is told: this leaves it to whoever looks at the deadline.
    pub(crate) fn give_up_late(&mut self) {
        for at in self.machine.late(self.moment.now) {
            let Some((operation, tried)) = self.machine.trying(at) else { continue };
            let deadline = self.machine.deadline(operation);
            let Some(end) = tried.end(deadline) else { continue };
            let deadline_first = end.by_deadline || deadline.is_some_and(|deadline| deadline < end.at);
            if self.machine.is_forward() && deadline_first {
                continue;
            }
            let failure = if end.by_deadline {
                Failure::new("deadline", "the deadline of the transaction has passed")
            } else {
                Failure::new("total-timeout", "the time for all attempts has passed")
            };
            self.give_up(at, failure);
        }
    }

    pub(crate) fn give_up(&mut self, at: M::At, failure: Failure) {
        let (node, item) = self.machine.name(at);
        let node = node.clone();
        self.push(Fact::GivenUp { node, item, failure });
        M::ended(self, at);
    }

    /// Takes what became of a call; one to a call that is not in flight, late or double, changes nothing.
    pub(crate) fn take_answer(&mut self, call: &CallId, answer: Result<Answer, NotMade>) {
        let Some((at, attempt)) = self.machine.call_in_flight(call) else { return };
        let attempt = attempt.clone();
        match answer {
            Ok(answer) => M::answer(self, at, &attempt, call.clone(), answer),
            Err(why) => self.not_made(call.clone(), &why),
        }
    }

    /// Writes down that a call was not made: it is asked for again, and costs nothing.
    fn not_made(&mut self, call: CallId, why: &NotMade) {
        let held = match why {
            NotMade::Busy => None,
            NotMade::Held(what) => Some(what.clone()),
        };
        let news = held.is_some() && self.machine.common().held.is_none();
        self.push(Fact::NotMade { call, due: not_made_due(why, self.moment.now), held });
        if news {
            self.alarm();
        }
    }

    /// Writes down that a call has done what it was for.
    pub(crate) fn completed(&mut self, call: CallId, output: Json, writes: Writes, usage: Usage) {
        let fact = match self.machine.common().has_room_for(&output, &writes) {
            Ok(()) => Fact::Completed { call, output, writes, usage },
            // It is done, and its answer cannot be kept: it is undone like all that may be done.
            Err(failure) if call.operation.is_forward() => {
                Fact::Unknown { call, cause: UnknownCause::Answer, failure, usage, due: None }
            }
            // It is undone or settled: the answer is dropped, and the transaction does not get stuck for it.
            Err(_) => Fact::Completed { call, output: Json::null(), writes: Writes::default(), usage },
        };
        self.push(fact);
    }

    /// Writes down that a call was accepted, and is called again after `poll`; or given up when its time has passed,
    /// whichever comes first.
    pub(crate) fn pending(
        &mut self,
        call: CallId,
        attempt: &Attempt,
        poll: Milliseconds,
        token: Option<Json>,
        usage: Usage,
    ) {
        let due = attempt.poll_due(poll, self.machine.deadline(call.operation), self.moment.now);
        self.push(Fact::Pending { call, due, token, usage });
    }

    /// When the next attempt is due, if there is one.
    pub(crate) fn next_due(
        &self,
        at: M::At,
        operation: Operation,
        attempt: &Attempt,
        delay: Delay,
        unknown: bool,
    ) -> Option<Timestamp> {
        if self.machine.common().is_full(operation.is_forward()) {
            return None;
        }
        attempt.next_due(&self.machine.retry(at, operation, unknown)?, delay, self.moment)
    }

    /// Ends every call in flight as lost: the host that made them is gone. The first loss of an operation is repeated at
    /// once, a later one after the delays of its retries, so that what kills its host does not do so in a loop.
    pub(crate) fn lose_calls(&mut self) {
        for at in self.machine.in_flight() {
            let Some((operation, tried)) = self.machine.trying(at) else { continue };
            let attempt = tried.attempt().clone();
            let call = self.call_id(at, operation, attempt.number);
            let usage = Usage::default();
            if attempt.polls > 0 {
                // It was accepted before; asking again is what it wants, and not another attempt.
                let token = attempt.token.clone();
                self.pending(call, &attempt, LOST_DELAY, token, usage);
                continue;
            }
            let delay = if attempt.lost == 0 { Delay::None } else { Delay::AtLeast(LOST_DELAY) };
            let attempt = Attempt { lost: attempt.lost + 1, ..attempt };
            let due = self.next_due(at, operation, &attempt, delay, true);
            let failure = Failure::new("host-lost", "the host was lost during the call");
            self.push(Fact::Unknown { call, cause: UnknownCause::HostLost, failure, usage, due });
            M::ended(self, at);
        }
    }
}
