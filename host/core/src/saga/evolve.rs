//! The transition table: a state and a record give the next state, or an error. It is total; what
//! it does not know is illegal, never ignored. Live and recovered sagas go through it alone.

use alloc::{format, string::String, sync::Arc, vec};

use super::{
    sources::View,
    state::{Ended, How, Node, Phase, Progress, State, Undo, Unit},
};
use crate::{
    attempt::{Attempt, Tally, Try},
    id::{Name, Seq},
    json::Json,
    outcome::{Failure, UnknownCause, Usage, Writes},
    plan::{Plan, StepIx},
    record::{CallId, Cause, Created, Fact, LostCall, Operation, Record},
    time::Timestamp,
    transaction::IllegalRecord,
};

type Step = Result<(), String>;

impl State {
    /// The state after a transaction's first record.
    pub(super) fn created(plan: &Plan, created: Created, at: Timestamp) -> Self {
        Self {
            created_at: at,
            updated_at: at,
            seq: Seq(1),
            phase: Phase::Scheduled,
            paused: false,
            nodes: vec![Node::One(Unit::default()); plan.steps().len()],
            variables: Arc::default(),
            headers: Arc::new(created.headers.clone()),
            endings: 0,
            calling: 0,
            held: None,
            failed: None,
            bound: None,
            created,
        }
    }

    /// Takes one more record in.
    pub(super) fn evolve(&mut self, plan: &Plan, record: &Record) -> Result<(), IllegalRecord> {
        let seq = Seq(self.seq.0 + 1);
        self.apply(plan, record.at, &record.fact).map_err(|what| IllegalRecord { seq, what })?;
        self.seq = seq;
        self.updated_at = record.at;
        Ok(())
    }

    fn apply(&mut self, plan: &Plan, at: Timestamp, fact: &Fact) -> Step {
        if self.status().is_ended() {
            return Err(format!("the saga has ended as {}", self.status()));
        }
        match fact {
            Fact::Created(_) => Err("it was created already".into()),
            Fact::Skipped { node } => self.skipped(plan, node),
            Fact::Expanded { node, items } => self.expanded(plan, node, *items),
            Fact::Refused { node, item, failure } => self.refused(plan, node, *item, failure),
            Fact::Started { call, deadline, until } => self.started(plan, at, call, *deadline, *until),
            Fact::Completed { call, output, writes, usage } => self.completed(plan, call, output, writes, *usage),
            Fact::Rejected { due: Some(_), .. } => Err("what a saga's call rejects is not tried again".into()),
            Fact::Rejected { call, failure, usage, due: None } => self.rejected(plan, call, failure, *usage),
            Fact::Retryable { call, failure, usage, due } => self.failed_once(plan, call, failure, *usage, None, *due),
            Fact::Unknown { call, cause, failure, usage, due } => {
                self.failed_once(plan, call, failure, *usage, Some(*cause), *due)
            }
            Fact::Pending { call, due, token, usage } => self.pending(plan, call, (*due, token.as_ref()), *usage),
            Fact::NotMade { call, due, held } => self.not_made(plan, call, *due, held.as_ref()),
            Fact::GivenUp { node, item, failure } => self.given_up(plan, node, *item, failure),
            Fact::UndoRefused { node, item, failure } => self.undo_refused(plan, node, *item, failure),
            Fact::RetryRequested { node, .. } => self.retry_requested(plan, node.as_ref()),
            Fact::UndoSkipped { node, .. } => self.undo_skipped(plan, node),
            Fact::Patched { node, item, arguments, .. } => self.patched(plan, node, *item, arguments),
            Fact::CancelRequested { .. } => {
                self.running()?;
                self.note_failure(Cause::Cancelled);
                Ok(())
            }
            Fact::Paused { .. } => self.pause(true),
            Fact::Resumed { .. } => self.pause(false),
            _ => self.change_phase(fact),
        }
    }

