//! The transition table: a state and a record give the next state, or an error. It is total; what
//! it does not know is illegal, never ignored. Live and recovered sagas go through it alone.

use alloc::{format, string::String, sync::Arc, vec};

use super::{
    index::Index,
    sources::View,
    state::{Phase, State},
    unit::{Ended, Fan, How, Node, Progress, Unit, UnitIx},
};
use crate::{
    arguments::Arguments,
    attempt::{Attempt, Try},
    common::{Common, does_not_follow},
    id::{Name, Seq},
    json::Json,
    outcome::{Failure, UnknownCause, Usage, Writes},
    plan::{Plan, StepIx},
    record::{CallId, Cause, Created, Fact, IllegalRecord, LostCall, Operation, Record},
    settling::{Settling, Stage},
    time::Timestamp,
};

type Allowed<T = ()> = Result<T, String>;

impl State {
    /// The state after a transaction's first record.
    pub(super) fn created(plan: &Plan, record: &Record, created: Arc<Created>) -> Self {
        Self {
            common: Common::new(record, created),
            phase: Phase::Scheduled,
            nodes: vec![Node::One(Unit::default()); plan.steps().len()],
            endings: 0,
            index: Index::new(plan),
        }
    }

    /// Takes one more record in.
    pub(super) fn evolve(&mut self, plan: &Plan, record: &Record) -> Result<(), IllegalRecord> {
        let seq = Seq(self.common.seq.0 + 1);
        self.apply(plan, record.at, &record.fact).map_err(|what| IllegalRecord { seq, what })?;
        self.common.note(record);
        Ok(())
    }

