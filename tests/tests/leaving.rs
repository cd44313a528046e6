//! Who drives, and who stops: a word that is left to another process, and a command that is asked to end while it compiles.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use wasaga_tests::{Running, User, effects, end, guest, python_guest};

/// Far above what a command takes to end, and far below what a Python module takes to compile here.
const SOON: Duration = Duration::from_secs(5);

/// CPU time after which a command compiles for sure: it starts in a tenth of it, and compiles for twenty times as long.
const COMPILING_TICKS: u64 = 60;

fn interrupt(pid: u32) {
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
}

/// A word is heard by whoever drives the transaction next, before anything else happens; nothing is called until then.
#[test]
fn a_word_is_left_for_another_process() {
    let user = User::new();
    let stuck = user.run("stubborn", r#"{"key":"wrong"}"#, &["--json"]).with(4).json();
    let id = stuck["transaction"].as_str().unwrap();
    let records = user.records(id).len();
    let arguments = r#"{"key":"right"}"#;
    let left = user.wasaga(&["patch", id, "open", "--arguments", arguments, "--no-drive"]).with(0);
    assert!(left.stdout.contains("hears it first: wasaga resume 0"), "{}", left.stdout);
    assert_eq!(user.records(id).len(), records, "nothing has happened yet");
    // Stuck waits for a person; a word that was left for it is what one has said.
    let resumed = user.wasaga(&["resume", "--json"]).with(3).json();
    assert_eq!(resumed[0]["status"], "compensated", "{resumed}");
    let late = user.wasaga(&["cancel", id, "--no-drive"]);
    assert_ne!(late.code, Some(0), "an ended one hears nothing: {late:?}");
    let told = user.wasaga(&["resume", id, "--json"]).with(3).json();
    assert_eq!(told.as_array().map(Vec::len), Some(1), "one is an array too: {told}");
}

#[test]
fn a_word_to_a_living_process_is_left_and_heard() {
    let user = User::new();
    let input = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"good","delay_ms":1500}"#;
    let file = guest("order");
    let mut host = Running::start(user.command(&["run", file.to_str().unwrap(), "--input", input]));
    host.until("\"operation\":\"reserve\"");
    let id = user.list()[0]["transaction"].as_str().unwrap().to_owned();
    let left = user.wasaga(&["cancel", &id, "--no-drive", "--json"]).with(0).json();
    assert_eq!((&left["transaction"], left["driver"].is_string()), (&json!(id), true), "{left}");
    host.end().with(3);
}

/// What drives is said, for guests are called with what this command is granted.
#[test]
fn a_word_that_is_driven_here_says_so() {
    let user = User::new();
    let stuck = user.run("stubborn", r#"{"key":"wrong"}"#, &["--json"]).with(4).json();
    let retried = user.wasaga(&["retry", stuck["transaction"].as_str().unwrap()]).with(4);
    assert!(retried.stdout.contains("driven here, with what this command is granted"), "{}", retried.stdout);
}

fn compile(user: &User, cache: &Path, args: &[&str]) -> Child {
    let mut command = user.command(args);
    command.env("WASAGA_CACHE", cache).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Nothing but the compiler takes so much of a processor.
    while cpu_ticks(child.id()) < COMPILING_TICKS {
        assert!(child.try_wait().unwrap().is_none(), "it has ended: {:?}", end(child));
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// CPU time of a process and of those that it started, in hundredths of a second: what compiles is a process of its own.
fn cpu_ticks(pid: u32) -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|process| {
        let own = process.file_name().to_str()?.parse::<u32>().ok()? == pid;
        // Another process may end at any time.
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let fields: Vec<u64> =
            stat.rsplit(')').next()?.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        (own || fields[1] == u64::from(pid)).then(|| fields[11] + fields[12])
    });
    stats.sum()
}

/// Ctrl-C while a large module is compiled: nothing waits for the compiler.
#[test]
fn a_command_that_compiles_ends_at_once() {
    let (user, order) = (User::new(), python_guest("order"));
    let order = order.to_str().unwrap();
    let input = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"good","delay_ms":60000}"#;
    let mut host = Running::start(user.command(&["run", order, "--input", input]));
    // The first step has begun.
    host.until("\"operation\":\"validate\"");
    assert_eq!(effects(&host.kill()).len(), 1);
    let id = user.list()[0]["transaction"].as_str().unwrap().to_owned();
    let commands: [(&[&str], Option<i32>); 3] =
        [(&["resume", &id], Some(6)), (&["cancel", &id], Some(6)), (&["inspect", order], None)];
    for (number, (args, code)) in commands.into_iter().enumerate() {
        let cache = user.directory().join(format!("cache-{number}"));
        let child = compile(&user, &cache, args);
        let began = Instant::now();
        interrupt(child.id());
        let ended = end(child);
        assert_eq!(ended.code, code, "{args:?}: {ended:?}");
        assert!(began.elapsed() < SOON, "{args:?} took {:?}", began.elapsed());
    }
    assert_eq!(user.list()[0]["status"], "running", "nothing was begun");
}
