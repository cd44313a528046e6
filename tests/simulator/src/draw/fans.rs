//! Makes a fan-out of a scenario one of hundreds, with a cap on its calls in flight or none, now and then a
//! second one over its output; and lets hosts end and journals fail in the middle of it.

use wasaga_core::Operation;
use wasaga_core::definition::{Source, Step};

use super::parts::{behaviour, fault_kind, output_of, parameter};
use crate::chance::Chance;
use crate::scenario::{Class, Fault, HostEnd, How, Scenario, ScriptKey, When};

/// Such a run costs as much as some thirty others, so one in this many has it.
const ONE_IN: usize = 150;
/// Items whose guests have a script; the others complete at once.
const SCRIPTED: usize = 8;

/// Few runs have one.
pub(super) fn add(chance: &mut Chance, scenario: &mut Scenario) {
    if chance.index(ONE_IN) != 0 {
        return;
    }
    let into = chance.percent(30);
    let most = if into { 120 } else { 300 };
    scenario.lines = chance.between(100, most) as u32;
    scenario.saga.steps.truncate(4);
    scenario.saga.steps.iter_mut().for_each(plain);
    fan(&mut scenario.saga.steps[0], Source::Input(Some("/lines".into())));
    if into && let Some(second) = scenario.saga.steps.get_mut(1) {
        second.depends_on = vec!["s0".into()];
        fan(second, output_of(0, None));
    }
    scenario.saga.concurrency = chance.pick(&[Some(5), Some(40), Some(40), None]);
    scenario.saga.deadline = None;
    scripts(chance, scenario);
    troubles(chance, scenario);
}

/// A step that is no fan-out.
fn plain(step: &mut Step) {
    step.each = None;
    step.parameters.retain(|parameter| parameter.source != Source::Item(None));
}

fn fan(step: &mut Step, each: Source) {
    step.each = Some(each);
    step.condition = None;
    step.parameters.push(parameter("item", Source::Item(None), true));
}

fn scripts(chance: &mut Chance, scenario: &mut Scenario) {
    let odd = chance.pick(&[5, 20, 40]);
    let fans = scenario.saga.steps.iter().filter(|step| step.each.is_some());
    let fans: Vec<String> = fans.map(|step| step.id.clone()).collect();
    for start in 0..scenario.starts.len() {
        for node in &fans {
            for operation in [Operation::Run, Operation::Run, Operation::Compensate] {
                for _ in 0..SCRIPTED {
                    let item = Some(chance.index(scenario.lines as usize) as u32);
                    let lines = (0..chance.between(1, 3)).map(|_| behaviour(chance, odd)).collect();
                    scenario.scripts.insert(ScriptKey { start, node: node.clone(), item, operation }, lines);
                }
            }
        }
    }
}

fn troubles(chance: &mut Chance, scenario: &mut Scenario) {
    if chance.percent(50) {
        let when = When::Append { nth: chance.between(5, 200), written: chance.percent(50) };
        let how = if chance.percent(70) { How::Dies } else { How::Zombie(chance.between(1, 2_000)) };
        let (found_ms, back_ms) = (chance.between(0, 1_500), chance.between(0, 1_500));
        scenario.ends.insert(0, HostEnd { place: chance.index(scenario.hosts.len()), when, how, found_ms, back_ms });
    }
    for _ in 0..chance.between(0, 3) {
        scenario.faults.push(Fault { class: Class::Write, nth: chance.between(5, 400), kind: fault_kind(chance) });
    }
}
