//! What there is to tell of a saga: the result object of semantics.md, the same for the command
//! line, an API and a client.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::state::{Ended, How, Node, Progress, State, Tally, Try, Undo, Unit};
use crate::{
    definition::CompensationPolicy,
    id::{Digest, Name, TransactionId},
    json::Json,
    outcome::Failure,
    plan::{Plan, Step},
    record::{Cause, Status},
};

/// The result object. Times are RFC 3339 in UTC; spans are in microseconds, memory in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The transaction.
    pub transaction: TransactionId,
    /// The saga's name.
    pub definition: Name,
    /// The module it is pinned to.
    pub module: Digest,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paused on top of that.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub paused: bool,
    /// How it unwinds.
    pub policy: CompensationPolicy,
    /// The caller's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// Why it unwound; null where it did not.
    pub cause: Option<CauseReport>,
    /// Outputs of the last steps, by id; null unless completed.
    pub output: Option<Json>,
    /// When it was created.
    pub started: String,
    /// When it ended; null before.
    pub ended: Option<String>,
    /// From its creation to its last record.
    pub duration_us: u64,
    /// Its steps, in the order of declaration.
    pub nodes: Vec<NodeReport>,
    /// Steps, or items as `step[0]`, that failed for good.
    pub failed: Vec<String>,
    /// Those that were undone.
    pub undone: Vec<String>,
    /// Those that are or may be done and have no compensation, of a saga that unwound.
    pub not_compensable: Vec<String>,
    /// Those whose compensation an operator gave up.
    pub given_up: Vec<String>,
    /// Those whose compensation failed for good.
    pub stuck: Vec<String>,
}

/// Why a saga unwound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CauseReport {
    /// The step; null for a deadline or a cancel.
    pub node: Option<Name>,
    /// The item of a fan-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// `rejected`, `used-up`, `unknown`, `deadline` or `cancelled`.
    pub outcome: String,
    /// The step's failure; null for a deadline or a cancel.
    pub failure: Option<Failure>,
}

/// One step, or one item of a fan-out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The step.
    pub id: Name,
    /// The item of a fan-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// `waiting`, `skipped`, `started`, `delayed`, `polling`, `completed`, `rejected`, `used-up`,
    /// `unknown`, `given-up`; and of what is to be undone `undo-waiting`, `undo-started`,
    /// `undo-delayed`, `undo-polling`, `undone`, `undo-stuck`, `undo-given-up`, `not-compensable`.
    pub status: String,
    /// Attempts that were started.
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
    /// How it was undone; null where it was not to be.
    pub compensation: Option<UndoReport>,
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

