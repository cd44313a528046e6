//! One suite in both languages: the cases of `tests/suite` are run by the real binary with the Rust
//! guest and with the Python guest, and compared with what is written there and with each other.
//!
//! A case has a `name`, an `input`, and where they are not the usual ones a `saga`, `headers` and (of a saga)
//! `policies` (it is run by each). What it comes to is `refused` with the message, or the members of
//! docs/result.md without null, empty lists, spans and memory. `told` are outcomes of calls that the
//! journal has, in this order and perhaps with others between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use wasaga_tests::{Ended, User, guest, python_guest};

/// Codes whose words are the language's, or have a time or a backtrace in them. The code is compared;
/// the words are read in `python.rs`.
const OWN_WORDS: [&str; 4] = ["error", "timed-out", "out-of-memory", "out-of-fuel"];

/// Pairs that need more than an input, such as another module or a server: `providers.rs`, `http.rs` and `ledger.rs`
/// run them in both languages.
const ELSEWHERE: [&str; 4] = ["bank", "caller", "remote", "shop"];

/// What stands for a moment that is soon, in milliseconds since 1970.
const SOON: &str = "soon";
const SOON_MS: u128 = 3_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
    Python,
}

impl Language {
    const ALL: [Self; 2] = [Self::Rust, Self::Python];

    fn guest(self, name: &str) -> PathBuf {
        match self {
            Self::Rust => guest(name),
            Self::Python => python_guest(name),
        }
    }
}

/// What a run came to.
#[derive(Debug, PartialEq)]
struct Seen {
    code: i32,
    /// The members of a case that say it.
    came_to: Value,
    /// `reserve run 1 completed`, in the order of the journal.
    told: Vec<String>,
}

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("suite")
}

