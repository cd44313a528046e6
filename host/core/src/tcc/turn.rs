//! One decision under way: what follows from the state at this moment, while participants are tried. A
//! turn changes the state through the transition table alone, and keeps the records and commands that
//! came of it. What follows once it is decided is in `settle`.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Tcc,
    sources::View,
    state::{Ended, How, Phase, Progress},
};
use crate::{
    attempt::Try,
    command::{Call, Command, Decision, Moment},
    commit::Commit,
    id::{IdempotencyKey, Seq},
    outcome::{Failure, Forward},
    plan::{Limits, ParticipantIx, TccPlan},
    record::{CallId, Cause, Fact, Operation, Record},
    summary::Wake,
    time::Timestamp,
};

pub(super) struct Turn<'s, 'm> {
    pub(super) tcc: &'s mut Tcc,
    pub(super) moment: &'s Moment<'m>,
    before: Seq,
    records: Vec<Record>,
    commands: Vec<Command>,
}

impl<'s, 'm> Turn<'s, 'm> {
    /// A turn that begins after the records that the TCC has.
    pub(super) fn new(tcc: &'s mut Tcc, moment: &'s Moment<'m>) -> Self {
        let before = tcc.state.seq;
        Self { tcc, moment, before, records: Vec::new(), commands: Vec::new() }
    }

    /// The turn that begins with a transaction's first record.
    pub(super) fn first(tcc: &'s mut Tcc, moment: &'s Moment<'m>, record: Record) -> Self {
        Self { tcc, moment, before: Seq(0), records: alloc::vec![record], commands: Vec::new() }
    }

    pub(super) fn decision(self) -> Decision {
        let state = &self.tcc.state;
        let mut summary = state.summary();
        // What this decision would have begun, whoever takes the transaction over begins at once.
        if self.moment.hold && summary.wake != Wake::Never {
            summary.wake = Wake::Now;
        }
        let (transaction, before, records) = (state.created.transaction, self.before, self.records);
        Decision {
            commit: Commit { transaction, before, records, taken: Vec::new(), summary },
            commands: self.commands,
        }
    }

    /// Writes a record down, and takes it into the state.
    pub(super) fn push(&mut self, fact: Fact) {
        let record = Record { at: self.moment.now, fact };
        if let Err(illegal) = self.tcc.state.evolve(&self.tcc.plan, &record) {
            panic!("the machine wrote a record that it does not understand: {illegal}: {record:?}");
        }
        self.records.push(record);
    }

    /// Does all that may be done now.
    pub(super) fn advance(&mut self) {
        if self.tcc.state.paused {
            return;
        }
        if self.tcc.state.phase == Phase::Trying {
            self.try_all();
        }
        if matches!(self.tcc.state.phase, Phase::Settling(_)) {
            self.settle();
        }
    }

    fn try_all(&mut self) {
        self.give_up_late();
        if let Some(cause) = self.cause_to_cancel() {
            self.push(Fact::Cancelling { cause });
            return;
        }
        self.start_due();
        self.start_tries();
        if let Some(cause) = self.tcc.state.failed.clone() {
            self.push(Fact::Cancelling { cause });
        } else if self.all().all(|ix| self.tcc.state.is_passed(&self.tcc.plan, ix)) {
            self.push(Fact::Confirming);
        } else {
            self.start_dropped();
        }
    }

    /// A failure goes before the deadline, for it was there first. The deadline goes before the decision
    /// to confirm: what was reserved until then may be gone.
    fn cause_to_cancel(&self) -> Option<Cause> {
        let state = &self.tcc.state;
        let late = state.created.deadline.is_some_and(|deadline| deadline <= self.moment.now);
        state.failed.clone().or_else(|| late.then_some(Cause::Deadline))
    }

    /// Whether another call may be in flight.
    pub(super) fn has_room(&self) -> bool {
        !self.moment.hold
    }

    pub(super) fn all(&self) -> impl Iterator<Item = ParticipantIx> + use<> {
        (0..self.tcc.plan.participants().len()).map(ParticipantIx)
    }

    /// Tries those of the lowest order that is not passed, in the order of declaration. One that cannot
    /// be called may be dropped and make the next order ready, so this goes round until nothing changes.
    fn start_tries(&mut self) {
        let plan = self.tcc.plan.clone();
        loop {
            let open = |ix: &ParticipantIx| !self.tcc.state.is_passed(&plan, *ix);
            let Some(order) = self.all().filter(open).map(|ix| plan.participant(ix).order).min() else { return };
            let before = self.records.len();
            for ix in self.all().filter(|ix| plan.participant(*ix).order == order) {
                if !self.has_room() || self.tcc.state.failed.is_some() {
                    return;
                }
                self.start_try(ix);
            }
            if self.records.len() == before {
                return;
            }
        }
    }

    fn start_try(&mut self, ix: ParticipantIx) {
        if self.tcc.state.unit(ix).progress != Progress::Waiting {
            return;
        }
        match (View { plan: &self.tcc.plan, state: &self.tcc.state }).arguments(ix) {
            Err(why) => {
                let node = self.tcc.plan.participant(ix).id.clone();
                self.push(Fact::Refused { node, item: None, failure: Failure::new("unbound", why.0) });
            }
            Ok(arguments) => {
                self.tcc.state.bound = Some(arguments);
                self.start(ix, Operation::Try, 1);
            }
        }
    }

