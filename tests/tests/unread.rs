//! Output that nobody reads: a reader that has gone, that stands still, or a full disk behind a stream. It stops no
//! transaction, ends no process in the middle, and changes no exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wasaga_tests::{COMMAND_MAX, User, end, guest};

const DECLINED: &str = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"declined","delay_ms":50}"#;

fn statuses(user: &User) -> Vec<Value> {
    user.list().iter().map(|row| row["status"].clone()).collect()
}

/// S6, U3: `run … | head -1`.
#[test]
fn a_reader_that_goes_ends_nothing() {
    let order = guest("order");
    for more in [&[][..], &["--json"]] {
        let user = User::new();
        let args = [&["run", order.to_str().unwrap(), "--input", DECLINED], more].concat();
        let mut child = user.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        match more {
            [] => assert!(first_line(stdout).starts_with("order  journal")),
            _ => drop(stdout),
        }
        let ended = end(child);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert_eq!(statuses(&user), ["compensated"]);
        assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("error:"), "{}", ended.stderr);
    }
}

/// Reads a line and goes.
fn first_line(stdout: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line
}

#[test]
fn every_command_that_drives_goes_on_without_a_reader() {
    let user = User::new();
    let stuck = user.run("stubborn", r#"{"key":"wrong"}"#, &["--json"]).with(4).json();
    let id = stuck["transaction"].as_str().unwrap();
    let without = |args: &[&str]| {
        let mut child = user.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        end(child).code
    };
    assert_eq!(without(&["retry", id]), Some(4));
    assert_eq!(without(&["resume", id]), Some(4));
    assert_eq!(without(&["patch", id, "open", "--arguments", r#"{"key":"right"}"#]), Some(3));
    assert_eq!(without(&["cancel", id]), Some(7), "an error has its code where nobody reads it");
    assert_eq!(statuses(&user), ["compensated"]);
    for args in [&["completions", "bash"][..], &["transactions", "list"], &["--help"], &["run", "--help"]] {
        assert_eq!(without(args), Some(0), "{args:?}");
    }
}

/// A full disk is told, once. Where the output was all that was asked for, that is an error.
#[test]
fn a_full_disk_behind_standard_output_is_told_and_ends_nothing() {
    let order = guest("order");
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for more in [&[][..], &["--json"]] {
        let user = User::new();
        let args = [&["run", order.to_str().unwrap(), "--input", DECLINED], more].concat();
        let child = user.command(&args).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        let ended = end(child).with(3);
        assert_eq!(statuses(&user), ["compensated"]);
        assert_eq!(ended.stderr.matches("standard output cannot be written: No space left").count(), 1, "{ended:?}");
        let list = user.command(&["transactions", "list"]).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        assert!(end(list).with(1).error().starts_with("standard output cannot be written"));
    }
}

/// S11: a paused pager, on either stream. Far more is written than a pipe holds.
#[test]
fn a_reader_that_stands_still_stops_no_transaction() {
    let (fan_out, hostile) = (guest("fan-out"), guest("hostile"));
    let numbers: Vec<u32> = (0..3_000).collect();
    let input = format!(r#"{{"numbers":{numbers:?}}}"#);
    let user = User::new();
    let rows = ["run", fan_out.to_str().unwrap(), "--input", &input];
    let lines = ["run", hostile.to_str().unwrap(), "endless-stderr"];
    for (args, status) in [(&rows[..], "completed"), (&lines, "compensated")] {
        let mut child = user.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while !user.list().first().is_some_and(|row| row["status"] == status) {
            assert!(began.elapsed() < COMMAND_MAX, "{args:?}: {:?}", user.list());
            assert!(child.try_wait().unwrap().is_none(), "it has ended without it");
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
