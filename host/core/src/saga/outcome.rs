//! What an outcome means: the table at the top of semantics.md, turned into records.

use super::{state::Phase, turn::Turn};
use crate::{
    attempt::{Attempt, POLL_MIN, Pause, not_made_due},
    command::Answer,
    json::Json,
    outcome::{Failure, NotMade, Outcome, UnknownCause, Usage},
    plan::StepIx,
    record::{CallId, Fact, Operation},
    retry::RetryPolicy,
    time::{Milliseconds, Timestamp},
};

/// What was seen of a call whose outcome is unknown.
struct Seen {
    cause: UnknownCause,
    failure: Failure,
    pause: Pause,
    usage: Usage,
}

impl Turn<'_, '_> {
    /// Writes down what a call in flight came to; a call that is not in flight changes nothing.
    pub(super) fn answer(&mut self, call: &CallId, answer: Answer) {
        let Some((ix, attempt)) = self.saga.state.in_flight(&self.saga.plan, call) else { return };
        let attempt = attempt.clone();
        let (call, item, usage) = (call.clone(), call.item, answer.usage);
        match answer.outcome {
            Outcome::Completed(output) => self.push(Fact::Completed { call, output, writes: answer.writes, usage }),
            Outcome::Rejected(failure) => self.push(Fact::Rejected { call, failure, usage, due: None }),
            Outcome::Retryable { failure, after } => {
                let due = self.due(ix, &call, &attempt, Pause::AtLeast(after.unwrap_or(0)), false);
                self.push(Fact::Retryable { call, failure, usage, due });
            }
            Outcome::Unknown { cause, failure, after } => {
                let seen = Seen { cause, failure, pause: Pause::AtLeast(after.unwrap_or(0)), usage };
                self.unknown(ix, call, &attempt, seen);
            }
            Outcome::Pending { poll, token } => self.pending(call, &attempt, (poll, token), usage),
        }
        self.note_circuit(ix, item);
    }

    /// Writes down that a call was not made: it is asked for again, and costs nothing.
    pub(super) fn not_made(&mut self, call: &CallId, why: &NotMade) {
        if self.saga.state.in_flight(&self.saga.plan, call).is_none() {
            return;
        }
        let held = match why {
            NotMade::Busy => None,
            NotMade::Held(what) => Some(what.clone()),
        };
        let news = held.is_some() && self.saga.state.held.is_none();
        self.push(Fact::NotMade { call: call.clone(), due: not_made_due(why, self.moment.now), held });
        if news {
            self.alarm();
        }
    }

    /// Ends every call in flight as lost: the host that made them is gone.
    pub(super) fn lose_calls(&mut self) {
        for (ix, item, operation) in self.tries(|_, tried| tried.due().is_none()) {
            let unit = self.saga.state.node(ix).unit(item);
            let Some((_, tried)) = unit.and_then(super::state::Unit::trying) else { continue };
            let attempt = tried.attempt().clone();
            let call = CallId { node: self.saga.plan.step(ix).id.clone(), item, operation, attempt: attempt.number };
            let usage = Usage::default();
            if attempt.polls > 0 {
                // It was accepted before; asking again is what it wants, and not another attempt.
                let token = attempt.token.clone();
                self.push(Fact::Pending { call, due: self.moment.now, token, usage });
            } else {
                let failure = Failure::new("host-lost", "the host was lost during the call");
                let seen = Seen { cause: UnknownCause::HostLost, failure, pause: Pause::None, usage };
                self.unknown(ix, call, &attempt, seen);
            }
            self.note_circuit(ix, item);
        }
    }

    fn unknown(&mut self, ix: StepIx, call: CallId, attempt: &Attempt, seen: Seen) {
        let Seen { cause, failure, pause, usage } = seen;
        let lost = u32::from(cause == UnknownCause::HostLost);
        let attempt = Attempt { lost: attempt.lost + lost, ..attempt.clone() };
        let due = self.due(ix, &call, &attempt, pause, true);
        self.push(Fact::Unknown { call, cause, failure, usage, due });
    }

    /// Called again after `poll`; or given up when its time has passed, whichever comes first.
    fn pending(&mut self, call: CallId, attempt: &Attempt, (poll, token): (Milliseconds, Option<Json>), usage: Usage) {
        let until = attempt.pending_until(self.saga.state.pending_deadline(call.operation));
        let due = self.moment.now.after_ms(poll.max(POLL_MIN)).min(until);
        self.push(Fact::Pending { call, due, token, usage });
    }

    /// When the next attempt is due. There is none once the saga unwinds, for then nothing new
    /// starts, and none after an unknown outcome of an at-most-once step.
    fn due(&self, ix: StepIx, call: &CallId, attempt: &Attempt, pause: Pause, unknown: bool) -> Option<Timestamp> {
        let step = self.saga.plan.step(ix);
        let retry: RetryPolicy = match call.operation {
            Operation::Run if matches!(self.saga.state.phase, Phase::Unwinding { .. }) => return None,
            Operation::Run if unknown && step.at_most_once => return None,
            Operation::Run => step.limits.retry,
            _ => step.undo_retry(self.saga.state.policy()),
        };
        attempt.next_due(&retry, pause, self.moment)
    }
}
