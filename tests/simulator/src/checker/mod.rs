//! Verifies what a run left behind. It reads records as facts and compares them with the log of the
//! journal, the guests' own diary and the definition. It shares no code with the engine or with the
//! core's machine: what semantics.md says is written down here a second time, in another way.

mod book;
mod calls;
mod ends;
mod findings;
mod graph;
mod modules;
mod owners;
mod spread;
mod story;
mod tcc;
mod undo;
mod units;

use crate::log::Evidence;
use crate::scenario::Scenario;
use book::Book;
use findings::Findings;
pub use findings::{RULES, Violation};
use graph::Graph;
pub use spread::Spread;

/// Checks a run.
pub fn check(scenario: &Scenario, evidence: &Evidence) -> Vec<Violation> {
    examine(scenario, evidence).0
}

/// Checks a run, and measures its delays.
pub fn examine(scenario: &Scenario, evidence: &Evidence) -> (Vec<Violation>, Spread) {
    let graph = Graph::of(scenario);
    let mut found = Findings::default();
    for what in &evidence.troubles {
        found.add("rest", None, what.clone());
    }
    owners::check(evidence, &mut found);
    calls::check_keys(evidence, &mut found);
    ends::check_words(evidence, &mut found);
    ends::check_starts(scenario, evidence, &mut found);
    modules::check(scenario, evidence, &mut found);
    for stored in &evidence.stored {
        let book = Book::of(evidence, stored.row.id);
        owners::check_stored(stored, &book, &mut found);
        if *stored.row.definition == *scenario.tcc.name {
            tcc::check(&scenario.tcc, evidence, stored, &book, &mut found);
            continue;
        }
        calls::check(&graph, &book, &mut found);
        let story = story::Story::read(&graph, &book, &mut found);
        ends::check(evidence, stored, &story, &mut found);
    }
    (found.list, found.spread)
}
