//! One decision under way: what follows from the state at this moment. A turn changes the state
//! through the transition table alone, and keeps the records and commands that came of it.

use alloc::{boxed::Box, format, vec::Vec};

use super::{
    Saga,
    sources::View,
    state::{How, Node, Phase, Progress, Unit},
};
use crate::{
    attempt::Try,
    command::{Call, Command, Decision, Moment, Scope},
    commit::Commit,
    id::{IdempotencyKey, Seq},
    outcome::{Failure, Forward},
    plan::{Limits, Plan, StepIx},
    record::{CallId, Cause, Fact, Operation, Record},
    summary::Wake,
    time::Timestamp,
};

pub(super) struct Turn<'s, 'm> {
    pub(super) saga: &'s mut Saga,
    pub(super) moment: &'s Moment<'m>,
    before: Seq,
    records: Vec<Record>,
    commands: Vec<Command>,
}

impl<'s, 'm> Turn<'s, 'm> {
    /// A turn that begins after the records that the saga has.
    pub(super) fn new(saga: &'s mut Saga, moment: &'s Moment<'m>) -> Self {
        let before = saga.state.seq;
        Self { saga, moment, before, records: Vec::new(), commands: Vec::new() }
    }

    /// The turn that begins with a transaction's first record.
    pub(super) fn first(saga: &'s mut Saga, moment: &'s Moment<'m>, record: Record) -> Self {
        Self { saga, moment, before: Seq(0), records: alloc::vec![record], commands: Vec::new() }
    }

    pub(super) fn decision(self) -> Decision {
        let state = &self.saga.state;
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
        if let Err(illegal) = self.saga.state.evolve(&self.saga.plan, &record) {
            panic!("the machine wrote a record that it does not understand: {illegal}: {record:?}");
        }
        self.records.push(record);
    }

    /// Does all that may be done now.
    pub(super) fn advance(&mut self) {
        if self.saga.state.paused {
            return;
        }
        if matches!(self.saga.state.phase, Phase::Scheduled | Phase::Running) {
            self.run();
        }
        if matches!(self.saga.state.phase, Phase::Unwinding { .. }) {
            self.unwind();
        }
    }

    fn run(&mut self) {
        self.give_up_late();
        if let Some(cause) = self.cause_to_unwind() {
            self.push(Fact::Unwinding { cause });
            return;
        }
        self.start_due();
        self.start_ready();
        if let Some(cause) = self.saga.state.failed.clone() {
            self.push(Fact::Unwinding { cause });
        } else if self.saga.state.nodes.iter().all(Node::is_passed) {
            self.push(Fact::Finished);
        }
    }

    fn cause_to_unwind(&self) -> Option<Cause> {
        let state = &self.saga.state;
        let late = state.created.deadline.is_some_and(|deadline| deadline <= self.moment.now);
        state.failed.clone().or_else(|| late.then_some(Cause::Deadline))
    }

    /// Whether another call may be in flight.
    pub(super) fn has_room(&self) -> bool {
        !self.moment.hold && self.saga.state.calling < self.saga.plan.concurrency
    }

    /// Starts what depends on nothing that is under way, in the order of declaration. A step that is
    /// skipped or empty may make others ready, also earlier ones, so this goes round until nothing changes.
    fn start_ready(&mut self) {
        loop {
            let before = self.records.len();
            for ix in (0..self.saga.plan.steps().len()).map(StepIx) {
                if !self.has_room() || self.saga.state.failed.is_some() {
                    return;
                }
                self.start_step(ix);
            }
            if self.records.len() == before {
                return;
            }
        }
    }

    fn start_step(&mut self, ix: StepIx) {
        let state = &self.saga.state;
        if let Node::Many { units, .. } = state.node(ix) {
            for item in 0..units.len() as u32 {
                if !self.has_room() || self.saga.state.failed.is_some() {
                    return;
                }
                self.start_unit(ix, Some(item));
            }
            return;
        }
        let waiting = matches!(state.node(ix), Node::One(Unit { progress: Progress::Waiting, .. }));
        let plan = self.saga.plan.clone();
        let step = plan.step(ix);
        if !waiting || !step.depends_on.iter().all(|d| state.node(*d).is_passed()) {
            return;
        }
        match step.condition.as_deref().map_or(Ok(true), |condition| self.holds(condition)) {
            Err(why) => self.refuse(ix, None, Failure::new("bad-condition", format!("`{}`: {why}", step.id))),
            Ok(false) => self.push(Fact::Skipped { node: step.id.clone() }),
            Ok(true) if step.each.is_some() => self.expand(ix),
            Ok(true) => self.start_unit(ix, None),
        }
    }

    fn holds(&self, condition: &str) -> Result<bool, alloc::string::String> {
        let state = &self.saga.state;
        let outputs = self.saga.plan.steps().iter().zip(&state.nodes).filter_map(|(step, node)| {
            let output = if node.is_skipped() { Some(crate::Json::null()) } else { node.output() };
            Some((&step.id, output?))
        });
        let scope = Scope {
            input: &state.created.input,
            steps: outputs.collect(),
            variables: &state.variables,
            headers: &state.headers,
        };
        self.moment.conditions.holds(condition, &scope)
    }

    fn expand(&mut self, ix: StepIx) {
        let plan = self.saga.plan.clone();
        let step = plan.step(ix);
        let Some(each) = &step.each else { return };
        match (View { plan: &plan, state: &self.saga.state, step: ix, item: None }).items(each) {
            Err(why) => self.refuse(ix, None, Failure::new("bad-items", why.0)),
            Ok(items) => {
                self.push(Fact::Expanded { node: step.id.clone(), items: items.len() as u32 });
                self.start_step(ix);
            }
        }
    }

