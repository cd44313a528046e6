//! Measures what the project promises of its speed, and writes it down with the machine and the date.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{guests, shell};

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// How long each line is measured, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
}

/// What is measured, and what it is held against.
struct Case {
    name: &'static str,
    guest: &'static str,
    durable: bool,
    in_flight: u32,
    /// Transactions a second.
    must: u32,
    aim: u32,
}

/// A saga of three steps in a row that do nothing.
const CASES: [Case; 6] = [
    Case {
        name: "in memory, a fresh instance a call",
        guest: "noop",
        durable: false,
        in_flight: 64,
        must: 8_000,
        aim: 19_000,
    },
    Case {
        name: "in memory, warm instances",
        guest: "noop-warm",
        durable: false,
        in_flight: 64,
        must: 40_000,
        aim: 120_000,
    },
    Case { name: "SQLite, 64 in flight, fresh", guest: "noop", durable: true, in_flight: 64, must: 0, aim: 0 },
    Case {
        name: "SQLite, 64 in flight, warm",
        guest: "noop-warm",
        durable: true,
        in_flight: 64,
        must: 6_000,
        aim: 15_000,
    },
    Case {
        name: "SQLite, 1,024 in flight, warm",
        guest: "noop-warm",
        durable: true,
        in_flight: 1_024,
        must: 10_000,
        aim: 25_000,
    },
    Case { name: "SQLite, 1 in flight, warm", guest: "noop-warm", durable: true, in_flight: 1, must: 0, aim: 0 },
];

const PAGE: &str = "docs/performance.md";

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        guests::build()?;
        shell::step("building the host in release (the first time this compiles wasmtime)");
        shell::run(shell::cargo().args(["build", "--release", "--package", "wasaga-host"]))?;
        let directory = std::env::temp_dir().join(format!("wasaga-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let mut rows = String::new();
        for (number, case) in CASES.iter().enumerate() {
            shell::step(case.name);
            let journal = match case.durable {
                true => format!("sqlite:{}/{number}.db", directory.display()),
                false => "memory:".into(),
            };
            let row = self.measure(case, &journal)?;
            println!("{row}");
            writeln!(rows, "{row}")?;
        }
        drop(std::fs::remove_dir_all(&directory));
        std::fs::write(PAGE, page(&rows)?).with_context(|| format!("`{PAGE}` cannot be written"))?;
        println!("\nwritten to {PAGE}");
        Ok(())
    }

    fn measure(&self, case: &Case, journal: &str) -> anyhow::Result<String> {
        let mut command = Command::new(shell::target_directory().join("release/wasaga"));
        command.arg("bench").arg(guests::path(case.guest)).args(["--journal", journal, "--json"]);
        command.args(["--in-flight", &case.in_flight.to_string(), "--seconds", &self.seconds.to_string()]);
        let output = command.stderr(Stdio::inherit()).output().context("the host cannot be started")?;
        if !output.status.success() {
            bail!("`{}` ended with {}", shell::name(&command), output.status);
        }
        let figures: Value = serde_json::from_slice(&output.stdout)?;
        let number = |name: &str| figures[name].as_f64().unwrap_or(0.0);
        let flush = number("disk_flush_us");
        let promised = match (case.must, case.in_flight) {
            (0, 1) => {
                let (must, aim) = (4.0 * flush / 1_000.0 + 1.0, 4.0 * flush / 1_000.0 + 0.3);
                format!("p50 {must:.1} ms / {aim:.1} ms")
            }
            (0, _) => "–".into(),
            (must, _) => format!("{must} / {}", case.aim),
        };
        Ok(format!(
            "| {} | {promised} | {:.0} | {:.1} / {:.1} / {:.1} | {:.0} | {:.2} | {:.0} | {:.0} |",
            case.name,
            number("per_second"),
            number("p50_us") / 1_000.0,
            number("p90_us") / 1_000.0,
            number("p99_us") / 1_000.0,
            number("cpu_us_per_transaction"),
            number("appends_per_transaction"),
            number("flushes_per_second"),
            flush,
        ))
    }
}

fn page(rows: &str) -> anyhow::Result<String> {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or_else(|| "an unknown processor".into(), |(_, model)| model.trim().to_owned());
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "# Performance\n\nWritten by `cargo xtask bench` on {date}: {cores} cores of {model}, `{}`, a saga of three steps in a \
         row that do nothing (`guests/noop`, `guests/noop-warm`). Journals are SQLite with `synchronous=full`, which \
         survives power loss. The disk's flush is the median of 64 writes of 4 KiB, alone, just before each run; \
         compare ratios, not figures, between machines.\n\n\
         | work | must / aim, transactions a second | transactions a second | p50 / p90 / p99, ms | CPU a transaction, µs | \
         appends a transaction | flushes a second | the disk's flush, µs |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n{rows}\n\
         A chain of N steps costs N+1 appends. Appends of all transactions in flight share a flush, so what bounds \
         durable throughput is the flush and the CPU of the writer; with one in flight, latency is N+1 flushes.\n",
        std::env::consts::ARCH,
    ))
}