impl CauseReport {
    pub(super) fn of(cause: &Cause) -> Self {
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

impl Report {
    pub(super) fn of(plan: &Plan, state: &State) -> Self {
        let status = state.status();
        let unwound = state.cause().is_some();
        let steps: Vec<(&Step, &Node)> = plan.steps().iter().zip(&state.nodes).collect();
        let nodes: Vec<NodeReport> = steps.iter().map(|(step, node)| NodeReport::of(step, node, unwound)).collect();
        let listed = |statuses: &[&str]| {
            let units = nodes.iter().flat_map(|n| if n.items.is_empty() { core::slice::from_ref(n) } else { &n.items });
            units.filter(|n| statuses.contains(&n.status.as_str())).map(NodeReport::name).collect()
        };
        Self {
            transaction: state.created.transaction,
            definition: state.created.definition.clone(),
            module: state.created.module,
            status,
            paused: state.paused,
            policy: state.created.policy,
            key: state.created.key.clone(),
            cause: state.cause().map(CauseReport::of),
            output: (status == Status::Completed).then(|| output(plan, state)),
            started: state.created_at.rfc3339(),
            ended: status.is_ended().then(|| state.updated_at.rfc3339()),
            duration_us: state.updated_at.since(state.created_at).as_micros() as u64,
            failed: failed(&steps),
            undone: listed(&["undone"]),
            not_compensable: listed(&["not-compensable"]),
            given_up: listed(&["undo-given-up"]),
            stuck: listed(&["undo-stuck"]),
            nodes,
        }
    }
}

/// The outputs of the last steps; a skipped one gives null.
fn output(plan: &Plan, state: &State) -> Json {
    let leaves = plan.leaves().map(|ix| (&*plan.step(ix).id, state.node(ix).output().unwrap_or_else(Json::null)));
    let object: alloc::collections::BTreeMap<&str, Json> = leaves.collect();
    Json::of(&object).expect("names and JSON texts serialise")
}

fn failed(steps: &[(&Step, &Node)]) -> Vec<String> {
    let mut names = Vec::new();
    for (step, node) in steps {
        for (item, unit) in node.named_units() {
            if unit.ended().is_some_and(|ended| !matches!(ended.how, How::Completed(_) | How::GivenUp { .. })) {
                names.push(unit_name(&step.id, item));
            }
        }
    }
    names
}

fn unit_name(id: &Name, item: Option<u32>) -> String {
    item.map_or_else(|| id.to_string(), |item| format!("{id}[{item}]"))
}

impl NodeReport {
    /// The id, with the item of a fan-out in brackets.
    pub fn name(&self) -> String {
        unit_name(&self.id, self.item)
    }

    fn of(step: &Step, node: &Node, unwound: bool) -> Self {
        match node {
            Node::One(unit) => Self::of_unit(step, None, unit, unwound),
            Node::Many { units, .. } => {
                let items: Vec<Self> =
                    units.iter().zip(0..).map(|(unit, i)| Self::of_unit(step, Some(i), unit, unwound)).collect();
                Self {
                    id: step.id.clone(),
                    item: None,
                    status: fan_status(&items),
                    attempts: items.iter().map(|i| i.attempts).sum(),
                    duration_us: items.iter().map(|i| i.duration_us).sum(),
                    fuel: items.iter().map(|i| i.fuel).sum(),
                    memory_bytes: items.iter().map(|i| i.memory_bytes).max().unwrap_or(0),
                    output: node.output(),
                    error: items.iter().find_map(|i| i.error.clone()),
                    compensation: None,
                    items,
                }
            }
        }
    }

    fn of_unit(step: &Step, item: Option<u32>, unit: &Unit, unwound: bool) -> Self {
        let Tally { attempts, usage, failure } = &unit.run;
        Self {
            id: step.id.clone(),
            item,
            status: status(step, unit, unwound).into(),
            attempts: *attempts,
            duration_us: usage.duration_us,
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            output: unit.output().cloned(),
            error: failure.clone(),
            compensation: undo_report(step, unit, unwound),
            items: Vec::new(),
        }
    }
}

/// A fan-out is what its least advanced item is; one without items is completed.
fn fan_status(items: &[NodeReport]) -> String {
    const FROM_THE_LEAST: [&str; 17] = [
        "undo-stuck",
        "started",
        "polling",
        "delayed",
        "undo-started",
        "undo-polling",
        "undo-delayed",
        "undo-waiting",
        "unknown",
        "rejected",
        "used-up",
        "waiting",
        "given-up",
        "not-compensable",
        "undo-given-up",
        "undone",
        "completed",
    ];
    let least = FROM_THE_LEAST.iter().find(|status| items.iter().any(|item| item.status == **status));
    (*least.unwrap_or(&"completed")).into()
}

fn try_word(tried: &Try) -> &'static str {
    match tried {
        Try::Started(_) => "started",
        Try::Delayed(..) => "delayed",
        Try::Polling(..) => "polling",
    }
}

fn status(step: &Step, unit: &Unit, unwound: bool) -> &'static str {
    let ended = match &unit.progress {
        Progress::Waiting => return "waiting",
        Progress::Skipped => return "skipped",
        Progress::Trying(tried) => return try_word(tried),
        Progress::Ended(ended) => ended,
    };
    let forward = match ended.how {
        How::Completed(_) => "completed",
        How::Rejected { .. } => "rejected",
        How::UsedUp { .. } => "used-up",
        How::Unknown => "unknown",
        How::GivenUp { .. } => "given-up",
    };
    if !unwound || !ended.how.may_be_done() {
        return forward;
    }
    if step.compensation.is_none() {
        return "not-compensable";
    }
    match &ended.undo {
        Undo::Idle | Undo::Again { .. } => "undo-waiting",
        Undo::Trying(Try::Started(_)) => "undo-started",
        Undo::Trying(Try::Delayed(..)) => "undo-delayed",
        Undo::Trying(Try::Polling(..)) => "undo-polling",
        Undo::Undone(_) => "undone",
        Undo::Stuck { .. } => "undo-stuck",
        Undo::GivenUp => "undo-given-up",
    }
}

fn undo_report(step: &Step, unit: &Unit, unwound: bool) -> Option<UndoReport> {
    let compensation = step.compensation.as_ref()?;
    let Ended { undo, .. } = unit.ended().filter(|ended| unwound && ended.how.may_be_done())?;
    let (status, output) = match undo {
        Undo::Idle | Undo::Again { .. } => ("waiting", None),
        Undo::Trying(tried) => (try_word(tried), None),
        Undo::Undone(output) => ("completed", Some(output.clone())),
        Undo::Stuck { .. } => ("stuck", None),
        Undo::GivenUp => ("given-up", None),
    };
    let Tally { attempts, usage, failure } = &unit.undo;
    Some(UndoReport {
        name: compensation.name.clone(),
        status: status.into(),
        attempts: *attempts,
        duration_us: usage.duration_us,
        output,
        error: failure.clone(),
    })
}
