//! kill -9 in the middle of every call, several processes on one journal, and a drain.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use wasaga_tests::{User, effects, end, guest, read_until};

fn order(card: &str, address: &str, delay_ms: u32) -> String {
    format!(r#"{{"id":"o-1","sku":"tea","quantity":2,"card":"{card}","address":"{address}","delay_ms":{delay_ms}}}"#)
}

/// Starts an order whose calls take long enough to be in the middle of one.
fn spawn(user: &User, input: &str) -> Child {
    let file = guest("order");
    let mut command = user.command(&["run", file.to_str().unwrap(), "--input", input, "--log", "info"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Kills an order in the middle of its `number`-th call; answers the diary until then, none where it
/// has fewer calls.
fn kill_at(user: &User, input: &str, number: usize) -> Option<Vec<(String, String)>> {
    let mut child = spawn(user, input);
    let lines = read_until(child.stderr.take().unwrap(), |lines| effects(&lines.join("\n")).len() == number);
    child.kill().unwrap();
    child.wait().unwrap();
    Some(effects(&lines.join("\n"))).filter(|effects| effects.len() == number)
}

/// The effects of a transaction by what its partner would tell apart: the operation, with its keys.
fn by_operation(effects: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (operation, key) in effects {
        by.entry(operation).or_default().push(key);
    }
    by
}

/// Kills the order at each of its calls and resumes it, and compares what its partners saw.
fn check_every_call(card: &str, address: &str, end_of: impl Fn(&str) -> &'static str) {
    for number in 1.. {
        let user = User::new();
        let Some(before) = kill_at(&user, &order(card, address, 150), number) else {
            assert!(number > 4, "there were {number} calls");
            return;
        };
        let in_flight = before.last().unwrap().0.clone();
        let rows = user.list();
        assert_eq!((rows.len(), &rows[0]["driven"]), (1, &json!(false)), "{rows:?}");
        let resumed = user.wasaga(&["resume", "--json", "--log", "info"]);
        let report = resumed.json()[0].clone();
        assert_eq!(report["status"], end_of(&in_flight), "killed in `{in_flight}`: {report}");

        let mut all = before.clone();
        all.extend(effects(&resumed.stderr));
        for (operation, keys) in by_operation(&all) {
            assert!(keys.windows(2).all(|two| two[0] == two[1]), "`{operation}` has two keys: {keys:?}");
            let most = if operation == in_flight { 2 } else { 1 };
            assert!(keys.len() <= most, "killed in `{in_flight}`, `{operation}` was called {} times", keys.len());
        }
        let charges = all.iter().filter(|(operation, _)| operation == "charge").count();
        assert!(charges <= 1, "an at-most-once step was called {charges} times");
        check_balance(&report, &in_flight, &all);
        assert_eq!(user.list()[0]["owner"], Value::Null);
    }
}

/// What was done is still done, or was undone. A step that was lost with its host may have happened,
/// so it is undone although its next attempt was refused.
fn check_balance(report: &Value, in_flight: &str, effects: &[(String, String)]) {
    let done = |operation: &str| effects.iter().any(|(done, _)| done == operation);
    for (forward, back) in [("reserve", "release"), ("charge", "refund"), ("ship", "recall")] {
        let refused =
            in_flight != forward && report["cause"]["node"] == forward && report["cause"]["outcome"] == "rejected";
        let expected = report["status"] == "compensated" && done(forward) && !refused;
        assert_eq!(done(back), expected, "`{back}`: {report}");
    }
}

#[test]
fn an_order_that_works_is_killed_at_every_call() {
    // Nobody knows whether the card was charged, and that is not tried twice.
    check_every_call("good", "home", |in_flight| if in_flight == "charge" { "compensated" } else { "completed" });
}

#[test]
fn an_order_that_unwinds_is_killed_at_every_call() {
    check_every_call("good", "nowhere", |_| "compensated");
}

#[test]
fn several_processes_share_a_journal() {
    let user = User::new();
    let input = order("good", "home", 300);
    let mut first = spawn(&user, &input);
    let mut second = spawn(&user, &order("good", "nowhere", 200));
    // Both are under way; standard error must still be read to its end.
    let mut reading = Vec::new();
    for child in [&mut first, &mut second] {
        let (tell, told) = std::sync::mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        reading.push(std::thread::spawn(move || {
            read_until(stderr, |lines| {
                if effects(&lines.join("\n")).len() == 1 {
                    tell.send(()).ok();
                }
                false
            })
        }));
        told.recv().unwrap();
    }
    let rows = user.list();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["driven"] == true), "{rows:?}");
    let nothing = user.wasaga(&["resume"]).with(0);
    assert!(nothing.stdout.starts_with("nothing to resume"), "a living host's are left alone: {}", nothing.stdout);
    let id = rows[0]["transaction"].as_str().unwrap();
    let cancelled = user.wasaga(&["cancel", id]).with(3);
    assert!(cancelled.stdout.contains("it was cancelled"), "V5: the process that drives it heard it: {cancelled:?}");
    // The one that was cancelled is undone, and the other goes its own way.
    let ends = (end(first).code, end(second).code);
    assert!(matches!(ends, (Some(0 | 3), Some(3))), "{ends:?}");
    let report = user.wasaga(&["transactions", "show", id, "--json"]).with(0).json();
    assert_eq!(report["cause"]["outcome"], "cancelled");
    let lines: Vec<Vec<String>> = reading.into_iter().map(|thread| thread.join().unwrap()).collect();
    let effects: usize = lines.iter().map(|lines| effects(&lines.join("\n")).len()).sum();
    assert!(effects >= 3, "{effects}");
    assert!(user.list().iter().all(|row| row["driven"] == false));
}

#[test]
fn a_terminated_process_lets_its_call_end_and_tells_how_to_go_on() {
    let user = User::new();
    let mut child = spawn(&user, &order("good", "home", 400));
    let pid = child.id().to_string();
    let stderr = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let told = std::cell::Cell::new(false);
        read_until(stderr, |lines| {
            if !told.get() && effects(&lines.join("\n")).len() == 1 {
                told.set(true);
                assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            }
            false
        })
    });
    assert_eq!(end(child).code, Some(6));
    let lines = reading.join().unwrap().join("\n");
    assert!(lines.contains("go on: wasaga resume 0"), "{lines}");
    assert_eq!(effects(&lines).len(), 1, "nothing new begins");
    let id = user.list()[0]["transaction"].as_str().unwrap().to_owned();
    let report = user.wasaga(&["resume", &id, "--json"]).with(0).json();
    assert_eq!(report[0]["nodes"][0]["attempts"], 1, "the call that was let end is not repeated");
}

#[test]
fn a_repeated_resume_has_nothing_to_do() {
    let user = User::new();
    kill_at(&user, &order("good", "home", 100), 2).unwrap();
    let resumed = user.wasaga(&["resume"]).with(0);
    assert!(resumed.stdout.contains("attempt 2") && resumed.stdout.contains("\ncompleted in"), "{}", resumed.stdout);
    assert!(user.wasaga(&["resume"]).with(0).stdout.starts_with("nothing to resume"));
}

/// A module that is nowhere to be found is told, and the transaction is not rolled back for it.
#[test]
fn the_journal_keeps_the_module() {
    let user = User::new();
    let copy = user.directory().join("order.wasm");
    std::fs::copy(guest("order"), &copy).unwrap();
    let input = order("good", "home", 200);
    let args = ["run", "order.wasm", "--input", &input, "--log", "info"];
    let mut child = user.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    read_until(child.stderr.take().unwrap(), |lines| effects(&lines.join("\n")).len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(copy).unwrap();
    user.wasaga(&["resume"]).with(0);
}
