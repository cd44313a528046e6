//! The bounds of one transaction: its records and their bytes. Deliberately absent: the bound of one payload (the sandbox).
//!
//! A host folds all records of a transaction in memory when it takes it up, so their number and their bytes have an end.
//! Undoing has as much again on top: what could be stored can be undone.

use crate::{
    outcome::{Failure, Published, Writes},
    record::Fact,
};

/// Records of one transaction, beyond which nothing is tried again. Undoing may write as many on top.
pub const RECORDS_MAX: u64 = 1_000_000;
/// Bytes of all payloads in the records of one transaction: inputs, outputs, variables, events, tokens and failures,
/// each counted whenever it is written. Undoing may write as much on top.
pub const TRANSACTION_BYTES_MAX: u64 = 256 << 20;
/// Bytes of all variables of one transaction, names included.
pub const VARIABLES_BYTES_MAX: u64 = 8 << 20;

/// How much a transaction holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Of all payloads that were ever written.
    pub(crate) bytes: u64,
    /// Of the variables as they are.
    pub(crate) variables: u64,
}

impl Weight {
    /// Whether a transaction with so many records has reached a bound: then nothing is tried again.
    pub(crate) fn is_full(self, records: u64, forward: bool) -> bool {
        let times = if forward { 1 } else { 2 };
        records >= RECORDS_MAX * times || self.bytes >= TRANSACTION_BYTES_MAX * times
    }

    /// Whether a payload of this many bytes fits in.
    pub(crate) fn has_room_for(self, bytes: u64) -> bool {
        self.bytes.saturating_add(bytes) <= TRANSACTION_BYTES_MAX
    }
}

/// Why an output, or what a call wrote, cannot be kept.
pub(crate) fn full() -> Failure {
    let megabytes = TRANSACTION_BYTES_MAX >> 20;
    let message = alloc::format!(
        "what it answered does not fit: one transaction holds {megabytes} MiB in all (pass large data by reference)"
    );
    Failure::new("transaction-full", message)
}

/// Why variables cannot be kept.
pub(crate) fn variables_full() -> Failure {
    let megabytes = VARIABLES_BYTES_MAX >> 20;
    let message = alloc::format!(
        "the variables of one transaction hold {megabytes} MiB in all, and with what this call wrote they would hold more"
    );
    Failure::new("variables-full", message)
}

/// Bytes of what was written: names and values.
pub(crate) fn written(writes: &Writes) -> u64 {
    let variables = writes.variables.iter().map(|(name, value)| name.len() + value.as_str().len());
    let headers = writes.headers.iter().map(|(name, value)| name.len() + value.len());
    let published = writes.published.iter().map(Published::bytes);
    variables.chain(headers).chain(published).sum::<usize>() as u64
}

/// Bytes of the payloads in a fact.
pub(crate) fn payload_bytes(fact: &Fact) -> u64 {
    let bytes = match fact {
        Fact::Created(created) => created.input.as_str().len(),
        Fact::Completed { output, writes, .. } => output.as_str().len() + written(writes) as usize,
        Fact::Rejected { failure, .. }
        | Fact::Retryable { failure, .. }
        | Fact::Unknown { failure, .. }
        | Fact::Refused { failure, .. }
        | Fact::UndoRefused { failure, .. }
        | Fact::GivenUp { failure, .. } => failure_bytes(failure),
        Fact::Pending { token: Some(token), .. } => token.as_str().len(),
        Fact::Patched { arguments, .. } => arguments.as_str().len(),
        _ => 0,
    };
    bytes as u64
}

fn failure_bytes(failure: &Failure) -> usize {
    failure.code.len() + failure.message.len() + failure.details.as_ref().map_or(0, |details| details.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C13: what goes on without end is ended by a number, and undoing has as much again.
    #[test]
    fn a_bound_ends_what_is_tried_and_leaves_room_to_undo() {
        let weight = |bytes| Weight { bytes, variables: 0 };
        for (bytes, records) in [(0, RECORDS_MAX), (TRANSACTION_BYTES_MAX, 1)] {
            assert!(!weight(bytes - bytes.min(1)).is_full(records - records.min(1), true));
            assert!(weight(bytes).is_full(records, true));
            assert!(!weight(bytes).is_full(records, false));
            assert!(weight(bytes * 2).is_full(records * 2, false));
        }
        assert!(weight(TRANSACTION_BYTES_MAX - 2).has_room_for(2));
        assert!(!weight(TRANSACTION_BYTES_MAX - 2).has_room_for(3));
        assert!(!weight(1).has_room_for(u64::MAX));
    }
}
