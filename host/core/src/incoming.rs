//! Values that come in: the start of a transaction, the answer of a call, and all that a decision knows of the world outside.
//! Deliberately absent: what goes out (`command`).

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};

use crate::{
    definition::CompensationPolicy,
    id::{Digest, Name, TransactionId},
    json::{Headers, Json, Variables},
    outcome::{Outcome, Usage, Writes},
    record::{Created, LabelValue},
    time::Timestamp,
};

/// How a transaction starts.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its id, which must be new.
    pub transaction: TransactionId,
    /// The module that the plan is of.
    pub module: Digest,
    /// A module for each of [`Checked::providers`](crate::Checked::providers); that it offers what is asked of it is the caller's
    /// affair ([`Checked::check_providers`](crate::Checked::check_providers)).
    pub providers: BTreeMap<Name, Digest>,
    /// The start input. The caller has compared it with the schema.
    pub input: Json,
    /// Headers.
    pub headers: BTreeMap<Name, Arc<str>>,
    /// How it unwinds; none leaves it to the plan.
    pub policy: Option<CompensationPolicy>,
    /// Part of every idempotency key.
    pub namespace: Name,
    /// The caller's own key.
    pub key: Option<Name>,
    /// The name of the module that the plan is of.
    pub module_name: Option<Name>,
    /// How many transactions had the key before and were removed since.
    pub generation: u32,
    /// Values by which it is found.
    pub labels: BTreeMap<Name, LabelValue>,
    /// Its retention class.
    pub class: Option<Name>,
}

impl Start {
    /// A start with nothing but what is needed.
    pub fn new(transaction: TransactionId, module: Digest, namespace: Name, input: Json) -> Self {
        Self {
            transaction,
            module,
            providers: BTreeMap::new(),
            input,
            headers: BTreeMap::new(),
            policy: None,
            namespace,
            key: None,
            module_name: None,
            generation: 0,
            labels: BTreeMap::new(),
            class: None,
        }
    }

    /// The first record that follows from it.
    pub(crate) fn created(self, definition: Name, deadline: Option<Timestamp>) -> Created {
        Created {
            transaction: self.transaction,
            definition,
            module: self.module,
            providers: self.providers,
            input: self.input,
            headers: self.headers,
            policy: self.policy,
            participants: Vec::new(),
            deadline,
            namespace: self.namespace,
            key: self.key,
            module_name: self.module_name,
            generation: self.generation,
            labels: self.labels,
            class: self.class,
        }
    }
}

/// The state does not allow it; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The answer of a call: its outcome, its writes and its usage.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it came to.
    pub outcome: Outcome,
    /// Dropped unless the call completed.
    pub writes: Writes,
    /// What it used, whatever it came to.
    pub usage: Usage,
}

/// What a condition may look at: its CEL names are `input`, `steps`, `variables` and `headers`.
#[derive(Debug)]
pub struct Scope<'a> {
    /// The start input.
    pub input: &'a Json,
    /// Outputs of the completed steps; null for the skipped ones.
    pub steps: Vec<(&'a Name, Json)>,
    /// The variables.
    pub variables: &'a Variables,
    /// The headers.
    pub headers: &'a Headers,
}

/// Decides conditions. A verdict depends on the expression and the scope alone, never on time or chance.
pub trait Conditions {
    /// Whether the expression holds.
    ///
    /// # Errors
    /// A sentence for people: the expression does not parse, fails, or is neither true nor false.
    fn holds(&self, expression: &str, scope: &Scope<'_>) -> Result<bool, String>;
}

/// What a decision may know of the world outside.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// 64 random bits, for jitter.
    pub random: u64,
    /// Decides conditions.
    pub conditions: &'a dyn Conditions,
    /// Whether no call may begin, because the host is about to leave. Everything else goes on: what
    /// was answered is written down, and whoever takes the transaction over begins what comes next.
    pub hold: bool,
}