    fn refuse(&mut self, ix: StepIx, item: Option<u32>, failure: Failure) {
        let node = self.saga.plan.step(ix).id.clone();
        self.push(Fact::Refused { node, item, failure });
    }

    /// Starts the first attempt of a unit that waits.
    fn start_unit(&mut self, ix: StepIx, item: Option<u32>) {
        let waiting = self.saga.state.node(ix).unit(item).is_some_and(|u| u.progress == Progress::Waiting);
        if !waiting {
            return;
        }
        let view = View { plan: &self.saga.plan, state: &self.saga.state, step: ix, item };
        match view.arguments(Operation::Run) {
            Err(why) => self.refuse(ix, item, Failure::new("unbound", why.0)),
            Ok(arguments) => {
                self.saga.state.bound = Some(arguments);
                self.start(ix, item, Operation::Run, 1);
            }
        }
    }

    /// Starts attempts whose time has come, forward ones or those of compensations.
    pub(super) fn start_due(&mut self) {
        let now = self.moment.now;
        let due = self.tries(|_, tried| tried.due().is_some_and(|due| due <= now));
        for (ix, item, operation) in due {
            if !self.has_room() {
                return;
            }
            let Some((_, tried)) = self.saga.state.node(ix).unit(item).and_then(Unit::trying) else { continue };
            let number = match tried {
                Try::Delayed(attempt, _) => attempt.number + 1,
                Try::Polling(attempt, _) | Try::Started(attempt) => attempt.number,
            };
            self.start(ix, item, operation, number);
        }
    }

    /// Ends what has waited past its total timeout: its attempts count as used up.
    pub(super) fn give_up_late(&mut self) {
        let now = self.moment.now;
        let deadline = |operation| self.saga.state.pending_deadline(operation);
        let late = self.tries(|operation, tried| match tried {
            Try::Started(_) => false,
            Try::Delayed(attempt, _) => attempt.until.is_some_and(|until| until <= now),
            Try::Polling(attempt, _) => attempt.pending_until(deadline(operation)) <= now,
        });
        let failure = Failure::new("total-timeout", "the time for all attempts has passed");
        self.give_up(late, &failure);
    }

    pub(super) fn give_up(&mut self, units: Vec<(StepIx, Option<u32>, Operation)>, failure: &Failure) {
        for (ix, item, _) in units {
            let node = self.saga.plan.step(ix).id.clone();
            self.push(Fact::GivenUp { node, item, failure: failure.clone() });
            self.note_circuit(ix, item);
        }
    }

    /// Units with an operation under way that fits.
    pub(super) fn tries(&self, fits: impl Fn(Operation, &Try) -> bool) -> Vec<(StepIx, Option<u32>, Operation)> {
        let nodes = self.saga.state.nodes.iter().enumerate();
        let units = nodes.flat_map(|(i, node)| node.named_units().map(move |(item, unit)| (StepIx(i), item, unit)));
        units
            .filter_map(|(ix, item, unit)| {
                let (operation, tried) = unit.trying()?;
                fits(operation, tried).then_some((ix, item, operation))
            })
            .collect()
    }

    /// Writes down that a call starts, and asks for it.
    pub(super) fn start(&mut self, ix: StepIx, item: Option<u32>, operation: Operation, attempt: u32) {
        let plan = self.saga.plan.clone();
        let (now, limits) = (self.moment.now, limits(&plan, ix, operation));
        let known = self.saga.state.node(ix).unit(item).and_then(Unit::trying).map(|(_, tried)| tried.attempt().until);
        let until = known.unwrap_or_else(|| limits.total_timeout.map(|total| now.after_ms(total)));
        let deadline = now.after_ms(limits.timeout);
        let deadline = until.map_or(deadline, |until| deadline.min(until));
        let call = CallId { node: plan.step(ix).id.clone(), item, operation, attempt };
        let first = until.filter(|_| known.is_none());
        self.push(Fact::Started { call: call.clone(), deadline, until: first });
        let command = self.call(&plan, ix, call, deadline, limits);
        self.commands.push(Command::Call(Box::new(command)));
    }

    fn call(&self, plan: &Plan, ix: StepIx, id: CallId, deadline: Timestamp, limits: &Limits) -> Call {
        let state = &self.saga.state;
        let unit = state.node(ix).unit(id.item).expect("it was started just now");
        let (_, tried) = unit.trying().expect("it was started just now");
        let (created, operation) = (&state.created, id.operation.as_str());
        Call {
            transaction: created.transaction,
            definition: plan.name.clone(),
            module: created.module_of(plan.step(ix).provider.as_ref()),
            key: IdempotencyKey::of(&created.namespace, created.origin(), &id.node, id.item, operation),
            deadline,
            until: tried.attempt().until,
            fuel: limits.fuel,
            memory_bytes: limits.memory_bytes,
            arguments: tried.attempt().arguments.clone(),
            forward: (id.operation == Operation::Compensate).then(|| forward(unit)),
            headers: state.headers.clone(),
            variables: state.variables.clone(),
            token: tried.attempt().token.clone(),
            last_failure: unit.tally_of(id.operation).failure.clone(),
            id,
        }
    }

    pub(super) fn alarm(&mut self) {
        self.commands.push(Command::Alarm);
    }
}

fn limits(plan: &Plan, ix: StepIx, operation: Operation) -> &Limits {
    let step = plan.step(ix);
    match (operation, &step.compensation) {
        (Operation::Compensate, Some(undo)) => &undo.limits,
        _ => &step.limits,
    }
}

fn forward(unit: &Unit) -> Forward {
    match unit.ended().map(|ended| &ended.how) {
        Some(How::Completed(output)) => Forward::Completed(output.clone()),
        _ => Forward::Unknown,
    }
}
