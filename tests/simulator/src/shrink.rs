//! Makes a failing scenario smaller while it still breaks the same rule: leaves out what goes wrong,
//! then what is asked for, then steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasaga_core::definition::{Action, Limits, Source, Step};
use wasaga_core::{Defaults, Plan, TccPlan};

use crate::checker::{self, Violation};
use crate::run;
use crate::scenario::Scenario;

/// Real time that shrinking may take. A person waits for it.
const TIME_MAX: Duration = Duration::from_secs(20);

/// The smallest scenario found that still breaks this rule.
pub fn shrink(scenario: Scenario, rule: &str) -> Scenario {
    let until = Instant::now() + TIME_MAX;
    let mut smallest = scenario;
    loop {
        let found = candidates(&smallest).into_iter().find(|candidate| {
            Instant::now() < until
                && is_right(candidate)
                && broken(candidate).iter().any(|violation| violation.rule == rule)
        });
        match found {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

/// Whether a host would take its definitions: one with a mistake breaks rules for another reason.
fn is_right(scenario: &Scenario) -> bool {
    let defaults = Defaults::default();
    Plan::new(&scenario.saga, &defaults).is_ok() && TccPlan::new(&scenario.tcc, &defaults).is_ok()
}

fn broken(scenario: &Scenario) -> Vec<Violation> {
    let scenario = Arc::new(scenario.clone());
    let evidence = run(&scenario);
    checker::check(&scenario, &evidence)
}

/// Scenarios with one thing less, the largest things first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Scenario)| {
        let mut smaller = scenario.clone();
        change(&mut smaller);
        if smaller != *scenario {
            all.push(smaller);
        }
    };
    with(&|s| s.faults.clear());
    with(&|s| s.ends.clear());
    with(&|s| s.actions.clear());
    with(&|s| s.scripts.clear());
    with(&|s| s.mends.clear());
    with(&|s| s.outages.clear());
    with(&|s| s.lease_ms = None);
    with(&|s| s.gaps.clear());
    with(&|s| s.hosts.iter_mut().for_each(|host| host.brings_modules = true));
    with(&own_all);
    with(&|s| s.lines = s.lines.min(3));
    with(&|s| s.lines /= 2);
    for i in (0..scenario.saga.steps.len()).filter(|_| scenario.saga.steps.len() > 1) {
        with(&|s| remove_step(s, i));
    }
    for i in (0..scenario.tcc.participants.len()).filter(|_| scenario.tcc.participants.len() > 1) {
        with(&|s| remove_participant(s, i));
    }
    for i in (0..scenario.starts.len()).filter(|_| scenario.starts.len() > 1) {
        with(&|s| remove_start(s, i));
    }
    for i in (0..scenario.hosts.len()).filter(|_| scenario.hosts.len() > 1) {
        with(&|s| remove_host(s, i));
    }
    for i in 0..scenario.faults.len() {
        with(&|s| {
            s.faults.remove(i);
        });
    }
    for i in 0..scenario.outages.len() {
        with(&|s| {
            s.outages.remove(i);
        });
    }
    for i in 0..scenario.gaps.len() {
        with(&|s| {
            s.gaps.remove(i);
        });
    }
    for i in 1..scenario.versions.len() {
        with(&|s| {
            s.versions.remove(i);
        });
    }
    for i in 0..scenario.ends.len() {
        with(&|s| {
            s.ends.remove(i);
        });
    }
    for i in 0..scenario.actions.len() {
        with(&|s| drop(s.actions.remove(i)));
    }
    for i in 0..scenario.mends.len() {
        with(&|s| {
            s.mends.remove(i);
        });
    }
    for (key, script) in &scenario.scripts {
        with(&|s| drop(s.scripts.remove(key)));
        let shorter = script.len() - 1;
        with(&|s| s.scripts.entry(key.clone()).or_default().truncate(shorter));
    }
    plainer(scenario, &mut with);
    all
}

/// Takes a change of a scenario.
type With<'a> = dyn FnMut(&dyn Fn(&mut Scenario)) + 'a;

/// The same with plainer settings.
fn plainer(scenario: &Scenario, with: &mut With<'_>) {
    with(&|s| s.saga.deadline = None);
    with(&|s| s.tcc.deadline = None);
    for i in 0..scenario.tcc.participants.len() {
        with(&|s| s.tcc.participants[i].optional = false);
        with(&|s| s.tcc.participants[i].parameters.clear());
        with(&|s| s.tcc.participants[i].try_limits = Limits::default());
        with(&|s| s.tcc.participants[i].confirm_limits = Limits::default());
        with(&|s| s.tcc.participants[i].cancel_limits = Limits::default());
    }
    with(&|s| s.saga.concurrency = None);
    with(&|s| s.starts.iter_mut().for_each(|start| start.policy = None));
    with(&|s| s.hosts.iter_mut().for_each(|host| host.skew_ms = 0));
    for i in 0..scenario.saga.steps.len() {
        with(&|s| s.saga.steps[i].condition = None);
        with(&|s| plain_step(&mut s.saga.steps[i]));
        with(&|s| s.saga.steps[i].at_most_once = false);
        with(&|s| s.saga.steps[i].limits = Limits::default());
        with(&|s| s.saga.steps[i].compensation = None);
        with(&|s| {
            if let Some(undo) = &mut s.saga.steps[i].compensation {
                (undo.limits, undo.critical) = (Limits::default(), false);
                undo.parameters.clear();
            }
        });
    }
}

/// Nothing comes of another module.
fn own_all(scenario: &mut Scenario) {
    scenario.saga.steps.iter_mut().for_each(|step| step.action = Action::Here);
    scenario.tcc.participants.iter_mut().for_each(|participant| participant.provider = None);
    scenario.versions.clear();
}

fn remove_participant(scenario: &mut Scenario, at: usize) {
    let id = scenario.tcc.participants.remove(at).id;
    for one in &mut scenario.tcc.participants {
        one.parameters.retain(|p| !matches!(&p.source, Source::StepOutput { step, .. } if *step == id));
    }
    scenario.scripts.retain(|key, _| key.node != id);
}

fn plain_step(step: &mut Step) {
    step.each = None;
    step.parameters.clear();
}

fn remove_step(scenario: &mut Scenario, at: usize) {
    let id = scenario.saga.steps.remove(at).id;
    let gone = |source: &Source| match source {
        Source::StepOutput { step, .. } | Source::CompensationOutput(step) => *step == id,
        _ => false,
    };
    for step in &mut scenario.saga.steps {
        step.depends_on.retain(|needed| *needed != id);
        step.parameters.retain(|parameter| !gone(&parameter.source));
        if step.each.as_ref().is_some_and(gone) {
            step.each = Some(Source::Input(Some("/lines".into())));
        }
        if let Some(undo) = &mut step.compensation {
            undo.parameters.retain(|parameter| !gone(&parameter.source));
        }
    }
    scenario.scripts.retain(|key, _| key.node != id);
}

fn remove_start(scenario: &mut Scenario, at: usize) {
    scenario.starts.remove(at);
    scenario.actions.retain(|action| action.start != at);
    for action in &mut scenario.actions {
        action.start -= usize::from(action.start > at);
    }
    let scripts = std::mem::take(&mut scenario.scripts).into_iter().filter(|(key, _)| key.start != at);
    scenario.scripts = scripts
        .map(|(mut key, script)| {
            key.start -= usize::from(key.start > at);
            (key, script)
        })
        .collect();
}

fn remove_host(scenario: &mut Scenario, at: usize) {
    scenario.hosts.remove(at);
    scenario.ends.retain(|end| end.place != at);
    let count = scenario.hosts.len();
    let places = scenario.starts.iter_mut().map(|start| &mut start.place);
    let places = places.chain(scenario.actions.iter_mut().map(|action| &mut action.place));
    for place in places.chain(scenario.ends.iter_mut().map(|end| &mut end.place)) {
        *place = (*place - usize::from(*place > at)).min(count - 1);
    }
}
