//! What must be true when all is over: effects, rows, reports, and what people were told.

use std::collections::{BTreeMap, BTreeSet};

use wasaga_core::Report;
use wasaga_core::{Fact, Operator, Record, Status, TransactionId};
use wasaga_journal::Stored;

use super::findings::Findings;
use super::story::{Phase, Story};
use super::units::name;
use crate::log::{Answered, Evidence, Told, What};
use crate::scenario::Scenario;

pub(super) fn check(evidence: &Evidence, stored: &Stored, story: &Story<'_>, found: &mut Findings) {
    check_effects(evidence, stored.row.id, story, found);
    let status = status(story.phase);
    let row = &stored.row;
    if (row.status, row.paused) != (status, story.paused) {
        let what = format!("its row says {}, and its records {status}", row.status);
        found.add("report", Some(row.id), what);
    }
    if row.status.is_ended() != row.ended.is_some() {
        found.add("report", Some(row.id), "its row is wrong about its end".into());
    }
    for report in evidence.reports.iter().filter(|report| report.transaction == row.id) {
        check_report(report, story, found);
    }
}

fn status(phase: Phase) -> Status {
    match phase {
        Phase::Scheduled => Status::Scheduled,
        Phase::Running => Status::Running,
        Phase::Unwinding => Status::Compensating,
        Phase::Stuck => Status::Stuck,
        Phase::Completed => Status::Completed,
        Phase::Compensated => Status::Compensated,
        Phase::Terminated => Status::Terminated,
    }
}

/// What the partner has at the end is what the end allows for.
fn check_effects(evidence: &Evidence, id: TransactionId, story: &Story<'_>, found: &mut Findings) {
    let present = evidence.present.iter().filter(|(of, ..)| *of == id);
    let present: BTreeSet<(&str, Option<u32>)> = present.map(|(_, node, item)| (node.as_str(), *item)).collect();
    if story.phase == Phase::Completed {
        for ((node, item), unit) in &story.units {
            if unit.run.is_completed() && !present.contains(&(node.as_str(), *item)) {
                let what = format!("it is completed, and `{}` has no effect", name(node, *item));
                found.add("left-behind", Some(id), what);
            }
        }
        return;
    }
    for (node, item) in present {
        let Some(unit) = story.units.get(&(node.to_owned(), item)) else {
            let what = format!("`{}` took effect, and is in no record", name(node, item));
            found.add("left-behind", Some(id), what);
            continue;
        };
        let compensable = story.graph.steps.get(node).is_some_and(|node| node.step.compensation.is_some());
        let allowed = match story.phase {
            Phase::Compensated => unit.given_up || (!compensable && unit.may_be_done()),
            Phase::Stuck => unit.may_be_done() && !unit.undo.is_completed(),
            // `ends` compares what is named with what may remain.
            Phase::Terminated => unit.remains(),
            _ => unit.run.is_open() || unit.may_be_done(),
        };
        if !allowed {
            let what = format!("it is {}, and the effect of `{}` is left", status(story.phase), name(node, item));
            found.add("left-behind", Some(id), what);
        }
    }
}

fn check_report(report: &Report, story: &Story<'_>, found: &mut Findings) {
    let mut differs = |what: String| found.add("report", Some(report.transaction), what);
    if (report.status, report.paused) != (status(story.phase), story.paused) {
        differs(format!("it is reported as {}", report.status));
    }
    let unwinds = !matches!(story.phase, Phase::Scheduled | Phase::Running | Phase::Completed | Phase::Terminated);
    if !unwinds {
        return;
    }
    let named = |fits: &dyn Fn(&str, &super::units::Unit) -> bool| -> BTreeSet<String> {
        let units = story
            .units
            .iter()
            .filter(|((node, _), unit)| unit.may_be_done() && !unit.run.is_open() && fits(node, unit));
        units.map(|((node, item), _)| name(node, *item)).collect()
    };
    let compensable = |node: &str| story.graph.steps.get(node).is_some_and(|node| node.step.compensation.is_some());
    let lists = [
        ("undone", &report.undone, named(&|_, unit| unit.undo.is_completed())),
        ("not compensable", &report.not_compensable, named(&|node, _| !compensable(node))),
        ("given up", &report.given_up, named(&|_, unit| unit.given_up)),
        ("stuck", &report.stuck, named(&|_, unit| unit.undo.failed && !unit.given_up)),
    ];
    for (list, reported, known) in lists {
        let reported: BTreeSet<String> = reported.iter().cloned().collect();
        if reported != known {
            differs(format!("{list} is reported as {reported:?}, and the records say {known:?}"));
        }
    }
}

/// An operator's word that was confirmed is there once, since before that; a refused one is not there.
pub(super) fn check_words(evidence: &Evidence, found: &mut Findings) {
    let mut written: BTreeMap<&str, usize> = BTreeMap::new();
    let mut told_early: Vec<&Told> = Vec::new();
    let mut told: Vec<&Told> = Vec::new();
    for entry in &evidence.log {
        match &entry.what {
            What::Appended(_, append) => {
                let words = append.records.iter().filter_map(by);
                words.for_each(|by| *written.entry(&by.why).or_default() += 1);
            }
            What::Told(one) => {
                told.push(one);
                told_early.extend(Some(one).filter(|one| !written.contains_key(one.why.as_str())));
            }
            _ => {}
        }
    }
    for told in told {
        let times = written.get(told.why.as_str()).copied().unwrap_or_default();
        // Cancelling what is cancelled already changes nothing, and a question writes nothing.
        let silent = told.what == "Cancel" || told.what == "Report";
        let early = times > 0 && told_early.iter().any(|early| early.why == told.why);
        let wrong = match &told.answer {
            Answered::Done => times > 1 || early || (times == 0 && !silent),
            Answered::Refused(_) => times > 0,
            Answered::Nobody(_) => times > 1,
        };
        if wrong {
            let when = if early { ", later than that" } else { "" };
            let (what, answer) = (&told.what, &told.answer);
            let what = format!("{what} was answered {answer:?}, and is in the journal {times} times{when}");
            found.add("words", Some(told.id), what);
        }
    }
}

fn by(record: &Record) -> Option<&Operator> {
    match &record.fact {
        Fact::Terminated { by, .. }
        | Fact::CancelRequested { by }
        | Fact::Paused { by }
        | Fact::Resumed { by }
        | Fact::RetryRequested { by, .. }
        | Fact::UndoSkipped { by, .. }
        | Fact::Patched { by, .. } => Some(by),
        _ => None,
    }
}

/// A confirmed start is there, and starts with one key are one transaction.
pub(super) fn check_starts(scenario: &Scenario, evidence: &Evidence, found: &mut Findings) {
    let mut by_key: BTreeMap<u32, TransactionId> = BTreeMap::new();
    let mut created = BTreeSet::new();
    for entry in &evidence.log {
        if let What::Created(_, id, _) = &entry.what {
            created.insert(*id);
        }
        let What::Started(number, Ok((id, _))) = &entry.what else { continue };
        if !created.contains(id) || !evidence.stored.iter().any(|stored| stored.row.id == *id) {
            found.add("starts", Some(*id), "it was confirmed, and was not in the journal".into());
        }
        let Some(key) = scenario.starts.get(*number).and_then(|start| start.key) else { continue };
        if by_key.entry(key).or_insert(*id) != id {
            found.add("starts", Some(*id), format!("key {key} has two transactions"));
        }
    }
}
