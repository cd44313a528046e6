//! The transition table: a state and a record give the next state, or an error. It is total; what
//! it does not know is illegal, never ignored. Live and recovered TCCs go through it alone.

use alloc::{format, string::String, sync::Arc};

use super::{
    sources::View,
    state::{Ended, How, Phase, Progress, State, Unit, Verdict},
};
use crate::{
    arguments::Arguments,
    attempt::{Attempt, Try},
    common::does_not_follow,
    id::{Name, Seq},
    json::Json,
    outcome::{Failure, UnknownCause, Usage, Writes},
    plan::{ParticipantIx, TccPlan},
    record::{CallId, Cause, Fact, IllegalRecord, LostCall, Operation, Record},
    settling::{Settling, Stage},
    time::Timestamp,
};

type Allowed<T = ()> = Result<T, String>;

/// How a call failed once, and when it is made again.
#[derive(Clone, Copy)]
struct Failed<'a> {
    failure: &'a Failure,
    usage: Usage,
    due: Option<Timestamp>,
    how: Once,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Once {
    Rejected,
    Retryable,
    Unknown(UnknownCause),
}

impl State {
    /// Takes one more record in.
    pub(super) fn evolve(&mut self, plan: &TccPlan, record: &Record) -> Result<(), IllegalRecord> {
        let seq = Seq(self.common.seq.0 + 1);
        self.apply(plan, record.at, &record.fact).map_err(|what| IllegalRecord { seq, what })?;
        self.common.note(record);
        Ok(())
    }

    fn apply(&mut self, plan: &TccPlan, at: Timestamp, fact: &Fact) -> Allowed {
        if self.status().is_ended() {
            return Err(format!("the TCC has ended as {}", self.status()));
        }
        match fact {
            Fact::Created(_) => Err("it was created already".into()),
            Fact::Refused { node, item, failure } => self.refused(plan, node, *item, failure),
            Fact::Started { call, deadline, until } => self.started(plan, at, call, *deadline, *until),
            Fact::Completed { call, output, writes, usage } => self.completed(plan, call, output, writes, *usage),
            Fact::Rejected { call, failure, usage, due } => {
                self.failed_once(plan, call, Failed { failure, usage: *usage, due: *due, how: Once::Rejected })
            }
            Fact::Retryable { call, failure, usage, due } => {
                self.failed_once(plan, call, Failed { failure, usage: *usage, due: *due, how: Once::Retryable })
            }
            Fact::Unknown { call, cause, failure, usage, due } => {
                self.failed_once(plan, call, Failed { failure, usage: *usage, due: *due, how: Once::Unknown(*cause) })
            }
            Fact::Pending { call, due, token, usage } => self.pending(plan, call, (*due, token.as_ref()), *usage),
            Fact::NotMade { call, due, held } => self.not_made(plan, call, *due, held.as_ref()),
            Fact::GivenUp { node, item, failure } => self.given_up(plan, node, *item, failure),
            Fact::RetryRequested { node, item, .. } => {
                self.mend(plan, node.as_ref(), *item, &mut |settle| settle.retry(None))
            }
            Fact::UndoSkipped { node, item, .. } => {
                self.mend(plan, Some(node), *item, &mut |settle| *settle = Settling::GivenUp)
            }
            Fact::Patched { node, item, arguments, .. } => {
                let given = Arguments::from(arguments.clone());
                self.mend(plan, Some(node), *item, &mut |settle| settle.retry(Some(given.clone())))
            }
            Fact::CancelRequested { .. } => {
                self.is_trying()?;
                self.common.note_failure(Cause::Cancelled);
                Ok(())
            }
            Fact::Paused { .. } => self.common.pause(true),
            Fact::Resumed { .. } => self.common.pause(false),
            _ => self.change_phase(plan, fact),
        }
    }

