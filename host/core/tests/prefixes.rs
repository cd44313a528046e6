//! Every journal prefix of a chain, a diamond with a failing branch and a fan-out with a failing
//! item, under each policy, resumes to the same end (invariant I4).

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::BTreeMap;

use wasaga_core::definition::{self, CompensationPolicy, Source};
use wasaga_core::{CallId, Fact, Operation, Outcome, Record, Status};
use world::*;

/// What the guests of a case answer, by unit and operation; anything else completes.
type Script = fn(unit: &str, operation: &str, attempt: u32) -> Outcome;

/// How often each effect took place, by idempotency key: what a partner that honours keys would hold.
type Effects = BTreeMap<String, bool>;

fn play(world: &mut World, script: Script, effects: &mut Effects) {
    for _ in 0..1_000 {
        let Some(call) = world.calls.first().cloned() else {
            if world.transaction.due().is_none() {
                return;
            }
            world.wait();
            continue;
        };
        let name = call.id.to_string();
        let words: Vec<&str> = name.split(' ').collect();
        let outcome = script(words[0], words[1], call.id.attempt);
        if matches!(outcome, Outcome::Completed(_)) {
            effects.insert(words[0].to_owned(), words[1] == "run");
        }
        world.answer(words[0], outcome);
    }
    panic!("it does not end: {:?}", world.report());
}

fn check(case: &str, definition: &definition::Saga, script: Script, end: Status) {
    for policy in CompensationPolicy::ALL {
        let input = r#"{"lines":[1,2,3]}"#;
        let mut whole = World::with(definition, input, Some(policy));
        let mut effects = Effects::new();
        play(&mut whole, script, &mut effects);
        assert_eq!(whole.status(), end, "{case} under {policy:?}");
        for length in 1..=whole.journal.len() {
            let prefix = &whole.journal[..length];
            let now = prefix[length - 1].at;
            let mut resumed = World::found(&whole.plan, prefix, now);
            let mut again = known_effects(prefix);
            play(&mut resumed, script, &mut again);
            let context = format!("{case} under {policy:?}, resumed after record {length}");
            assert_eq!(resumed.status(), end, "{context}");
            let (left, right) = (resumed.report(), whole.report());
            assert_eq!(left.output, right.output, "{context}");
            assert_eq!(remaining(&again), remaining(&effects), "{context}");
            assert_eq!(left.stuck, right.stuck, "{context}");
            // A call that was lost with its host may have happened, so its step is undone as well.
            let lost = in_flight(prefix);
            let undone: Vec<_> =
                left.undone.into_iter().filter(|u| right.undone.contains(u) || !lost.contains(u)).collect();
            assert_eq!(undone, right.undone, "{context}");
            assert_eq!(left.not_compensable, right.not_compensable, "{context}");
        }
    }
}

/// Units with a call in flight after these records.
fn in_flight(prefix: &[Record]) -> Vec<String> {
    let mut units = Vec::new();
    for record in prefix {
        match &record.fact {
            Fact::Started { call, .. } => units.push(unit_of(call)),
            Fact::Completed { call, .. } | Fact::Rejected { call, .. } | Fact::Retryable { call, .. } => {
                let ended = unit_of(call);
                units.retain(|unit| *unit != ended);
            }
            _ => {}
        }
    }
    units
}

fn unit_of(call: &CallId) -> String {
    call.item.map_or_else(|| call.node.to_string(), |item| format!("{}[{item}]", call.node))
}

/// The effects that the records of a prefix know of.
fn known_effects(prefix: &[Record]) -> Effects {
    let mut effects = Effects::new();
    for record in prefix {
        if let Fact::Completed { call, .. } = &record.fact {
            effects.insert(unit_of(call), call.operation == Operation::Run);
        }
    }
    effects
}

fn remaining(effects: &Effects) -> Vec<&String> {
    effects.iter().filter(|(_, done)| **done).map(|(unit, _)| unit).collect()
}

fn all_complete(unit: &str, _: &str, _: u32) -> Outcome {
    done(&format!("\"{unit}\""))
}

#[test]
fn a_chain() {
    check("chain", &chain(), all_complete, Status::Completed);
    check(
        "a chain whose end fails",
        &chain(),
        |unit, operation, attempt| match (unit, operation) {
            ("c", "run") => rejected("no"),
            _ => all_complete(unit, operation, attempt),
        },
        Status::Compensated,
    );
}

#[test]
fn a_diamond_with_a_failing_branch() {
    let script: Script = |unit, operation, attempt| match (unit, operation, attempt) {
        ("b", "run", _) => rejected("no"),
        ("c", "run", 1) => retryable("busy"),
        _ => all_complete(unit, operation, attempt),
    };
    check("diamond", &diamond(), script, Status::Compensated);
}

#[test]
fn a_diamond_whose_compensation_fails_for_good() {
    let script: Script = |unit, operation, attempt| match (unit, operation) {
        ("d", "run") | ("c", "compensate") => rejected("no"),
        _ => all_complete(unit, operation, attempt),
    };
    check("stuck diamond", &diamond(), script, Status::Stuck);
}

#[test]
fn a_fan_out_with_a_failing_item() {
    let mut fan = step("f", &["a"]);
    fan.each = Some(Source::Input(Some("/lines".into())));
    let graph = saga(vec![step("a", &[]), fan, step("z", &["f"])]);
    let script: Script = |unit, operation, attempt| match (unit, operation) {
        ("f[2]", "run") => rejected("no"),
        _ => all_complete(unit, operation, attempt),
    };
    check("fan-out", &graph, script, Status::Compensated);
}
