//! Draws a scenario from a seed. Most things that may go wrong are absent from most runs, so that
//! each is also seen alone.

mod fans;
mod modules;
mod parts;

use std::collections::BTreeMap;

use wasaga_core::definition::{Compensation, CompensationPolicy, Limits, Participant, Saga, Source, Step, Tcc};
use wasaga_core::{Kind, Operation};

use crate::chance::Chance;
use crate::scenario::{
    Action, Behaviour, Class, Fault, Host, HostEnd, How, Mend, Scenario, ScriptKey, Start, When, Word,
};
use parts::{SPAN_MS, behaviour, fault_kind, output_of, parameter, retry};

/// The scenario of a seed.
pub fn draw(seed: u64) -> Scenario {
    let mut chance = Chance::new(seed);
    let chance = &mut chance;
    let lines = chance.between(0, 3) as u32;
    let saga = saga(chance);
    let places = chance.pick(&[1, 1, 2, 2, 3]);
    let starts = starts(chance, places);
    let stormy = chance.percent(60);
    // Now and then everything goes wrong at once, again and again.
    let wild = if chance.percent(8) { 5 } else { 1 };
    let (faults, outages) = if stormy { journal(chance, wild) } else { (Vec::new(), Vec::new()) };
    let mut scenario = Scenario {
        seed,
        lines,
        hosts: (0..places).map(|place| host(chance, place)).collect(),
        ends: if chance.percent(60) { ends(chance, places, wild) } else { Vec::new() },
        faults,
        outages,
        lease_ms: None,
        versions: Vec::new(),
        gaps: Vec::new(),
        scripts: scripts(chance, &saga, starts.len(), lines),
        actions: if chance.percent(45) { actions(chance, &saga, starts.len(), places, wild) } else { Vec::new() },
        mends: (0..chance.between(0, 5)).map(|_| mend(chance)).collect(),
        saga,
        tcc: Tcc::default(),
        starts,
    };
    mix(&mut Chance::new(seed ^ TCCS), &mut scenario);
    modules::add(&mut Chance::new(seed ^ MODULES), &mut scenario);
    fans::add(&mut Chance::new(seed ^ FANS), &mut scenario);
    scenario.lease_ms = Chance::new(seed ^ LEASES).maybe(30, |chance| chance.between(200, 2_000));
    scenario
}

// These are drawn from a chance of their own, so that they change nothing of the sagas beside them.
const TCCS: u64 = 0x7cc7_cc7c_c7cc_7cc7;
const MODULES: u64 = 0x30d0_1e53_0d01_e530;
const LEASES: u64 = 0x1ea5_e51e_a5e5_1ea5;
const FANS: u64 = 0xfa25_fa25_fa25_fa25;

/// Adds a TCC, and makes some of the starts runs of it.
fn mix(chance: &mut Chance, scenario: &mut Scenario) {
    scenario.tcc = tcc(chance);
    let mut by_key = BTreeMap::new();
    for start in &mut scenario.starts {
        let kind = if chance.percent(45) { Kind::Tcc } else { Kind::Saga };
        // Starts with one key are one transaction.
        start.kind = start.key.map_or(kind, |key| *by_key.entry(key).or_insert(kind));
        if start.kind == Kind::Tcc {
            start.policy = None;
        }
    }
    for action in &mut scenario.actions {
        if scenario.starts[action.start].kind == Kind::Tcc {
            let id = || format!("p{}", action.at_ms as usize % scenario.tcc.participants.len());
            action.what = match std::mem::replace(&mut action.what, Word::Report) {
                Word::Retry(node) => Word::Retry(node.map(|_| id())),
                Word::Skip(_) => Word::Skip(id()),
                Word::Patch(..) => Word::Patch(id(), None),
                other => other,
            };
        }
    }
    let odd = chance.pick(&[3, 10, 25]);
    let settle_odd = chance.pick(&[0, 20, 60]);
    for start in 0..scenario.starts.len() {
        for participant in &scenario.tcc.participants {
            for (operation, odd) in
                [(Operation::Try, odd), (Operation::Confirm, settle_odd), (Operation::Cancel, settle_odd)]
            {
                let lines = (0..chance.between(1, 5)).map(|_| behaviour(chance, odd)).collect();
                let key = ScriptKey { start, node: participant.id.clone(), item: None, operation };
                scenario.scripts.insert(key, lines);
            }
        }
    }
}

fn tcc(chance: &mut Chance) -> Tcc {
    let count = chance.pick(&[1usize, 2, 2, 3, 3, 4, 5]);
    let mut participants: Vec<Participant> = Vec::new();
    for i in 0..count {
        let participant = participant(chance, i, &participants);
        participants.push(participant);
    }
    let deadline = chance.maybe(20, |chance| chance.between(100, SPAN_MS));
    Tcc { name: "trip".into(), participants, deadline, ..Tcc::default() }
}