    fn change_phase(&mut self, plan: &TccPlan, fact: &Fact) -> Allowed {
        use Phase::{Ended, Stuck, Terminated, Trying};
        let over = || (0..self.units.len()).map(ParticipantIx).all(|ix| self.is_settled(plan, ix));
        let stuck = || self.units.iter().any(Unit::is_stuck);
        let passed = || (0..self.units.len()).map(ParticipantIx).all(|ix| self.is_passed(plan, ix));
        self.phase = match (&self.phase, fact) {
            (Trying, Fact::Confirming) if self.common.failed.is_none() && passed() => Phase::Settling(Verdict::Confirm),
            (Trying, Fact::Cancelling { cause }) => Phase::Settling(Verdict::Cancel(cause.clone())),
            (Phase::Settling(verdict), Fact::Stuck { .. }) if stuck() => Stuck(verdict.clone()),
            (Phase::Settling(verdict @ Verdict::Confirm), Fact::Confirmed) if over() => Ended(verdict.clone()),
            (Phase::Settling(verdict @ Verdict::Cancel(_)), Fact::Cancelled) if over() => Ended(verdict.clone()),
            (_, Fact::Terminated { .. }) => Terminated(self.verdict().cloned()),
            (_, other) => return Err(does_not_follow(kind(other), self.status())),
        };
        Ok(())
    }

    /// Whether nothing of a participant is left to be called.
    fn is_settled(&self, plan: &TccPlan, ix: ParticipantIx) -> bool {
        match &self.unit(ix).progress {
            Progress::Waiting | Progress::Refused(_) => true,
            Progress::Trying(_) => false,
            Progress::Ended(ended) => self.settles_by(plan, ix).is_some() && ended.settle.stage() == Stage::Over,
        }
    }

    fn refused(&mut self, plan: &TccPlan, node: &Name, item: Option<u32>, failure: &Failure) -> Allowed {
        self.is_trying()?;
        let ix = index(plan, node, item)?;
        let unit = &mut self.units[ix.0];
        if unit.progress != Progress::Waiting {
            return Err(format!("participant `{node}` was started"));
        }
        unit.progress = Progress::Refused(failure.clone());
        unit.tried.failure = Some(failure.clone());
        self.note_lost(plan, ix, Cause::Rejected(lost(node, failure)));
        Ok(())
    }

    fn started(
        &mut self,
        plan: &TccPlan,
        at: Timestamp,
        call: &CallId,
        deadline: Timestamp,
        until: Option<Timestamp>,
    ) -> Allowed {
        let ix = index(plan, &call.node, call.item)?;
        let memo = self.common.bound.take();
        let next = match call.operation {
            Operation::Try => self.next_try(plan, ix, at, until, memo)?,
            operation => self.next_settling(plan, ix, operation, at, until)?,
        };
        if next.number != call.attempt {
            return Err(format!("{call} is started where attempt {} would be next", next.number));
        }
        let next = Try::Started(Attempt { deadline, ..next });
        let unit = &mut self.units[ix.0];
        unit.tally(call.operation).attempts = call.attempt;
        unit.set_try(next);
        self.common.begin();
        Ok(())
    }

    /// Nothing is tried once it is decided that all is confirmed or cancelled.
    fn next_try(
        &self,
        plan: &TccPlan,
        ix: ParticipantIx,
        at: Timestamp,
        until: Option<Timestamp>,
        memo: Option<Arguments>,
    ) -> Result<Attempt, String> {
        self.is_trying()?;
        match &self.unit(ix).progress {
            Progress::Waiting => {
                let bound = || View { plan, state: self }.arguments(ix).map_err(|why| why.0);
                Ok(Attempt::first(at, until, memo.map_or_else(bound, Ok)?))
            }
            Progress::Trying(tried) => tried.again(),
            Progress::Refused(_) | Progress::Ended(_) => Err("its try is past its end".into()),
        }
    }

