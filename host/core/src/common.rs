//! The state that a saga and a TCC have in common: everything beneath the phase. Deliberately absent: steps and participants.

use alloc::{format, string::String, sync::Arc};

use crate::{
    arguments::Arguments,
    bounds::{self, Weight},
    id::{Name, Seq},
    json::{Headers, Json, Variables},
    outcome::{Failure, Writes},
    record::{Cause, Created, Record},
    status::Status,
    summary::{Summary, Wake},
    time::Timestamp,
};

/// The state beneath the phase.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Common {
    pub(crate) created: Arc<Created>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) seq: Seq,
    pub(crate) paused: bool,
    pub(crate) variables: Variables,
    pub(crate) headers: Headers,
    /// Calls in flight.
    pub(crate) calling: usize,
    /// The missing thing that its calls wait for, in words.
    pub(crate) held: Option<Arc<str>>,
    /// The first failure for good, or a cancel: why it is to unwind, or to be cancelled.
    pub(crate) failed: Option<Cause>,
    /// Arguments that the decision under way has bound for the next `started`, to bind them once only. The
    /// table takes them out again, and binds for itself where there are none.
    pub(crate) bound: Option<Arguments>,
    weight: Weight,
}

impl Common {
    /// After a transaction's first record.
    pub(crate) fn new(record: &Record, created: Arc<Created>) -> Self {
        Self {
            created_at: record.at,
            updated_at: record.at,
            seq: Seq(1),
            paused: false,
            variables: Arc::default(),
            headers: Arc::new(created.headers.clone()),
            calling: 0,
            held: None,
            failed: None,
            bound: None,
            weight: Weight { bytes: bounds::payload_bytes(&record.fact), variables: 0 },
            created,
        }
    }

    /// Counts a record that was taken in.
    pub(crate) fn note(&mut self, record: &Record) {
        self.seq = Seq(self.seq.0 + 1);
        self.updated_at = record.at;
        self.weight.bytes = self.weight.bytes.saturating_add(bounds::payload_bytes(&record.fact));
    }

    pub(crate) fn note_failure(&mut self, cause: Cause) {
        self.failed.get_or_insert(cause);
    }

    pub(crate) fn pause(&mut self, paused: bool) -> Result<(), String> {
        if self.paused == paused {
            return Err(if paused { "it is paused already" } else { "it is not paused" }.into());
        }
        self.paused = paused;
        Ok(())
    }

    /// Takes in what a call wrote.
    pub(crate) fn write(&mut self, writes: &Writes) {
        if !(writes.variables.is_empty() && writes.removed_variables.is_empty()) {
            self.weight.variables = self.variables_with(writes);
            let variables = Arc::make_mut(&mut self.variables);
            variables.extend(writes.variables.iter().cloned());
            writes.removed_variables.iter().for_each(|name| drop(variables.remove(name)));
        }
        if !(writes.headers.is_empty() && writes.removed_headers.is_empty()) {
            let headers = Arc::make_mut(&mut self.headers);
            headers.extend(writes.headers.iter().cloned());
            writes.removed_headers.iter().for_each(|name| drop(headers.remove(name)));
        }
    }

    /// Bytes of the variables after these writes. A name that is written twice counts twice, which errs on the safe side.
    fn variables_with(&self, writes: &Writes) -> u64 {
        let before = |name: &Name| self.variables.get(name).map_or(0, |value| name.len() + value.as_str().len()) as u64;
        let mut bytes = self.weight.variables;
        for (name, value) in &writes.variables {
            bytes = bytes.saturating_sub(before(name)) + (name.len() + value.as_str().len()) as u64;
        }
        writes.removed_variables.iter().fold(bytes, |bytes, name| bytes.saturating_sub(before(name)))
    }

    /// Whether what a call answered and wrote can be kept.
    ///
    /// # Errors
    /// It cannot, for this reason.
    pub(crate) fn has_room_for(&self, output: &Json, writes: &Writes) -> Result<(), Failure> {
        if !writes.variables.is_empty() && self.variables_with(writes) > bounds::VARIABLES_BYTES_MAX {
            return Err(bounds::variables_full());
        }
        let bytes = output.as_str().len() as u64 + bounds::written(writes);
        if self.weight.has_room_for(bytes) { Ok(()) } else { Err(bounds::full()) }
    }

    /// Whether nothing is tried again, for a bound is reached.
    pub(crate) fn is_full(&self, forward: bool) -> bool {
        self.weight.is_full(self.seq.0, forward)
    }

    /// Where it stands, given what only the machine knows.
    pub(crate) fn summary(&self, status: Status, due: Option<Timestamp>) -> Summary {
        // A call in flight keeps its host, also while the transaction is paused.
        let wake = match due {
            _ if self.calling > 0 && !status.is_ended() => Wake::Now,
            _ if self.paused || !status.is_under_way() => Wake::Never,
            Some(due) => Wake::At(due),
            None => Wake::Now,
        };
        let ended = status.is_ended().then_some(self.updated_at);
        Summary { status, paused: self.paused, wake, held: self.held.clone(), ended }
    }

    /// Takes a call out of flight that was not made.
    pub(crate) fn not_made(&mut self, held: Option<&Arc<str>>) {
        self.calling -= 1;
        self.held = held.cloned();
    }

    /// Takes a call in flight.
    pub(crate) fn begin(&mut self) {
        self.calling += 1;
        self.held = None;
    }
}

/// A record that comes where it cannot.
pub(crate) fn does_not_follow(what: &str, status: Status) -> String {
    format!("{what} does not follow {status}")
}
