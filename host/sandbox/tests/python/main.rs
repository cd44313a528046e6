//! Python guests in the real sandbox, beside their Rust twins: the same definitions, the same answers,
//! and an outcome that a Python programmer understands for everything that a guest should not do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasaga_core::{
    Answer, Call, CallId, Failure, IdempotencyKey, Json, Operation, Origin, Outcome, Timestamp, TransactionId,
    UnknownCause,
};
use wasaga_sandbox::Module;
use wasaga_sandbox::{Sandbox, Settings};

mod twins;

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
fn sandbox() -> &'static Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
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
            key: IdempotencyKey::of("test", Origin::Transaction(transaction), node, None, "run"),
            deadline: Timestamp::from_unix_us(now_us() + 10_000_000),
            fuel: 1_000_000_000_000,
            memory_bytes: 128 << 20,
            arguments: Json::parse(arguments).unwrap().into(),
            forward: None,
            headers: Arc::default(),
            variables: Arc::default(),
            until: None,
            token: None,
            last_failure: None,
        }
    }

    async fn run(&self, definition: &str, node: &str, arguments: &str) -> Answer {
        sandbox().call(&self.call(definition, node, arguments)).await
    }
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
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
    let source = include_str!("../../../../guests/flaky/flaky.py");
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
    (sandbox, guest)
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
        ("raw-socket", "error", "PermissionError: a step has no sockets (use `wasaga.http`"),
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
    check_hostile("variable-flood", 9_000, (UnknownCause::Guest, "too-much", "1.0 MiB at most")).await;
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
