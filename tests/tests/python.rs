//! What a Python programmer reads, through the binary, when a step does what a guest should not do: one
//! outcome, in words of Python, and a process that ends as it does for any saga.

use serde_json::Value;
use wasaga_tests::{User, python_guest};

fn run(user: &User, saga: &str, more: &[&str]) -> wasaga_tests::Ended {
    let file = python_guest("hostile");
    let mut args = vec!["run", file.to_str().expect("the path is text"), saga];
    args.extend(more);
    user.wasaga(&args)
}

/// The saga, and the row of its step from its mark on, without the time.
const CASES: [(&str, &str); 24] = [
    ("panic", "`error`: KeyError: 'coffee'"),
    (
        "not-a-number",
        "`bad-output`: what `NotANumber.work` returned cannot be its answer: at /shares/1: nan is no number",
    ),
    ("binary", "at /label/png: bytes have no form in JSON (use str, with base64 or hex) (hostile.py:"),
    ("cycle", "at /chain/1: the list contains itself, so it has no end in JSON"),
    ("huge-number", "a number in it cannot be written: Exceeds the limit (4300 digits)"),
    ("lazy", "a generator is no value yet (make a list of it)"),
    (
        "deep-recursion",
        "`error`: RecursionError: maximum recursion depth exceeded (a function calls itself without end",
    ),
    ("native-recursion", "`error`: RecursionError: maximum recursion depth exceeded"),
    ("deep-output", "`stack-overflow`: it called itself too deeply, or has values that are nested too deeply"),
    ("allocation-bomb", "`out-of-memory`: it asked for more memory than it may have (see `memory` of the step)"),
    ("huge-output", "`too-large`: what it passed to the host is larger than 8.0 MiB"),
    ("sleeper", "`timed-out`: it was stopped at its deadline, after "),
    ("busy-loop", "`timed-out`: it was stopped at its deadline, after "),
    ("fuel-eater", "`out-of-fuel`: it used up its fuel"),
    ("exit", "`error`: SystemExit: 3 (a step ends by returning or raising, not by leaving the process)"),
    ("hard-exit", "`exited`: it left its process, as a failure (an operation ends by answering)"),
    ("abort", "`trap`: it aborted"),
    (
        "late-import",
        "No module named 'sqlite3' (a component has only what was imported when it was built: move the import",
    ),
    (
        "open-file",
        "No such file or directory: '/etc/passwd' (a step has no files; what it needs comes from its arguments)",
    ),
    ("write-file", "No such file or directory: 'notes.txt' (a step has no files;"),
    ("open-socket", "a step has no sockets (use `wasaga.http`, for what `module(http=…)` asks for)"),
    ("ask", "`error`: EOFError: EOF when reading a line (nobody is there to answer"),
    ("start-thread", "`error`: RuntimeError: can't start new thread (a component has one thread: write `async`"),
    ("never-awaited", "it waits for something that can never happen: no task is running, no timer is set"),
];

#[test]
fn what_a_step_should_not_do_is_told_in_words_of_python() {
    let user = User::new();
    for (saga, expected) in CASES {
        let ended = run(&user, saga, &[]).with(3);
        let row = ended.stdout.lines().find(|line| line.trim_start().starts_with("✘ work"));
        let row = row.unwrap_or_else(|| panic!("{saga}: no row: {}", ended.stdout));
        assert!(row.contains("may have happened"), "{saga}: nobody knows how far it came: {row}");
        assert!(row.contains(expected), "{saga}: {row}");
        assert!(!ended.stderr.contains("panicked"), "{saga}: {}", ended.stderr);
    }
    // All of them are in one journal, and the next saga does not mind.
    run(&user, "neighbour", &[]).with(0);
    assert_eq!(user.list().len(), CASES.len() + 1);
}

#[test]
fn a_traceback_is_of_the_users_code_alone() {
    let report = run(&User::new(), "panic", &["--json"]).with(3).json();
    let traceback = report["cause"]["failure"]["details"]["traceback"].as_str().map(str::to_owned);
    let traceback = traceback.unwrap_or_else(|| panic!("{report}"));
    let frames: Vec<&str> = traceback.lines().filter(|line| line.trim_start().starts_with("File ")).collect();
    assert!(frames.len() == 1 && frames[0].contains("File \"hostile.py\", line "), "{traceback}");
    assert!(traceback.contains("return str(prices[\"coffee\"])"), "{traceback}");
}

#[test]
fn a_megabyte_that_is_printed_is_cut_and_harms_nobody() {
    let user = User::new();
    let ended = run(&user, "megabyte", &["--log", "info"]).with(0);
    assert!(ended.stdout.contains("✔ work") && ended.stdout.contains("1048576"), "{}", ended.stdout);
    let dropped = "more log lines of this call were dropped (log less)";
    assert!(ended.stderr.contains(dropped), "{}", ended.stderr);
    assert!(ended.stderr.contains("00000 xxx"), "what is printed first is shown");
    assert!(ended.stderr.len() < 400_000, "{} bytes of log", ended.stderr.len());
    let report = run(&user, "vandal", &["--json"]).with(0).json();
    assert_eq!(report["output"], serde_json::json!({"work": "work"}));
    assert_eq!(report["cause"], Value::Null);
}

#[test]
fn a_fan_out_that_does_not_fit_the_memory_takes_its_turn() {
    let user = User::new();
    let file = python_guest("fan-out");
    let input = r#"{"numbers":[1,2,3,4,5,6,7,8,9,10,11,12]}"#;
    let args = ["run", file.to_str().expect("the path is text"), "--input", input, "--guest-memory", "32MiB", "--json"];
    assert_eq!(user.wasaga(&args).with(0).json()["output"], serde_json::json!({"sum": 650}));
    let wrong = user.wasaga(&["run", "any.wasm", "--guest-memory", "16MiB"]).with(2);
    assert!(wrong.stderr.contains("`16MiB` is too little to run anything (give 32MiB or more)"), "{}", wrong.stderr);
}