fn participant(chance: &mut Chance, i: usize, before: &[Participant]) -> Participant {
    let order = chance.between(0, 2) as u32;
    let mut parameters = Vec::new();
    if let Some(earlier) = before.iter().find(|one| one.order < order).filter(|_| chance.percent(50)) {
        let source = Source::StepOutput { step: earlier.id.clone(), pointer: None };
        parameters.push(parameter("before", source, chance.percent(40)));
    }
    if chance.percent(10) {
        parameters.push(parameter("variable", Source::Variable("v".into()), false));
    }
    let settle = |chance: &mut Chance| Limits {
        timeout: Some(chance.between(100, 2_000)),
        total_timeout: chance.maybe(10, |chance| chance.between(300, SPAN_MS)),
        retry: chance.maybe(70, retry).map(Into::into),
        ..Limits::default()
    };
    Participant {
        id: format!("p{i}"),
        order,
        optional: chance.percent(25),
        parameters,
        try_limits: Limits {
            timeout: Some(chance.between(100, 2_000)),
            total_timeout: chance.maybe(15, |chance| chance.between(300, SPAN_MS)),
            retry: Some(retry(chance).into()),
            ..Limits::default()
        },
        confirm_limits: settle(chance),
        cancel_limits: settle(chance),
        ..Participant::default()
    }
}

fn saga(chance: &mut Chance) -> Saga {
    let count = chance.pick(&[1usize, 2, 3, 3, 4, 4, 5, 6, 7]);
    let shape = chance.between(0, 3);
    let mut steps: Vec<Step> = Vec::new();
    for i in 0..count {
        let depends_on: Vec<usize> = match shape {
            0 => i.checked_sub(1).into_iter().collect(),
            1 if i + 1 == count && i > 1 => (1..i).collect(),
            1 => (i > 0).then_some(0).into_iter().collect(),
            _ => (0..i).filter(|_| chance.percent(35)).collect(),
        };
        let step = step(chance, i, &depends_on, &steps);
        steps.push(step);
    }
    Saga {
        name: "order".into(),
        steps,
        compensation_policy: chance.maybe(90, |chance| chance.pick(&CompensationPolicy::ALL)),
        deadline: chance.maybe(20, |chance| chance.between(100, SPAN_MS)),
        concurrency: chance.maybe(40, |chance| chance.between(1, 3) as u32),
        ..Saga::default()
    }
}

fn step(chance: &mut Chance, i: usize, depends_on: &[usize], before: &[Step]) -> Step {
    let condition =
        chance.maybe(8, |chance| chance.pick(&["input.yes", "input.no", "input.no", "input.absent"]).into());
    let each = chance.maybe(15, |chance| match depends_on.first() {
        Some(step) if chance.percent(40) => output_of(*step, Some("/list")),
        _ if chance.percent(6) => Source::Input(Some("/yes".into())),
        _ => Source::Input(Some("/lines".into())),
    });
    let mut parameters = Vec::new();
    if let Some(step) = depends_on.last().filter(|_| chance.percent(40)) {
        parameters.push(parameter("before", output_of(*step, None), chance.percent(30)));
    }
    if each.is_some() {
        parameters.push(parameter("item", Source::Item(None), true));
    }
    if chance.percent(10) {
        parameters.push(parameter("variable", Source::Variable("v".into()), chance.percent(10)));
    }
    Step {
        id: format!("s{i}"),
        depends_on: depends_on.iter().map(|d| format!("s{d}")).collect(),
        condition,
        each,
        parameters,
        at_most_once: chance.percent(20),
        limits: Limits {
            timeout: Some(chance.between(100, 2_000)),
            total_timeout: chance.maybe(15, |chance| chance.between(300, SPAN_MS)),
            retry: Some(retry(chance).into()),
            ..Limits::default()
        },
        compensation: chance.maybe(82, |chance| compensation(chance, i, before)),
        ..Step::default()
    }
}

fn compensation(chance: &mut Chance, i: usize, before: &[Step]) -> Compensation {
    let mut parameters = Vec::new();
    if chance.percent(30) {
        parameters.push(parameter("own", Source::OwnOutput(None), chance.percent(30)));
    }
    if chance.percent(10) {
        parameters.push(parameter("cause", Source::Cause, true));
    }
    let other = before.iter().rfind(|step| step.compensation.is_some());
    if let Some(other) = other.filter(|_| chance.percent(10)) {
        parameters.push(parameter("other", Source::CompensationOutput(other.id.clone()), false));
    }
    Compensation {
        name: format!("undo-s{i}"),
        parameters,
        limits: Limits {
            timeout: Some(chance.between(100, 2_000)),
            total_timeout: chance.maybe(10, |chance| chance.between(300, SPAN_MS)),
            retry: chance.maybe(50, retry).map(Into::into),
            ..Limits::default()
        },
        critical: chance.percent(30),
    }
}

