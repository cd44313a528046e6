//! Allocations of a warm call are counted, not timed. More of them than now is a decision, made here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use wasaga_core::{Call, CallId, IdempotencyKey, Json, Operation, Origin, Outcome, Timestamp, TransactionId};
use wasaga_engine::port::Guest as _;
use wasaga_sandbox::{Module, Sandbox, Settings};

/// The texts of the call as the guest is given them, the answer's text, the call's future, and what
/// wasmtime needs of its own.
const WARM_MAX: u64 = 6;

async fn warm() -> (Arc<Sandbox>, Module, Arc<Call>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm32-wasip2/guest/guest_noop_warm.wasm");
    let bytes =
        std::fs::read(&path).unwrap_or_else(|_| panic!("`{}` is missing (run `cargo xtask guests`)", path.display()));
    let sandbox = Sandbox::new(Settings { calls_max: 4, ..Settings::default() }).unwrap();
    let module = sandbox.load(bytes.into()).await.unwrap();
    let transaction = TransactionId::from_u128(5);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let call = Call {
        id: CallId { node: "first".into(), item: None, operation: Operation::Run, attempt: 1 },
        transaction,
        definition: "noop".into(),
        module: module.digest,
        key: IdempotencyKey::of("test", Origin::Transaction(transaction), "first", None, "run"),
        deadline: Timestamp::from_unix_us(now + 600_000_000),
        fuel: 1_000_000_000,
        memory_bytes: 64 << 20,
        arguments: Json::parse("{}").unwrap().into(),
        forward: None,
        headers: Default::default(),
        variables: Default::default(),
        until: None,
        token: None,
        last_failure: None,
    };
    (sandbox, module, Arc::new(call))
}

#[test]
fn a_warm_call_makes_few_allocations() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sandbox, module, call) = runtime.block_on(warm());
    for _ in 0..3 {
        let answer = runtime.block_on(module.call(call.clone())).unwrap();
        assert!(matches!(answer.outcome, Outcome::Completed(_)), "{answer:?}");
    }
    let instances = sandbox.stats().instances;
    let counted = allocation_counter::measure(|| drop(runtime.block_on(module.call(call.clone()))));
    println!("a warm call: {} allocations, {} bytes", counted.count_total, counted.bytes_total);
    assert_eq!(sandbox.stats().instances, instances, "it was a warm one");
    assert!(counted.count_total <= WARM_MAX, "{counted:?}");
    assert_eq!(counted.count_current, 0, "nothing is kept: {counted:?}");
}