fn cases(name: &str) -> Vec<Map<String, Value>> {
    let path = suite().join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compiles one module at a time: each takes all cores for many seconds, the first time.
fn compile(file: &Path) {
    static COMPILING: Mutex<()> = Mutex::new(());
    let _turn = COMPILING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let user = User::new();
    user.within(Duration::from_secs(300), &["inspect", file.to_str().unwrap(), "--json"]).with(0);
}

fn check(name: &str) {
    for language in Language::ALL {
        compile(&language.guest(name));
    }
    for case in cases(name) {
        for policy in policies(&case) {
            let place = format!("{name}: {} ({})", case["name"], policy.as_deref().unwrap_or("its own policy"));
            let seen = Language::ALL.map(|language| run(language, name, &case, policy.as_deref()));
            for (language, seen) in Language::ALL.iter().zip(&seen) {
                assert_eq!(seen.came_to, expected(&case), "{place}, in {language:?}");
                assert_told(&case, &seen.told, &format!("{place}, in {language:?}"));
            }
            let [rust, python] = seen.map(unordered);
            assert_eq!(rust, python, "{place}: the languages differ");
        }
    }
}

fn policies(case: &Map<String, Value>) -> Vec<Option<String>> {
    match case.get("policies") {
        Some(Value::Array(all)) => all.iter().map(|policy| policy.as_str().map(str::to_owned)).collect(),
        _ => vec![None],
    }
}

fn expected(case: &Map<String, Value>) -> Value {
    let mut expected = case.clone();
    expected.retain(|member, _| !["name", "saga", "input", "headers", "policies", "told"].contains(&member.as_str()));
    expected.into()
}

fn assert_told(case: &Map<String, Value>, told: &[String], place: &str) {
    let mut rest = told.iter();
    for wanted in case.get("told").and_then(Value::as_array).into_iter().flatten() {
        assert!(rest.any(|line| Some(line.as_str()) == wanted.as_str()), "{place}: no {wanted} in its turn: {told:#?}");
    }
}

/// Calls side by side end in any order, and how often one polls depends on the machine.
fn unordered(seen: Seen) -> (i32, Value, BTreeSet<String>) {
    (seen.code, seen.came_to, seen.told.into_iter().collect())
}

fn run(language: Language, name: &str, case: &Map<String, Value>, policy: Option<&str>) -> Seen {
    let file = language.guest(name);
    let mut args = vec!["run".to_owned(), file.to_str().unwrap().into()];
    args.extend(case.get("saga").and_then(Value::as_str).map(str::to_owned));
    args.extend(policy.into_iter().flat_map(|policy| ["--compensation-policy".into(), policy.into()]));
    for (name, value) in case.get("headers").and_then(Value::as_object).into_iter().flatten() {
        args.extend(["--header".into(), format!("{name}={}", value.as_str().unwrap())]);
    }
    args.extend(["--json".into(), "--input".into(), input(&case["input"])]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let user = User::new();
    let ended = user.wasaga(&args);
    let code = ended.code.unwrap();
    if code == 2 {
        return Seen { code, came_to: json!({ "refused": ended.error() }), told: Vec::new() };
    }
    let report = report(&ended);
    let told = told(&user.records(report["transaction"].as_str().unwrap()));
    Seen { code, came_to: of_report(&report).into(), told }
}

fn report(ended: &Ended) -> Map<String, Value> {
    match ended.json() {
        Value::Object(report) => report,
        other => panic!("{other}"),
    }
}

fn input(input: &Value) -> String {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    input.to_string().replace(&format!("\"{SOON}\""), &(now_ms + SOON_MS).to_string())
}

/// Outcomes of calls, a line each.
fn told(records: &[Value]) -> Vec<String> {
    let line = |record: &Value| {
        let (kind, fact) = record["fact"].as_object()?.iter().next()?;
        let call = fact.get("call").filter(|_| kind != "started")?;
        let item = call.get("item").and_then(Value::as_u64).map(|item| format!("[{item}]")).unwrap_or_default();
        let word = |member: &str| call[member].as_str().unwrap_or_default().to_owned();
        Some(format!("{}{item} {} {} {kind}", word("node"), word("operation"), call["attempt"]))
    };
    records.iter().filter_map(line).collect()
}

/// Takes these members, without null and empty lists.
fn members(of: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let says = |value: &&Value| !value.is_null() && (value.as_array().is_none_or(|list| !list.is_empty()));
    names.iter().filter_map(|name| Some(((*name).to_owned(), of.get(*name).filter(says)?.clone()))).collect()
}

/// Puts another value where there is one.
fn change(of: &mut Map<String, Value>, name: &str, with: impl Fn(&Map<String, Value>) -> Map<String, Value>) {
    if let Some(Value::Object(inner)) = of.get(name) {
        let changed = with(inner).into();
        of.insert(name.into(), changed);
    }
}

fn of_report(report: &Map<String, Value>) -> Map<String, Value> {
    let lists = ["failed", "confirmed", "cancelled", "undone", "not_compensable", "given_up", "stuck"];
    let mut said = members(report, &["status", "decision", "phase", "cause"]);
    said.extend(members(report, &lists));
    said.extend(
        report.get("output").filter(|output| !output.is_null()).map(|output| ("output".into(), output.clone())),
    );
    change(&mut said, "cause", |cause| {
        let mut cause = members(cause, &["node", "item", "outcome", "failure"]);
        change(&mut cause, "failure", of_failure);
        cause
    });
    said.insert("nodes".into(), of_nodes(&report["nodes"]));
    said
}

fn of_nodes(nodes: &Value) -> Value {
    nodes.as_array().unwrap().iter().map(|node| Value::Object(of_node(node.as_object().unwrap()))).collect()
}

fn of_node(node: &Map<String, Value>) -> Map<String, Value> {
    // Of a fan-out's item the node's own name is said once.
    let name = if node.contains_key("item") { "item" } else { "id" };
    let mut said = members(node, &[name, "status", "attempts", "error", "compensation", "confirm", "cancel"]);
    said.extend(node.get("output").filter(|output| !output.is_null()).map(|output| ("output".into(), output.clone())));
    change(&mut said, "error", of_failure);
    for second in ["compensation", "confirm", "cancel"] {
        change(&mut said, second, |second| {
            let mut second = members(second, &["name", "status", "attempts", "output", "error"]);
            change(&mut second, "error", of_failure);
            second
        });
    }
    if let Some(items) = node.get("items") {
        said.insert("items".into(), of_nodes(items));
    }
    said
}

fn of_failure(failure: &Map<String, Value>) -> Map<String, Value> {
    let own = failure["code"].as_str().is_some_and(|code| OWN_WORDS.contains(&code));
    members(failure, if own { &["code"] } else { &["code", "message", "details"] })
}

macro_rules! guests {
    ($($test:ident: $name:literal),+ $(,)?) => {
        $(#[test]
        fn $test() {
            check($name);
        })+

        #[test]
        fn every_pair_of_guests_has_its_cases() {
            let tested: BTreeSet<String> = [$($name),+].into_iter().chain(ELSEWHERE).map(str::to_owned).collect();
            assert_eq!(tested, pairs());
        }
    };
}

guests! {
    conditional: "conditional",
    diamond: "diamond",
    fan_out: "fan-out",
    flaky: "flaky",
    hello: "hello",
    hostile: "hostile",
    lock: "lock",
    noop: "noop",
    noop_warm: "noop-warm",
    order: "order",
    order_tcc: "order-tcc",
    payment: "payment",
    slow: "slow",
    stubborn: "stubborn",
    transfer: "transfer",
    travel: "travel",
    variables: "variables",
}

/// Folders of guests that are written in both languages.
fn pairs() -> BTreeSet<String> {
    let folders = std::fs::read_dir(suite().join("../../guests")).unwrap().map(|folder| folder.unwrap().path());
    let named = folders.filter_map(|folder| Some((folder.clone(), folder.file_name()?.to_str()?.to_owned())));
    let has_both = |(folder, name): &(PathBuf, String)| {
        folder.join("src/lib.rs").is_file() && folder.join(name.replace('-', "_")).with_extension("py").is_file()
    };
    named.filter(has_both).map(|(_, name)| name).collect()
}