fn starts(chance: &mut Chance, places: usize) -> Vec<Start> {
    let count = chance.pick(&[1, 1, 1, 2, 2, 3]);
    let keyed = chance.percent(25);
    (0..count)
        .map(|_| Start {
            at_ms: chance.pick(&[0, 0, 1]) * chance.between(0, 2_000),
            kind: Kind::Saga,
            place: chance.index(places),
            policy: chance.maybe(20, |chance| chance.pick(&CompensationPolicy::ALL)),
            key: if keyed { Some(chance.between(0, 1) as u32) } else { None },
            patience_ms: if chance.percent(15) { chance.between(0, 50) } else { 5_000 },
        })
        .collect()
}

fn host(chance: &mut Chance, place: usize) -> Host {
    Host {
        begins_ms: if place == 0 { 0 } else { chance.between(0, 2_000) },
        skew_ms: if chance.percent(15) { chance.between(0, 400) } else { 0 },
        in_flight_max: chance.pick(&[1, 2, 64, 64, 64, 64]),
        patience_ms: chance.pick(&[100, 1_000, 10_000]),
        brings_modules: true,
    }
}

fn ends(chance: &mut Chance, places: usize, wild: u64) -> Vec<HostEnd> {
    (0..chance.between(1, 4 * wild))
        .map(|_| {
            let when = match chance.between(0, 9) {
                0..=2 => When::Time(chance.between(1, SPAN_MS)),
                3..=6 => When::Append { nth: chance.between(0, 12), written: chance.percent(70) },
                _ => When::Call { nth: chance.between(0, 10) },
            };
            let how = match chance.between(0, 9) {
                0..=5 => How::Dies,
                6..=8 => How::Zombie(chance.between(1, 3_000)),
                _ => How::Drains(chance.pick(&[0, 50, 3_000])),
            };
            let place = chance.index(places);
            HostEnd { place, when, how, found_ms: chance.between(0, 1_500), back_ms: chance.between(0, 1_500) }
        })
        .collect()
}

fn journal(chance: &mut Chance, wild: u64) -> (Vec<Fault>, Vec<(u64, u64)>) {
    let mut faults = Vec::new();
    for _ in 0..chance.between(0, 5 * wild) {
        let class = if chance.percent(65) { Class::Write } else { Class::Other };
        let nth = chance.between(0, 25);
        // Troubles come in company: what is done about the first meets the second.
        for nth in nth..=nth + chance.pick(&[0, 0, 1, 2]) {
            faults.push(Fault { class, nth, kind: fault_kind(chance) });
        }
    }
    let outages = (0..chance.pick(&[0, 0, 0, 1, 2]))
        .map(|_| {
            let from = chance.between(0, SPAN_MS);
            (from, from + chance.between(10, 2_000))
        })
        .collect();
    (faults, outages)
}

fn scripts(chance: &mut Chance, saga: &Saga, starts: usize, lines: u32) -> BTreeMap<ScriptKey, Vec<Behaviour>> {
    let odd = chance.pick(&[5, 15, 30, 50]);
    let undo_odd = chance.pick(&[0, 20, 50]);
    let mut scripts = BTreeMap::new();
    for start in 0..starts {
        for step in &saga.steps {
            // A fan-out over an output has three items.
            let items = if step.each.is_some() { (0..lines.max(3)).map(Some).collect() } else { vec![None] };
            for item in items {
                for (operation, odd) in [(Operation::Run, odd), (Operation::Compensate, undo_odd)] {
                    let lines: Vec<_> = (0..chance.between(1, 5)).map(|_| behaviour(chance, odd)).collect();
                    let key = ScriptKey { start, node: step.id.clone(), item, operation };
                    scripts.insert(key, lines);
                }
            }
        }
    }
    scripts
}

fn actions(chance: &mut Chance, saga: &Saga, starts: usize, places: usize, wild: u64) -> Vec<Action> {
    let mut actions: Vec<Action> = (0..chance.between(1, 4 * wild))
        .map(|_| {
            let step = saga.steps[chance.index(saga.steps.len())].id.clone();
            let what = match chance.between(0, 14) {
                0..=3 => Word::Cancel,
                4..=6 => Word::Pause,
                7..=8 => Word::Resume,
                9 => Word::Terminate,
                10 => Word::Retry(chance.maybe(50, |_| step)),
                11 => Word::Skip(step),
                12 => Word::Patch(step, chance.maybe(20, |chance| chance.between(0, 2) as u32)),
                _ => Word::Report,
            };
            Action {
                at_ms: chance.between(1, SPAN_MS),
                start: chance.index(starts),
                place: chance.index(places),
                what,
                patience_ms: if chance.percent(15) { chance.between(0, 50) } else { 5_000 },
            }
        })
        .collect();
    actions.sort_by_key(|action| action.at_ms);
    actions
}

fn mend(chance: &mut Chance) -> Mend {
    match chance.between(0, 9) {
        0..=3 => Mend::Retry,
        4..=5 => Mend::RetryOne,
        6..=7 => Mend::Skip,
        8 => Mend::Patch,
        _ => Mend::Terminate,
    }
}
