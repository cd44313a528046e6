//! Adds modules to a scenario: steps and participants that another module provides, versions of that one
//! that come meanwhile, hosts that have no modules but the journal's, and spans in which none can be had.

use wasaga_core::definition::Action;

use super::parts::SPAN_MS;
use crate::chance::Chance;
use crate::guests::PROVIDER;
use crate::scenario::{Gap, Lack, Scenario};

/// Most runs have one module, which everybody has.
pub(super) fn add(chance: &mut Chance, scenario: &mut Scenario) {
    if !chance.percent(30) {
        return;
    }
    if chance.percent(75) {
        provide(chance, scenario);
    }
    for host in scenario.hosts.iter_mut().skip(1) {
        host.brings_modules = chance.percent(60);
    }
    let gaps = chance.pick(&[0, 1, 1, 2]);
    scenario.gaps = (0..gaps).map(|_| gap(chance)).collect();
}

fn provide(chance: &mut Chance, scenario: &mut Scenario) {
    for step in &mut scenario.saga.steps {
        if chance.percent(40) {
            step.action = Action::Provided(PROVIDER.into());
        }
    }
    for participant in &mut scenario.tcc.participants {
        participant.provider = chance.maybe(40, |_| PROVIDER.into());
    }
    // The first is there from the beginning.
    let later = chance.pick(&[0, 1, 1, 2]);
    scenario.versions = (0..later).map(|_| chance.between(0, SPAN_MS)).chain([0]).collect();
    scenario.versions.sort_unstable();
}

fn gap(chance: &mut Chance) -> Gap {
    let from = chance.between(0, SPAN_MS);
    let lack = if chance.percent(60) { Lack::Missing } else { Lack::Broken };
    Gap { from, to: from + chance.between(10, 4_000), lack }
}
