//! Stuck is visible and goes on: retry, skip, patch; and cancel, pause, resume, terminate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::process::Stdio;

use serde_json::json;
use wasaga_tests::{User, effects, end, guest, read_until};

fn stuck(user: &User) -> String {
    let ended = user.run("stubborn", r#"{"key":"wrong"}"#, &["--json"]).with(4);
    let report = ended.json();
    assert_eq!((&report["status"], &report["stuck"]), (&json!("stuck"), &json!(["open"])));
    report["transaction"].as_str().unwrap().to_owned()
}

#[test]
fn stuck_is_seen_with_its_remedies() {
    let user = User::new();
    let ended = user.run("stubborn", "{}", &[]).with(4);
    for part in ["✘ close", "`wrong-key`: this key does not fit", "wasaga retry 0", "wasaga skip 0", "open --reason"]
    {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let list = user.wasaga(&["transactions", "list", "--status", "stuck"]).with(0);
    assert!(
        list.stdout.starts_with("TRANSACTION  ")
            && list.stdout.contains("stubborn    stuck")
            && list.stdout.contains("try again: wasaga retry"),
        "{}",
        list.stdout
    );
    assert_eq!(user.wasaga(&["tx", "list", "--status", "running"]).with(0).stdout, "no transactions\n");
}

#[test]
fn retry_fails_again_and_patch_helps() {
    let user = User::new();
    let id = stuck(&user);
    user.wasaga(&["retry", &id[..20]]).with(4);
    let wrong = user.wasaga(&["patch", &id, "mark", "--arguments", "{}"]).with(7);
    assert!(wrong.error().contains("`mark`"), "{}", wrong.stderr);
    let wrong = user.wasaga(&["patch", &id, "open", "--arguments", "[1]"]).with(2);
    assert!(wrong.error().contains("not a JSON object"), "{}", wrong.stderr);
    let args = ["patch", &id, "open", "--arguments", r#"{"key":"right"}"#, "--reason", "found the key", "--by", "ada"];
    let patched = user.wasaga(&args).with(3);
    assert!(patched.stdout.contains("↩ close") && patched.stdout.contains("\ncompensated in"), "{}", patched.stdout);
    let records = user.records(&id);
    let by = records.iter().find_map(|record| record["fact"].get("patched")).unwrap();
    assert_eq!(by["by"], json!({"who":"ada","why":"found the key"}));
}

#[test]
fn only_what_has_ended_is_pruned() {
    let user = User::new();
    let id = stuck(&user);
    user.run("hello", r#"{"name":"Ada"}"#, &[]).with(0);
    assert_eq!(user.wasaga(&["transactions", "prune"]).with(0).stdout, "0 transactions removed\n");
    let unsaid = user.wasaga(&["transactions", "prune", "--older-than", "30"]).with(2);
    assert!(unsaid.error().contains("`30` is no span of time"), "{}", unsaid.stderr);
    let counted = user.wasaga(&["transactions", "prune", "--older-than", "0", "--dry-run"]).with(0);
    assert_eq!((counted.stdout.as_str(), user.list().len()), ("1 transaction would be removed\n", 2));
    let pruned = user.wasaga(&["transactions", "prune", "--older-than", "0s"]).with(0);
    assert_eq!(pruned.stdout, "1 transaction removed\n");
    assert_eq!(user.list()[0]["transaction"], id.as_str());
}

#[test]
fn skip_gives_up_and_says_so() {
    let user = User::new();
    let id = stuck(&user);
    let unsaid = user.wasaga(&["skip", &id, "open"]).with(2);
    assert!(unsaid.stderr.contains("--reason"), "{}", unsaid.stderr);
    let report = user.wasaga(&["skip", &id, "open", "--reason", "closed by hand", "--json"]).with(3).json();
    assert_eq!((&report["status"], &report["given_up"]), (&json!("compensated"), &json!(["open"])));
    let late = user.wasaga(&["retry", &id]).with(7);
    assert!(late.error().contains("compensated"), "{}", late.stderr);
}

#[test]
fn what_a_crash_left_can_be_cancelled_paused_and_terminated() {
    let user = User::new();
    let input = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"good","delay_ms":150}"#;
    let left = || {
        let file = guest("order");
        let mut command = user.command(&["run", file.to_str().unwrap(), "--input", input, "--log", "info"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        read_until(child.stderr.take().unwrap(), |lines| effects(&lines.join("\n")).len() == 2);
        child.kill().unwrap();
        assert_eq!(end(child).code, None);
        user.list()[0]["transaction"].as_str().unwrap().to_owned()
    };
    let id = left();
    let report = user.wasaga(&["cancel", &id, "--json", "--reason", "the customer called"]).with(3).json();
    assert_eq!((&report["cause"]["outcome"], &report["undone"]), (&json!("cancelled"), &json!(["reserve"])));

    let id = left();
    user.wasaga(&["pause", &id]).with(0);
    let shown = user.wasaga(&["transactions", "show", &id]).with(0);
    assert!(shown.stdout.contains("paused") && shown.stdout.contains("go on: wasaga resume"), "{}", shown.stdout);
    assert!(
        user.wasaga(&["resume"]).with(0).stdout.starts_with("nothing to resume"),
        "a paused one waits for its name"
    );
    user.wasaga(&["resume", &id]).with(0);

    let id = left();
    let ended = user.wasaga(&["terminate", &id, "--reason", "a test", "--json"]).with(0).json();
    assert_eq!(ended["status"], "terminated");
    let terminated =
        user.records(&id).into_iter().find_map(|record| record["fact"].get("terminated").cloned()).unwrap();
    assert_eq!(terminated["not_undone"], json!(["validate", "reserve"]));
}

#[test]
fn transactions_are_found_by_label_and_by_key() {
    let user = User::new();
    let order = |id: &str| format!(r#"{{"id":"{id}","sku":"tea","quantity":2,"card":"good"}}"#);
    for id in ["o-1", "3", "o-1"] {
        user.run("order", &order(id), &[]).with(0);
    }
    user.run("order", &order("o-4"), &["--key", "four"]).with(0);
    let count = |args: &[&str]| {
        let all = [&["transactions", "list", "--json"], args].concat();
        user.wasaga(&all).with(0).json().as_array().map_or(0, Vec::len)
    };
    assert_eq!(count(&["--label", "order=o-1"]), 2);
    assert_eq!(count(&["--label", "order=\"3\""]), 1, "a text that looks like a number");
    assert_eq!(count(&["--label", "order=3"]), 0, "a number is no text");
    assert_eq!(count(&["--label", "order=o-1", "--label", "size=1"]), 0);
    assert_eq!((count(&["--key", "four"]), count(&["--key", "five"])), (1, 0));
    let wrong = user.wasaga(&["transactions", "list", "--label", "order"]).with(2);
    assert!(wrong.stderr.contains("it is not `NAME=VALUE`"), "{}", wrong.stderr);
    let more = user.wasaga(&["transactions", "list", "--label", "order=o-1", "--limit", "1"]).with(0);
    assert!(more.stdout.contains("--label order=o-1 --limit 1 --before "), "{}", more.stdout);
}
