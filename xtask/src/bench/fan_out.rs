//! A fan-out of as many items as there may be, against as many plain transactions: its cost must grow with its items, and
//! not with their square.

use std::fmt::Write as _;

use super::{Page, Place, guests};
use crate::shell;

/// Items of one fan-out: the most that a definition may have.
const ITEMS: u32 = 10_000;

pub(super) fn section(place: &Place, page: &mut Page, seconds: u32) -> anyhow::Result<()> {
    shell::step(&format!("a fan-out of {ITEMS} items"));
    let items: Vec<String> = (0..ITEMS).map(|item| item.to_string()).collect();
    let input = format!(r#"{{"items":[{}]}}"#, items.join(","));
    let file = place.directory.join("items.json");
    std::fs::write(&file, input)?;
    let plain = place.bench(&guests::path("noop-warm"), &place.journal("plain"), 64, seconds)?;
    let mut text = format!(
        "\n## A fan-out\n\nOne saga with a step that does nothing for each of {ITEMS} items (`guests/noop-each`), one at a time. Must: \
         1,000 appends, and the CPU of 3,000 sagas of three steps on SQLite; aim: 300, and 1,500.\n\n\
         | journal | appends | CPU, ms | as many sagas of three steps | p50, ms | peak memory, MB |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    for (name, journal) in [("memory", "memory:".to_owned()), ("SQLite", place.journal("fan-out"))] {
        let mut command = place.command(&guests::path("noop-each"), &journal, 1, seconds);
        let figures = Place::figures({
            command.arg("--input").arg(format!("@{}", file.display()));
            command
        })?;
        let cpu = figures.number("cpu_us_per_transaction");
        writeln!(
            text,
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            figures.number("appends_per_transaction"),
            cpu / 1_000.0,
            cpu / plain.number("cpu_us_per_transaction"),
            figures.number("p50_us") / 1_000.0,
            figures.number("peak_memory_bytes") / 1e6,
        )?;
    }
    page.say(&text)
}
