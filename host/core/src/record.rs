//! What has happened to a transaction, as the journal keeps it. Records are facts: folding them
//! needs no clock, no limits and no settings, so that an old journal reads the same under a new
//! configuration. Deliberately absent: what to do about them (`saga`).

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    definition::CompensationPolicy,
    id::{Digest, Name, Origin, Seq, TransactionId},
    json::Json,
    outcome::{Failure, UnknownCause, Usage, Writes},
    status::Kind,
    time::Timestamp,
};

/// The version of the records that this crate writes. It rises when an older reader would
/// misunderstand a newer record; a record from a later version is refused, never guessed at.
pub const RECORD_VERSION: u32 = 2;

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was decided, by the clock of the host that decided it.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The transaction exists.
    Created(Arc<Created>),
    /// A step with a false condition is passed over.
    Skipped {
        /// The step.
        node: Name,
    },
    /// A fan-out has this many items. They are what its source gives at this place in the journal.
    Expanded {
        /// The step.
        node: Name,
        /// How many.
        items: u32,
    },
    /// A step cannot be called: its condition, its source or a binding is in error. It is rejected
    /// without an attempt.
    Refused {
        /// The step.
        node: Name,
        /// The item of a fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why.
        failure: Failure,
    },
    /// A call is about to be made; it is made only once this is durable.
    Started {
        /// The call.
        call: CallId,
        /// When the host stops it.
        deadline: Timestamp,
        /// With a first attempt: when its attempts count as used up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The call did it.
    Completed {
        /// The call.
        call: CallId,
        /// Its answer.
        output: Json,
        /// What it wrote.
        #[serde(default, skip_serializing_if = "Writes::is_empty")]
        writes: Writes,
        /// What it used.
        usage: Usage,
    },
    /// The call said no, and nothing remains done.
    Rejected {
        /// The call.
        call: CallId,
        /// Why.
        failure: Failure,
        /// What it used.
        usage: Usage,
        /// When a confirm or a cancel, which must not refuse, is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// The call said not now, and nothing remains done.
    Retryable {
        /// The call.
        call: CallId,
        /// Why.
        failure: Failure,
        /// What it used.
        usage: Usage,
        /// When the next attempt is due; none means that there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// Nobody knows whether the call did it.
    Unknown {
        /// The call.
        call: CallId,
        /// Why it is not known.
        cause: UnknownCause,
        /// What was seen.
        failure: Failure,
        /// What it used.
        usage: Usage,
        /// When the next attempt is due; none means that there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// The call was accepted and is not finished; it is called again, as the same attempt.
    Pending {
        /// The call.
        call: CallId,
        /// When it is called again.
        due: Timestamp,
        /// What the next call of this attempt is handed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Json>,
        /// What it used.
        usage: Usage,
    },
    /// The call was not made: the host had no place for it, or something that it needs is missing. It is no attempt,
    /// and is asked for again.
    NotMade {
        /// The call.
        call: CallId,
        /// When it is asked for again.
        due: Timestamp,
        /// What is missing, and what to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<Arc<str>>,
    },
    /// No attempt follows, though the last outcome left one open: the total timeout has passed, or the
    /// saga unwinds, or the TCC cancels.
    GivenUp {
        /// The step.
        node: Name,
        /// The item of a fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why.
        failure: Failure,
    },
    /// The saga unwinds; from here on nothing new starts.
    Unwinding {
        /// Why.
        cause: Cause,
    },
    /// All that a TCC needs is tried: it will be confirmed. This never changes.
    Confirming,
    /// A TCC will be cancelled. This never changes; from here on nothing is tried.
    Cancelling {
        /// Why.
        cause: Cause,
    },
    /// A compensation cannot be called. It is stuck.
    UndoRefused {
        /// The step it would undo.
        node: Name,
        /// The item of a fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Why.
        failure: Failure,
    },
    /// A critical compensation failed for good: the rest is left as it is.
    CircuitOpened {
        /// The step whose compensation failed.
        node: Name,
    },
    /// Cannot go on without a person.
    Stuck {
        /// The steps whose compensations failed for good, items as `step[0]`; the participants whose confirm or cancel did.
        nodes: Vec<Name>,
    },
    /// Every step is completed or skipped.
    Finished,
    /// All that was done and can be undone is undone.
    Compensated,
    /// All that was tried is confirmed.
    Confirmed,
    /// All that was tried is cancelled.
    Cancelled,
    /// An operator took the transaction out of the machine.
    Terminated {
        /// Who and why.
        by: Operator,
        /// Steps that are or may be done, and were not undone, items as `step[0]`; participants that were tried, and
        /// neither confirmed nor cancelled.
        not_undone: Vec<Name>,
    },
    /// An operator asked for it to be undone.
    CancelRequested {
        /// Who and why.
        by: Operator,
    },
    /// Nothing new starts until it is resumed.
    Paused {
        /// Who and why.
        by: Operator,
    },
    /// It goes on.
    Resumed {
        /// Who and why.
        by: Operator,
    },
    /// What is stuck is tried again.
    RetryRequested {
        /// Who and why.
        by: Operator,
        /// One step or participant; none means all that are stuck.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Name>,
        /// One item of a fan-out; none means all of it that are stuck.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// A stuck compensation, confirm or cancel is given up: a person has seen to it, or accepts it.
    UndoSkipped {
        /// Who and why.
        by: Operator,
        /// The step.
        node: Name,
        /// One item of a fan-out; none means all of it that are stuck.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// A stuck compensation, confirm or cancel is tried again with these arguments.
    Patched {
        /// Who and why.
        by: Operator,
        /// The step.
        node: Name,
        /// The item of a fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The whole arguments object.
        arguments: Json,
    },
}

impl Fact {
    /// The version that a reader must know to understand this fact: each has its own, so that what a newer host
    /// writes stays readable for an older one as far as it can be.
    pub fn version(&self) -> u32 {
        match self {
            Self::NotMade { .. } | Self::Pending { token: Some(_), .. } => 2,
            // An older reader would keep what was removed, and finds no event without a topic.
            Self::Completed { writes, .. }
                if writes.removes() || writes.published.iter().any(|event| event.topic.is_none()) =>
            {
                2
            }
            // An older reader would take all items for the one that is meant.
            Self::RetryRequested { item: Some(_), .. } | Self::UndoSkipped { item: Some(_), .. } => 2,
            // An older reader would give its calls other idempotency keys.
            Self::Created(created) if created.key.is_some() && created.module_name.is_some() => 2,
            _ => 1,
        }
    }

    /// The step, or the item of a fan-out, that this is about; none where it is about the whole.
    pub fn node(&self) -> Option<(&Name, Option<u32>)> {
        match self {
            Self::Started { call, .. }
            | Self::Completed { call, .. }
            | Self::Rejected { call, .. }
            | Self::Retryable { call, .. }
            | Self::Unknown { call, .. }
            | Self::Pending { call, .. }
            | Self::NotMade { call, .. } => Some((&call.node, call.item)),
            Self::Refused { node, item, .. }
            | Self::GivenUp { node, item, .. }
            | Self::UndoRefused { node, item, .. }
            | Self::Patched { node, item, .. } => Some((node, *item)),
            Self::UndoSkipped { node, item, .. } => Some((node, *item)),
            Self::Skipped { node } | Self::Expanded { node, .. } | Self::CircuitOpened { node } => Some((node, None)),
            Self::RetryRequested { node, item, .. } => node.as_ref().map(|node| (node, *item)),
            Self::Created(_)
            | Self::Unwinding { .. }
            | Self::Confirming
            | Self::Cancelling { .. }
            | Self::Stuck { .. }
            | Self::Finished
            | Self::Compensated
            | Self::Confirmed
            | Self::Cancelled
            | Self::Terminated { .. }
            | Self::CancelRequested { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => None,
        }
    }
}

/// The first record of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The transaction.
    pub transaction: TransactionId,
    /// The saga's or TCC's name.
    pub definition: Name,
    /// The module it is pinned to.
    pub module: Digest,
    /// The modules that its provided steps or participants are pinned to, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<Name, Digest>,
    /// The start input.
    pub input: Json,
    /// Headers given at the start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Name, Arc<str>>,
    /// How a saga unwinds; a TCC has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<CompensationPolicy>,
    /// The participants of a TCC: they are registered before any is tried. A saga has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Name>,
    /// When it starts to unwind, or to cancel, by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Part of every idempotency key.
    pub namespace: Name,
    /// The caller's own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// The name of the module that describes it: the key is unique for a definition of a module name. None in
    /// records of the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_name: Option<Name>,
    /// How many transactions had the key before and were removed since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// Values by which it is found.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Name, LabelValue>,
    /// Its retention class; none is the host's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Name>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelValue {
    /// A text.
    Text(Arc<str>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Flag(bool),
}

impl Created {
    /// What it is a run of.
    pub fn kind(&self) -> Kind {
        if self.participants.is_empty() { Kind::Saga } else { Kind::Tcc }
    }

    /// What the idempotency keys of its calls follow from.
    pub fn origin(&self) -> Origin<'_> {
        match (&self.key, &self.module_name) {
            (Some(key), Some(module_name)) => {
                let definition = &self.definition;
                Origin::Key { module_name, definition, key, generation: self.generation }
            }
            // Records of the first version do not name the module, and keep the keys that their partners know.
            _ => Origin::Transaction(self.transaction),
        }
    }

    /// The module that answers for a step or participant: its provider, or else the transaction's own.
    pub fn module_of(&self, provider: Option<&Name>) -> Digest {
        provider.and_then(|name| self.providers.get(name)).copied().unwrap_or(self.module)
    }
}

/// One call of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId {
    /// The step or participant.
    pub node: Name,
    /// The item of a fan-out, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// What is called.
    pub operation: Operation,
    /// From 1; not part of the idempotency key.
    pub attempt: u32,
}

impl fmt::Display for CallId {
    /// `charge run 2`, or `notify[4] compensate 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.node)?;
        if let Some(item) = self.item {
            write!(f, "[{item}]")?;
        }
        write!(f, " {} {}", self.operation.as_str(), self.attempt)
    }
}

/// What a call asks of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A step's forward action.
    Run,
    /// Undoing it.
    Compensate,
    /// A participant's reservation.
    Try,
    /// Making it final.
    Confirm,
    /// Freeing it.
    Cancel,
}

impl Operation {
    /// The operation's name, as it stands in idempotency keys and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Compensate => "compensate",
            Self::Try => "try",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
        }
    }

    /// Whether it goes before anything is settled: a step's own action, or a try.
    pub const fn is_forward(self) -> bool {
        matches!(self, Self::Run | Self::Try)
    }
}

/// Why a saga unwinds, or a TCC cancels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A step or a try was rejected.
    Rejected(LostCall),
    /// Its attempts were used up.
    UsedUp(LostCall),
    /// An at-most-once step's outcome is unknown.
    Unknown(LostCall),
    /// The deadline passed.
    Deadline,
    /// An operator or a caller cancelled it.
    Cancelled,
}

/// The step that made a saga unwind, or the participant that made a TCC cancel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LostCall {
    /// The step.
    pub node: Name,
    /// The item of a fan-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Its failure.
    pub failure: Failure,
}

/// A record that does not fit the state before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} does not fit what stands before it: {what}")]
pub struct IllegalRecord {
    /// Which record.
    pub seq: Seq,
    /// Why not.
    pub what: String,
}

/// Who asked for something, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// A person, a token or a program.
    pub who: String,
    /// In their own words.
    pub why: String,
}
