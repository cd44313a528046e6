//! A TCC's result object.

use alloc::{format, string::String, vec::Vec};

use super::state::{How, Progress, State, Verdict};
use crate::{
    attempt::Tally,
    json::Json,
    plan::{ParticipantIx, TccPlan},
    record::Operation,
    report::{CauseReport, Decided, NodeReport, PhaseReached, Report, SettleReport},
    settling::Settling,
    status::{Kind, Status},
};

impl Report {
    pub(super) fn of_tcc(plan: &TccPlan, state: &State) -> Self {
        let status = state.status();
        let all = || (0..plan.participants().len()).map(ParticipantIx);
        let nodes: Vec<NodeReport> = all().map(|ix| NodeReport::of_participant(plan, state, ix)).collect();
        let listed = |statuses: &[&str]| {
            nodes.iter().filter(|node| statuses.contains(&node.status.as_str())).map(NodeReport::name).collect()
        };
        let failed =
            all().filter(|ix| is_failed(state, *ix)).map(|ix| format!("{}", plan.participant(ix).id)).collect();
        let (decision, phase) = match state.verdict() {
            None => (None, PhaseReached::Try),
            Some(Verdict::Confirm) => (Some(Decided::Confirm), PhaseReached::Confirm),
            Some(Verdict::Cancel(_)) => (Some(Decided::Cancel), PhaseReached::Cancel),
        };
        Self {
            transaction: state.common.created.transaction,
            kind: Kind::Tcc,
            definition: state.common.created.definition.clone(),
            module: state.common.created.module,
            providers: state.common.created.providers.clone(),
            status,
            paused: state.common.paused,
            held: state.common.held.as_deref().map(Into::into),
            policy: None,
            decision,
            phase: Some(phase),
            key: state.common.created.key.clone(),
            cause: state.cause().map(CauseReport::of),
            output: (status == Status::Confirmed).then(|| output(plan, state)),
            started: state.common.created_at.rfc3339(),
            ended: status.is_ended().then(|| state.common.updated_at.rfc3339()),
            duration_us: state.common.updated_at.since(state.common.created_at).as_micros() as u64,
            failed,
            confirmed: listed(&["confirmed"]),
            cancelled: listed(&["cancelled"]),
            undone: Vec::new(),
            not_compensable: Vec::new(),
            given_up: listed(&["confirm-given-up", "cancel-given-up"]),
            stuck: listed(&["confirm-stuck", "cancel-stuck"]),
            nodes,
        }
    }
}

/// What the tries of those that were confirmed answered, by id.
fn output(plan: &TccPlan, state: &State) -> Json {
    let tried = plan.participants().iter().zip(&state.units);
    let outputs = tried.filter_map(|(of, unit)| Some((&*of.id, unit.output()?)));
    let object: alloc::collections::BTreeMap<&str, &Json> = outputs.collect();
    Json::of(&object).expect("names and JSON texts serialise")
}

/// Whether a try failed for good by itself, and was not merely left.
fn is_failed(state: &State, ix: ParticipantIx) -> bool {
    let unit = state.unit(ix);
    let left = unit.ended().is_some_and(|ended| matches!(ended.how, How::GivenUp { .. }));
    unit.is_lost() && !left
}

impl NodeReport {
    pub(super) fn of_participant(plan: &TccPlan, state: &State, ix: ParticipantIx) -> Self {
        let unit = state.unit(ix);
        let Tally { attempts, usage, failure } = &unit.tried;
        let settled = settle_report(plan, state, ix);
        let by = state.settles_by(plan, ix);
        Self {
            id: plan.participant(ix).id.clone(),
            item: None,
            status: status(plan, state, ix),
            attempts: *attempts,
            duration_us: usage.duration_us,
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            output: unit.output().cloned(),
            error: failure.clone(),
            compensation: None,
            confirm: settled.clone().filter(|_| by == Some(Operation::Confirm)),
            cancel: settled.filter(|_| by == Some(Operation::Cancel)),
            items: Vec::new(),
        }
    }
}

fn status(plan: &TccPlan, state: &State, ix: ParticipantIx) -> String {
    let ended = match &state.unit(ix).progress {
        Progress::Waiting => return "waiting".into(),
        Progress::Refused(_) => return "rejected".into(),
        Progress::Trying(tried) => return tried.as_str().into(),
        Progress::Ended(ended) => ended,
    };
    let (word, done) = match state.settles_by(plan, ix) {
        Some(Operation::Confirm) => ("confirm", "confirmed"),
        Some(_) => ("cancel", "cancelled"),
        None => {
            let tried = match ended.how {
                How::Tried(_) => "tried",
                How::Rejected { .. } => "rejected",
                How::UsedUp { .. } => "used-up",
                How::GivenUp { .. } => "given-up",
            };
            return tried.into();
        }
    };
    match &ended.settle {
        Settling::Done(_) => done.into(),
        other => format!("{word}-{}", other.word()),
    }
}

fn settle_report(plan: &TccPlan, state: &State, ix: ParticipantIx) -> Option<SettleReport> {
    state.settles_by(plan, ix)?;
    let unit = state.unit(ix);
    let settle = &unit.ended()?.settle;
    let Tally { attempts, usage, failure } = &unit.settled;
    Some(SettleReport {
        status: settle.word().into(),
        attempts: *attempts,
        duration_us: usage.duration_us,
        output: settle.output().cloned(),
        error: failure.clone(),
    })
}
