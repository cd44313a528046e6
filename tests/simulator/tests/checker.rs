//! The checker sees: for every rule a run that is sound is bent in one place, and the rule complains.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasaga_core::definition::{
    Compensation, CompensationPolicy, Limits, Parameter, Participant, Saga, Source, Step, Tcc,
};
use wasaga_core::{
    Cause, Epoch, Fact, Forward, IdempotencyKey, Json, Kind, Operation, Operator, Record, RetryPolicy, Status,
    TransactionId,
};
use wasaga_simulator::checker::{RULES, check};
use wasaga_simulator::log::{Answered, Evidence, Told, What};
use wasaga_simulator::run;
use wasaga_simulator::scenario::{Behaviour, Effect, Host, Reply, Scenario, ScriptKey, Start};

fn step(id: &str, needs: &[&str]) -> Step {
    let retry = RetryPolicy { max_attempts: 3, initial_delay: 100, max_delay: 100, multiplier: 1.0, jitter: 0.0 };
    Step {
        id: id.into(),
        depends_on: needs.iter().map(|id| (*id).into()).collect(),
        limits: Limits { retry: Some(retry.into()), timeout: Some(1_000), ..Limits::default() },
        compensation: Some(Compensation { name: format!("undo-{id}"), ..Compensation::default() }),
        ..Step::default()
    }
}

/// `a` is unknown once, then `b` takes its output, `c` stands beside, and `z` is refused.
fn scenario() -> Scenario {
    let source = Source::StepOutput { step: "a".into(), pointer: None };
    let mut taking = step("b", &["a"]);
    taking.parameters = vec![Parameter { name: "before".into(), source, required: true, schema: None }];
    let plain = |answer| Behaviour { answer, takes_ms: 20, effect: Effect::None };
    let key = |node: &str| ScriptKey { start: 0, node: node.into(), item: None, operation: Operation::Run };
    Scenario {
        seed: 1,
        saga: Saga {
            name: "order".into(),
            steps: vec![step("a", &[]), taking, step("c", &[]), step("z", &["b", "c"])],
            ..Saga::default()
        },
        lines: 2,
        tcc: trip(),
        starts: vec![Start { at_ms: 0, kind: Kind::Saga, place: 0, policy: None, key: Some(1), patience_ms: 5_000 }],
        hosts: vec![Host { begins_ms: 0, skew_ms: 0, in_flight_max: 64, patience_ms: 1_000, brings_modules: true }],
        ends: vec![],
        faults: vec![],
        outages: vec![],
        lease_ms: None,
        versions: vec![],
        gaps: vec![],
        scripts: BTreeMap::from([
            (key("a"), vec![plain(Reply::Unknown)]),
            (key("c"), vec![plain(Reply::Completes)]),
            (key("z"), vec![plain(Reply::Rejects)]),
        ]),
        actions: vec![],
        mends: vec![],
    }
}

/// `p0`, then `p1`.
fn trip() -> Tcc {
    let participant = |id: &str, order| Participant { id: id.into(), order, ..Participant::default() };
    Tcc { name: "trip".into(), participants: vec![participant("p0", 1), participant("p1", 2)], ..Tcc::default() }
}

/// The same with the TCC in the place of the saga; it is confirmed.
fn tcc_scenario() -> Scenario {
    let mut scenario = scenario();
    scenario.starts[0].kind = Kind::Tcc;
    scenario
}

/// The records of the log changed, and the journal with them.
fn records(evidence: &mut Evidence, mut change: impl FnMut(&mut Vec<Record>)) {
    let mut all = Vec::new();
    for entry in &mut evidence.log {
        let records = match &mut entry.what {
            What::Created(_, _, records) => records,
            What::Appended(_, written) => &mut written.records,
            _ => continue,
        };
        change(records);
        all.extend(records.clone());
    }
    evidence.stored[0].row.seq.0 = all.len() as u64;
    evidence.stored[0].records = all;
}

fn fact(evidence: &mut Evidence, mut change: impl FnMut(&mut Fact)) {
    records(evidence, |records| records.iter_mut().for_each(|record| change(&mut record.fact)));
}

