//! The guests' diary against the records: what was called, with what, and what became of it.

use std::collections::BTreeMap;

use serde_json::Value;
use wasaga_core::definition::{Parameter, Source};
use wasaga_core::{CallId, Fact, Forward, Json, Operation, Outcome, UnknownCause};

use super::book::{Book, Line, Made};
use super::findings::Findings;
use super::graph::Graph;
use super::units::name;
use crate::log::{Evidence, What};

pub(super) fn check_keys(evidence: &Evidence, found: &mut Findings) {
    let mut keys = BTreeMap::new();
    let mut whose = BTreeMap::new();
    for entry in &evidence.log {
        let What::Called(_, _, call) = &entry.what else { continue };
        let unit = (call.transaction, call.id.node.as_str(), call.id.item, call.id.operation);
        let key = call.key.as_str();
        if *keys.entry(unit).or_insert(key) != key {
            found.add("same-key", Some(call.transaction), format!("{} has another key than before", call.id));
        }
        if *whose.entry(key).or_insert(unit) != unit {
            found.add("same-key", Some(call.transaction), format!("{} has the key of another operation", call.id));
        }
    }
}

/// What holds of the calls of any transaction.
pub(super) fn check_made(book: &Book<'_>, found: &mut Findings) {
    check_durable(book, found);
    check_truth(book, found);
}

pub(super) fn check(graph: &Graph<'_>, book: &Book<'_>, found: &mut Findings) {
    check_made(book, found);
    for (i, made) in book.calls.iter().enumerate() {
        check_forward(book, made, found);
        check_arguments(graph, book, i, found);
    }
}

/// Every call has a `started` of its own, by the same host, that was durable before (I2).
fn check_durable(book: &Book<'_>, found: &mut Findings) {
    let mut used = vec![false; book.lines.len()];
    for made in &book.calls {
        let fits = |line: &Line<'_>| {
            let started = matches!(&line.record.fact, Fact::Started { call, .. } if call == made.id());
            started && line.order < made.order && line.life == made.life
        };
        let mut free = (0..book.lines.len()).filter(|i| !used[*i] && fits(&book.lines[*i]));
        // A host that let a transaction go and took it again may not have made a call that it started.
        let same = |i: &usize| matches!(&book.lines[*i].record.fact, Fact::Started { deadline, .. } if *deadline == made.call.deadline);
        let Some(first) = free.next() else {
            let what = format!("host {} calls {}, and no `started` of it is durable", made.life, made.id());
            found.add("durable-first", Some(book.id), what);
            continue;
        };
        let at = std::iter::once(first).chain(free).find(same);
        used[at.unwrap_or(first)] = true;
        if at.is_none() {
            let what = format!("{} is called with another deadline than the recorded one", made.id());
            found.add("time", Some(book.id), what);
        }
    }
}

/// Every recorded outcome is one that the guest answered to the host that recorded it.
fn check_truth(book: &Book<'_>, found: &mut Findings) {
    let mut used = vec![false; book.calls.len()];
    for (i, line) in book.lines.iter().enumerate() {
        let Some(call) = outcome_of(&line.record.fact) else { continue };
        let fits = |made: &Made<'_>| {
            made.id() == call
                && made.life == line.life
                && made.answer.is_some_and(|(order, outcome)| order < line.order && says(&line.record.fact, outcome))
        };
        if let Some(made) = (0..book.calls.len()).find(|i| !used[*i] && fits(&book.calls[*i])) {
            used[made] = true;
            continue;
        }
        let lost = match &line.record.fact {
            Fact::Unknown { cause, .. } => *cause == UnknownCause::HostLost,
            // It is polled again after a second, or after a part of the time that it has been pending.
            Fact::Pending { due, .. } => {
                let at = line.record.at;
                let pending = book.lines.first().map_or(0, |first| at.since(first.record.at).as_millis() as u64);
                *due <= at.after_ms((pending / 128).max(1_000))
            }
            _ => false,
        };
        let started = book.lines[..i].iter().rev().find(|line| is_start(&line.record.fact, call));
        if !(lost && started.is_some_and(|started| started.epoch < line.epoch)) {
            let what = format!("record {} says of {call} what no guest answered", i + 1);
            found.add("truth", Some(book.id), what);
        }
    }
}

/// For the outcome in this line: how long its guest asked to be left alone.
pub(super) fn after(book: &Book<'_>, line: &Line<'_>) -> Option<u64> {
    let call = outcome_of(&line.record.fact)?;
    let fits = |made: &&Made<'_>| made.id() == call && made.life == line.life;
    let mut answers = book.calls.iter().filter(fits).filter_map(|made| made.answer);
    answers.find_map(|(_, outcome)| match outcome {
        Outcome::Retryable { after, .. } | Outcome::Unknown { after, .. } if says(&line.record.fact, outcome) => *after,
        _ => None,
    })
}

fn is_start(fact: &Fact, of: &CallId) -> bool {
    matches!(fact, Fact::Started { call, .. } if call == of)
}

fn outcome_of(fact: &Fact) -> Option<&CallId> {
    match fact {
        Fact::Completed { call, .. }
        | Fact::Rejected { call, .. }
        | Fact::Retryable { call, .. }
        | Fact::Unknown { call, .. }
        | Fact::Pending { call, .. } => Some(call),
        _ => None,
    }
}

