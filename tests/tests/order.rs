//! The order saga, by the binary: to success, undone, and what programs get of it.

use serde_json::json;
use wasaga_tests::{User, effects, guest};

const GOOD: &str = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"good"}"#;
const DECLINED: &str = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"declined"}"#;

#[test]
fn it_completes_and_says_so() {
    let user = User::new();
    let ended = user.run("order", GOOD, &[]).with(0);
    for part in ["order  journal sqlite, survives power loss", "✔ reserve", r#"{"shelf":"T3","total_cents":1180}"#] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(ended.stdout.contains("\ncompleted in "), "{}", ended.stdout);
    let effects = effects(&ended.stderr);
    assert_eq!(effects.len(), ended.stderr.lines().count(), "guests' lines and no others: {}", ended.stderr);
    let quiet = user.run("order", GOOD, &["--quiet"]).with(0);
    assert!(quiet.stdout.starts_with("completed in ") && quiet.stderr.is_empty(), "{quiet:?}");
}

#[test]
fn a_refusal_is_undone_and_told() {
    let ended = User::new().run("order", DECLINED, &[]).with(3);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(at("✔ reserve") < at("✘ charge") && at("✘ charge") < at("↩ release"), "{lines:?}");
    assert!(lines[at("✘ charge")].ends_with("rejected `card-declined`: the card was declined"), "{lines:?}");
    assert!(lines[at("· ship")].ends_with("not started"));
    assert!(lines[at("compensated in")].contains("`charge` rejected `card-declined`"), "{lines:?}");
}

#[test]
fn programs_get_the_result_object_alone() {
    let ended = User::new().run("order", DECLINED, &["--json"]).with(3);
    let report = ended.json();
    assert_eq!(report["status"], "compensated");
    assert_eq!(report["output"], json!(null));
    assert_eq!(report["undone"], json!(["reserve"]));
    assert_eq!(report["not_compensable"], json!(["validate"]));
    assert_eq!(
        report["cause"],
        json!({"node":"charge","outcome":"rejected",
            "failure":{"code":"card-declined","message":"the card was declined"}})
    );
    let reserve = &report["nodes"][1];
    assert_eq!(
        (&reserve["id"], &reserve["status"], &reserve["attempts"]),
        (&json!("reserve"), &json!("undone"), &json!(1))
    );
    assert_eq!(reserve["compensation"]["name"], "release");
    assert!(reserve["fuel"].as_u64() > Some(1_000) && reserve["memory_bytes"].as_u64() > Some(65_535), "{reserve}");
    let completed = User::new().run("order", GOOD, &["--json"]).with(0).json();
    assert_eq!(completed["output"], json!({"ship":{"tracking":"T3-o-1"}}));
    assert!(completed["ended"].as_str() >= completed["started"].as_str());
}

#[test]
fn a_key_finds_the_first_start() {
    let user = User::new();
    let first = user.run("order", GOOD, &["--key", "o-1", "--json"]).with(0).json();
    let other_spacing = r#"{ "sku":"tea", "id":"o-1", "quantity":2, "card":"good" }"#;
    let again = user.run("order", other_spacing, &["--key", "o-1", "--json"]).with(0).json();
    assert_eq!(first["transaction"], again["transaction"]);
    assert_eq!(user.list().len(), 1);
    let conflict = user.run("order", DECLINED, &["--key", "o-1"]).with(7);
    assert!(conflict.error().starts_with("key `o-1` was used for another input"), "{}", conflict.stderr);
}

#[test]
fn policies_and_headers_are_taken() {
    let user = User::new();
    let report = user
        .run("diamond", r#"{"fail":"join"}"#, &["--compensation-policy", "best-effort-parallel", "--json"])
        .with(3)
        .json();
    assert_eq!(report["policy"], "best-effort-parallel");
    let wrong = user.run("diamond", "{}", &["--compensation-policy", "nice"]).with(2);
    assert!(wrong.stderr.contains("strict-sequential"), "{}", wrong.stderr);
    let report = user.run("conditional", r#"{"amount":10}"#, &["--header", "tenant=acme", "--json"]).json();
    assert_eq!(report["status"], "completed", "{report}");
}

#[test]
fn every_guest_that_behaves_does_what_it_says() {
    let user = User::new();
    let output = |guest: &str, input: &str| user.run(guest, input, &["--json"]).with(0).json()["output"].clone();
    assert_eq!(output("hello", r#"{"name":"Ada"}"#), json!({"greet":"hello, Ada"}));
    assert_eq!(output("fan-out", r#"{"numbers":[1,2,3]}"#), json!({"sum":14}));
    assert_eq!(output("fan-out", r#"{"numbers":[]}"#), json!({"sum":0}));
    assert_eq!(output("flaky", "{}"), json!({"work":3}));
    assert_eq!(output("slow", r#"{"ms":1}"#), json!({"sleep":1}));
    assert!(output("diamond", "{}")["join"].is_string());
    let flaky = user.run("flaky", r#"{"succeeds_at":9}"#, &["--json"]).with(3).json();
    assert_eq!(flaky["cause"]["outcome"], "used-up");
    assert_eq!(flaky["undone"], json!(["work"]), "an unknown attempt may have happened");
}

#[test]
fn guest_log_lines_carry_their_call() {
    let file = guest("order");
    let user = User::new();
    let ended = user.wasaga(&["run", file.to_str().unwrap(), "--input", GOOD, "--log", "info"]).with(0);
    let done: Vec<String> = effects(&ended.stderr).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(done, ["validate", "reserve", "charge", "ship"], "{}", ended.stderr);
    let line = ended.stderr.lines().find(|line| line.contains(r#""operation":"reserve""#)).unwrap();
    assert!(line.contains("transaction=0") && line.contains("call=reserve run 1"), "{line}");
}

#[test]
fn journals_are_chosen_by_url() {
    let user = User::new();
    let kept = user.run("order", GOOD, &["--journal", "memory:"]).with(0);
    assert!(kept.stdout.contains("journal memory, memory only, lost with the process"), "{}", kept.stdout);
    assert!(user.list().is_empty());
    let own = user.run("order", GOOD, &["--journal", "sqlite:own.db?synchronous=normal"]).with(0);
    assert!(own.stdout.contains("survives the process") && own.stdout.contains("own.db"), "{}", own.stdout);
    // Without any, it is a file in the user's data directory.
    let file = guest("hello");
    let mut command = user.command(&["run", file.to_str().unwrap(), "--input", r#"{"name":"Ada"}"#]);
    let ended = command.env_remove("WASAGA_JOURNAL").env_remove("XDG_DATA_HOME").output().unwrap();
    let stdout = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(stdout.contains("(~/.local/share/wasaga/journal.db)"), "{stdout}");
}
