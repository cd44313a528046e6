//! Text of guests, partners and users is shown, and steers nothing (S19, X8, V7): no control character reaches a terminal or
//! a log, no line end forges a line of the host, no letter turns a line around. JSON stays JSON and means the same.

use serde_json::json;
use wasaga_tests::{Ended, User, guest};

/// Sets the clipboard (OSC 52), clears a line, hides what follows, forges a line, and turns the rest around.
const HOSTILE: &str = "a\u{1b}]52;c;cm0gLXJmIH4=\u{7}\u{9b}2K\u{1b}[8m\nerror: forged\r\u{202e}b\u{2028}c";

/// Our own: line ends, and nothing else where no colour was asked for.
#[track_caller]
fn check_plain(ended: &Ended) {
    for (stream, text) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        let steers = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}'));
        assert_eq!(text.find(steers), None, "{stream}: {text:?}");
        let forged = text.lines().find(|line| line.trim_start().starts_with("error: forged"));
        assert_eq!(forged, None, "{stream}: {text:?}");
    }
}

#[test]
fn names_of_a_module_steer_nothing() {
    let user = User::new();
    let file = guest("hostile-names");
    let file = file.to_str().unwrap();
    let commands: [&[&str]; 8] = [
        &["inspect", file],
        &["validate", file],
        &["graph", file],
        &["graph", file, "-f", "dot"],
        &["graph", file, "-f", "mermaid"],
        &["inspect", file, "--json"],
        &["run", file],
        &["run", file, "no such"],
    ];
    for args in commands {
        let ended = user.wasaga(args);
        check_plain(&ended);
        let forges = |line: &str| line.trim_start().starts_with("asks for nothing") || line.starts_with("  ✔ forged");
        assert!(!ended.stdout.lines().any(forges), "{args:?}: {}", ended.stdout);
    }
}

#[test]
fn what_a_module_says_instead_of_itself_steers_nothing() {
    let file = guest("hostile-describe");
    let ended = User::new().wasaga(&["run", file.to_str().unwrap()]).with(2);
    check_plain(&ended);
    assert!(ended.error().contains("it panicked: I would rather not say"), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(!lines.iter().any(|line| line.starts_with("error: nothing is wrong")), "{lines:?}");
}

#[test]
fn failures_outputs_keys_and_log_lines_steer_nothing() {
    let user = User::new();
    let refused = json!({"from": HOSTILE, "to": "bob", "cents": 99_999_999}).to_string();
    let done = json!({"from": HOSTILE, "to": "bob", "cents": 5}).to_string();
    let failed = user.run("transfer", &refused, &["--key", HOSTILE]).with(3);
    check_plain(&failed);
    assert!(failed.stdout.contains(r"`a\u{1b}]52;c;cm0gLXJmIH4=\u{7}\u{9b}2K"), "{}", failed.stdout);
    check_plain(&user.run("transfer", &refused, &["--key", HOSTILE]).with(3));
    check_plain(&user.run("transfer", &done, &["--key", HOSTILE]).with(7));
    let logged = user.run("transfer", &done, &["--log", "debug"]).with(0);
    check_plain(&logged);
    assert_eq!(logged.stderr.lines().filter(|line| line.contains(r#""operation":"debit""#)).count(), 1);
    check_plain(&user.run("transfer", &done, &["--log", "debug", "--log-format", "json"]).with(0));
    check_plain(&user.wasaga(&["transactions", "list", "--definition", HOSTILE]).with(0));
    check_plain(&user.wasaga(&["transactions", "show", HOSTILE]).with(2));
    check_plain(&user.run("transfer", &done, &["--header", &HOSTILE.replace('=', "")]).with(2));
    check_plain(&user.wasaga(&["run", HOSTILE]).with(2));
    check_plain(&user.wasaga(&["run", "x.wasm", "--no-such", HOSTILE, HOSTILE, HOSTILE]).with(2));
}

/// S19: JSON has the same text for a program, and nothing that steers for a terminal.
#[test]
fn json_means_what_was_said() {
    let user = User::new();
    let input = json!({"from": HOSTILE, "to": "bob", "cents": 99_999_999}).to_string();
    let refused = user.run("transfer", &input, &["--json", "--key", HOSTILE]).with(3);
    check_plain(&refused);
    assert_eq!(refused.json()["key"], HOSTILE);
    let listed = user.wasaga(&["transactions", "list", "--json"]).with(0);
    check_plain(&listed);
    assert_eq!(listed.json()[0]["key"], HOSTILE);
    let id = refused.json()["transaction"].as_str().unwrap().to_owned();
    let records = user.wasaga(&["transactions", "show", &id, "--records"]).with(0);
    check_plain(&records);
    assert!(user.records(&id)[0].to_string().contains("cents"));
    let told = user.wasaga(&["run", HOSTILE, "--json"]).with(2);
    check_plain(&told);
    let error = &told.json()["error"];
    assert_eq!((&error["kind"], &error["exit"]), (&json!("bad-input"), &json!(2)));
    assert!(error["message"].as_str().unwrap().contains(HOSTILE), "{error}");
}
