//! Measures what the project promises of its speed, and writes it down with the machine and the date.

mod counted;
mod fan_out;
mod http;
mod python;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::{guests, shell};

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// How long each line is measured, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Measure Python alone; the page is left as it is
    #[arg(long)]
    python: bool,
    /// Measure this binary, and build none in release; the page is left as it is
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// What is measured, and what it is held against.
struct Case {
    name: &'static str,
    guest: &'static str,
    durable: bool,
    in_flight: u32,
    /// Transactions a second; 0 where nothing is promised.
    must: u32,
    aim: u32,
}

/// A saga of three steps in a row that do nothing; a TCC of three participants likewise.
const CASES: [Case; 8] = [
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
    Case {
        name: "a TCC in memory, warm instances",
        guest: "noop-tcc",
        durable: false,
        in_flight: 64,
        must: 25_000,
        aim: 60_000,
    },
    Case {
        name: "a TCC on SQLite, 64 in flight, warm",
        guest: "noop-tcc",
        durable: true,
        in_flight: 64,
        must: 2_000,
        aim: 2_000,
    },
];

const PAGE: &str = "docs/performance.md";
/// Ended transactions in the journal that is compared with an empty one.
const ENDED: u64 = 100_000;
/// How often the two are compared.
const TURNS: usize = 5;
/// Transactions that a killed host leaves.
const UNFINISHED: u32 = 10_000;
/// How long it works before it is killed: until all are started.
const BEFORE_KILL: Duration = Duration::from_secs(4);

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if !self.python {
            guests::build()?;
        }
        crate::python::guests()?;
        let place = Place::new(self.binary()?)?;
        let mut page = Page { text: String::new(), costs: Vec::new() };
        if self.python {
            python::section(&place, &mut page, self.seconds)?;
        } else {
            page.begin()?;
            self.whole(&place, &mut page)?;
        }
        drop(std::fs::remove_dir_all(&place.directory));
        if self.python || self.binary.is_some() {
            println!("\n{PAGE} is left as it is");
            return Ok(());
        }
        std::fs::write(PAGE, page.text).with_context(|| format!("`{PAGE}` cannot be written"))?;
        println!("\nwritten to {PAGE}");
        Ok(())
    }

    /// The binary that is measured.
    fn binary(&self) -> anyhow::Result<PathBuf> {
        if let Some(binary) = &self.binary {
            return binary.canonicalize().with_context(|| format!("`{}` is not there", binary.display()));
        }
        shell::step("building the host in release (the first time this compiles wasmtime)");
        shell::run(shell::cargo().args(["build", "--release", "--package", "wasaga-host"]))?;
        Ok(shell::target_directory().join("release/wasaga"))
    }

    fn whole(&self, place: &Place, page: &mut Page) -> anyhow::Result<()> {
        for (number, case) in CASES.iter().enumerate() {
            shell::step(case.name);
            let journal = if case.durable { place.journal(&number.to_string()) } else { "memory:".into() };
            let figures = place.bench(&guests::path(case.guest), &journal, case.in_flight, self.seconds)?;
            page.row(case, &figures)?;
        }
        page.calls()?;
        counted::section(place, page)?;
        fan_out::section(place, page, self.seconds)?;
        http::section(place, page, self.seconds)?;
        python::section(place, page, self.seconds)?;
        self.many_ended(place, page)?;
        restart(place, page)
    }

    /// A journal with many ended transactions against an empty one, in turns: a machine is faster and slower by
    /// more than they differ.
    fn many_ended(&self, place: &Place, page: &mut Page) -> anyhow::Result<()> {
        shell::step(&format!("SQLite, 64 in flight, warm: an empty journal and one with {ENDED} ended transactions"));
        let warm = guests::path("noop-warm");
        let full = place.journal("full");
        let mut ended = 0;
        while ended < ENDED {
            ended += place.bench(&warm, &full, 1_024, self.seconds)?.whole("transactions");
        }
        let (mut ratios, mut speeds, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
        for turn in 0..TURNS {
            let empty = place.bench(&warm, &place.journal(&format!("empty-{turn}")), 64, self.seconds)?;
            let with = place.bench(&warm, &full, 64, self.seconds)?;
            ratios.push(with.number("per_second") / empty.number("per_second"));
            speeds.push(with.number("per_second"));
            peak = peak.max(with.number("peak_memory_bytes"));
        }
        page.say(&format!(
            "\n## After many transactions\n\nWith more than {ended} ended transactions in the journal, 64 in flight: {:.0} a second, \
             {:.0} % of an empty journal's (medians of {TURNS} turns). Peak memory of the host {:.0} MB. Must: within 10 %, \
             below 200 MB.\n",
            median(speeds),
            median(ratios) * 100.0,
            peak / 1e6,
        ))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Kills a host that has thousands in flight, and watches the next one take them up.
fn restart(place: &Place, page: &mut Page) -> anyhow::Result<()> {
    shell::step(&format!("a restart with {UNFINISHED} unfinished transactions"));
    let journal = place.journal("restart");
    let mut victim =
        place.command(&guests::path("noop-warm"), &journal, UNFINISHED, 60).stdout(Stdio::null()).spawn()?;
    std::thread::sleep(BEFORE_KILL);
    victim.kill()?;
    victim.wait()?;
    let began = Instant::now();
    let mut resume = Command::new(&place.binary);
    let mut resumed = resume.args(["resume", "--journal", &journal]).stdout(Stdio::piped()).spawn()?;
    let output = resumed.stdout.take().context("the output of `resume` is not there")?;
    let (mut first, mut all) = (None, 0_u32);
    for line in BufReader::new(output).lines() {
        line?;
        first.get_or_insert_with(|| began.elapsed());
        all += 1;
    }
    let took = began.elapsed();
    let status = resumed.wait()?;
    ensure!(status.success(), "`resume` ended with {status}");
    let first = first.context("nothing was left unfinished: the host was killed too late")?;
    page.say(&format!(
        "\n## After a kill\n\nA host with {UNFINISHED} transactions in flight was killed. The next one (`wasaga resume`) found {all} \
         unfinished: the first had ended {:.2} s after the process began, all after {:.1} s, {:.0} a second. Must: first \
         progress within 1 s.\n",
        first.as_secs_f64(),
        took.as_secs_f64(),
        f64::from(all) / took.as_secs_f64(),
    ))
}

/// What is measured, and where journals are kept meanwhile.
struct Place {
    binary: PathBuf,
    directory: PathBuf,
}

impl Place {
    fn new(binary: PathBuf) -> anyhow::Result<Self> {
        let directory = std::env::temp_dir().join(format!("wasaga-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        Ok(Self { binary, directory })
    }

    fn journal(&self, name: &str) -> String {
        format!("sqlite:{}", self.directory.join(name).with_extension("db").display())
    }

    fn command(&self, guest: &Path, journal: &str, in_flight: u32, seconds: u32) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("bench").arg(guest).args(["--journal", journal, "--json"]);
        command.args(["--in-flight", &in_flight.to_string(), "--seconds", &seconds.to_string()]);
        command
    }

    fn bench(&self, guest: &Path, journal: &str, in_flight: u32, seconds: u32) -> anyhow::Result<Figures> {
        Self::figures(self.command(guest, journal, in_flight, seconds))
    }

    fn figures(mut command: Command) -> anyhow::Result<Figures> {
        let output = command.stderr(Stdio::inherit()).output().context("the host cannot be started")?;
        if !output.status.success() {
            bail!("`{}` ended with {}", shell::name(&command), output.status);
        }
        Ok(Figures(serde_json::from_slice(&output.stdout)?))
    }
}

/// What `wasaga bench --json` says.
struct Figures(Value);

impl Figures {
    fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or(0.0)
    }

    fn whole(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or(0)
    }
}

/// The page as it grows; every line is also printed.
struct Page {
    text: String,
    /// For the tables after the first one.
    costs: Vec<(&'static str, Costs)>,
}

/// Where the CPU of a transaction goes, in microseconds.
struct Costs {
    all: f64,
    call: f64,
    bare_call: f64,
    calls: f64,
    writer: f64,
    disk_bytes: f64,
    write_calls: f64,
    peak_bytes: f64,
}

impl Page {
    fn begin(&mut self) -> anyhow::Result<()> {
        let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
        let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
        let model = processor(Path::new("/proc/cpuinfo"));
        let cores = std::thread::available_parallelism()?;
        let text = format!(
            "# Performance\n\nWritten by `cargo xtask bench` on {date}: {cores} cores of {model}, `{}`, a saga of three steps \
             in a row that do nothing (`guests/noop`, `guests/noop-warm`), a TCC of three participants in a row (`guests/noop-tcc`). Journals are SQLite with `synchronous=full`, which \
             survives power loss. The disk's flush is the median of 64 writes of 4 KiB, alone, just before each run; \
             compare ratios, not figures, between machines.\n\n\
             A chain of N steps costs N+1 appends. Appends of all transactions in flight share a flush, so what bounds \
             durable throughput is the flush and the CPU; with one in flight, latency is N+1 flushes.\n\n\
             | work | must / aim, transactions a second | transactions a second | p50 / p90 / p99, ms | CPU a transaction, µs | \
             appends a transaction | flushes a second | the disk's flush, µs |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            std::env::consts::ARCH,
        );
        self.say(&text)
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        print!("{text}");
        self.text.write_str(text)?;
        Ok(())
    }

    fn row(&mut self, case: &Case, figures: &Figures) -> anyhow::Result<()> {
        let number = |name: &str| figures.number(name);
        let flush = number("disk_flush_us");
        let promised = match (case.must, case.in_flight) {
            (0, 1) => {
                let (must, aim) = (4.0 * flush / 1_000.0 + 1.0, 4.0 * flush / 1_000.0 + 0.3);
                format!("p50 {must:.1} ms / {aim:.1} ms")
            }
            (0, _) => "–".into(),
            (must, _) => format!("{must} / {}", case.aim),
        };
        self.costs.push((
            case.name,
            Costs {
                all: number("cpu_us_per_transaction"),
                call: number("call_us"),
                bare_call: number("bare_call_us"),
                calls: number("calls_per_transaction"),
                writer: number("writer_cpu_us_per_transaction"),
                disk_bytes: number("disk_bytes_per_transaction"),
                write_calls: number("write_calls_per_transaction"),
                peak_bytes: number("peak_memory_bytes"),
            },
        ));
        self.say(&format!(
            "| {} | {promised} | {:.0} | {:.1} / {:.1} / {:.1} | {:.0} | {:.2} | {:.0} | {:.0} |\n",
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

    /// Where the time goes, and what a call costs beside wasmtime's own.
    fn calls(&mut self) -> anyhow::Result<()> {
        let mut text = String::from(
            "\n## Where the time goes\n\nCPU of a transaction, in microseconds. Calls are timed alone, one after the other, after \
             the run; the journal's writer by the kernel's clock of its thread; the rest is the engine, the records' \
             texts, what goes between threads, and `bench` itself.\n\n\
             | work | in all | in calls | in the writer | the rest | written to disk, bytes | writing system calls | peak \
             memory, MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for (name, costs) in &self.costs {
            let calls = costs.call * costs.calls;
            writeln!(
                text,
                "| {name} | {:.0} | {calls:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} |",
                costs.all,
                costs.writer,
                (costs.all - calls - costs.writer).max(0.0),
                costs.disk_bytes,
                costs.write_calls,
                costs.peak_bytes / 1e6,
            )?;
        }
        text.push_str(
            "\n## A call\n\nThe first step's call, repeated on one thread: as the sandbox makes it, and the same export through \
             wasmtime alone, in turns in the same run.\n\n| guest | sandbox, µs | wasmtime alone, µs | the sandbox's share |\n\
             | --- | --- | --- | --- |\n",
        );
        for (case, (_, costs)) in CASES.iter().zip(&self.costs).filter(|(case, _)| !case.durable) {
            let share = (costs.call / costs.bare_call - 1.0) * 100.0;
            writeln!(text, "| `{}` | {:.2} | {:.2} | {share:+.0} % |", case.guest, costs.call, costs.bare_call)?;
        }
        text.push_str("\nMust: +50 % for a warm call. Aim: +20 %.\n");
        self.say(&text)
    }
}

fn processor(cpuinfo: &Path) -> String {
    let cpu = std::fs::read_to_string(cpuinfo).unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "an unknown processor".into(), |(_, model)| model.trim().to_owned())
}
