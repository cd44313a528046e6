//! Real guests in the real sandbox: what they answer, and what becomes of those that do not behave.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasaga_core::definition::Definition;
use wasaga_core::{
    Answer, Call, CallId, Digest, Forward, IdempotencyKey, Json, Operation, Origin, Outcome, Timestamp, TransactionId,
    UnknownCause,
};
use wasaga_engine::port::LoadError;
use wasaga_sandbox::{Module, Sandbox, Settings};

fn file(guest: &str) -> Arc<[u8]> {
    let name = format!("guest_{}.wasm", guest.replace('-', "_"));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm32-wasip2/guest").join(name);
    let missing = |error| panic!("{}: {error} (run `cargo xtask guests` first)", path.display());
    std::fs::read(&path).unwrap_or_else(missing).into()
}

fn sandbox() -> Arc<Sandbox> {
    Sandbox::new(Settings { calls_max: 64, ..Settings::default() }).unwrap()
}

struct Guest {
    sandbox: Arc<Sandbox>,
    module: Module,
}

impl Guest {
    async fn load(name: &str) -> Self {
        let sandbox = sandbox();
        let module = sandbox.load(file(name)).await.unwrap();
        Self { sandbox, module }
    }

    fn call(&self, definition: &str, node: &str, arguments: &str) -> Call {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        let transaction = TransactionId::from_u128(5);
        Call {
            id: CallId { node: node.into(), item: None, operation: Operation::Run, attempt: 1 },
            transaction,
            definition: definition.into(),
            module: self.module.digest,
            key: IdempotencyKey::of("test", Origin::Transaction(transaction), node, None, "run"),
            deadline: Timestamp::from_unix_us(now + 10_000_000),
            fuel: 1_000_000_000_000,
            memory_bytes: 64 << 20,
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
        self.sandbox.call(&self.call(definition, node, arguments)).await
    }
}

fn completed(answer: &Answer) -> &str {
    match &answer.outcome {
        Outcome::Completed(output) => output.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_guest_describes_itself_and_answers() {
    let guest = Guest::load("order").await;
    let description = &guest.module.description;
    assert_eq!((&*description.name, description.calls_per_instance), ("guest-order", 1));
    let answer = guest.run("order", "reserve", r#"{"sku":"tea","validate":2,"delay_ms":null}"#).await;
    assert_eq!(completed(&answer), r#"{"shelf":"T3","total_cents":1180}"#);
    assert!(answer.usage.fuel > 1_000 && answer.usage.memory_bytes > 64 << 10, "{:?}", answer.usage);
    let refused = guest.run("order", "charge", r#"{"card":"declined","cents":5}"#).await.outcome;
    let Outcome::Rejected(failure) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.to_string(), "`card-declined`: the card was declined");
    let wrong = guest.run("order", "charge", r#"{"card":7,"cents":5}"#).await.outcome;
    let Outcome::Rejected(failure) = wrong else { panic!("{wrong:?}") };
    assert!(failure.message.starts_with("parameter `card`: invalid type: integer `7`, expected a string"), "{failure}");
}

#[tokio::test]
async fn a_compensation_is_told_what_is_known() {
    let guest = Guest::load("order").await;
    let undo = |forward, arguments: &str| {
        let call = guest.call("order", "reserve", arguments);
        Call { id: CallId { operation: Operation::Compensate, ..call.id.clone() }, forward: Some(forward), ..call }
    };
    let known = undo(Forward::Completed(Json::null()), r#"{"output":{"shelf":"B4","total_cents":1}}"#);
    assert_eq!(completed(&guest.sandbox.call(&known).await), "\"B4\"");
    let unknown = undo(Forward::Unknown, r#"{"output":null}"#);
    assert_eq!(completed(&guest.sandbox.call(&unknown).await), "null");
    // U9: input and output may be larger together than one of them may be; what could be stored can be undone.
    let more = "x".repeat(10 << 20);
    let large = format!(r#"{{"output":{{"shelf":"B4","total_cents":1}},"more":"{more}"}}"#);
    let large = undo(Forward::Completed(Json::null()), &large);
    assert_eq!(completed(&guest.sandbox.call(&large).await), "\"B4\"");
}

#[tokio::test]
async fn a_participant_is_tried_confirmed_and_cancelled() {
    let guest = Guest::load("transfer").await;
    let Definition::Tcc(tcc) = &guest.module.description.definitions[0] else { panic!("it is a TCC") };
    let members: Vec<_> = tcc.participants.iter().map(|of| (&*of.id, of.order, of.optional)).collect();
    assert_eq!(members, [("debit", 1, false), ("credit", 2, false)]);
    assert_eq!(tcc.deadline, Some(60_000));
    let retry = tcc.participants[0].confirm_limits.retry.unwrap();
    assert_eq!((retry.max_attempts, retry.initial_delay), (None, Some(100)), "what it does not say is the host's");
    let ask = |operation, node: &str, forward, arguments: &str| {
        let call = guest.call("transfer", node, arguments);
        Call { id: CallId { operation, ..call.id.clone() }, forward, ..call }
    };
    let arguments = r#"{"from":"ada","to":"wall","cents":500,"delay_ms":null}"#;
    let tried = guest.sandbox.call(&ask(Operation::Try, "debit", None, arguments)).await;
    assert_eq!(completed(&tried), r#"{"hold":"ada-500","cents":500}"#);
    let hold = || Some(Forward::Completed(Json::parse(r#"{"hold":"ada-500","cents":500}"#).unwrap()));
    let confirmed = guest.sandbox.call(&ask(Operation::Confirm, "debit", hold(), arguments)).await;
    assert_eq!(completed(&confirmed), "500");
    let refused = guest.sandbox.call(&ask(Operation::Confirm, "credit", hold(), arguments)).await;
    assert!(matches!(refused.outcome, Outcome::Rejected(_)), "{refused:?}");
    for (forward, expected) in [(hold(), "\"ada-500\""), (Some(Forward::Unknown), "null")] {
        let cancelled = guest.sandbox.call(&ask(Operation::Cancel, "debit", forward, arguments)).await;
        assert_eq!(completed(&cancelled), expected);
    }
    let nobody = guest.sandbox.call(&ask(Operation::Try, "nobody", None, "{}")).await.outcome;
    let Outcome::Rejected(failure) = nobody else { panic!("{nobody:?}") };
    assert_eq!(failure.to_string(), "`no-such-participant`: tcc `transfer` has no participant `nobody`");
}

/// A module of TCCs that lost the interface it answers with.
#[tokio::test]
async fn a_module_that_describes_what_it_cannot_answer_for_is_told() {
    let bytes = renamed(&file("transfer"), b"wasaga:guest/participant@", b"wasaga:guest/participanx@");
    let told = refused(bytes).await.to_string();
    let expected = "it describes tcc `transfer` and does not export `wasaga:guest/participant@0.1.0` (build it anew";
    assert!(told.contains(expected), "{told}");
    let bytes = renamed(&file("order"), b"wasaga:guest/compensation@", b"wasaga:guest/compensatiox@");
    let told = refused(bytes).await.to_string();
    assert!(told.contains("it does not export `wasaga:guest/compensation@0.1.0`"), "{told}");
}

fn renamed(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while let Some(place) = bytes.windows(old.len()).position(|window| window == old) {
        bytes[place..place + new.len()].copy_from_slice(new);
    }
    bytes
}

#[tokio::test]
async fn writes_come_with_success_alone() {
    let guest = Guest::load("conditional").await;
    let noted = guest.run("booking", "note", r#"{"amount":5,"tenant":"t1"}"#).await;
    assert_eq!(completed(&noted), "5");
    let (name, value) = &noted.writes.variables[0];
    assert_eq!((name.as_str(), value.as_str()), ("limit", "1000"));
    let (name, value) = &noted.writes.headers[0];
    assert_eq!((name.as_str(), &**value), ("booked-by", "t1"));
    let guest = Guest::load("fan-out").await;
    let published = guest.run("squares", "square", r#"{"item":3,"all":[3]}"#).await;
    assert_eq!(published.writes.published[0].payload.as_str(), "9");
    let refused = guest.run("squares", "square", r#"{"item":-3,"all":[3]}"#).await;
    assert!(matches!(refused.outcome, Outcome::Rejected(_)) && refused.writes.is_empty());
}

#[tokio::test]
async fn an_untyped_error_is_unknown_and_a_typed_one_says_when() {
    let guest = Guest::load("flaky").await;
    let attempt = |n| {
        let call = guest.call("flaky", "work", "{}");
        Call { id: CallId { attempt: n, ..call.id.clone() }, ..call }
    };
    let first = guest.sandbox.call(&attempt(1)).await.outcome;
    assert!(matches!(&first, Outcome::Retryable { after: Some(30), .. }), "{first:?}");
    let second = guest.sandbox.call(&attempt(2)).await.outcome;
    let Outcome::Unknown { cause: UnknownCause::Guest, failure, after: None } = second else { panic!("{second:?}") };
    assert_eq!(failure.to_string(), "`error`: the line went dead");
    assert_eq!(completed(&guest.sandbox.call(&attempt(3)).await), "3");
    let slow = Guest::load("slow").await;
    let pending = slow.run("slow", "wait", r#"{"until_unix_ms":99999999999999}"#).await.outcome;
    assert_eq!(pending, Outcome::Pending { poll: 20, token: None });
}

#[tokio::test]
async fn warm_instances_serve_many_calls_and_fresh_ones_one() {
    for (name, instances) in [("noop", 30), ("noop-warm", 1)] {
        let guest = Guest::load(name).await;
        for _ in 0..30 {
            assert_eq!(completed(&guest.run("noop", "first", "{}").await), "null");
        }
        assert_eq!((guest.sandbox.stats().calls, guest.sandbox.stats().instances), (30, instances), "{name}");
    }
}

/// What a hostile saga's step comes to: its cause, its code, and a part of its message.
async fn check_hostile(saga: &str, limit_ms: u64, expected: (UnknownCause, &str, &str)) -> Answer {
    let guest = Guest::load("hostile").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let call = guest.call(saga, "work", "{}");
    let fuel = if expected.0 == UnknownCause::Fuel { 5_000_000 } else { call.fuel };
    let memory_bytes = if expected.1 == "too-large" { 256 << 20 } else { call.memory_bytes };
    let call = Call { deadline: Timestamp::from_unix_us(now + limit_ms * 1_000), fuel, memory_bytes, ..call };
    let begun = Instant::now();
    let answer = guest.sandbox.call(&call).await;
    let late = begun.elapsed().saturating_sub(Duration::from_millis(limit_ms));
    assert!(late < Duration::from_millis(100), "{saga} ended {late:?} after its deadline");
    let Outcome::Unknown { cause, failure, .. } = &answer.outcome else { panic!("{saga}: {:?}", answer.outcome) };
    assert_eq!((*cause, &*failure.code), (expected.0, expected.1), "{saga}: {failure}");
    assert!(failure.message.contains(expected.2), "{saga}: {failure}");
    assert!(answer.writes.is_empty(), "nothing of a call that did not succeed takes effect");
    let neighbour = guest.run("neighbour", "second", r#"{"first":1}"#).await;
    assert_eq!(completed(&neighbour), "2", "after {saga}");
    answer
}

#[tokio::test]
async fn a_busy_loop_ends_at_its_deadline() {
    check_hostile("busy-loop", 300, (UnknownCause::Deadline, "timed-out", "stopped at its deadline")).await;
}

#[tokio::test]
async fn a_busy_loop_ends_with_its_fuel() {
    let answer = check_hostile("fuel-eater", 9_000, (UnknownCause::Fuel, "out-of-fuel", "used up its fuel")).await;
    assert_eq!(answer.usage.fuel, 5_000_000);
}

#[tokio::test]
async fn a_sleeper_ends_at_its_deadline() {
    check_hostile("sleeper", 300, (UnknownCause::Deadline, "timed-out", "")).await;
}

#[tokio::test]
async fn endless_output_ends_at_its_deadline() {
    check_hostile("endless-stderr", 300, (UnknownCause::Deadline, "timed-out", "")).await;
    check_hostile("log-flood", 300, (UnknownCause::Deadline, "timed-out", "")).await;
}

#[tokio::test]
async fn an_allocation_bomb_is_out_of_memory() {
    let bomb =
        check_hostile("allocation-bomb", 9_000, (UnknownCause::Memory, "out-of-memory", "64.0 MiB are allowed")).await;
    assert!(bomb.usage.memory_bytes <= 64 << 20, "{:?}", bomb.usage);
}

#[tokio::test]
async fn deep_recursion_overflows_its_own_stack() {
    let answer = check_hostile("deep-recursion", 9_000, (UnknownCause::Trap, "stack-overflow", "too deeply")).await;
    let Outcome::Unknown { failure, .. } = answer.outcome else { panic!() };
    assert!(failure.details.unwrap().as_str().contains("recurse"), "the backtrace names the function");
}

#[tokio::test]
async fn a_panic_is_told_with_its_message_and_its_place() {
    let answer = check_hostile("panic", 9_000, (UnknownCause::Trap, "trap", "there is always something")).await;
    let Outcome::Unknown { failure, .. } = answer.outcome else { panic!() };
    assert!(failure.message.contains("guests/hostile/src/lib.rs:"), "{failure}");
    let details = failure.details.unwrap();
    assert!(details.as_str().contains("hostile::panic") && !details.as_str().contains("rust_panic"), "{details}");
}

#[tokio::test]
async fn an_exit_is_an_outcome() {
    check_hostile("exit", 9_000, (UnknownCause::Trap, "exited", "as a failure")).await;
}

#[tokio::test]
async fn too_large_an_answer_is_refused() {
    check_hostile("huge-output", 9_000, (UnknownCause::Answer, "too-large", "larger than 8.0 MiB")).await;
}

#[tokio::test]
async fn too_many_writes_are_refused() {
    check_hostile("variable-flood", 9_000, (UnknownCause::Guest, "too-much", "1.0 MiB at most")).await;
    check_hostile("variable-specks", 9_000, (UnknownCause::Guest, "too-much", "`set-variable`: one call writes")).await;
    check_hostile("event-flood", 9_000, (UnknownCause::Guest, "too-much", "`publish`: one call writes")).await;
    check_hostile("header-flood", 9_000, (UnknownCause::Guest, "too-much", "`set-header`: a transaction has")).await;
}

#[tokio::test]
async fn what_cannot_be_written_is_answered_and_the_call_goes_on() {
    let guest = Guest::load("hostile").await;
    let answer = guest.run("bad-writes", "work", "{}").await;
    let mut codes = vec!["invalid"; 12];
    codes[7] = "too-much";
    codes.push("written");
    assert_eq!(completed(&answer), serde_json::to_string(&codes).unwrap());
    assert_eq!(answer.writes.variables.len(), 1, "what was valid is there");
    assert!(answer.writes.headers.is_empty() && answer.writes.published.is_empty());
    let call = guest.call("log-fields", "work", "{}");
    let answer = guest.sandbox.call(&Call { fuel: 1_000_000_000, ..call }).await;
    assert_eq!(completed(&answer), "100000");
}

#[tokio::test]
async fn a_guest_that_spins_does_not_stop_its_neighbours() {
    let guest = Arc::new(Guest::load("hostile").await);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let deadline = Timestamp::from_unix_us(now + 1_000_000);
    let spinning: Vec<_> = (0..4)
        .map(|_| {
            let guest = guest.clone();
            tokio::spawn(async move {
                let call = Call { deadline, ..guest.call("busy-loop", "work", "{}") };
                guest.sandbox.call(&call).await
            })
        })
        .collect();
    let mut served = 0;
    while !spinning.iter().any(|task| task.is_finished()) {
        assert_eq!(completed(&guest.run("neighbour", "first", "{}").await), "1");
        served += 1;
    }
    assert!(served >= 10, "{served} calls were served beside four that spin on one thread");
}

#[tokio::test]
async fn a_poisoned_instance_is_thrown_away() {
    let guest = Guest::load("noop-warm").await;
    assert_eq!(completed(&guest.run("noop", "first", "{}").await), "null");
    let starved = Call { fuel: 10, ..guest.call("noop", "first", "{}") };
    assert!(matches!(guest.sandbox.call(&starved).await.outcome, Outcome::Unknown { cause: UnknownCause::Fuel, .. }));
    assert_eq!(completed(&guest.run("noop", "first", "{}").await), "null");
    assert_eq!(guest.sandbox.stats().instances, 2);
}

async fn refused(bytes: impl Into<Arc<[u8]>>) -> LoadError {
    sandbox().load(bytes.into()).await.unwrap_err()
}

/// The same module with another version of the contract.
fn of_version(version: &str) -> Vec<u8> {
    let mut bytes = file("hello").to_vec();
    let (old, new) = (b"@0.1.0", format!("@{version}").into_bytes());
    let name = b"wasaga:guest/";
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(name.len()).position(|window| window == name) {
        at += found + name.len();
        let end = bytes[at..].len().min(20);
        if let Some(place) = bytes[at..at + end].windows(old.len()).position(|window| window == old) {
            bytes[at + place..at + place + new.len()].copy_from_slice(&new);
        }
    }
    bytes
}

/// Versions 0.1.x are one: what a later SDK built runs where it asks for nothing that this host does not have.
#[tokio::test]
async fn a_later_version_of_the_same_line_runs_or_says_what_it_wants() {
    let sandbox = sandbox();
    let module = sandbox.load(of_version("0.1.9").into()).await.unwrap();
    let guest = Guest { sandbox, module };
    assert_eq!(completed(&guest.run("hello", "greet", r#"{"name":"ada"}"#).await), "\"hello, ada\"");
    let later = renamed(&file("caller"), b"wasaga:guest/config@", b"wasaga:guest/confix@");
    let told = refused(later).await.to_string();
    assert!(
        told.starts_with("it uses `confix` of the contract `wasaga:guest@0.1.0` in a way that this host"),
        "{told}"
    );
    assert!(told.ends_with("(update the host)"), "{told}");
}

#[tokio::test]
async fn what_is_no_module_is_told_with_a_remedy() {
    let cases: [(Vec<u8>, &str); 8] = [
        (vec![], "it is empty (was it copied whole?)"),
        (b"hello".to_vec(), "it is not WebAssembly (give a component"),
        (wat::parse_str("(module)").unwrap(), "it is a core WebAssembly module, not a component (build it with"),
        (
            wat::parse_str("(component)").unwrap(),
            "it does not export `wasaga:guest/metadata@0.1.0` (write it with the SDK",
        ),
        (b"\x7fELF\x02\x01\x01".to_vec(), "it is native code, perhaps a precompiled component, which is never taken"),
        (file("hello")[..90_000].to_vec(), "it is not a valid component: "),
        (
            of_version("9.9.9"),
            "it speaks version 9.9.9 of the contract `wasaga:guest`, and this host 0.1.0 (update the host, or build it",
        ),
        (wat::parse_str("(component (import \"acme:shop/db@1.0.0\" (instance)))").unwrap(), "it does not export"),
    ];
    for (bytes, expected) in cases {
        let told = refused(bytes).await.to_string();
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn a_description_that_never_ends_or_traps_is_told() {
    let begun = Instant::now();
    let never = refused(file("hostile-init")).await.to_string();
    assert!(never.contains("it did not say what it is within 10 s") || never.contains("`out-of-fuel`"), "{never}");
    // Ten seconds, and what compiling takes on a machine that is busy.
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let traps = refused(file("hostile-describe")).await.to_string();
    assert!(traps.contains("it failed to say what it is: `trap`: it panicked: I would rather not say"), "{traps}");
}

#[tokio::test]
async fn compiled_modules_are_kept_and_checked() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("modules");
    let open = || Sandbox::new(Settings { cache: Some(cache.clone()), calls_max: 8, ..Settings::default() }).unwrap();
    let compiled = async || {
        let sandbox = open();
        sandbox.load(file("hello")).await.unwrap();
        sandbox.stats().compiled
    };
    assert_eq!(compiled().await, 1);
    assert_eq!(compiled().await, 0, "the second process finds it");
    let kept: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    let artefact = kept.iter().find(|path| path.extension().is_some_and(|e| e == "cwasm")).unwrap();
    let mut bytes = std::fs::read(artefact).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(artefact, bytes).unwrap();
    assert_eq!(compiled().await, 1, "a damaged one is compiled anew");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(Digest::of(&file("hello")), open().load(file("hello")).await.unwrap().digest);
}

/// S12: whoever asks for a module at once, with a directory of compiled ones and without.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_module_is_compiled_once_whoever_asks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    for cache in [None, Some(directory.path().to_owned())] {
        let sandbox = Sandbox::new(Settings { calls_max: 4, cache, ..Settings::default() }).unwrap();
        let bytes = file("hello");
        let load = || {
            let (sandbox, bytes) = (sandbox.clone(), bytes.clone());
            tokio::spawn(async move { sandbox.load(bytes).await.unwrap() })
        };
        let mut modules = Vec::new();
        for task in [load(), load(), load(), load()] {
            modules.push(task.await.unwrap());
        }
        assert_eq!((modules.len(), sandbox.stats().compiled), (4, 1));
    }
}