    fn change_phase(&mut self, fact: &Fact) -> Step {
        use Phase::{Compensated, Completed, Running, Scheduled, Stuck, Terminated, Unwinding};
        let known = self.cause().cloned();
        self.phase = match (&self.phase, fact) {
            (Scheduled | Running, Fact::Unwinding { cause }) => Unwinding { cause: cause.clone(), circuit_open: false },
            (Unwinding { cause, .. }, Fact::CircuitOpened { .. }) => {
                Unwinding { cause: cause.clone(), circuit_open: true }
            }
            (Unwinding { cause, .. }, Fact::Stuck { .. }) => Stuck { cause: cause.clone() },
            (Unwinding { cause, .. }, Fact::Compensated) => Compensated { cause: cause.clone() },
            (Scheduled | Running, Fact::Finished) if self.nodes.iter().all(Node::is_passed) => Completed,
            (_, Fact::Terminated { .. }) => Terminated { cause: known },
            (_, other) => return Err(format!("{} does not follow {}", kind(other), self.status())),
        };
        Ok(())
    }

    fn pause(&mut self, paused: bool) -> Step {
        if self.paused == paused {
            return Err(if paused { "it is paused already" } else { "it is not paused" }.into());
        }
        self.paused = paused;
        Ok(())
    }

    fn skipped(&mut self, plan: &Plan, node: &Name) -> Step {
        self.running()?;
        match &mut self.nodes[index(plan, node)?.0] {
            Node::One(unit @ Unit { progress: Progress::Waiting, .. }) => unit.progress = Progress::Skipped,
            _ => return Err(format!("step `{node}` is past being skipped")),
        }
        Ok(())
    }

    fn expanded(&mut self, plan: &Plan, node: &Name, count: u32) -> Step {
        self.running()?;
        let step = index(plan, node)?;
        let Node::One(Unit { progress: Progress::Waiting, .. }) = self.node(step) else {
            return Err(format!("step `{node}` is past being expanded"));
        };
        let each = plan.step(step).each.as_ref().ok_or_else(|| format!("step `{node}` is no fan-out"))?;
        let items = View { plan, state: self, step, item: None }.items(each).map_err(|why| why.0)?;
        if items.len() != count as usize {
            return Err(format!("step `{node}` has {} items, not {count}", items.len()));
        }
        self.nodes[step.0] = Node::Many { units: vec![Unit::default(); items.len()], items: items.into() };
        Ok(())
    }

    fn refused(&mut self, plan: &Plan, node: &Name, item: Option<u32>, failure: &Failure) -> Step {
        self.running()?;
        let order = self.next_ending();
        let unit = self.unit(plan, node, item)?;
        if unit.progress != Progress::Waiting {
            return Err(format!("step `{node}` was started"));
        }
        unit.run.failure = Some(failure.clone());
        unit.progress = Progress::Ended(Ended { how: How::Rejected { maybe_done: false }, order, undo: Undo::Idle });
        self.note_failure(Cause::Rejected(lost(node, item, failure)));
        Ok(())
    }

