//! A saga's result object.

use alloc::{string::String, vec::Vec};

use super::{
    state::State,
    unit::{Ended, Fan, How, Node, Progress, Unit},
};
use crate::{
    attempt::{Tally, Try},
    json::Json,
    plan::{Plan, Step},
    report::{CauseReport, NodeReport, Report, UndoReport, unit_name},
    settling::Settling,
    status::{Kind, Status},
};

impl Report {
    pub(super) fn of_saga(plan: &Plan, state: &State) -> Self {
        let status = state.status();
        let unwound = state.cause().is_some();
        let steps: Vec<(&Step, &Node)> = plan.steps().iter().zip(&state.nodes).collect();
        let nodes: Vec<NodeReport> =
            steps.iter().map(|(step, node)| NodeReport::of_step(step, node, unwound)).collect();
        let listed = |statuses: &[&str]| {
            let units = nodes.iter().flat_map(|n| if n.items.is_empty() { core::slice::from_ref(n) } else { &n.items });
            units.filter(|n| statuses.contains(&n.status.as_str())).map(NodeReport::name).collect()
        };
        Self {
            transaction: state.common.created.transaction,
            kind: Kind::Saga,
            definition: state.common.created.definition.clone(),
            module: state.common.created.module,
            providers: state.common.created.providers.clone(),
            status,
            paused: state.common.paused,
            held: state.common.held.as_deref().map(Into::into),
            policy: Some(state.policy()),
            decision: None,
            phase: None,
            key: state.common.created.key.clone(),
            cause: state.cause().map(CauseReport::of),
            output: (status == Status::Completed).then(|| output(plan, state)),
            started: state.common.created_at.rfc3339(),
            ended: status.is_ended().then(|| state.common.updated_at.rfc3339()),
            duration_us: state.common.updated_at.since(state.common.created_at).as_micros() as u64,
            failed: failed(&steps),
            confirmed: Vec::new(),
            cancelled: Vec::new(),
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
    let leaves =
        plan.leaves().map(|ix| (&*plan.step(ix).id, state.node(ix).output().cloned().unwrap_or_else(Json::null)));
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

impl NodeReport {
    fn of_step(step: &Step, node: &Node, unwound: bool) -> Self {
        match node {
            Node::One(unit) => Self::of_unit(step, None, unit, unwound),
            Node::Many(Fan { units, .. }) => {
                let items: Vec<Self> =
                    units.iter().zip(0..).map(|(unit, i)| Self::of_unit(step, Some(i), unit, unwound)).collect();
                Self {
                    id: step.id.clone(),
                    item: None,
                    status: fan_status(&items),
                    attempts: items.iter().map(|i| i.attempts).fold(0, u32::saturating_add),
                    duration_us: items.iter().map(|i| i.duration_us).fold(0, u64::saturating_add),
                    fuel: items.iter().map(|i| i.fuel).fold(0, u64::saturating_add),
                    memory_bytes: items.iter().map(|i| i.memory_bytes).max().unwrap_or(0),
                    output: node.output().cloned(),
                    error: items.iter().find_map(|i| i.error.clone()),
                    compensation: None,
                    confirm: None,
                    cancel: None,
                    items,
                }
            }
        }
    }

    pub(super) fn of_unit(step: &Step, item: Option<u32>, unit: &Unit, unwound: bool) -> Self {
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
            confirm: None,
            cancel: None,
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

fn status(step: &Step, unit: &Unit, unwound: bool) -> &'static str {
    let ended = match &unit.progress {
        Progress::Waiting => return "waiting",
        Progress::Skipped => return "skipped",
        Progress::Trying(tried) => return tried.as_str(),
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
        Settling::Idle | Settling::Again { .. } => "undo-waiting",
        Settling::Trying(Try::Started(_)) => "undo-started",
        Settling::Trying(Try::Delayed(..)) => "undo-delayed",
        Settling::Trying(Try::Polling(..)) => "undo-polling",
        Settling::Done(_) => "undone",
        Settling::Stuck { .. } => "undo-stuck",
        Settling::GivenUp => "undo-given-up",
    }
}

fn undo_report(step: &Step, unit: &Unit, unwound: bool) -> Option<UndoReport> {
    let compensation = step.compensation.as_ref()?;
    let Ended { undo, .. } = unit.ended().filter(|ended| unwound && ended.how.may_be_done())?;
    let Tally { attempts, usage, failure } = &unit.undo;
    Some(UndoReport {
        name: compensation.name.clone(),
        status: undo.word().into(),
        attempts: *attempts,
        duration_us: usage.duration_us,
        output: undo.output().cloned(),
        error: failure.clone(),
    })
}