    /// Starts attempts whose time has come.
    pub(super) fn start_due(&mut self) {
        let now = self.moment.now;
        let due = self.tries(|_, tried| tried.due().is_some_and(|due| due <= now));
        for (ix, operation) in due {
            if !self.has_room() {
                return;
            }
            let Some((_, tried)) = self.tcc.state.trying(&self.tcc.plan, ix) else { continue };
            let number = match tried {
                Try::Delayed(attempt, _) => attempt.number + 1,
                Try::Polling(attempt, _) | Try::Started(attempt) => attempt.number,
            };
            self.start(ix, operation, number);
        }
    }

    /// Ends what has waited past its total timeout: its attempts count as used up. A pending try ends
    /// with the deadline, too.
    pub(super) fn give_up_late(&mut self) {
        let now = self.moment.now;
        let late = self.tries(|operation, tried| match tried {
            Try::Started(_) => false,
            Try::Delayed(attempt, _) => attempt.until.is_some_and(|until| until <= now),
            Try::Polling(attempt, _) => attempt.pending_until(self.pending_deadline(operation)) <= now,
        });
        self.give_up(late, &Failure::new("total-timeout", "the time for all attempts has passed"));
    }

    /// The deadline of what is pending: that of the TCC holds for tries alone.
    pub(super) fn pending_deadline(&self, operation: Operation) -> Option<Timestamp> {
        self.tcc.state.created.deadline.filter(|_| operation == Operation::Try)
    }

    pub(super) fn give_up(&mut self, units: Vec<(ParticipantIx, Operation)>, failure: &Failure) {
        for (ix, _) in units {
            let node = self.tcc.plan.participant(ix).id.clone();
            self.push(Fact::GivenUp { node, item: None, failure: failure.clone() });
        }
    }

    /// Participants with an operation under way that fits.
    pub(super) fn tries(&self, fits: impl Fn(Operation, &Try) -> bool) -> Vec<(ParticipantIx, Operation)> {
        self.all()
            .filter_map(|ix| {
                let (operation, tried) = self.tcc.state.trying(&self.tcc.plan, ix)?;
                fits(operation, tried).then_some((ix, operation))
            })
            .collect()
    }

    /// Writes down that a call starts, and asks for it.
    pub(super) fn start(&mut self, ix: ParticipantIx, operation: Operation, attempt: u32) {
        let plan = self.tcc.plan.clone();
        let (now, limits) = (self.moment.now, limits(&plan, ix, operation));
        let known = self.tcc.state.trying(&plan, ix).map(|(_, tried)| tried.attempt().until);
        let until = known.unwrap_or_else(|| limits.total_timeout.map(|total| now.after_ms(total)));
        let deadline = now.after_ms(limits.timeout);
        let deadline = until.map_or(deadline, |until| deadline.min(until));
        let call = CallId { node: plan.participant(ix).id.clone(), item: None, operation, attempt };
        let first = until.filter(|_| known.is_none());
        self.push(Fact::Started { call: call.clone(), deadline, until: first });
        let command = self.call(&plan, ix, call, deadline, limits);
        self.commands.push(Command::Call(Box::new(command)));
    }

    fn call(&self, plan: &TccPlan, ix: ParticipantIx, id: CallId, deadline: Timestamp, limits: &Limits) -> Call {
        let state = &self.tcc.state;
        let (_, tried) = state.trying(plan, ix).expect("it was started just now");
        let (created, operation) = (&state.created, id.operation.as_str());
        Call {
            transaction: created.transaction,
            definition: plan.name.clone(),
            module: created.module_of(plan.participant(ix).provider.as_ref()),
            key: IdempotencyKey::of(&created.namespace, created.origin(), &id.node, id.item, operation),
            deadline,
            until: tried.attempt().until,
            fuel: limits.fuel,
            memory_bytes: limits.memory_bytes,
            arguments: tried.attempt().arguments.clone(),
            forward: state.unit(ix).ended().map(forward),
            headers: state.headers.clone(),
            variables: state.variables.clone(),
            token: tried.attempt().token.clone(),
            last_failure: state.unit(ix).tally_of(id.operation).failure.clone(),
            id,
        }
    }

    pub(super) fn alarm(&mut self) {
        self.commands.push(Command::Alarm);
    }
}

fn limits(plan: &TccPlan, ix: ParticipantIx, operation: Operation) -> &Limits {
    let participant = plan.participant(ix);
    match operation {
        Operation::Confirm => &participant.confirm_limits,
        Operation::Cancel => &participant.cancel_limits,
        // A TCC has no others.
        Operation::Try | Operation::Run | Operation::Compensate => &participant.try_limits,
    }
}

/// What a confirm and a cancel are told of the try: nothing happened where every attempt was refused,
/// also for now.
fn forward(ended: &Ended) -> Forward {
    match &ended.how {
        How::Tried(output) => Forward::Completed(output.clone()),
        How::Rejected { failure, maybe_done: false }
        | How::UsedUp { failure, maybe_done: false }
        | How::GivenUp { failure, maybe_done: false } => Forward::Rejected(failure.clone()),
        How::Rejected { .. } | How::UsedUp { .. } | How::GivenUp { .. } => Forward::Unknown,
    }
}