    fn apply(&mut self, plan: &Plan, at: Timestamp, fact: &Fact) -> Allowed {
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
            Fact::RetryRequested { node, item, .. } => {
                self.mend(plan, node.as_ref(), *item, &mut |undo| undo.retry(None))
            }
            Fact::UndoSkipped { node, item, .. } => {
                self.mend(plan, Some(node), *item, &mut |undo| *undo = Settling::GivenUp)
            }
            Fact::Patched { node, item, arguments, .. } => self.patched(plan, node, *item, arguments),
            Fact::CancelRequested { .. } => {
                self.is_running()?;
                self.common.note_failure(Cause::Cancelled);
                Ok(())
            }
            Fact::Paused { .. } => self.common.pause(true),
            Fact::Resumed { .. } => self.common.pause(false),
            _ => self.change_phase(fact),
        }
    }

    fn change_phase(&mut self, fact: &Fact) -> Allowed {
        use Phase::{Compensated, Completed, Running, Scheduled, Stuck, Terminated, Unwinding};
        let known = self.cause().cloned();
        let at_rest = !self.index.is_forward_under_way();
        self.phase = match (&self.phase, fact) {
            (Scheduled | Running, Fact::Unwinding { cause }) => Unwinding { cause: cause.clone(), circuit_open: false },
            (Unwinding { cause, circuit_open: false }, Fact::CircuitOpened { .. }) => {
                Unwinding { cause: cause.clone(), circuit_open: true }
            }
            (Unwinding { cause, .. }, Fact::Stuck { .. }) if at_rest && self.index.is_anything_stuck() => {
                Stuck { cause: cause.clone() }
            }
            (Unwinding { cause, .. }, Fact::Compensated) if at_rest && self.index.is_undoing_over() => {
                Compensated { cause: cause.clone() }
            }
            (Scheduled | Running, Fact::Finished) if self.index.are_all_passed() => Completed,
            (_, Fact::Terminated { .. }) => Terminated { cause: known },
            (_, other) => return Err(does_not_follow(kind(other), self.status())),
        };
        Ok(())
    }

    fn skipped(&mut self, plan: &Plan, node: &Name) -> Allowed {
        self.is_running()?;
        let at = UnitIx { step: index(plan, node)?, item: None };
        if !self.unit(at).is_some_and(|unit| unit.progress == Progress::Waiting) {
            return Err(format!("step `{node}` is past being skipped"));
        }
        self.change(plan, at, |unit| unit.progress = Progress::Skipped);
        Ok(())
    }

    fn expanded(&mut self, plan: &Plan, node: &Name, count: u32) -> Allowed {
        self.is_running()?;
        let step = index(plan, node)?;
        let Node::One(Unit { progress: Progress::Waiting, .. }) = self.node(step) else {
            return Err(format!("step `{node}` is past being expanded"));
        };
        let each = plan.step(step).each.as_ref().ok_or_else(|| format!("step `{node}` is no fan-out"))?;
        let items = View { plan, state: self, at: UnitIx { step, item: None } }.items(each).map_err(|why| why.0)?;
        if items.len() != count as usize {
            return Err(format!("step `{node}` has {} items, not {count}", items.len()));
        }
        self.nodes[step.0] = Node::Many(Fan::new(items));
        if count == 0 {
            self.index.no_longer_waits(step);
            self.pass(plan, step);
        }
        Ok(())
    }

    fn refused(&mut self, plan: &Plan, node: &Name, item: Option<u32>, failure: &Failure) -> Allowed {
        self.is_running()?;
        let at = self.find(plan, node, item)?;
        if !self.unit(at).is_some_and(|unit| unit.progress == Progress::Waiting) {
            return Err(format!("step `{node}` was started"));
        }
        let order = self.next_ending();
        self.change(plan, at, |unit| {
            unit.run.failure = Some(failure.clone());
            let how = How::Rejected { maybe_done: false };
            unit.progress = Progress::Ended(Ended { how, order, undo: Settling::Idle });
        });
        self.common.note_failure(Cause::Rejected(lost(node, item, failure)));
        Ok(())
    }

    fn started(
        &mut self,
        plan: &Plan,
        now: Timestamp,
        call: &CallId,
        deadline: Timestamp,
        until: Option<Timestamp>,
    ) -> Allowed {
        let at = self.find(plan, &call.node, call.item)?;
        let next = self.next_attempt(plan, at, now, call, until)?;
        if next.number != call.attempt {
            return Err(format!("{call} is started where attempt {} would be next", next.number));
        }
        self.change(plan, at, |unit| {
            unit.tally(call.operation).attempts = call.attempt;
            unit.set_try(call.operation, Try::Started(Attempt { deadline, ..next }));
        });
        self.common.begin();
        if self.phase == Phase::Scheduled {
            self.phase = Phase::Running;
        }
        Ok(())
    }

    /// Nothing new starts once it unwinds, and nothing is undone before.
    fn next_attempt(
        &mut self,
        plan: &Plan,
        at: UnitIx,
        now: Timestamp,
        call: &CallId,
        until: Option<Timestamp>,
    ) -> Allowed<Attempt> {
        self.look_up_fixed(plan, at, call.operation);
        let memo = self.common.bound.take();
        let view = View { plan, state: self, at };
        let bound = || memo.map_or_else(|| view.arguments(call.operation).map_err(|why| why.0), Ok);
        let unit = self.unit(at).ok_or_else(|| no_unit(&call.node, call.item))?;
        match (call.operation, &unit.progress) {
            (Operation::Run, Progress::Waiting) if self.is_forward() && self.index.may_start(at.step) => {
                Ok(Attempt::first(now, until, bound()?))
            }
            (Operation::Run, Progress::Trying(tried @ Try::Delayed(..))) if self.is_forward() => tried.again(),
            (Operation::Run, Progress::Trying(tried @ (Try::Polling(..) | Try::Started(_)))) => tried.again(),
            (Operation::Compensate, Progress::Ended(ended)) if self.is_unwinding() && ended.how.may_be_done() => {
                ended.undo.next(now, until, bound)
            }
            _ => Err(format!("{call} cannot be started in a saga that is {}", self.status())),
        }
    }

    /// The items of a fan-out have arguments in common: looked up with the first of them.
    fn look_up_fixed(&mut self, plan: &Plan, at: UnitIx, operation: Operation) {
        let known = match self.node(at.step) {
            Node::Many(fan) if operation == Operation::Run => fan.fixed.is_some(),
            Node::Many(fan) => fan.undo_fixed.is_some(),
            Node::One(_) => return,
        };
        if known {
            return;
        }
        let fixed = View { plan, state: self, at }.fixed(operation);
        if let Node::Many(fan) = &mut self.nodes[at.step.0] {
            let place = if operation == Operation::Run { &mut fan.fixed } else { &mut fan.undo_fixed };
            *place = Some(fixed);
        }
    }

    fn completed(&mut self, plan: &Plan, call: &CallId, output: &Json, writes: &Writes, usage: Usage) -> Allowed {
        let (at, attempt) = self.end_call(plan, call)?;
        self.change(plan, at, |unit| {
            let tally = unit.tally(call.operation);
            tally.add(usage);
            tally.failure = None;
            match (call.operation, &mut unit.progress) {
                (Operation::Compensate, Progress::Ended(ended)) => ended.undo = Settling::Done(output.clone()),
                (_, progress) => {
                    let (how, order) = (How::Completed(output.clone()), attempt.ended);
                    *progress = Progress::Ended(Ended { how, order, undo: Settling::Idle });
                }
            }
        });
        self.common.write(writes);
        Ok(())
    }

    fn rejected(&mut self, plan: &Plan, call: &CallId, failure: &Failure, usage: Usage) -> Allowed {
        let (at, attempt) = self.end_call(plan, call)?;
        self.change(plan, at, |unit| {
            unit.tally(call.operation).fail(usage, failure);
            let how = How::Rejected { maybe_done: attempt.maybe_done };
            unit.end_for_good(call.operation, how, &attempt);
        });
        if call.operation == Operation::Run {
            self.common.note_failure(Cause::Rejected(lost(&call.node, call.item, failure)));
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
    ) -> Allowed {
        let (at, mut attempt) = self.end_call(plan, call)?;
        attempt.maybe_done |= unknown.is_some();
        attempt.lost += u32::from(unknown == Some(UnknownCause::HostLost));
        let maybe_done = attempt.maybe_done;
        let once = unknown.is_some() && plan.step(at.step).at_most_once;
        // What another step's failure leaves is neither used up nor a cause.
        let left = self.is_unwinding();
        let how = match (once, left) {
            (true, _) => How::Unknown,
            (false, true) => How::GivenUp { maybe_done },
            (false, false) => How::UsedUp { maybe_done },
        };
        self.change(plan, at, |unit| {
            unit.tally(call.operation).fail(usage, failure);
            match due {
                Some(due) => unit.set_try(call.operation, Try::Delayed(attempt, due)),
                None => unit.end_for_good(call.operation, how, &attempt),
            }
        });
        if due.is_none() && call.operation == Operation::Run && !left {
            let lost = lost(&call.node, call.item, failure);
            self.common.note_failure(if once { Cause::Unknown(lost) } else { Cause::UsedUp(lost) });
        }
        Ok(())
    }

    fn pending(
        &mut self,
        plan: &Plan,
        call: &CallId,
        (due, token): (Timestamp, Option<&Json>),
        usage: Usage,
    ) -> Allowed {
        let (at, attempt) = self.end_call(plan, call)?;
        let polling = Attempt { polls: attempt.polls + 1, token: token.cloned(), ..attempt };
        self.change(plan, at, |unit| {
            unit.tally(call.operation).add(usage);
            unit.set_try(call.operation, Try::Polling(polling, due));
        });
        Ok(())
    }

    /// The attempt goes back to where it was before it was started.
    fn not_made(&mut self, plan: &Plan, call: &CallId, due: Timestamp, held: Option<&Arc<str>>) -> Allowed {
        let (at, attempt) = self.in_flight(plan, call)?;
        let tried = Try::not_made(attempt, due);
        self.common.not_made(held);
        self.change(plan, at, |unit| {
            unit.tally(call.operation).attempts = tried.attempt().number;
            unit.set_try(call.operation, tried);
        });
        Ok(())
    }

    fn given_up(&mut self, plan: &Plan, node: &Name, item: Option<u32>, failure: &Failure) -> Allowed {
        let at = self.find(plan, node, item)?;
        let (operation, attempt, polling) = match self.unit(at).and_then(Unit::trying) {
            Some((operation, Try::Delayed(attempt, _))) => (operation, attempt.clone(), false),
            Some((operation, Try::Polling(attempt, _))) => (operation, attempt.clone(), true),
            _ => return Err(format!("step `{node}` does not wait for another attempt")),
        };
        let left = self.is_unwinding();
        let maybe_done = attempt.maybe_done || polling;
        let how = if left { How::GivenUp { maybe_done } } else { How::UsedUp { maybe_done } };
        let told = self.change(plan, at, |unit| {
            let told = unit.tally(operation).give_up(failure, polling);
            unit.end_for_good(operation, how, &attempt);
            told
        });
        if operation == Operation::Run && !left {
            let told = told.flatten();
            self.common.note_failure(Cause::UsedUp(lost(node, item, told.as_ref().unwrap_or(failure))));
        }
        Ok(())
    }

    fn undo_refused(&mut self, plan: &Plan, node: &Name, item: Option<u32>, failure: &Failure) -> Allowed {
        let at = self.find(plan, node, item)?;
        let ready = self.unit(at).and_then(Unit::ended).is_some_and(|ended| ended.undo.stage() == Stage::Ready);
        if !ready || !self.is_unwinding() {
            return Err(format!("the compensation of step `{node}` is not to be started"));
        }
        self.change(plan, at, |unit| {
            unit.undo.failure = Some(failure.clone());
            let before = unit.undo.attempts;
            if let Progress::Ended(ended) = &mut unit.progress {
                ended.undo = Settling::Stuck { patched: None, before };
            }
        });
        Ok(())
    }

    /// Takes up what is stuck: all, that of one step, or that of one item. What an operator does closes the circuit.
    fn mend(
        &mut self,
        plan: &Plan,
        node: Option<&Name>,
        item: Option<u32>,
        mended: &mut dyn FnMut(&mut Settling),
    ) -> Allowed {
        let Phase::Stuck { cause } = &self.phase else { return Err("it is not stuck".into()) };
        let cause = cause.clone();
        let only = node.map(|node| index(plan, node)).transpose()?;
        let meant = |at: &UnitIx| only.is_none_or(|step| at.step == step) && (item.is_none() || at.item == item);
        let stuck: vec::Vec<UnitIx> = self.index.stuck().into_iter().filter(meant).collect();
        if stuck.is_empty() {
            return Err("nothing of what is meant is stuck".into());
        }
        for at in stuck {
            self.change(plan, at, |unit| {
                if let Progress::Ended(ended) = &mut unit.progress {
                    mended(&mut ended.undo);
                }
            });
        }
        self.phase = Phase::Unwinding { cause, circuit_open: false };
        Ok(())
    }

    fn patched(&mut self, plan: &Plan, node: &Name, item: Option<u32>, arguments: &Json) -> Allowed {
        let at = self.find(plan, node, item)?;
        if !self.unit(at).is_some_and(Unit::is_stuck) {
            return Err(format!("the compensation of step `{node}` is not stuck"));
        }
        self.mend(plan, Some(node), item, &mut |undo| undo.retry(Some(Arguments::from(arguments.clone()))))
    }

    fn in_flight(&self, plan: &Plan, call: &CallId) -> Allowed<(UnitIx, Attempt)> {
        let at = self.find(plan, &call.node, call.item)?;
        match self.unit(at).and_then(Unit::trying) {
            Some((operation, Try::Started(attempt)))
                if operation == call.operation && attempt.number == call.attempt =>
            {
                Ok((at, attempt.clone()))
            }
            _ => Err(format!("{call} is not in flight")),
        }
    }

    /// Takes a call in flight out of flight, with its attempt as it was and its place in the order of endings.
    fn end_call(&mut self, plan: &Plan, call: &CallId) -> Allowed<(UnitIx, Attempt)> {
        let (at, attempt) = self.in_flight(plan, call)?;
        let ended = self.next_ending();
        self.common.calling -= 1;
        Ok((at, Attempt { ended, ..attempt }))
    }

    fn next_ending(&mut self) -> u32 {
        self.endings += 1;
        self.endings - 1
    }

    fn find(&self, plan: &Plan, node: &Name, item: Option<u32>) -> Allowed<UnitIx> {
        let at = UnitIx { step: index(plan, node)?, item };
        self.unit(at).map(|_| at).ok_or_else(|| no_unit(node, item))
    }

    fn is_running(&self) -> Allowed {
        if self.is_forward() {
            return Ok(());
        }
        Err(format!("nothing new starts in a saga that is {}", self.status()))
    }
}

fn index(plan: &Plan, node: &Name) -> Allowed<StepIx> {
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
