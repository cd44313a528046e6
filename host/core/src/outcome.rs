//! What calls come to, what they write and what they use. Deliberately absent: what follows (`saga`).

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{id::Name, json::Json, time::Milliseconds};

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done.
    Completed(Json),
    /// Refused for good, and nothing remains done.
    Rejected(Failure),
    /// Not now, and nothing remains done.
    Retryable {
        /// Why.
        failure: Failure,
        /// Not before this long from now.
        after: Option<Milliseconds>,
    },
    /// It may have happened.
    Unknown {
        /// Who does not know, and why.
        cause: UnknownCause,
        /// What was seen.
        failure: Failure,
        /// Not before this long from now.
        after: Option<Milliseconds>,
    },
    /// Accepted, not finished: call again after this long.
    Pending {
        /// How long.
        poll: Milliseconds,
        /// What the next call of this attempt is handed.
        token: Option<Json>,
    },
}

/// Why an outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownCause {
    /// The guest said so, or failed with an error that is not typed.
    Guest,
    /// The guest trapped.
    Trap,
    /// The guest used up its fuel.
    Fuel,
    /// The call did not end by its deadline.
    Deadline,
    /// The guest was refused memory.
    Memory,
    /// The guest answered something that is not JSON, or is too large.
    Answer,
    /// The host was lost during the call.
    HostLost,
}

impl UnknownCause {
    /// The cause's name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Trap => "trap",
            Self::Fuel => "fuel",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Answer => "answer",
            Self::HostLost => "host-lost",
        }
    }
}

/// Why something failed: a stable word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word such as `card-declined`.
    pub code: String,
    /// For people.
    pub message: String,
    /// More, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Json>,
}

impl Failure {
    /// A failure without details.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None }
    }
}

impl fmt::Display for Failure {
    /// `` `card-declined`: the card was declined ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.code, self.message)
    }
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall time in microseconds, instantiation included.
    pub duration_us: u64,
    /// Units of fuel.
    pub fuel: u64,
    /// The largest size of the instance's memory.
    pub memory_bytes: u64,
}

/// What a call wrote; it takes effect with the call's success, in the same record, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Writes {
    /// Variables, the later write of a name last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<(Name, Json)>,
    /// Headers, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Name, Arc<str>)>,
    /// Variables that are removed, none of which is also set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_variables: Vec<Name>,
    /// Headers, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_headers: Vec<Name>,
    /// Business events, in the order they were published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

impl Writes {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.headers.is_empty() && self.published.is_empty() && !self.removes()
    }

    /// Whether something is removed.
    pub(crate) fn removes(&self) -> bool {
        !(self.removed_variables.is_empty() && self.removed_headers.is_empty())
    }
}

/// A business event that a guest published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// What happened, such as `order-placed`; empty in journals of 0.1.0, which had topics alone.
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Where to; none leaves it to the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What it is partitioned by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its own headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What it says.
    pub payload: Json,
}

impl Published {
    /// Bytes of all of it.
    pub fn bytes(&self) -> usize {
        let optional = [&self.topic, &self.key, &self.subject].map(|text| text.as_ref().map_or(0, String::len));
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.kind.len() + optional.iter().sum::<usize>() + headers + self.payload.as_str().len()
    }
}

/// What a compensation is told of the step it undoes, and a confirm or a cancel of the try.
#[derive(Clone, Debug, PartialEq)]
pub enum Forward {
    /// It completed with this output.
    Completed(Json),
    /// It was started, and may have happened.
    Unknown,
    /// It refused.
    Rejected(Failure),
}

/// Why a call that was asked for was not made. Nothing happened and nothing is charged: a call that was not made is
/// no attempt (semantics.md, "Outcomes of a call").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// The host has no place for it now. It is asked for again soon.
    Busy,
    /// What it needs is missing: a module, a grant. The transaction is held until that is there; the text
    /// says for what, and what to do.
    Held(Arc<str>),
}
