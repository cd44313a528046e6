//! What an outcome means: the table at the top of semantics.md, turned into records.

use super::{machine::Saga, unit::UnitIx};
use crate::{
    attempt::{Attempt, Delay},
    incoming::Answer,
    json::Json,
    outcome::{Outcome, UnknownCause, Writes},
    record::{CallId, Fact},
    turn::Turn,
};

impl Turn<'_, '_, Saga> {
    pub(super) fn answer(&mut self, at: UnitIx, attempt: &Attempt, call: CallId, answer: Answer) {
        let (operation, usage) = (call.operation, answer.usage);
        match answer.outcome {
            Outcome::Completed(output) => {
                let room = self.machine.state.common.has_room_for(&output, &answer.writes);
                let fact = match room {
                    Ok(()) => Fact::Completed { call, output, writes: answer.writes, usage },
                    // It is done, and what it answered cannot be kept: it is undone like whatever may be done.
                    Err(failure) if operation.is_forward() => {
                        Fact::Unknown { call, cause: UnknownCause::Answer, failure, usage, due: None }
                    }
                    // It is undone. What it answered is lost before it is stuck for that.
                    Err(_) => Fact::Completed { call, output: Json::null(), writes: Writes::default(), usage },
                };
                self.push(fact);
            }
            Outcome::Rejected(failure) => self.push(Fact::Rejected { call, failure, usage, due: None }),
            Outcome::Retryable { failure, after } => {
                let due = self.next_due(at, operation, attempt, Delay::AtLeast(after.unwrap_or(0)), false);
                self.push(Fact::Retryable { call, failure, usage, due });
            }
            Outcome::Unknown { cause, failure, after } => {
                let due = self.next_due(at, operation, attempt, Delay::AtLeast(after.unwrap_or(0)), true);
                self.push(Fact::Unknown { call, cause, failure, usage, due });
            }
            Outcome::Pending { poll, token } => self.pending(call, attempt, poll, token, usage),
        }
        self.note_circuit(at);
    }
}
