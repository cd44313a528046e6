//! Python guests in the real sandbox, beside their Rust twins: the same definitions, the same answers,
//! and an outcome that a Python programmer understands for everything that a guest should not do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasaga_core::definition::{self, Definition};
use wasaga_core::{
    Answer, Call, CallId, Failure, Forward, IdempotencyKey, Json, Operation, Outcome, Timestamp, TransactionId,
    UnknownCause,
};
use wasaga_engine::port::{Guests as _, Module};
use wasaga_sandbox::{Sandbox, Settings};

/// Guests that are written in both languages.
const TWINS: [&str; 13] = [
    "hello",
    "order",
    "payment",
    "travel",
    "diamond",
    "fan-out",
    "conditional",
    "variables",
    "flaky",
    "stubborn",
    "slow",
    "noop",
    "noop-warm",
];

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

fn read(path: &Path, remedy: &str) -> Arc<[u8]> {
    let missing = |error| panic!("{}: {error} (run {remedy} first)", path.display());
    std::fs::read(path).unwrap_or_else(missing).into()
}

fn python(guest: &str) -> Arc<[u8]> {
    let path = target().join("guests/python").join(guest.replace('-', "_")).with_extension("wasm");
    read(&path, "`PYTHONPATH=sdk/python/src python3 -m wasaga.build --all guests -o target/guests/python`")
}

fn rust(guest: &str) -> Arc<[u8]> {
    let name = format!("guest_{}.wasm", guest.replace('-', "_"));
    read(&target().join("wasm32-wasip2/guest").join(name), "`cargo xtask guests`")
}

/// One for all tests: compiling Python takes seconds, so what is compiled is kept, also for the next run.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules"));
        Sandbox::new(Settings { cache, calls_max: 64, ..Settings::default() }).unwrap()
    })
}

struct Guest(Module);

impl Guest {
    async fn python(name: &str) -> Self {
        Self(sandbox().load(python(name)).await.unwrap())
    }

    async fn rust(name: &str) -> Self {
        Self(sandbox().load(rust(name)).await.unwrap())
    }

    fn call(&self, definition: &str, node: &str, arguments: &str) -> Call {
        let transaction = TransactionId::from_u128(5);
        Call {
            id: CallId { node: node.into(), item: None, operation: Operation::Run, attempt: 1 },
            transaction,
            definition: definition.into(),
            module: self.0.digest,
            key: IdempotencyKey::of("test", transaction, node, None, "run"),
            deadline: Timestamp::from_unix_us(now_us() + 10_000_000),
            fuel: 1_000_000_000_000,
            memory_bytes: 128 << 20,
            arguments: Json::parse(arguments).unwrap(),
            forward: None,
            headers: Arc::default(),
            variables: Arc::default(),
        }
    }

