//! The section on Python: the same saga as the other lines, written in Python.

use std::fmt::Write as _;

use super::{Figures, Page, Place};
use crate::{python, shell};

/// A line, and what it is held against.
struct Line {
    name: &'static str,
    guest: &'static str,
    durable: bool,
    /// Transactions a second; 0 where nothing is promised.
    must: u32,
}

const LINES: [Line; 4] = [
    Line { name: "in memory, a fresh instance a call", guest: "noop", durable: false, must: 300 },
    Line { name: "in memory, warm instances", guest: "noop-warm", durable: false, must: 5_000 },
    Line { name: "SQLite, fresh", guest: "noop", durable: true, must: 0 },
    Line { name: "SQLite, warm", guest: "noop-warm", durable: true, must: 0 },
];

const IN_FLIGHT: u32 = 64;
/// What a call may take, in microseconds, in the sandbox and on one thread: the median.
const FRESH_US_MAX: u32 = 2_500;
const WARM_US_MAX: u32 = 50;

/// Measures it and says so on the page.
pub(super) fn section(place: &Place, page: &mut Page, seconds: u32) -> anyhow::Result<()> {
    let mut calls = String::new();
    page.say(&format!(
        "\n## Python\n\nThe same saga in Python (`guests/noop/noop.py`, `guests/noop-warm/noop_warm.py`), {IN_FLIGHT} in flight.\n\n\
         | work | must, transactions a second | transactions a second | p50 / p90 / p99, ms | CPU a transaction, µs | peak \
         memory, MB |\n| --- | --- | --- | --- | --- | --- |\n",
    ))?;
    for (number, line) in LINES.iter().enumerate() {
        shell::step(&format!("Python, {}", line.name));
        let journal = if line.durable { place.journal(&format!("python-{number}")) } else { "memory:".into() };
        let figures = place.bench(&python::component(line.guest), &journal, IN_FLIGHT, seconds)?;
        page.say(&row(line, &figures))?;
        if !line.durable {
            let must = if line.guest == "noop" { FRESH_US_MAX } else { WARM_US_MAX };
            let (sandbox, alone) = (figures.number("call_us"), figures.number("bare_call_us"));
            writeln!(calls, "| `{}` | {must} | {sandbox:.1} | {alone:.1} |", line.guest)?;
        }
    }
    page.say(&format!(
        "\nThe first step's call, repeated on one thread, the median:\n\n| guest | must, µs | sandbox, µs | wasmtime alone, µs |\n\
         | --- | --- | --- | --- |\n{calls}",
    ))
}

fn row(line: &Line, figures: &Figures) -> String {
    let number = |name: &str| figures.number(name);
    let must = if line.must == 0 { "–".to_owned() } else { line.must.to_string() };
    format!(
        "| {} | {must} | {:.0} | {:.1} / {:.1} / {:.1} | {:.0} | {:.0} |\n",
        line.name,
        number("per_second"),
        number("p50_us") / 1_000.0,
        number("p90_us") / 1_000.0,
        number("p99_us") / 1_000.0,
        number("cpu_us_per_transaction"),
        number("peak_memory_bytes") / 1e6,
    )
}
