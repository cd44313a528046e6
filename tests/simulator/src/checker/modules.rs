//! Which module answers a call: the one that its transaction was pinned to when it was created, on a host
//! that has loaded it. A transaction whose module is missing waits for it.

use std::collections::{BTreeMap, BTreeSet};

use wasaga_core::definition::Action;
use wasaga_core::{Created, Digest, Fact, Name, Record, TransactionId};

use super::findings::Findings;
use crate::guests::{MODULE, PROVIDER, START, version};
use crate::log::{Evidence, What};
use crate::scenario::Scenario;

pub(super) fn check(scenario: &Scenario, evidence: &Evidence, found: &mut Findings) {
    let versions = (0..scenario.versions.len()).map(|number| Digest::of(&version(number))).collect();
    let mut reader = Reader {
        scenario,
        versions,
        created: BTreeMap::new(),
        loaded: BTreeSet::new(),
        given: BTreeMap::new(),
        asked: BTreeMap::new(),
        found,
    };
    for entry in &evidence.log {
        match &entry.what {
            What::Loaded(life, digest) => drop(reader.loaded.insert((*life, *digest))),
            What::Added(life, digest) => {
                let number = reader.number(*digest);
                let given = reader.given.entry(*life).or_default();
                *given = number.max(*given);
            }
            What::Asked(start) => drop(reader.asked.entry(*start).or_insert_with(|| reader.given.clone())),
            What::Created(life, id, records) => reader.created(*life, *id, records, entry.at_us),
            What::Called(life, _, call) => {
                let pinned =
                    reader.created.get(&call.transaction).and_then(|created| reader.pinned(created, &call.id.node));
                if pinned != Some(call.module) {
                    let what = format!("{} is made to {}, and pinned is {pinned:?}", call.id, call.module);
                    reader.found.add("modules", Some(call.transaction), what);
                }
                if !reader.loaded.contains(&(*life, call.module)) {
                    let what = format!("host {life} calls {} of {}, which it has not loaded", call.id, call.module);
                    reader.found.add("modules", Some(call.transaction), what);
                }
            }
            _ => {}
        }
    }
}

struct Reader<'r, 'e> {
    scenario: &'e Scenario,
    /// Of the provider, in the order in which they come.
    versions: Vec<Digest>,
    created: BTreeMap<TransactionId, &'e Created>,
    /// By host: what it has loaded.
    loaded: BTreeSet<(usize, Digest)>,
    /// By host: the last version of the provider that it was given, from 1.
    given: BTreeMap<usize, usize>,
    /// By start: the same, when it was first asked for.
    asked: BTreeMap<usize, BTreeMap<usize, usize>>,
    found: &'r mut Findings,
}

impl<'e> Reader<'_, 'e> {
    /// The number of a version, from 1; 0 where it is none.
    fn number(&self, digest: Digest) -> usize {
        self.versions.iter().position(|known| *known == digest).map_or(0, |place| place + 1)
    }

    fn provided(&self, node: &str) -> bool {
        let step = self.scenario.saga.steps.iter().find(|step| step.id == node);
        let participant = self.scenario.tcc.participants.iter().find(|one| one.id == node);
        step.is_some_and(|step| step.action != Action::Here) || participant.is_some_and(|one| one.provider.is_some())
    }

    fn pinned(&self, created: &Created, node: &Name) -> Option<Digest> {
        if self.provided(node) { created.providers.get(PROVIDER).copied() } else { Some(created.module) }
    }

    /// The last version that the host had when the transaction was asked for. Starts with one key are told apart by
    /// nothing, and any of them may have made it.
    fn given_when_asked(&self, start: usize, life: usize) -> usize {
        let key = self.scenario.starts.get(start).and_then(|start| start.key);
        let starts = self.scenario.starts.iter().enumerate();
        let same = starts.filter(|(i, other)| *i == start || (key.is_some() && other.key == key)).map(|(i, _)| i);
        let asked = same.filter_map(|start| self.asked.get(&start));
        asked.map(|given| given.get(&life).copied().unwrap_or_default()).min().unwrap_or_default()
    }

    /// A new transaction is pinned to the version that its host was given last.
    fn created(&mut self, life: usize, id: TransactionId, records: &'e [Record], at_us: u64) {
        let Some(Fact::Created(created)) = records.first().map(|record| &record.fact) else { return };
        self.created.insert(id, created);
        let start: usize = created.headers.get(START).and_then(|start| start.parse().ok()).unwrap_or_default();
        let least = self.given_when_asked(start, life);
        let come = self.scenario.versions.iter().filter(|at_ms| **at_ms * 1_000 <= at_us).count();
        let pinned = created.providers.get(PROVIDER).map(|digest| self.number(*digest));
        if created.module != Digest::of(MODULE) || pinned.is_some_and(|pinned| pinned < least.max(1) || pinned > come) {
            let what = format!("it is pinned to version {pinned:?}, its host had {least}, and {come} had come");
            self.found.add("modules", Some(id), what);
        }
    }
}
