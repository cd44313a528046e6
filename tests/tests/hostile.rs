//! Every hostile guest ends as an outcome of its step within its deadline plus 100 ms, while another
//! saga in the same host goes on undisturbed (invariant I7).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wasaga_core::{Json, Status};
use wasaga_engine::{Builder, Engine, StartRequest};
use wasaga_journal::memory::Memory;
use wasaga_sandbox::{Sandbox, Settings};
use wasaga_tests::guest;

/// Beyond a deadline a guest is stopped within this.
const GRACE: Duration = Duration::from_millis(100);

async fn engine() -> Engine {
    let sandbox = Sandbox::new(Settings { calls_max: 32, ..Settings::default() }).unwrap();
    Builder::new(Arc::new(Memory::new()), sandbox).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_outlives_its_deadline_and_a_neighbour_goes_on() {
    let engine = engine().await;
    let module = engine.add_module(std::fs::read(guest("hostile")).unwrap().into()).await.unwrap();
    let request = |name: &str| StartRequest::new(module.digest, name.into(), Json::parse("{}").unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let neighbour = tokio::spawn({
        let (engine, over, request) = (engine.clone(), over.clone(), request("neighbour"));
        async move {
            let (mut done, mut longest) = (0u32, Duration::ZERO);
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let started = engine.start(request.clone()).await.unwrap();
                assert_eq!(engine.wait(started.id).await.unwrap().status, Status::Completed);
                longest = longest.max(began.elapsed());
                done += 1;
            }
            (done, longest)
        }
    });
    // The saga, its step's deadline in milliseconds (none where something else stops it first), its cause.
    let cases = [
        ("busy-loop", Some(300), "deadline"),
        ("fuel-eater", None, "fuel"),
        ("busy-compensation", Some(300), "deadline"),
        ("allocation-bomb", None, "memory"),
        ("deep-recursion", None, "trap"),
        ("panic", None, "trap"),
        ("exit", None, "trap"),
        ("huge-output", None, "answer"),
        ("endless-stderr", Some(300), "deadline"),
        ("sleeper", Some(300), "deadline"),
        ("log-flood", Some(300), "deadline"),
        ("variable-flood", Some(5_000), "guest"),
    ];
    for (name, deadline_ms, cause) in cases {
        let began = Instant::now();
        let started = engine.start(request(name)).await.unwrap();
        let report = engine.wait(started.id).await.unwrap();
        let took = began.elapsed();
        let records = engine.journal().load(started.id).await.unwrap().unwrap().records;
        let causes: Vec<&str> = records
            .iter()
            .filter_map(|record| match &record.fact {
                wasaga_core::Fact::Unknown { cause, .. } => Some(cause.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(causes, [cause], "{name}: {report:?}");
        let expected = if name == "busy-compensation" { Status::Stuck } else { Status::Compensated };
        assert_eq!(report.status, expected, "{name}");
        let limit = Duration::from_millis(deadline_ms.unwrap_or(10_000)) + GRACE;
        assert!(took <= limit, "{name} took {took:?} with a deadline of {deadline_ms:?} ms");
    }
    over.store(true, Ordering::Relaxed);
    let (done, longest) = neighbour.await.unwrap();
    assert!(done > 100, "the neighbour ran {done} times, at most {longest:?} each");
    assert!(longest < Duration::from_secs(1), "the neighbour waited {longest:?}");
}