    fn next_settling(
        &self,
        plan: &TccPlan,
        ix: ParticipantIx,
        operation: Operation,
        at: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Attempt, String> {
        if !matches!(self.phase, Phase::Trying | Phase::Settling(_)) || self.settles_by(plan, ix) != Some(operation) {
            return Err(format!("`{}` does not fit a participant that is so far", operation.as_str()));
        }
        let ended = self.unit(ix).ended().ok_or("it was not tried")?;
        ended.settle.next(at, until, || Ok(ended.arguments.clone()))
    }

    fn completed(&mut self, plan: &TccPlan, call: &CallId, output: &Json, writes: &Writes, usage: Usage) -> Allowed {
        let (ix, attempt) = self.end_call(plan, call)?;
        let unit = &mut self.units[ix.0];
        let tally = unit.tally(call.operation);
        tally.add(usage);
        tally.failure = None;
        match &mut unit.progress {
            Progress::Ended(ended) => ended.settle = Settling::Done(output.clone()),
            progress => *progress = Progress::ended(How::Tried(output.clone()), attempt),
        }
        self.common.write(writes);
        Ok(())
    }

    fn failed_once(&mut self, plan: &TccPlan, call: &CallId, failed: Failed<'_>) -> Allowed {
        let is_try = call.operation == Operation::Try;
        if is_try && failed.how == Once::Rejected && failed.due.is_some() {
            return Err("a try that was rejected is not tried again".into());
        }
        let (ix, mut attempt) = self.end_call(plan, call)?;
        // What another's failure leaves is neither used up nor a cause.
        let left = self.cause().is_some();
        let failure = failed.failure.clone();
        attempt.maybe_done |= matches!(failed.how, Once::Unknown(_));
        attempt.lost += u32::from(failed.how == Once::Unknown(UnknownCause::HostLost));
        let unit = &mut self.units[ix.0];
        unit.tally(call.operation).fail(failed.usage, &failure);
        unit.breached |= !is_try && failed.how == Once::Rejected;
        if let Some(due) = failed.due {
            unit.set_try(Try::Delayed(attempt, due));
            return Ok(());
        }
        if let Progress::Ended(ended) = &mut unit.progress {
            ended.settle = Settling::stuck(&attempt);
            return Ok(());
        }
        let maybe_done = attempt.maybe_done;
        let lost = lost(&call.node, &failure);
        let (how, cause) = match failed.how {
            Once::Rejected => (How::Rejected { failure, maybe_done }, Cause::Rejected(lost)),
            Once::Retryable | Once::Unknown(_) if left => (How::GivenUp { failure, maybe_done }, Cause::UsedUp(lost)),
            Once::Retryable | Once::Unknown(_) => (How::UsedUp { failure, maybe_done }, Cause::UsedUp(lost)),
        };
        unit.progress = Progress::ended(how, attempt);
        self.note_lost(plan, ix, cause);
        Ok(())
    }

    fn pending(
        &mut self,
        plan: &TccPlan,
        call: &CallId,
        (due, token): (Timestamp, Option<&Json>),
        usage: Usage,
    ) -> Allowed {
        let (ix, attempt) = self.end_call(plan, call)?;
        let unit = &mut self.units[ix.0];
        unit.tally(call.operation).add(usage);
        unit.set_try(Try::Polling(Attempt { polls: attempt.polls + 1, token: token.cloned(), ..attempt }, due));
        Ok(())
    }

    /// The attempt goes back to where it was before it was started.
    fn not_made(&mut self, plan: &TccPlan, call: &CallId, due: Timestamp, held: Option<&Arc<str>>) -> Allowed {
        let (ix, attempt) = self.in_flight(plan, call)?;
        let tried = Try::not_made(attempt, due);
        self.common.not_made(held);
        let unit = &mut self.units[ix.0];
        unit.tally(call.operation).attempts = tried.attempt().number;
        unit.set_try(tried);
        Ok(())
    }

    fn given_up(&mut self, plan: &TccPlan, node: &Name, item: Option<u32>, failure: &Failure) -> Allowed {
        let ix = index(plan, node, item)?;
        let (operation, attempt, polling) = match self.trying(plan, ix) {
            Some((operation, Try::Delayed(attempt, _))) => (operation, attempt.clone(), false),
            Some((operation, Try::Polling(attempt, _))) => (operation, attempt.clone(), true),
            _ => return Err(format!("participant `{node}` does not wait for another attempt")),
        };
        let cancelling = self.cause().is_some();
        let unit = &mut self.units[ix.0];
        let failure = unit.tally(operation).give_up(failure, polling).unwrap_or_else(|| failure.clone());
        if let Progress::Ended(ended) = &mut unit.progress {
            ended.settle = Settling::stuck(&attempt);
            return Ok(());
        }
        let maybe_done = attempt.maybe_done || polling;
        let cause = Cause::UsedUp(lost(node, &failure));
        let how = if cancelling { How::GivenUp { failure, maybe_done } } else { How::UsedUp { failure, maybe_done } };
        unit.progress = Progress::ended(how, attempt);
        self.note_lost(plan, ix, cause);
        Ok(())
    }

    /// Takes up what is stuck: all, or that of one participant. The verdict stays as it is.
    fn mend(
        &mut self,
        plan: &TccPlan,
        node: Option<&Name>,
        item: Option<u32>,
        mended: &mut dyn FnMut(&mut Settling),
    ) -> Allowed {
        let only = node.map(|node| index(plan, node, item)).transpose()?;
        let Phase::Stuck(verdict) = &self.phase else { return Err("it is not stuck".into()) };
        let verdict = verdict.clone();
        let meant = |ix: usize| only.is_none_or(|only| only.0 == ix);
        let mut any = false;
        for unit in self.units.iter_mut().enumerate().filter(|(ix, _)| meant(*ix)).map(|(_, unit)| unit) {
            if let Progress::Ended(ended) = &mut unit.progress
                && ended.settle.is_stuck()
            {
                mended(&mut ended.settle);
                unit.breached = false;
                any = true;
            }
        }
        if !any {
            return Err("nothing of what is meant is stuck".into());
        }
        self.phase = Phase::Settling(verdict);
        Ok(())
    }

    fn in_flight(&self, plan: &TccPlan, call: &CallId) -> Allowed<(ParticipantIx, Attempt)> {
        let ix = index(plan, &call.node, call.item)?;
        match self.trying(plan, ix) {
            Some((operation, Try::Started(attempt)))
                if operation == call.operation && attempt.number == call.attempt =>
            {
                Ok((ix, attempt.clone()))
            }
            _ => Err(format!("{call} is not in flight")),
        }
    }

    /// Takes a call in flight out of flight, with its attempt as it was.
    fn end_call(&mut self, plan: &TccPlan, call: &CallId) -> Allowed<(ParticipantIx, Attempt)> {
        let found = self.in_flight(plan, call)?;
        self.common.calling -= 1;
        Ok(found)
    }

    /// A try that failed for good ends the TCC's hope where the participant is required.
    fn note_lost(&mut self, plan: &TccPlan, ix: ParticipantIx, cause: Cause) {
        if !plan.participant(ix).optional {
            self.common.note_failure(cause);
        }
    }

    fn is_trying(&self) -> Allowed {
        match self.phase {
            Phase::Trying => Ok(()),
            _ => Err(format!("nothing is tried in a TCC that is {}", self.status())),
        }
    }
}

impl Progress {
    fn ended(how: How, attempt: Attempt) -> Self {
        Self::Ended(Ended { how, arguments: attempt.arguments, settle: Settling::Idle })
    }
}

fn index(plan: &TccPlan, node: &Name, item: Option<u32>) -> Result<ParticipantIx, String> {
    if item.is_some() {
        return Err("a participant has no items".into());
    }
    plan.find(node).ok_or_else(|| format!("the TCC has no participant `{node}`"))
}

fn lost(node: &Name, failure: &Failure) -> LostCall {
    LostCall { node: node.clone(), item: None, failure: failure.clone() }
}

fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Confirming => "`confirming`",
        Fact::Cancelling { .. } => "`cancelling`",
        Fact::Stuck { .. } => "`stuck`",
        Fact::Confirmed => "`confirmed`",
        Fact::Cancelled => "`cancelled`",
        _ => "this record",
    }
}
