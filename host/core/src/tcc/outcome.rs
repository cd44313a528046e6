//! What an outcome means: the table at the top of semantics.md, turned into records.

use super::{
    state::{Phase, Settle},
    turn::Turn,
};
use crate::{
    attempt::{Attempt, POLL_MIN, Pause, not_made_due},
    command::Answer,
    json::Json,
    outcome::{Failure, NotMade, Outcome, UnknownCause, Usage},
    plan::ParticipantIx,
    record::{CallId, Fact, Operation},
    retry::RetryPolicy,
    time::{Milliseconds, Timestamp},
};

/// Failed attempts of a confirm or a cancel after which somebody should look: semantics.md, "Retries
/// and time".
const ALARM_AFTER: u32 = 3;

impl Turn<'_, '_> {
    /// Writes down what a call in flight came to; a call that is not in flight changes nothing.
    pub(super) fn answer(&mut self, call: &CallId, answer: Answer) {
        let Some((ix, attempt)) = self.tcc.state.in_flight(&self.tcc.plan, call) else { return };
        let attempt = attempt.clone();
        let breached = self.tcc.state.unit(ix).breached;
        let (call, usage) = (call.clone(), answer.usage);
        match answer.outcome {
            Outcome::Completed(output) => self.push(Fact::Completed { call, output, writes: answer.writes, usage }),
            Outcome::Rejected(failure) => {
                // What must not refuse is tried again all the same; it never turns into something else.
                let again = call.operation != Operation::Try;
                let due = if again { self.due(ix, &call, &attempt, Pause::AtLeast(0)) } else { None };
                self.push(Fact::Rejected { call, failure, usage, due });
            }
            Outcome::Retryable { failure, after } => {
                let due = self.due(ix, &call, &attempt, Pause::AtLeast(after.unwrap_or(0)));
                self.push(Fact::Retryable { call, failure, usage, due });
            }
            Outcome::Unknown { cause, failure, after } => {
                let due = self.due(ix, &call, &attempt, Pause::AtLeast(after.unwrap_or(0)));
                self.push(Fact::Unknown { call, cause, failure, usage, due });
            }
            Outcome::Pending { poll, token } => self.pending(call, &attempt, (poll, token), usage),
        }
        self.note_trouble(ix, breached);
    }

    /// Writes down that a call was not made: it is asked for again, and costs nothing.
    pub(super) fn not_made(&mut self, call: &CallId, why: &NotMade) {
        if self.tcc.state.in_flight(&self.tcc.plan, call).is_none() {
            return;
        }
        let held = match why {
            NotMade::Busy => None,
            NotMade::Held(what) => Some(what.clone()),
        };
        let news = held.is_some() && self.tcc.state.held.is_none();
        self.push(Fact::NotMade { call: call.clone(), due: not_made_due(why, self.moment.now), held });
        if news {
            self.alarm();
        }
    }

    /// Ends every call in flight as lost: the host that made them is gone.
    pub(super) fn lose_calls(&mut self) {
        for (ix, operation) in self.tries(|_, tried| tried.due().is_none()) {
            let Some((_, tried)) = self.tcc.state.trying(&self.tcc.plan, ix) else { continue };
            let attempt = tried.attempt().clone();
            let node = self.tcc.plan.participant(ix).id.clone();
            let call = CallId { node, item: None, operation, attempt: attempt.number };
            let usage = Usage::default();
            if attempt.polls > 0 {
                // It was accepted before; asking again is what it wants, and not another attempt.
                let token = attempt.token.clone();
                self.push(Fact::Pending { call, due: self.moment.now, token, usage });
                continue;
            }
            let cause = UnknownCause::HostLost;
            let failure = Failure::new("host-lost", "the host was lost during the call");
            let lost = Attempt { lost: attempt.lost + 1, ..attempt };
            let due = self.due(ix, &call, &lost, Pause::None);
            self.push(Fact::Unknown { call, cause, failure, usage, due });
        }
    }

    /// Called again after `poll`; or given up when its time has passed, whichever comes first.
    fn pending(&mut self, call: CallId, attempt: &Attempt, (poll, token): (Milliseconds, Option<Json>), usage: Usage) {
        let until = attempt.pending_until(self.pending_deadline(call.operation));
        let due = self.moment.now.after_ms(poll.max(POLL_MIN)).min(until);
        self.push(Fact::Pending { call, due, token, usage });
    }

    /// When the next attempt is due. No try has one once it is decided to cancel.
    fn due(&self, ix: ParticipantIx, call: &CallId, attempt: &Attempt, pause: Pause) -> Option<Timestamp> {
        let participant = self.tcc.plan.participant(ix);
        let retry: &RetryPolicy = match call.operation {
            Operation::Confirm => &participant.confirm_limits.retry,
            Operation::Cancel => &participant.cancel_limits.retry,
            _ if self.tcc.state.phase != Phase::Trying => return None,
            _ => &participant.try_limits.retry,
        };
        attempt.next_due(retry, pause, self.moment)
    }

    /// Somebody should look at a confirm or a cancel that was refused, or has failed a few times.
    fn note_trouble(&mut self, ix: ParticipantIx, breached: bool) {
        let unit = self.tcc.state.unit(ix);
        let Some(Settle::Trying(tried)) = unit.ended().map(|ended| &ended.settle) else { return };
        let failed = matches!(tried, crate::attempt::Try::Delayed(..));
        if failed && ((unit.breached && !breached) || tried.attempt().charged() == ALARM_AFTER) {
            self.alarm();
        }
    }
}