    fn started(
        &mut self,
        plan: &Plan,
        at: Timestamp,
        call: &CallId,
        deadline: Timestamp,
        until: Option<Timestamp>,
    ) -> Step {
        let step = index(plan, &call.node)?;
        let memo = self.bound.take();
        let view = View { plan, state: self, step, item: call.item };
        let unit = self.node(step).unit(call.item).ok_or_else(|| no_unit(&call.node, call.item))?;
        let bound = || memo.map_or_else(|| view.arguments(call.operation).map_err(|why| why.0), Ok);
        let next = match (call.operation, &unit.progress) {
            (Operation::Run, Progress::Waiting) => Attempt::first(at, until, bound()?),
            (Operation::Run, Progress::Trying(tried)) => tried.again()?,
            (Operation::Compensate, Progress::Ended(ended)) if ended.how.may_be_done() => match &ended.undo {
                Undo::Idle => Attempt::first(at, until, bound()?),
                Undo::Again { arguments: Some(patched), before } => {
                    Attempt::first(at, until, patched.clone()).after(*before)
                }
                Undo::Again { arguments: None, before } => Attempt::first(at, until, bound()?).after(*before),
                Undo::Trying(tried) => tried.again()?,
                Undo::Undone(_) | Undo::Stuck { .. } | Undo::GivenUp => return Err(format!("{call} is past its end")),
            },
            _ => return Err(format!("{call} cannot be started")),
        };
        if next.number != call.attempt {
            return Err(format!("{call} is started where attempt {} would be next", next.number));
        }
        let next = Try::Started(Attempt { deadline, ..next });
        let unit = self.unit(plan, &call.node, call.item)?;
        unit.tally(call.operation).attempts = call.attempt;
        match (call.operation, &mut unit.progress) {
            (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Undo::Trying(next),
            (_, progress) => *progress = Progress::Trying(next),
        }
        self.calling += 1;
        self.held = None;
        if self.phase == Phase::Scheduled {
            self.phase = Phase::Running;
        }
        Ok(())
    }

    fn completed(&mut self, plan: &Plan, call: &CallId, output: &Json, writes: &Writes, usage: Usage) -> Step {
        let order = self.end_call(plan, call, usage)?.ended;
        let unit = self.unit(plan, &call.node, call.item)?;
        unit.tally(call.operation).failure = None;
        match (call.operation, &mut unit.progress) {
            (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Undo::Undone(output.clone()),
            (_, progress) => {
                *progress = Progress::Ended(Ended { how: How::Completed(output.clone()), order, undo: Undo::Idle });
            }
        }
        if !writes.variables.is_empty() {
            Arc::make_mut(&mut self.variables).extend(writes.variables.iter().cloned());
        }
        if !writes.headers.is_empty() {
            Arc::make_mut(&mut self.headers).extend(writes.headers.iter().cloned());
        }
        Ok(())
    }

    fn rejected(&mut self, plan: &Plan, call: &CallId, failure: &Failure, usage: Usage) -> Step {
        let attempt = self.end_call(plan, call, usage)?;
        let unit = self.unit(plan, &call.node, call.item)?;
        unit.tally(call.operation).failure = Some(failure.clone());
        let how = How::Rejected { maybe_done: attempt.maybe_done };
        unit.end_for_good(call.operation, how, &attempt);
        if call.operation == Operation::Run {
            self.note_failure(Cause::Rejected(lost(&call.node, call.item, failure)));
        }
        Ok(())
    }

    /// A retryable outcome, or with a cause an unknown one.
    fn failed_once(
        &mut self,
        plan: &Plan,
        call: &CallId,
        failure: &Failure,
        usage: Usage,
        unknown: Option<UnknownCause>,
        due: Option<Timestamp>,
    ) -> Step {
        let mut attempt = self.end_call(plan, call, usage)?;
        attempt.maybe_done |= unknown.is_some();
        attempt.lost += u32::from(unknown == Some(UnknownCause::HostLost));
        let once = unknown.is_some() && plan.find(&call.node).is_some_and(|ix| plan.step(ix).at_most_once);
        let unit = self.unit(plan, &call.node, call.item)?;
        unit.tally(call.operation).failure = Some(failure.clone());
        if let Some(due) = due {
            unit.set_try(call.operation, Try::Delayed(attempt, due));
            return Ok(());
        }
        let maybe_done = attempt.maybe_done;
        let how = if once { How::Unknown } else { How::UsedUp { maybe_done } };
        unit.end_for_good(call.operation, how, &attempt);
        if call.operation == Operation::Run {
            let lost = lost(&call.node, call.item, failure);
            self.note_failure(if once { Cause::Unknown(lost) } else { Cause::UsedUp(lost) });
        }
        Ok(())
    }

    fn pending(&mut self, plan: &Plan, call: &CallId, (due, token): (Timestamp, Option<&Json>), usage: Usage) -> Step {
        let attempt = self.end_call(plan, call, usage)?;
        let polling = Try::Polling(Attempt { polls: attempt.polls + 1, token: token.cloned(), ..attempt }, due);
        self.unit(plan, &call.node, call.item)?.set_try(call.operation, polling);
        Ok(())
    }

    /// The attempt goes back to where it was before it was started.
    fn not_made(&mut self, plan: &Plan, call: &CallId, due: Timestamp, held: Option<&Arc<str>>) -> Step {
        let (_, attempt) = self.in_flight(plan, call).ok_or_else(|| format!("{call} is not in flight"))?;
        let tried = Try::not_made(attempt.clone(), due);
        self.calling -= 1;
        self.held = held.cloned();
        let unit = self.unit(plan, &call.node, call.item)?;
        unit.tally(call.operation).attempts = tried.attempt().number;
        unit.set_try(call.operation, tried);
        Ok(())
    }

    fn given_up(&mut self, plan: &Plan, node: &Name, item: Option<u32>, failure: &Failure) -> Step {
        let unwinding = matches!(self.phase, Phase::Unwinding { .. });
        let unit = self.unit(plan, node, item)?;
        let (operation, attempt, polling) = match unit.trying() {
            Some((operation, Try::Delayed(attempt, _))) => (operation, attempt.clone(), false),
            Some((operation, Try::Polling(attempt, _))) => (operation, attempt.clone(), true),
            _ => return Err(format!("step `{node}` does not wait for another attempt")),
        };
        let maybe_done = attempt.maybe_done || polling;
        let how = if unwinding { How::GivenUp { maybe_done } } else { How::UsedUp { maybe_done } };
        unit.tally(operation).failure.get_or_insert_with(|| failure.clone());
        unit.end_for_good(operation, how, &attempt);
        if operation == Operation::Run {
            self.note_failure(Cause::UsedUp(lost(node, item, failure)));
        }
        Ok(())
    }

    fn undo_refused(&mut self, plan: &Plan, node: &Name, item: Option<u32>, failure: &Failure) -> Step {
        let unit = self.unit(plan, node, item)?;
        unit.undo.failure = Some(failure.clone());
        let before = unit.undo.attempts;
        match &mut unit.progress {
            Progress::Ended(ended) if matches!(ended.undo, Undo::Idle | Undo::Again { .. }) => {
                ended.undo = Undo::Stuck { before };
                Ok(())
            }
            _ => Err(format!("the compensation of step `{node}` is not to be started")),
        }
    }

    fn retry_requested(&mut self, plan: &Plan, node: Option<&Name>) -> Step {
        let only = node.map(|node| index(plan, node)).transpose()?;
        self.unstick()?;
        for (i, node) in self.nodes.iter_mut().enumerate() {
            if only.is_none_or(|only| only.0 == i) {
                each_stuck(node, |before| Undo::Again { arguments: None, before });
            }
        }
        Ok(())
    }

    fn undo_skipped(&mut self, plan: &Plan, node: &Name) -> Step {
        let step = index(plan, node)?;
        self.unstick()?;
        each_stuck(&mut self.nodes[step.0], |_| Undo::GivenUp);
        Ok(())
    }

    fn patched(&mut self, plan: &Plan, node: &Name, item: Option<u32>, arguments: &Json) -> Step {
        self.unstick()?;
        match &mut self.unit(plan, node, item)?.progress {
            Progress::Ended(Ended { undo: undo @ Undo::Stuck { .. }, .. }) => {
                let Undo::Stuck { before } = *undo else { return Err("it is not stuck".into()) };
                *undo = Undo::Again { arguments: Some(arguments.clone()), before };
                Ok(())
            }
            _ => Err(format!("the compensation of step `{node}` is not stuck")),
        }
    }

    /// From stuck back to unwinding; what an operator does closes the circuit.
    fn unstick(&mut self) -> Step {
        let Phase::Stuck { cause } = &self.phase else { return Err("it is not stuck".into()) };
        self.phase = Phase::Unwinding { cause: cause.clone(), circuit_open: false };
        Ok(())
    }

    /// Takes a call in flight out of flight, with its attempt as it was and its place in the order of endings.
    fn end_call(&mut self, plan: &Plan, call: &CallId, usage: Usage) -> Result<Attempt, String> {
        let (_, attempt) = self.in_flight(plan, call).ok_or_else(|| format!("{call} is not in flight"))?;
        let attempt = Attempt { ended: self.endings, ..attempt.clone() };
        self.endings += 1;
        self.calling -= 1;
        let tally = self.unit(plan, &call.node, call.item)?.tally(call.operation);
        tally.add(usage);
        Ok(attempt)
    }

    fn next_ending(&mut self) -> u32 {
        self.endings += 1;
        self.endings - 1
    }

    fn note_failure(&mut self, cause: Cause) {
        self.failed.get_or_insert(cause);
    }

    fn unit(&mut self, plan: &Plan, node: &Name, item: Option<u32>) -> Result<&mut Unit, String> {
        self.nodes[index(plan, node)?.0].unit_mut(item).ok_or_else(|| no_unit(node, item))
    }

    fn running(&self) -> Step {
        match self.phase {
            Phase::Scheduled | Phase::Running => Ok(()),
            _ => Err(format!("nothing new starts in a saga that is {}", self.status())),
        }
    }
}

impl Unit {
    /// What its calls of this operation came to so far.
    pub(super) fn tally_of(&self, operation: Operation) -> &Tally {
        if operation == Operation::Run { &self.run } else { &self.undo }
    }

    pub(super) fn tally(&mut self, operation: Operation) -> &mut Tally {
        match operation {
            Operation::Run => &mut self.run,
            // A saga has no other; a call that is none of its own is refused before it is counted.
            Operation::Compensate | Operation::Try | Operation::Confirm | Operation::Cancel => &mut self.undo,
        }
    }

    fn set_try(&mut self, operation: Operation, tried: Try) {
        match (operation, &mut self.progress) {
            (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Undo::Trying(tried),
            (_, progress) => *progress = Progress::Trying(tried),
        }
    }

    fn end_for_good(&mut self, operation: Operation, how: How, attempt: &Attempt) {
        match (operation, &mut self.progress) {
            (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Undo::Stuck { before: attempt.number },
            (_, progress) => *progress = Progress::Ended(Ended { how, order: attempt.ended, undo: Undo::Idle }),
        }
    }
}

fn each_stuck(node: &mut Node, next: impl Fn(u32) -> Undo) {
    let units = match node {
        Node::One(unit) => core::slice::from_mut(unit),
        Node::Many { units, .. } => units,
    };
    for unit in units {
        if let Progress::Ended(Ended { undo: undo @ Undo::Stuck { .. }, .. }) = &mut unit.progress
            && let Undo::Stuck { before } = *undo
        {
            *undo = next(before);
        }
    }
}

fn index(plan: &Plan, node: &Name) -> Result<StepIx, String> {
    plan.find(node).ok_or_else(|| format!("the saga has no step `{node}`"))
}

fn no_unit(node: &Name, item: Option<u32>) -> String {
    match item {
        Some(item) => format!("step `{node}` has no item {item}"),
        None => format!("step `{node}` is a fan-out, and an item is needed"),
    }
}

fn lost(node: &Name, item: Option<u32>, failure: &Failure) -> LostCall {
    LostCall { node: node.clone(), item, failure: failure.clone() }
}

fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Unwinding { .. } => "`unwinding`",
        Fact::CircuitOpened { .. } => "`circuit-opened`",
        Fact::Stuck { .. } => "`stuck`",
        Fact::Compensated => "`compensated`",
        Fact::Finished => "`finished`",
        _ => "this record",
    }
}