fn call(evidence: &mut Evidence, node: &str, operation: Operation, mut change: impl FnMut(&mut wasaga_core::Call)) {
    for entry in &mut evidence.log {
        if let What::Called(_, _, call) = &mut entry.what
            && (&*call.id.node, call.id.operation) == (node, operation)
        {
            change(call);
        }
    }
}

/// Puts a fact before the first one that fits.
fn insert(evidence: &mut Evidence, new: &Fact, before: impl Fn(&Fact) -> bool) {
    let mut done = false;
    records(evidence, |records| {
        if let Some(at) = records.iter().position(|record| !done && before(&record.fact)) {
            let record = Record { at: records[at].at, fact: new.clone() };
            records.insert(at, record);
            done = true;
        }
    });
    assert!(done, "there is a place for it");
}

fn starts(fact: &Fact, node: &str, operation: Operation) -> bool {
    matches!(fact, Fact::Started { call, .. } if (&*call.node, call.operation) == (node, operation))
}

fn by() -> Operator {
    Operator { who: "ada".into(), why: "a test".into() }
}

type Bend = fn(&mut Scenario, &mut Evidence);

/// For every rule a way to break it.
const BENDS: &[(&str, Bend)] = &[
    ("durable-first", |_, evidence| {
        let called = evidence.log.iter().position(|entry| matches!(entry.what, What::Called(..))).unwrap();
        let created = evidence.log.iter().position(|entry| matches!(entry.what, What::Created(..))).unwrap();
        evidence.log.swap(called, created);
    }),
    ("no-gaps", |_, evidence| drop(evidence.stored[0].records.pop())),
    ("one-owner", |_, evidence| {
        let writes = evidence.log.iter_mut().filter_map(|entry| match &mut entry.what {
            What::Appended(_, written) => Some(written),
            _ => None,
        });
        writes.for_each(|written| written.epoch = Epoch(7));
    }),
    ("leases", |_, evidence| {
        let called = evidence.log.iter().position(|entry| matches!(entry.what, What::Called(..))).unwrap();
        let lapsed = wasaga_simulator::log::Entry { at_us: 0, what: What::Lapsed(0) };
        evidence.log.insert(called, lapsed);
    }),
    ("same-key", |_, evidence| {
        let Fact::Created(created) = &evidence.stored[0].records[0].fact else { panic!("the first record creates") };
        let other = IdempotencyKey::of("wasaga", created.origin(), "c", None, "run");
        call(evidence, "b", Operation::Run, |call| call.key = other.clone());
    }),
    ("modules", |_, evidence| {
        call(evidence, "b", Operation::Run, |call| call.module = wasaga_core::Digest::of(b"another"));
    }),
    ("same-arguments", |_, evidence| {
        call(evidence, "b", Operation::Run, |call| call.arguments = Json::parse(r#"{"before":1}"#).unwrap().into());
    }),
    ("truth", |_, evidence| {
        fact(evidence, |fact| {
            if let Fact::Completed { output, .. } = fact {
                *output = Json::null();
            }
        });
    }),
    ("forward", |_, evidence| call(evidence, "a", Operation::Compensate, |call| call.forward = Some(Forward::Unknown))),
    ("attempts", |scenario, _| scenario.saga.steps[0].limits.retry.as_mut().unwrap().max_attempts = Some(1)),
    ("time", |scenario, _| scenario.saga.steps[0].limits.timeout = Some(10)),
    ("at-most-once", |scenario, _| scenario.saga.steps[0].at_most_once = true),
    ("dependencies", |scenario, _| scenario.saga.steps[2].depends_on = vec!["b".into()]),
    ("conditions", |scenario, _| scenario.saga.steps[2].condition = Some("input.no".into())),
    ("concurrency", |scenario, _| scenario.saga.concurrency = Some(1)),
    ("nothing-new", |_, evidence| {
        insert(evidence, &Fact::Paused { by: by() }, |fact| starts(fact, "b", Operation::Run));
    }),
    ("cause", |_, evidence| {
        fact(evidence, |fact| {
            if let Fact::Unwinding { cause } = fact {
                *cause = Cause::Deadline;
            }
        });
    }),
    ("undone-for-a-reason", |scenario, _| scenario.saga.steps[2].compensation = None),
    ("undo-order", |_, evidence| {
        // As if `c` had ended after `b`.
        let mut moved = None;
        records(evidence, |records| {
            let done = |fact: &Fact| matches!(fact, Fact::Completed { call, .. } if &*call.node == "c" && call.operation == Operation::Run);
            if let Some(at) = records.iter().position(|record| done(&record.fact)) {
                moved = Some(records.remove(at));
            } else if let Some(at) = records.iter().position(|record| starts(&record.fact, "z", Operation::Run)) {
                records.insert(at, moved.take().unwrap());
            }
        });
    }),
    ("circuit", |_, evidence| {
        let opened = Fact::CircuitOpened { node: "z".into() };
        insert(evidence, &opened, |fact| starts(fact, "a", Operation::Compensate));
    }),
    ("ends", |_, evidence| {
        fact(evidence, |fact| {
            if *fact == Fact::Compensated {
                *fact = Fact::Finished;
            }
        });
    }),
    ("left-behind", |_, evidence| {
        let id = evidence.stored[0].row.id;
        evidence.present.push((id, "a".into(), None));
    }),
    ("report", |_, evidence| evidence.reports[0].status = Status::Completed),
    ("words", |_, evidence| {
        let (id, at_us) = (evidence.stored[0].row.id, 0);
        let told = Told { why: "word 9".into(), what: "Pause".into(), id, answer: Answered::Done };
        evidence.log.push(wasaga_simulator::log::Entry { at_us, what: What::Told(told) });
    }),
    ("starts", |_, evidence| {
        let started = What::Started(0, Ok((TransactionId::from_u128(9), false)));
        evidence.log.push(wasaga_simulator::log::Entry { at_us: 0, what: started });
    }),
    ("rest", |_, evidence| evidence.troubles.push("it does not end".into())),
];

/// For every rule of TCCs a way to break it.
const TCC_BENDS: &[(&str, Bend)] = &[
    ("tcc-order", |scenario, _| scenario.tcc.participants[0].order = 3),
    ("tcc-decision", |_, evidence| {
        fact(evidence, |fact| {
            if *fact == Fact::Confirming {
                *fact = Fact::Cancelling { cause: Cause::Deadline };
            }
        });
    }),
    ("tcc-tries", |_, evidence| insert(evidence, &Fact::Confirming, |fact| starts(fact, "p1", Operation::Try))),
    ("tcc-ends", |_, evidence| evidence.confirmed.clear()),
];

fn broken(scenario: &Scenario, evidence: &Evidence) -> BTreeSet<&'static str> {
    check(scenario, evidence).into_iter().map(|violation| violation.rule).collect()
}

#[test]
fn what_is_sound_breaks_no_rule() {
    let scenario = scenario();
    let evidence = run(&Arc::new(scenario.clone()));
    let told: Vec<String> = check(&scenario, &evidence).iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{told:#?}");
    assert_eq!(evidence.stored[0].row.status, Status::Compensated);
    assert_eq!(evidence.reports[0].policy, Some(CompensationPolicy::StrictSequential));

    let scenario = tcc_scenario();
    let evidence = run(&Arc::new(scenario.clone()));
    let told: Vec<String> = check(&scenario, &evidence).iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{told:#?}");
    assert_eq!(evidence.stored[0].row.status, Status::Confirmed);
}

#[test]
fn every_rule_complains_when_it_is_broken() {
    for (sound, bends) in [(scenario(), BENDS), (tcc_scenario(), TCC_BENDS)] {
        let evidence = run(&Arc::new(sound.clone()));
        for (rule, bend) in bends {
            let (mut scenario, mut evidence) = (sound.clone(), evidence.clone());
            bend(&mut scenario, &mut evidence);
            let broken = broken(&scenario, &evidence);
            assert!(broken.contains(rule), "{rule} was broken, and {broken:?} complain");
        }
    }
    let shown: BTreeSet<&str> = BENDS.iter().chain(TCC_BENDS).map(|(rule, _)| *rule).collect();
    assert_eq!(shown, RULES.iter().map(|(rule, _)| *rule).collect(), "one for each rule");
}
