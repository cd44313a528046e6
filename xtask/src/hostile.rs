//! What an enemy tries, in one command with a report: each attempt, what stopped it, and how much memory the host had at
//! most. The host is the real binary, one process for each attempt, so that its peak is the attempt's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use wasaga_tests::wasm::{component, functions, number};

use crate::{guests, host, shell};

/// Memory of all guests of a host, as the attempts are run.
const GUESTS_MIB: u64 = 128;
/// What a host may have beside the memory of guests, above what it has for a guest that does nothing.
const BESIDE_MIB_MAX: u64 = 256;
/// Longer than any attempt may take: most are ended by a timeout of seconds.
const ATTEMPT_MAX: Duration = Duration::from_secs(90);

/// One attempt.
struct Attempt {
    what: &'static str,
    /// A module, and what is done with it.
    module: PathBuf,
    run: Option<(&'static str, String)>,
    /// What it comes to: a part of what is told.
    comes_to: &'static str,
}

/// What came of it.
struct Report {
    peak_mib: u64,
    took: Duration,
    told: String,
}

pub(crate) fn run() -> anyhow::Result<()> {
    guests::build()?;
    let host = Host { binary: host::build()?, directory: tempfile::tempdir()? };
    shell::step("the hostile suite");
    let calm = host.attempt(&calm())?;
    println!("   a guest that does nothing: the host has {} MiB at most", calm.peak_mib);
    let allowed = calm.peak_mib + GUESTS_MIB + BESIDE_MIB_MAX;
    println!("\n   {:<44} {:<20} {:>8} {:>8}", "attempt", "came to", "peak MiB", "seconds");
    let mut wrong = Vec::new();
    let attempts = attempts(host.directory.path())?;
    for attempt in &attempts {
        let report = host.attempt(attempt)?;
        let stopped = report.told.contains(attempt.comes_to);
        let mark = if stopped && report.peak_mib <= allowed { " " } else { "✘" };
        let (peak, took) = (report.peak_mib, report.took.as_secs_f64());
        println!(" {mark} {:<44} {:<20} {peak:>8} {took:>8.1}", attempt.what, cut(attempt.comes_to));
        if !stopped {
            wrong.push(format!("{}: expected `{}`, and it told: {}", attempt.what, attempt.comes_to, report.told));
        } else if peak > allowed {
            wrong.push(format!("{}: the host had {peak} MiB, and {allowed} are the most", attempt.what));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("\n{} attempts, each stopped; the host may have {allowed} MiB", attempts.len());
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().take(20).collect()
}

fn calm() -> Attempt {
    Attempt { what: "nothing", module: guests::path("noop"), run: Some(("noop", "{}".into())), comes_to: "completed" }
}

/// What is tried. Those of a saga come to a code; those of a file are refused before anything runs.
fn attempts(directory: &Path) -> anyhow::Result<Vec<Attempt>> {
    let hostile = |what, saga, comes_to| Attempt {
        what,
        module: guests::path("hostile"),
        run: Some((saga, "{}".into())),
        comes_to,
    };
    let handles = |what, saga, input: &str, comes_to| Attempt {
        what,
        module: guests::path("hostile-handles"),
        run: Some((saga, input.into())),
        comes_to,
    };
    let file = |what, name: &str, bytes: Vec<u8>, comes_to| -> anyhow::Result<Attempt> {
        let module = directory.join(name);
        std::fs::write(&module, bytes)?;
        Ok(Attempt { what, module, run: None, comes_to })
    };
    let of = |what, name: &str, comes_to| Attempt { what, module: guests::path(name), run: None, comes_to };
    Ok(vec![
        hostile("computes for ever", "busy-loop", "timed-out"),
        hostile("takes all the memory it can get", "allocation-bomb", "out-of-memory"),
        hostile("recurses without end", "deep-recursion", "stack-overflow"),
        hostile("ends its process", "exit", "exited"),
        hostile("answers 24 MiB", "huge-output", "too-large"),
        hostile("writes to stderr without end", "endless-stderr", "timed-out"),
        hostile("writes log lines without end", "log-flood", "timed-out"),
        hostile("sets variables without end", "variable-flood", "too-much"),
        hostile("sleeps for an hour", "sleeper", "timed-out"),
        handles("keeps a million handles of the host", "handles", r#"{"count":1000000}"#, "no free keys"),
        handles("keeps headers of a megabyte", "texts", r#"{"bytes":1048576}"#, "exceeds limit"),
        handles("asks for 64 MiB of chance at once", "random", r#"{"bytes":67108864}"#, "`trap`"),
        of("never says what it is", "hostile-init", "what it is"),
        of("traps when it is asked what it is", "hostile-describe", "I would rather not say"),
        file("components 20,000 deep", "nested.wasm", nested(20_000), "it is not compiled")?,
        file("a million functions", "functions.wasm", functions(1_000_000, &[]), "it is not compiled")?,
        file("an endless file of nothing", "zeros.wasm", vec![0; 64 << 20], "it is not WebAssembly")?,
    ])
}

struct Host {
    binary: PathBuf,
    directory: tempfile::TempDir,
}

impl Host {
    fn attempt(&self, attempt: &Attempt) -> anyhow::Result<Report> {
        let mut command = Command::new(&self.binary);
        let file = attempt.module.canonicalize().with_context(|| attempt.module.display().to_string())?;
        match &attempt.run {
            None => command.arg("inspect").arg(&file).arg("--json"),
            Some((saga, input)) => {
                command.arg("run").arg(&file).args([saga, "--input", input, "--json", "--journal", "memory:"]);
                command.args(["--guest-memory", &format!("{GUESTS_MIB}MiB")])
            }
        };
        command.env("WASAGA_CACHE", self.directory.path().join("cache")).env("HOME", self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let child = command.spawn().context("the host cannot be started")?;
        let (told, peak_mib) = watch(child, began)?;
        Ok(Report { peak_mib, took: began.elapsed(), told })
    }
}

/// Reads what a process tells while it looks at its peak.
fn watch(mut child: Child, began: Instant) -> anyhow::Result<(String, u64)> {
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stream) = stream {
                // What cannot be read is not there.
                drop(stream.read_to_end(&mut text));
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let error = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let mut peak_mib = 0;
    while child.try_wait()?.is_none() {
        peak_mib = peak(child.id()).unwrap_or(0).max(peak_mib);
        if began.elapsed() > ATTEMPT_MAX {
            child.kill()?;
            bail!("an attempt took more than {} s", ATTEMPT_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let (out, error) = (out.join().unwrap_or_default(), error.join().unwrap_or_default());
    Ok((format!("{}{error}", words(&out)), peak_mib))
}

/// The result object in words; anything else as it is.
fn words(out: &str) -> String {
    let Ok(report) = serde_json::from_str::<Value>(out) else { return out.to_owned() };
    let failure = &report["cause"]["failure"];
    let part = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    if failure.is_null() {
        return format!("{} {}", part(&report["status"]), out);
    }
    format!("{} `{}`: {} ", part(&report["status"]), part(&failure["code"]), part(&failure["message"]))
}

/// The most memory that a process has had, in MiB, as Linux tells it.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1_024)
}

/// Components within components.
fn nested(levels: usize) -> Vec<u8> {
    // Put together from the inside, each level before what it holds: the heads are short.
    let (mut heads, mut inside) = (vec![component(&[])], component(&[]).len());
    for _ in 0..levels {
        let mut head = component(&[]);
        head.push(4);
        head.extend(number(inside));
        inside += head.len();
        heads.push(head);
    }
    heads.into_iter().rev().flatten().collect()
}