    async fn run(&self, definition: &str, node: &str, arguments: &str) -> Answer {
        sandbox().call(&self.call(definition, node, arguments)).await
    }
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

fn sagas(module: &Module) -> Vec<definition::Saga> {
    let sagas = module.description.definitions.iter().filter_map(|definition| match definition {
        Definition::Saga(saga) => Some(saga.clone()),
        Definition::Tcc(_) => None,
    });
    sagas.map(without_schemas).collect()
}

/// The schemas say the same in other words: Rust knows how wide an integer is.
fn without_schemas(mut saga: definition::Saga) -> definition::Saga {
    saga.input_schema = saga.input_schema.map(|_| Json::null());
    for step in &mut saga.steps {
        step.output_schema = None;
        let undo = step.compensation.iter_mut().flat_map(|undo| &mut undo.parameters);
        for parameter in step.parameters.iter_mut().chain(undo) {
            parameter.schema = None;
        }
    }
    saga
}

#[tokio::test]
async fn twins_describe_the_same_sagas() {
    for name in TWINS {
        let (ours, theirs) = (Guest::python(name).await, Guest::rust(name).await);
        assert_eq!(sagas(&ours.0), sagas(&theirs.0), "{name}");
        let calls = |guest: &Guest| guest.0.description.calls_per_instance;
        assert_eq!(calls(&ours), calls(&theirs), "{name}");
        assert_eq!(ours.0.description.name, name, "the file's name, or what it says");
    }
}

/// One call, and what both languages are to make of it.
struct Case {
    guest: &'static str,
    node: (&'static str, &'static str),
    arguments: &'static str,
    forward: Option<Forward>,
    attempt: u32,
}

fn case(guest: &'static str, definition: &'static str, node: &'static str, arguments: &'static str) -> Case {
    Case { guest, node: (definition, node), arguments, forward: None, attempt: 1 }
}

fn undo(mut of: Case, forward: Forward) -> Case {
    of.forward = Some(forward);
    of
}

fn attempt(of: Case, attempt: u32) -> Case {
    Case { attempt, ..of }
}

const ORDER: &str = r#"{"input":{"id":"o-1","sku":"tea","quantity":2,"card":"good"}}"#;
const EMPTY: &str = r#"{"input":{"id":"o-1","sku":"tea","quantity":0,"card":"good"}}"#;
const LARGE: &str = r#"{"input":{"id":"o-1","sku":"tea","quantity":101,"card":"good"}}"#;
const SHIP: &str =
    r#"{"input":{"id":"o-1","sku":"t","quantity":1,"card":"c"},"reserve":{"shelf":"T3","total_cents":1}}"#;
const NOWHERE: &str = r#"{"input":{"id":"o","sku":"t","quantity":1,"card":"c","address":"nowhere"},"reserve":{"shelf":"T3","total_cents":1}}"#;
const JOURNEY: &str = r#"{"input":{"to":"rome","nights":3,"card":"good","full":"car"}}"#;
const PAY: &str =
    r#"{"card":"good","flight":{"code":"f","cents":1},"hotel":{"code":"h","cents":2},"car":{"code":"c","cents":3}}"#;

fn cases() -> Vec<Case> {
    let reservation = || Forward::Completed(Json::parse(r#"{"shelf":"B4","total_cents":1}"#).unwrap());
    vec![
        case("hello", "hello", "greet", r#"{"name":"ada \" \u00e9 \ud83d\ude00"}"#),
        case("order", "order", "validate", ORDER),
        case("order", "order", "validate", EMPTY),
        case("order", "order", "validate", LARGE),
        case("order", "order", "reserve", r#"{"sku":"tea","validate":2,"delay_ms":null}"#),
        case("order", "order", "charge", r#"{"card":"good","cents":1180,"delay_ms":2}"#),
        case("order", "order", "charge", r#"{"card":"declined","cents":5}"#),
        case("order", "order", "ship", SHIP),
        case("order", "order", "ship", NOWHERE),
        undo(case("order", "order", "reserve", r#"{"output":{"shelf":"B4","total_cents":1}}"#), reservation()),
        undo(case("order", "order", "reserve", r#"{"output":null}"#), Forward::Unknown),
        undo(case("order", "order", "charge", r#"{"output":{"receipt":"r-5"}}"#), Forward::Unknown),
        undo(case("order", "order", "ship", r#"{"id":"o-1"}"#), Forward::Rejected(Failure::new("x", "y"))),
        undo(case("order", "order", "validate", "{}"), Forward::Unknown),
        case("order", "order", "nothing", "{}"),
        case("diamond", "diamond", "split", r#"{"fail":null}"#),
        case("diamond", "diamond", "left", r#"{"fail":"left"}"#),
        case("diamond", "diamond", "join", r#"{"left":"left","right":"right","fail":null}"#),
        undo(case("diamond", "diamond", "split", "{}"), Forward::Unknown),
        case("fan-out", "squares", "square", r#"{"item":3,"all":[3]}"#),
        case("fan-out", "squares", "square", r#"{"item":-3,"all":[3,-3]}"#),
        case("fan-out", "squares", "sum", r#"{"square":[1,4,9]}"#),
        undo(case("fan-out", "squares", "square", r#"{"item":3,"output":9}"#), Forward::Unknown),
        case("conditional", "booking", "note", r#"{"amount":5,"tenant":"t1"}"#),
        case("conditional", "booking", "note", r#"{"amount":5,"tenant":null}"#),
        case("conditional", "booking", "approve", r#"{"limit":1000}"#),
        case("conditional", "booking", "book", r#"{"note":5,"approve":"above 1000"}"#),
        case("conditional", "booking", "book", r#"{"note":5,"approve":null}"#),
        attempt(case("flaky", "flaky", "work", "{}"), 1),
        attempt(case("flaky", "flaky", "work", "{}"), 3),
        attempt(case("flaky", "flaky", "work", r#"{"succeeds_at":2}"#), 2),
        undo(case("flaky", "flaky", "work", r#"{"output":3}"#), Forward::Unknown),
        case("slow", "slow", "wait", r#"{"until_unix_ms":99999999999999}"#),
        case("slow", "slow", "wait", "{}"),
        case("slow", "slow", "sleep", r#"{"ms":5}"#),
        undo(case("slow", "slow", "wait", r#"{"output":true}"#), Forward::Unknown),
        case("noop-warm", "noop", "third", "{}"),
        case("stubborn", "stubborn", "refuse", "{}"),
        undo(case("stubborn", "stubborn", "open", r#"{"key":"right"}"#), Forward::Unknown),
        undo(case("stubborn", "stubborn", "open", r#"{"key":null}"#), Forward::Unknown),
        case("payment", "payment", "validate", r#"{"input":{"id":"p-1","merchant":"m","cents":5}}"#),
        case("payment", "payment", "validate", r#"{"input":{"id":"p-1","merchant":"m","cents":0}}"#),
        case("payment", "payment", "validate", r#"{"input":{"id":"p","merchant":"m","cents":5,"currency":"E"}}"#),
        case("payment", "payment", "authorise", r#"{"id":"p-1","cents":5,"validate":"EUR"}"#),
        case("payment", "payment", "authorise", r#"{"id":"p-1","cents":1000001,"validate":"EUR"}"#),
        case("payment", "payment", "settle", r#"{"merchant":"m","code":"EUR-p-1"}"#),
        case("payment", "payment", "settle", r#"{"merchant":"closed","code":"EUR-p-1"}"#),
        undo(case("payment", "payment", "authorise", r#"{"id":"p-1","output":null}"#), Forward::Unknown),
        case("travel", "travel", "flight", JOURNEY),
        case("travel", "travel", "hotel", JOURNEY),
        case("travel", "travel", "car", JOURNEY),
        undo(case("travel", "travel", "car", r#"{"output":{"code":"car-rome","cents":1}}"#), Forward::Unknown),
        case("travel", "travel", "pay", PAY),
        case("variables", "variables", "begin", r#"{"start":null,"tenant":"t1"}"#),
        case("variables", "variables", "begin", r#"{"start":7,"tenant":null}"#),
        case("variables", "variables", "count", r#"{"count":7,"by":2}"#),
        case("variables", "variables", "tell", "{}"),
        undo(case("variables", "variables", "begin", r#"{"cause":{"node":"tell"}}"#), Forward::Unknown),
    ]
}

#[tokio::test]
async fn twins_give_the_same_answers() {
    for Case { guest, node, arguments, forward, attempt } in cases() {
        let mut answers = Vec::new();
        for twin in [Guest::python(guest).await, Guest::rust(guest).await] {
            let call = twin.call(node.0, node.1, arguments);
            let operation = if forward.is_some() { Operation::Compensate } else { Operation::Run };
            let id = CallId { operation, attempt, ..call.id.clone() };
            let call = Call { id, forward: forward.clone(), ..call };
            let answer = sandbox().call(&call).await;
            answers.push((answer.outcome, answer.writes));
        }
        assert_eq!(answers[0], answers[1], "{guest} {node:?} {arguments}");
    }
}

#[tokio::test]
async fn an_argument_that_cannot_be_read_is_rejected_with_its_place() {
    let guest = Guest::python("order").await;
    let cases = [
        ("charge", r#"{"card":7,"cents":5}"#, "parameter `card`: expected a string, not the number 7"),
        ("charge", r#"{"cents":5}"#, "parameter `card`: expected a string, not null"),
        (
            "validate",
            r#"{"input":{"id":"o-1","sku":"tea","quantity":-1,"card":"good"}}"#,
            "parameter `input`: at /quantity: -1 is less than the minimum of 0",
        ),
        ("validate", r#"{"input":{"id":"o-1"}}"#, "parameter `input`: field `sku` is missing"),
    ];
    for (node, arguments, expected) in cases {
        let outcome = guest.run("order", node, arguments).await.outcome;
        let Outcome::Rejected(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((&*failure.code, &*failure.message), ("bad-argument", expected));
    }
}

#[tokio::test]
async fn an_exception_is_unknown_with_its_traceback() {
    let guest = Guest::python("flaky").await;
    let call = guest.call("flaky", "work", "{}");
    let second = Call { id: CallId { attempt: 2, ..call.id.clone() }, ..call };
    let outcome = sandbox().call(&second).await.outcome;
    let Outcome::Unknown { cause: UnknownCause::Guest, failure, after: None } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.to_string(), "`error`: ConnectionError: the line went dead");
    let details: serde_json::Value = failure.details.unwrap().read().unwrap();
    assert_eq!(details["exception"], "ConnectionError");
    let traceback = details["traceback"].as_str().unwrap();
    let source = include_str!("../../../guests/flaky/flaky.py");
    let line = 1 + source.lines().position(|line| line.contains("raise ConnectionError")).unwrap();
    assert!(traceback.contains(&format!("File \"flaky.py\", line {line}, in work")), "{traceback}");
    assert!(traceback.contains("raise ConnectionError(\"the line went dead\")"), "the source is shown: {traceback}");
    assert!(!traceback.contains("wasaga/"), "without frames of the SDK: {traceback}");
}

#[tokio::test]
async fn warm_instances_serve_many_calls_and_fresh_ones_one() {
    for (name, instances) in [("noop", 30), ("noop-warm", 1)] {
        let sandbox = {
            let cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules"));
            Sandbox::new(Settings { cache, calls_max: 4, ..Settings::default() }).unwrap()
        };
        let guest = Guest(sandbox.load(python(name)).await.unwrap());
        for _ in 0..30 {
            let outcome = sandbox.call(&guest.call("noop", "first", "{}")).await.outcome;
            assert_eq!(outcome, Outcome::Completed(Json::null()));
        }
        assert_eq!((sandbox.stats().calls, sandbox.stats().instances), (30, instances), "{name}");
    }
}

/// A sandbox whose guests have this much memory together.
async fn small(memory_bytes_max: u64, guest: &str) -> (Arc<Sandbox>, Guest) {
    let cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules"));
    let sandbox = Sandbox::new(Settings { cache, calls_max: 64, memory_bytes_max, ..Settings::default() }).unwrap();
    let guest = Guest(sandbox.load(python(guest)).await.unwrap());
    (Arc::new(sandbox), guest)
}

/// Makes a call this often at once; answers the outcomes, and the most memory that was set aside.
async fn at_once(sandbox: &Arc<Sandbox>, call: &Call, times: usize) -> (Vec<Outcome>, u64) {
    let one = |_| {
        let (sandbox, call) = (sandbox.clone(), call.clone());
        tokio::spawn(async move { sandbox.call(&call).await.outcome })
    };
    let calls: Vec<_> = (0..times).map(one).collect();
    let (mut outcomes, mut most) = (Vec::new(), 0);
    for mut call in calls {
        let outcome = loop {
            most = most.max(sandbox.stats().memory_bytes);
            tokio::select! {
                outcome = &mut call => break outcome.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        };
        outcomes.push(outcome);
    }
    (outcomes, most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_the_memory_holds_take_their_turn() {
    const MAX: u64 = 64 << 20;
    let (sandbox, guest) = small(MAX, "slow").await;
    let begun = Instant::now();
    let (outcomes, most) = at_once(&sandbox, &guest.call("slow", "sleep", r#"{"ms":100}"#), 12).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Completed(Json::parse("100").unwrap())), "{outcomes:?}");
    // An instance has some 14 MiB: of 64 three are had at once, and a quarter is kept for one that grows.
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    assert!(most > 3 * (10 << 20) && most <= MAX, "{most} bytes");
    assert_eq!(sandbox.stats().memory_bytes, 0, "all is given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_grow_do_not_wait_for_each_other_without_end() {
    let (sandbox, guest) = small(128 << 20, "hello").await;
    let name = "x".repeat(2 << 20);
    let call = guest.call("hello", "greet", &format!(r#"{{"name":"{name}"}}"#));
    let (outcomes, _) = at_once(&sandbox, &call, 24).await;
    let ended = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Completed(_))).count();
    assert_eq!(ended, 24, "{:?}", outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Completed(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_memory_until_its_deadline_has_done_nothing() {
    let (sandbox, guest) = small(24 << 20, "slow").await;
    let call = guest.call("slow", "sleep", r#"{"ms":1500}"#);
    let holder = tokio::spawn({
        let (sandbox, call) = (sandbox.clone(), call.clone());
        async move { sandbox.call(&call).await.outcome }
    });
    while sandbox.stats().memory_bytes == 0 {
        tokio::task::yield_now().await;
    }
    let late = Call { deadline: Timestamp::from_unix_us(now_us() + 200_000), ..call.clone() };
    let outcome = sandbox.call(&late).await.outcome;
    let Outcome::Retryable { failure, .. } = outcome else { panic!("{outcome:?}") };
    let told = failure.to_string();
    assert!(told.starts_with("`host-busy`: other calls had all memory for guests until its deadline: "), "{told}");
    assert!(told.ends_with("(start less at once, or allow more with `--guest-memory`)"), "{told}");
    assert!(matches!(holder.await.unwrap(), Outcome::Completed(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_instances_make_room_for_others() {
    let (sandbox, warm) = small(40 << 20, "noop_warm").await;
    let noop = Guest(sandbox.load(python("noop")).await.unwrap());
    let warm_call = warm.call("noop", "first", "{}");
    let (outcomes, _) = at_once(&sandbox, &warm_call, 20).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Completed(Json::null())), "{outcomes:?}");
    assert!(sandbox.stats().memory_bytes > 10 << 20, "some lie idle");
    let fresh = sandbox.call(&noop.call("noop", "first", "{}")).await.outcome;
    assert_eq!(fresh, Outcome::Completed(Json::null()), "they went for this one");
}

#[tokio::test]
async fn one_alone_may_have_no_more_than_all_together() {
    let (sandbox, guest) = small(32 << 20, "hostile").await;
    let outcome = sandbox.call(&guest.call("allocation-bomb", "work", "{}")).await.outcome;
    let Outcome::Unknown { failure, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, "out-of-memory", "{failure}");
}

/// What a hostile saga's step comes to: who does not know, the code, and a part of the message.
async fn check_hostile(saga: &str, limit_ms: u64, expected: (UnknownCause, &str, &str)) -> Failure {
    let guest = Guest::python("hostile").await;
    let call = guest.call(saga, "work", "{}");
    let fuel = if expected.0 == UnknownCause::Fuel { 50_000_000 } else { call.fuel };
    let call = Call { deadline: Timestamp::from_unix_us(now_us() + limit_ms * 1_000), fuel, ..call };
    let begun = Instant::now();
    let answer = sandbox().call(&call).await;
    let late = begun.elapsed().saturating_sub(Duration::from_millis(limit_ms));
    assert!(late < Duration::from_millis(200), "{saga} ended {late:?} after its deadline");
    let Outcome::Unknown { cause, failure, .. } = answer.outcome else { panic!("{saga}: {:?}", answer.outcome) };
    assert_eq!((cause, &*failure.code), (expected.0, expected.1), "{saga}: {failure}");
    assert!(failure.message.contains(expected.2), "{saga}: {failure}");
    assert!(answer.writes.is_empty(), "nothing of a call that did not succeed takes effect");
    let neighbour = guest.run("neighbour", "second", r#"{"first":1}"#).await;
    assert_eq!(neighbour.outcome, Outcome::Completed(Json::parse("2").unwrap()), "after {saga}");
    failure
}

#[tokio::test]
async fn what_is_raised_is_told() {
    let cases = [
        ("panic", "error", "KeyError: 'coffee'"),
        ("exit", "error", "SystemExit: 3 (a step ends by returning or raising"),
        ("interrupt", "error", "KeyboardInterrupt"),
        ("deep-recursion", "error", "RecursionError: maximum recursion depth exceeded"),
        ("native-recursion", "error", "RecursionError: maximum recursion depth exceeded"),
        ("ask", "error", "EOFError: EOF when reading a line (nobody is there to answer"),
        ("start-thread", "error", "can't start new thread (a component has one thread"),
        ("start-process", "error", "wasi does not support processes"),
        ("late-import", "error", "move the import to the top of the file"),
        ("open-file", "error", "a step has no files"),
        ("write-file", "error", "a step has no files"),
        ("open-socket", "error", "a step has no sockets"),
        ("raw-socket", "error", "PermissionError: [Errno 2] Permission denied (a step has no files and no sockets"),
        ("resolve", "error", "a step has no sockets"),
        ("never-awaited", "error", "it waits for something that can never happen"),
        (
            "not-a-number",
            "bad-output",
            "what `NotANumber.work` returned cannot be its answer: at /shares/1: nan is no number in JSON",
        ),
        ("binary", "bad-output", "at /label/png: bytes have no form in JSON (use str"),
        ("cycle", "bad-output", "at /chain/1: the list contains itself"),
        ("huge-number", "bad-output", "a number in it cannot be written: Exceeds the limit (4300 digits)"),
        ("lazy", "bad-output", "a generator is no value yet (make a list of it)"),
        ("half-character", "bad-output", "half a character"),
        ("wrong-type", "bad-output", "at /1: expected an int, not the str '2'"),
    ];
    for (saga, code, message) in cases {
        let failure = check_hostile(saga, 9_000, (UnknownCause::Guest, code, message)).await;
        println!("{saga}: {failure}");
    }
}

#[tokio::test]
async fn what_ends_its_instance_is_told() {
    check_hostile("hard-exit", 9_000, (UnknownCause::Trap, "exited", "it left its process, as a failure")).await;
    check_hostile("abort", 9_000, (UnknownCause::Trap, "trap", "it aborted")).await;
    check_hostile("deep-output", 9_000, (UnknownCause::Trap, "stack-overflow", "nested too deeply")).await;
}

#[tokio::test]
async fn what_never_ends_is_stopped() {
    check_hostile("busy-loop", 300, (UnknownCause::Deadline, "timed-out", "stopped at its deadline")).await;
    check_hostile("sleeper", 300, (UnknownCause::Deadline, "timed-out", "")).await;
    check_hostile("endless-stderr", 300, (UnknownCause::Deadline, "timed-out", "")).await;
    check_hostile("log-flood", 300, (UnknownCause::Deadline, "timed-out", "")).await;
    check_hostile("fuel-eater", 9_000, (UnknownCause::Fuel, "out-of-fuel", "used up its fuel")).await;
}

#[tokio::test]
async fn too_much_is_refused() {
    check_hostile("allocation-bomb", 9_000, (UnknownCause::Guest, "out-of-memory", "more memory than it may have"))
        .await;
    check_hostile("huge-output", 9_000, (UnknownCause::Answer, "too-large", "larger than 8.0 MiB")).await;
    check_hostile("variable-flood", 9_000, (UnknownCause::Trap, "too-much", "1024 KiB at most")).await;
}

#[tokio::test]
async fn what_is_printed_and_what_is_broken_stays_within_its_call() {
    let guest = Guest::python("hostile").await;
    let printed = guest.run("megabyte", "work", "{}").await.outcome;
    assert_eq!(printed, Outcome::Completed(Json::parse("1048576").unwrap()));
    let vandal = guest.run("vandal", "work", "{}").await.outcome;
    assert_eq!(vandal, Outcome::Completed(Json::parse("\"work\"").unwrap()));
    let neighbour = guest.run("neighbour", "first", "{}").await.outcome;
    assert_eq!(neighbour, Outcome::Completed(Json::parse("1").unwrap()));
}
