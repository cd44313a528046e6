//! Shows a scenario and what came of it, for people.

use std::fmt::Write as _;

use wasaga_core::Record;
use wasaga_core::definition::Action;

use crate::log::{Evidence, What};
use crate::scenario::{Behaviour, Scenario};

/// The scenario, a line for each thing in it.
pub fn scenario(scenario: &Scenario) -> String {
    let mut text = String::new();
    let saga = &scenario.saga;
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "saga: {:?}, concurrency {:?}, deadline {:?} ms, {} lines in the input",
        saga.compensation_policy, saga.concurrency, saga.deadline, scenario.lines
    );
    for step in &saga.steps {
        let _ = write!(text, "  {} needs {:?}", step.id, step.depends_on);
        if let Action::Provided(module) = &step.action {
            let _ = write!(text, ", by {module}");
        }
        if step.at_most_once {
            text.push_str(", at most once");
        }
        if let Some(condition) = &step.condition {
            let _ = write!(text, ", if {condition}");
        }
        if let Some(each) = &step.each {
            let _ = write!(text, ", each {each:?}");
        }
        for parameter in &step.parameters {
            let _ = write!(text, ", {} = {:?}{}", parameter.name, parameter.source, required(parameter.required));
        }
        let _ = write!(text, ", {:?}", step.limits);
        match &step.compensation {
            None => text.push_str(", no compensation"),
            Some(undo) => {
                let _ = write!(text, "\n     undo: critical {}, {:?}", undo.critical, undo.limits);
                for parameter in &undo.parameters {
                    let from = &parameter.source;
                    let _ = write!(text, ", {} = {from:?}{}", parameter.name, required(parameter.required));
                }
            }
        }
        text.push('\n');
    }
    let _ = writeln!(text, "tcc: deadline {:?} ms", scenario.tcc.deadline);
    for one in &scenario.tcc.participants {
        let _ = write!(text, "  {} of order {}{}", one.id, one.order, if one.optional { ", optional" } else { "" });
        if let Some(module) = &one.provider {
            let _ = write!(text, ", by {module}");
        }
        for parameter in &one.parameters {
            let _ = write!(text, ", {} = {:?}{}", parameter.name, parameter.source, required(parameter.required));
        }
        let limits = (&one.try_limits, &one.confirm_limits, &one.cancel_limits);
        let _ = writeln!(text, "\n     try {:?}\n     confirm {:?}\n     cancel {:?}", limits.0, limits.1, limits.2);
    }
    let mut list = |name: &str, lines: Vec<String>| {
        for line in lines {
            let _ = writeln!(text, "{name}: {line}");
        }
    };
    list("host", scenario.hosts.iter().map(|host| format!("{host:?}")).collect());
    list("start", scenario.starts.iter().map(|start| format!("{start:?}")).collect());
    list("end", scenario.ends.iter().map(|end| format!("{end:?}")).collect());
    list("fault", scenario.faults.iter().map(|fault| format!("{fault:?}")).collect());
    list("lease", scenario.lease_ms.iter().map(|ms| format!("{ms} ms")).collect());
    list("outage", scenario.outages.iter().map(|outage| format!("{outage:?}")).collect());
    list("gap", scenario.gaps.iter().map(|gap| format!("{gap:?}")).collect());
    list("version", scenario.versions.iter().map(|at_ms| format!("after {at_ms} ms")).collect());
    list("word", scenario.actions.iter().map(|action| format!("{action:?}")).collect());
    list("mend", scenario.mends.iter().map(|mend| format!("{mend:?}")).collect());
    for (key, script) in &scenario.scripts {
        let item = key.item.map_or(String::new(), |item| format!("[{item}]"));
        let lines: Vec<String> = script.iter().map(line).collect();
        let (start, node, operation) = (key.start, &key.node, key.operation.as_str());
        list("guest", vec![format!("start {start} {node}{item} {operation}: {}", lines.join("; "))]);
    }
    text
}

fn required(required: bool) -> &'static str {
    if required { " (required)" } else { "" }
}

fn line(behaviour: &Behaviour) -> String {
    format!("{:?} after {} ms, effect {:?}", behaviour.answer, behaviour.takes_ms, behaviour.effect)
}

/// The log, with records as they are stored.
pub fn evidence(evidence: &Evidence) -> String {
    let mut text = String::new();
    for entry in &evidence.log {
        let _ = write!(text, "{:>10.3} s  ", entry.at_us as f64 / 1e6);
        let _ = match &entry.what {
            What::Created(life, id, records) => writeln!(text, "host {life} creates {id}:{}", lines(0, records)),
            What::Appended(life, written) => {
                let (id, epoch, records) = (written.id, written.epoch, &written.records);
                writeln!(text, "host {life} appends to {id} in epoch {epoch}:{}", lines(written.expected.0, records))
            }
            What::Called(life, number, call) => {
                let (id, forward) = (&call.id, call.forward.as_ref());
                let told = forward.map_or(String::new(), |forward| format!(", told {forward:?}"));
                writeln!(text, "host {life} calls {id} of {} (call {number}{told})", call.transaction)
            }
            What::Answered(life, number, id, outcome) => {
                writeln!(text, "host {life} is answered {outcome:?} by {id} (call {number})")
            }
            What::Effect(number, became) => writeln!(text, "the effect of call {number}: {became}"),
            What::Told(told) => writeln!(text, "{} of {} ({}): {:?}", told.what, told.id, told.why, told.answer),
            other => writeln!(text, "{other:?}"),
        };
    }
    text
}

fn lines(before: u64, records: &[Record]) -> String {
    let mut text = String::new();
    for (i, record) in records.iter().enumerate() {
        let fact = serde_json::to_string(&record.fact).unwrap_or_else(|error| error.to_string());
        let _ = write!(text, "\n{:>20} {fact}", before + i as u64 + 1);
    }
    text
}
