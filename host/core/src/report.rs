//! What there is to tell of a transaction: the result object of semantics.md, the same for the command
//! line, an API and a client. Each machine fills it in (`saga/report.rs`, `tcc/report.rs`).

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use crate::{
    definition::CompensationPolicy,
    id::{Digest, Name, TransactionId},
    json::Json,
    outcome::Failure,
    record::Cause,
    status::{Kind, Status},
};

/// The result object. Times are RFC 3339 in UTC; spans are in microseconds, memory in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The transaction.
    pub transaction: TransactionId,
    /// Whether it is a run of a saga or of a TCC.
    pub kind: Kind,
    /// The saga's or TCC's name.
    pub definition: Name,
    /// The module it is pinned to.
    pub module: Digest,
    /// The modules that its provided steps or participants are pinned to, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<Name, Digest>,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paused on top of that.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub paused: bool,
    /// What it waits for that is missing, and what to do; not there where nothing is. Where that is its module, the rest is
    /// told from the records: what has not begun is not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// How a saga unwinds; not there for a TCC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<CompensationPolicy>,
    /// What was decided for a TCC's participants; not there before, nor for a saga. It never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decided>,
    /// The phase that a TCC reached; not there for a saga.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<PhaseReached>,
    /// The caller's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// Why it unwound or was cancelled; null where it was not.
    pub cause: Option<CauseReport>,
    /// Outputs of the last steps, by id; of a TCC those of the tries that were confirmed. Null unless
    /// completed or confirmed.
    pub output: Option<Json>,
    /// When it was created.
    pub started: String,
    /// When it ended; null before.
    pub ended: Option<String>,
    /// From its creation to its last record.
    pub duration_us: u64,
    /// Its steps or participants, in the order of declaration.
    pub nodes: Vec<NodeReport>,
    /// Steps, or items as `step[0]`, that failed for good; participants whose try did.
    pub failed: Vec<String>,
    /// Participants that were confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<String>,
    /// Participants that were cancelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled: Vec<String>,
    /// Steps that were undone.
    pub undone: Vec<String>,
    /// Steps that are or may be done and have no compensation, of a saga that unwound.
    pub not_compensable: Vec<String>,
    /// Those whose compensation, confirm or cancel an operator gave up.
    pub given_up: Vec<String>,
    /// Those whose compensation, confirm or cancel failed for good.
    pub stuck: Vec<String>,
}

/// What was decided for the participants of a TCC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// All that was tried is made final.
    Confirm,
    /// All that was tried is freed.
    Cancel,
}

/// The last phase of a TCC that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseReached {
    /// Participants are tried.
    Try,
    /// They are confirmed.
    Confirm,
    /// They are cancelled.
    Cancel,
}

/// Why a saga unwound, or a TCC was cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CauseReport {
    /// The step or participant; null for a deadline or a cancel.
    pub node: Option<Name>,
    /// The item of a fan-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// `rejected`, `used-up`, `unknown`, `deadline` or `cancelled`.
    pub outcome: String,
    /// Its failure; null for a deadline or a cancel.
    pub failure: Option<Failure>,
}

/// One step, one item of a fan-out, or one participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The step or participant.
    pub id: Name,
    /// The item of a fan-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// `waiting`, `skipped`, `started`, `delayed`, `polling`, `completed`, `rejected`, `used-up`,
    /// `unknown`, `given-up`; and of what is to be undone `undo-waiting`, `undo-started`,
    /// `undo-delayed`, `undo-polling`, `undone`, `undo-stuck`, `undo-given-up`, `not-compensable`.
    /// Of a participant: `waiting`, `started`, `delayed`, `polling`, `tried`, `rejected`, `used-up`,
    /// `given-up`; of one that is to be confirmed `confirm-waiting`, `confirm-started`,
    /// `confirm-delayed`, `confirm-polling`, `confirmed`, `confirm-stuck`, `confirm-given-up`; and of
    /// one that is to be cancelled the same with `cancel`.
    pub status: String,
    /// Attempts that were started, of a participant's try.
    pub attempts: u32,
    /// Of all attempts together.
    pub duration_us: u64,
    /// Of all attempts together.
    pub fuel: u64,
    /// The most that one attempt had.
    pub memory_bytes: u64,
    /// Its output; null where it did not complete.
    pub output: Option<Json>,
    /// Its last failure; null where it completed.
    pub error: Option<Failure>,
    /// How a step was undone; null where it was not to be.
    pub compensation: Option<UndoReport>,
    /// How a participant was confirmed; not there where it was not to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<SettleReport>,
    /// How a participant was cancelled; not there where it was not to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<SettleReport>,
    /// The items of a fan-out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Self>,
}

/// How a step was undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoReport {
    /// What people call the compensation.
    pub name: String,
    /// `waiting`, `started`, `delayed`, `polling`, `completed`, `stuck` or `given-up`.
    pub status: String,
    /// Attempts that were started.
    pub attempts: u32,
    /// Of all attempts together.
    pub duration_us: u64,
    /// What it answered; null where it did not complete.
    pub output: Option<Json>,
    /// Its last failure; null where it completed.
    pub error: Option<Failure>,
}

/// How a participant was confirmed or cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettleReport {
    /// `waiting`, `started`, `delayed`, `polling`, `completed`, `stuck` or `given-up`.
    pub status: String,
    /// Attempts that were started.
    pub attempts: u32,
    /// Of all attempts together.
    pub duration_us: u64,
    /// What it answered; null where it did not complete.
    pub output: Option<Json>,
    /// Its last failure; null where it completed.
    pub error: Option<Failure>,
}

impl CauseReport {
    pub(crate) fn of(cause: &Cause) -> Self {
        let (outcome, lost) = match cause {
            Cause::Rejected(lost) => ("rejected", Some(lost)),
            Cause::UsedUp(lost) => ("used-up", Some(lost)),
            Cause::Unknown(lost) => ("unknown", Some(lost)),
            Cause::Deadline => ("deadline", None),
            Cause::Cancelled => ("cancelled", None),
        };
        Self {
            node: lost.map(|l| l.node.clone()),
            item: lost.and_then(|l| l.item),
            outcome: outcome.into(),
            failure: lost.map(|l| l.failure.clone()),
        }
    }
}

impl NodeReport {
    /// The id, with the item of a fan-out in brackets.
    pub fn name(&self) -> String {
        unit_name(&self.id, self.item)
    }
}

/// The name of a step or participant, or of one item of a fan-out: `step`, or `step[3]`.
pub fn unit_name(id: &Name, item: Option<u32>) -> String {
    item.map_or_else(|| id.to_string(), |item| format!("{id}[{item}]"))
}
