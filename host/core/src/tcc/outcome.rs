//! What an outcome means: the table at the top of semantics.md, turned into records.

use super::machine::Tcc;
use crate::{
    attempt::{Attempt, Delay, Try},
    incoming::Answer,
    outcome::Outcome,
    plan::ParticipantIx,
    record::{CallId, Fact},
    settling::Settling,
    turn::Turn,
};

/// Failed attempts of a confirm or a cancel after which somebody should look: semantics.md, "Retries
/// and time".
const ALARM_AFTER: u32 = 3;

impl Turn<'_, '_, Tcc> {
    pub(super) fn answer(&mut self, ix: ParticipantIx, attempt: &Attempt, call: CallId, answer: Answer) {
        let breached = self.machine.state.unit(ix).breached;
        let (operation, usage) = (call.operation, answer.usage);
        let due = |turn: &Self, after: Option<u64>| {
            turn.next_due(ix, operation, attempt, Delay::AtLeast(after.unwrap_or(0)), false)
        };
        match answer.outcome {
            Outcome::Completed(output) => self.completed(call, output, answer.writes, usage),
            Outcome::Rejected(failure) => {
                // A confirm and a cancel must not refuse. They are tried again, and never turn into something else.
                let due = if operation.is_forward() { None } else { due(self, None) };
                self.push(Fact::Rejected { call, failure, usage, due });
            }
            Outcome::Retryable { failure, after } => {
                let due = due(self, after);
                self.push(Fact::Retryable { call, failure, usage, due });
            }
            Outcome::Unknown { cause, failure, after } => {
                let due = due(self, after);
                self.push(Fact::Unknown { call, cause, failure, usage, due });
            }
            Outcome::Pending { poll, token } => self.pending(call, attempt, poll, token, usage),
        }
        self.note_trouble(ix, breached);
    }

    /// Somebody should look at a confirm or a cancel that was refused, or has failed a few times.
    fn note_trouble(&mut self, ix: ParticipantIx, breached: bool) {
        let unit = self.machine.state.unit(ix);
        let Some(Settling::Trying(tried @ Try::Delayed(..))) = unit.ended().map(|ended| &ended.settle) else { return };
        if (unit.breached && !breached) || tried.attempt().charged() == ALARM_AFTER {
            self.alarm();
        }
    }
}
