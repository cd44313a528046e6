//! The rules by name, and what was found to break them.

use std::fmt;

use wasaga_core::TransactionId;

use super::spread::Spread;

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule: one of [`RULES`].
    pub rule: &'static str,
    /// Of which transaction.
    pub id: Option<TransactionId>,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)?;
        self.id.map_or(Ok(()), |id| write!(f, " (transaction {id})"))
    }
}

/// Every rule, by its name and what it says.
pub const RULES: &[(&str, &str)] = &[
    ("durable-first", "a call is made only when its `started` is durable, once for each (I2)"),
    ("no-gaps", "records are appended at their place, and never change (I3, I5)"),
    ("one-owner", "only the owner of the latest epoch appends; each claim raises the epoch (I5)"),
    ("leases", "a host whose lease has run out makes no call until it has joined anew"),
    ("same-key", "the idempotency key is the same over attempts, and another for every other operation (I6)"),
    ("modules", "a call is answered by the module that its transaction is pinned to, on a host that has it"),
    ("same-arguments", "a repeated call repeats its arguments, and they are what the definition binds"),
    ("truth", "a recorded outcome is what the guest answered; a lost call is unknown (I10)"),
    ("forward", "a compensation is told what is known of the step, a confirm and a cancel of the try"),
    ("attempts", "attempts follow one another and are not more than the policy allows"),
    ("time", "nothing starts before it is due or after its time, and deadlines are not extended"),
    ("at-most-once", "an unknown outcome of an at-most-once step is not repeated"),
    ("dependencies", "a step starts when all it depends on are completed or skipped"),
    ("conditions", "conditions and fan-outs are decided as the definition says"),
    ("concurrency", "no more calls than the definition allows are in flight"),
    ("nothing-new", "after the first failure nothing new starts, and nothing at all in a pause"),
    ("cause", "a saga unwinds for a reason that is on record, and the decision is durable first"),
    ("undone-for-a-reason", "only what is or may be done is undone"),
    ("undo-order", "steps are undone in the order of the policy"),
    ("circuit", "a critical compensation that failed opens the circuit, and nothing else does"),
    ("ends", "completed, compensated, stuck and terminated mean what semantics.md says"),
    ("tcc-order", "participants are tried and confirmed in rising order, and cancelled in falling"),
    ("tcc-decision", "a TCC is decided once, for a reason that is on record, and every call fits the decision"),
    ("tcc-tries", "no try is called once it is decided, nor after its participant's cancel"),
    ("tcc-ends", "confirmed, cancelled and stuck mean what semantics.md says, also at the partner"),
    ("left-behind", "an effect that remains at the end is one that the end allows for (I10)"),
    ("report", "row, report and records tell the same"),
    ("words", "an operator's word that was confirmed is in the journal once; a refused one is not"),
    ("starts", "a confirmed start is in the journal, and a key means one transaction"),
    ("rest", "everything ends, is stuck, or is paused"),
];

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(super) list: Vec<Violation>,
    pub(crate) spread: Spread,
}

impl Findings {
    pub(crate) fn add(&mut self, rule: &'static str, id: Option<TransactionId>, what: String) {
        debug_assert!(RULES.iter().any(|(name, _)| *name == rule), "{rule} is not a rule");
        self.list.push(Violation { rule, id, what });
    }
}