fn says(fact: &Fact, outcome: &Outcome) -> bool {
    match (fact, outcome) {
        (Fact::Completed { output, .. }, Outcome::Completed(answered)) => output == answered,
        (Fact::Rejected { failure, .. }, Outcome::Rejected(answered)) => failure == answered,
        (Fact::Retryable { failure, .. }, Outcome::Retryable { failure: answered, .. }) => failure == answered,
        (Fact::Unknown { cause, failure, .. }, Outcome::Unknown { cause: why, failure: answered, .. }) => {
            cause == why && failure == answered
        }
        (Fact::Pending { .. }, Outcome::Pending { .. }) => true,
        _ => false,
    }
}

/// What was completed before this call was made.
fn output<'a>(
    book: &Book<'a>,
    made: &Made<'_>,
    node: &str,
    item: Option<u32>,
    operation: Operation,
) -> Option<&'a Json> {
    book.lines.iter().take_while(|line| line.order < made.order).find_map(|line| match &line.record.fact {
        Fact::Completed { call, output, .. } if (&*call.node, call.item, call.operation) == (node, item, operation) => {
            Some(output)
        }
        _ => None,
    })
}

fn check_forward(book: &Book<'_>, made: &Made<'_>, found: &mut Findings) {
    let (call, id) = (made.call, made.id());
    let known = match output(book, made, &id.node, id.item, Operation::Run) {
        _ if id.operation == Operation::Run => None,
        Some(output) => Some(Forward::Completed(output.clone())),
        None => Some(Forward::Unknown),
    };
    if call.forward != known {
        let what = format!("{id} is told {:?}, and known is {known:?}", call.forward);
        found.add("forward", Some(book.id), what);
    }
}

fn check_arguments(graph: &Graph<'_>, book: &Book<'_>, at: usize, found: &mut Findings) {
    let made = &book.calls[at];
    let id = made.id();
    let Some(node) = graph.steps.get(&*id.node) else { return };
    if id.operation == Operation::Run {
        let unit = (&id.node, id.item, id.operation);
        let first = book.calls.iter().find(|other| (&other.id().node, other.id().item, other.id().operation) == unit);
        if first.is_some_and(|first| first.call.arguments != made.call.arguments) {
            found.add("same-arguments", Some(book.id), format!("{id} has other arguments than the call before"));
        }
    }
    let parameters: &[Parameter] = match (id.operation, &node.step.compensation) {
        (Operation::Run, _) => &node.step.parameters,
        (Operation::Compensate, Some(undo)) => &undo.parameters,
        _ => &[],
    };
    let Ok(Value::Object(given)) = made.call.arguments.json().read::<Value>() else {
        return found.add("same-arguments", Some(book.id), format!("the arguments of {id} are no object"));
    };
    if given.contains_key("patched") {
        return;
    }
    for parameter in parameters {
        let Some(expected) = expected(graph, book, made, &parameter.source) else { continue };
        // What has no value is left out; the output of a step that was skipped is null.
        let left_out = expected.is_null() && !matches!(parameter.source, Source::StepOutput { .. });
        if given.get(&parameter.name) != Some(&expected).filter(|_| !left_out) {
            let (name, unit) = (&parameter.name, name(&id.node, id.item));
            let what = format!("parameter `{name}` of {unit} is {:?}, and not {expected}", given.get(name));
            found.add("same-arguments", Some(book.id), what);
        }
    }
}

/// The value of a source; none where the checker does not follow it.
fn expected(graph: &Graph<'_>, book: &Book<'_>, made: &Made<'_>, source: &Source) -> Option<Value> {
    let id = made.id();
    match source {
        Source::StepOutput { step, pointer: None } => Some(output_of(graph, book, made, step).unwrap_or(Value::Null)),
        Source::OwnOutput(None) => {
            let own = output(book, made, &id.node, id.item, Operation::Run);
            Some(own.and_then(|own| own.read().ok()).unwrap_or(Value::Null))
        }
        Source::Item(None) => match graph.steps.get(&*id.node)?.step.each.as_ref()? {
            Source::Input(_) => Some(Value::from(id.item?)),
            Source::StepOutput { step, pointer: None } => {
                output_of(graph, book, made, step)?.get(id.item? as usize).cloned()
            }
            _ => Some(Value::from(id.item? + 1)),
        },
        Source::Variable(variable) if id.operation == Operation::Run => Some(written(book, id, variable)),
        _ => None,
    }
}

/// What was last written to a variable before the first attempt of a unit, by calls that completed.
fn written(book: &Book<'_>, id: &CallId, variable: &str) -> Value {
    let facts = book.lines.iter().map(|line| &line.record.fact);
    let before = facts.take_while(|fact| {
        !matches!(fact, Fact::Started { call, .. } if (&call.node, call.item, call.operation) == (&id.node, id.item, id.operation))
    });
    let writes = before.filter_map(|fact| match fact {
        Fact::Completed { writes, .. } => writes.variables.iter().rfind(|(name, _)| &**name == variable),
        _ => None,
    });
    writes.last().and_then(|(_, value)| value.read().ok()).unwrap_or(Value::Null)
}

/// The output of a step; of a fan-out the array in order.
fn output_of(graph: &Graph<'_>, book: &Book<'_>, made: &Made<'_>, step: &str) -> Option<Value> {
    let read = |item| output(book, made, step, item, Operation::Run).and_then(|output| output.read::<Value>().ok());
    if graph.steps.get(step)?.step.each.is_none() {
        return read(None);
    }
    let items = book.lines.iter().find_map(|line| match &line.record.fact {
        Fact::Expanded { node, items } if &**node == step => Some(*items),
        _ => None,
    });
    (0..items?).map(|item| read(Some(item))).collect::<Option<Vec<_>>>().map(Value::Array)
}
