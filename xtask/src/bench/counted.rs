//! The section on what is counted rather than timed: the same on every machine, whatever else it does.

use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::{Page, Place};
use crate::{guests, shell};

/// System calls by which an instance gets and gives back its memory.
const MEMORY: [&str; 6] = ["mmap", "munmap", "mprotect", "madvise", "ioctl", "brk"];

/// Counts it and says so on the page.
pub(super) fn section(place: &Place, page: &mut Page) -> anyhow::Result<()> {
    page.say(
        "\n## Counted\n\nA saga of three steps makes four appends, one for each decision. Its decisions make 60 allocations at most \
         (`tests/micro/tests/allocations.rs`), a warm call 12 (`host/sandbox/tests/allocations.rs`): the call's texts, the \
         answer, the future, and what wasmtime needs. No lock is held while a guest runs or the disk is waited for; a warm call \
         takes five short ones: the table of modules (shared), the places for calls, the waiting instances twice, and whose \
         lines of the log it writes.\n",
    )?;
    shell::step("system calls of a fresh instance");
    let Some(counted) = calls(place)? else {
        return page.say("System calls were not counted: `strace` is not installed.\n");
    };
    page.say(&format!("System calls for its memory, of a fresh instance: {counted}.\n"))
}

/// Such as `madvise 1.0, mprotect 2.0`; none where nothing can count them.
fn calls(place: &Place) -> anyhow::Result<Option<String>> {
    let report = place.directory.join("strace");
    let bench = place.command(&guests::path("noop"), "memory:", 1, 1);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-c", "-o"]).arg(&report).arg(bench.get_program()).args(bench.get_args());
    traced.args(["--warm-up", "0"]).stderr(Stdio::null());
    let output = match traced.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("`strace` cannot be started"),
    };
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| figures[name].as_f64().unwrap_or(0.0);
    let instances = number("transactions") * number("instances_per_transaction");
    let lines = std::fs::read_to_string(&report)?;
    let of = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, calls) = (*words.last()?, words.get(3)?.parse::<f64>().ok()?);
        let each = calls / instances;
        (MEMORY.contains(&name) && each >= 0.05).then(|| format!("{name} {each:.1}"))
    };
    let counted: Vec<String> = lines.lines().filter_map(of).collect();
    Ok(Some(if counted.is_empty() { "none".into() } else { counted.join(", ") }))
}
