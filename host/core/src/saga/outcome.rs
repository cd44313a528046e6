//! What an outcome means: the table at the top of semantics.md, turned into records.

use super::{machine::Saga, unit::UnitIx};
use crate::{
    attempt::{Attempt, Delay},
    incoming::Answer,
    outcome::Outcome,
    record::{CallId, Fact},
    turn::Turn,
};

impl Turn<'_, '_, Saga> {
    pub(super) fn answer(&mut self, at: UnitIx, attempt: &Attempt, call: CallId, answer: Answer) {
        let (operation, usage) = (call.operation, answer.usage);
        match answer.outcome {
            Outcome::Completed(output) => self.completed(call, output, answer.writes, usage),
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
