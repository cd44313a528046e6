//! The engine with TCCs: driven to their ends, by operators, and resumed after every record on every journal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the support")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use support::*;
use wasaga_core::definition::{self, CompensationPolicy};
use wasaga_core::{Call, Decided, Operation, Outcome, Report, Status, Summary, TransactionId};
use wasaga_engine::clock::Virtual;
use wasaga_engine::{Builder, Engine, StartRequest};
use wasaga_journal::Journal;
use wasaga_journal::memory::Memory;

async fn on(guests: &Arc<Scripted>) -> Engine {
    let world = Arc::new(Virtual::new(7));
    Builder::new(Arc::new(Memory::new()), Arc::new(Loader(guests.clone())))
        .defaults(quick())
        .world(world)
        .start()
        .await
        .unwrap()
}

fn in_turn() -> definition::Tcc {
    tcc(vec![participant("a", 1), participant("b", 2), participant("c", 3)])
}

fn wrapped() -> definition::Tcc {
    tcc(vec![participant("a", 1), optional("b", 1), participant("c", 1)])
}

fn refuses_to_be_tried(call: &Call) -> (Duration, Outcome) {
    match (&*call.id.node, call.id.operation) {
        ("b", Operation::Try) => (MOMENT, rejected()),
        _ => (MOMENT, done()),
    }
}

fn refuses_to_confirm(call: &Call) -> (Duration, Outcome) {
    match (&*call.id.node, call.id.operation) {
        ("b", Operation::Confirm) => (MOMENT, rejected()),
        _ => (MOMENT, done()),
    }
}

#[tokio::test(start_paused = true)]
async fn n_participants_in_turn_cost_2n_and_one_appends() {
    let guests = Scripted::new(in_turn(), all_done);
    let engine = on(&guests).await;
    let report = run(&engine).await;
    assert_eq!((report.status, report.decision), (Status::Confirmed, Some(Decided::Confirm)));
    assert_eq!(guests.calls(), ["a try 1", "b try 1", "c try 1", "a confirm 1", "b confirm 1", "c confirm 1"]);
    let stats = engine.stats();
    assert_eq!((stats.appends, stats.calls, stats.confirmed, stats.alarms), (7, 6, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn participants_of_equal_order_run_side_by_side() {
    let guests = Scripted::new(tcc(vec![participant("a", 0), participant("b", 0), participant("c", 0)]), all_done);
    let report = run(&on(&guests).await).await;
    assert_eq!(report.status, Status::Confirmed);
    assert_eq!(guests.diary.lock().most_in_flight, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_cancelled_and_an_optional_one_alone() {
    let guests = Scripted::new(in_turn(), refuses_to_be_tried);
    let engine = on(&guests).await;
    let report = run(&engine).await;
    assert_eq!((report.status, report.cancelled), (Status::Cancelled, vec!["a".into(), "b".to_owned()]));
    assert_eq!(guests.calls(), ["a try 1", "b try 1", "b cancel 1", "a cancel 1"]);
    assert_eq!(engine.stats().cancelled, 1);

    let report = run(&on(&Scripted::new(wrapped(), refuses_to_be_tried)).await).await;
    assert_eq!((report.status, report.cancelled), (Status::Confirmed, vec!["b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_confirm_that_refuses_is_stuck_after_the_hosts_budget_until_an_operator_sees_to_it() {
    let guests = Scripted::new(in_turn(), refuses_to_confirm);
    let engine = on(&guests).await;
    let id = engine.start(request(&engine).await).await.unwrap().id;
    let report = engine.wait(id).await.unwrap();
    assert_eq!((report.status, report.stuck), (Status::Stuck, vec!["b".to_owned()]));
    // Of the first refusal, the third, and that it is stuck.
    assert_eq!((engine.stats().alarms, engine.stats().stuck), (3, 1));
    assert_eq!(guests.calls().iter().filter(|call| call.starts_with("b confirm")).count(), 70);
    assert!(guests.calls().iter().all(|call| !call.contains("cancel")));
    engine.cancel(id, operator()).await.unwrap_err();
    engine.patch(id, "b", json("{}"), operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Stuck);
    engine.retry(id, Some("b"), operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Stuck);
    engine.skip(id, "b", operator()).await.unwrap();
    let report = engine.wait(id).await.unwrap();
    assert_eq!((report.status, report.given_up), (Status::Confirmed, vec!["b".to_owned()]));
    assert_eq!(report.confirmed, ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn operators_cancel_pause_resume_and_terminate() {
    let guests = Scripted::new(in_turn(), |_| (Duration::from_secs(1), done()));
    let engine = on(&guests).await;
    let start = async || {
        let id = engine.start(request(&engine).await).await.unwrap().id;
        tokio::time::sleep(MOMENT).await;
        id
    };
    let id = start().await;
    engine.cancel(id, operator()).await.unwrap();
    engine.cancel(id, operator()).await.unwrap();
    let report = engine.wait(id).await.unwrap();
    assert_eq!((report.status, report.cancelled), (Status::Cancelled, vec!["a".to_owned()]));

    let id = start().await;
    engine.pause(id, operator()).await.unwrap();
    let report = engine.wait(id).await.unwrap();
    assert_eq!((report.status, report.paused), (Status::Trying, true));
    engine.resume(id, operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Confirmed);
    let late = engine.cancel(id, operator()).await.unwrap_err().to_string();
    assert_eq!(late, "it is confirmed, and can no longer be cancelled");

    let id = start().await;
    engine.terminate(id, operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Terminated);
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_compensation_policy_is_refused() {
    let engine = on(&Scripted::new(in_turn(), all_done)).await;
    let request = StartRequest { policy: Some(CompensationPolicy::CircuitBreaker), ..request(&engine).await };
    let told = engine.start(request).await.unwrap_err().to_string();
    assert_eq!(told, "input does not fit tcc `order`: a compensation policy is for sagas (leave it out)");
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_told_all_at_once() {
    let mut wrong = tcc(vec![participant("a", 1), participant("a", 2)]);
    wrong.input_schema = Some(json(r#"{"type":"nothing"}"#));
    let engine = on(&Scripted::new(wrong, all_done)).await;
    let told = engine.add_module(Arc::from(&b"x"[..])).await.unwrap_err().to_string();
    assert!(
        told.starts_with("module `scripted` has 2 mistakes\n  tcc `order`, participant `a`: stands more"),
        "{told}"
    );
    assert!(told.contains("is no JSON Schema"), "{told}");
}

/// The same end. A try that was lost with its host may have happened, so more may be cancelled.
fn compare(resumed: &Report, whole: &Report, context: &str) {
    assert_eq!((resumed.status, &resumed.output), (whole.status, &whole.output), "{context}");
    assert_eq!((&resumed.stuck, resumed.decision), (&whole.stuck, whole.decision), "{context}");
    assert_eq!(resumed.confirmed, whole.confirmed, "{context}");
    assert!(whole.cancelled.iter().all(|of| resumed.cancelled.contains(of)), "{context}: {:?}", resumed.cancelled);
}

async fn check_prefixes(
    case: &str,
    definition: definition::Tcc,
    script: Script,
    end: Status,
    journal: Arc<dyn Journal>,
) {
    let memory = Arc::new(Memory::new());
    let first = engine(memory.clone(), Scripted::new(definition.clone(), script)).await;
    let id = first.start(request(&first).await).await.unwrap().id;
    let whole = first.wait(id).await.unwrap();
    assert_eq!(whole.status, end, "{case}");
    let records = memory.load(id).await.unwrap().unwrap().records;
    first.drain(Duration::ZERO).await;

    let mut planted = Vec::new();
    for length in 1..=records.len() {
        planted.push((plant(&*journal, (1 << 64) + length as u128, &records, length).await, length));
    }
    let second = engine(journal.clone(), Scripted::new(definition, script)).await;
    second.add_module(Arc::from(&b"scripted"[..])).await.unwrap();
    for (id, length) in planted {
        let report = second.wait(id).await.unwrap();
        compare(&report, &whole, &format!("{case}, resumed after record {length}"));
    }
    second.drain(Duration::from_secs(5)).await;
    for id in (1..=records.len()).map(|length| TransactionId::from_u128((1 << 64) + length as u128)) {
        let stored = journal.load(id).await.unwrap().unwrap();
        assert_eq!((stored.row.owner, stored.row.status), (None, end));
        assert_eq!(Summary::of(&stored.records).status, end);
    }
}

fn all_works(_: &Call) -> (Duration, Outcome) {
    (Duration::ZERO, done())
}

fn b_is_refused(call: &Call) -> (Duration, Outcome) {
    let outcome = match (&*call.id.node, call.id.operation, call.id.attempt) {
        ("b", Operation::Try, _) => rejected(),
        ("a", Operation::Cancel | Operation::Try, 1) => unknown(),
        _ => done(),
    };
    (Duration::ZERO, outcome)
}

fn b_refuses_in_the_end(call: &Call) -> (Duration, Outcome) {
    let refused = (&*call.id.node, call.id.operation) == ("b", Operation::Confirm);
    (Duration::ZERO, if refused { rejected() } else { done() })
}

async fn check_all(open: impl AsyncFn() -> Arc<dyn Journal>) {
    let mut impatient = in_turn();
    impatient.participants[1].confirm_limits.retry = Some(
        wasaga_core::RetryPolicy { max_attempts: 3, initial_delay: 1, max_delay: 1, multiplier: 1.0, jitter: 0.0 }
            .into(),
    );
    check_prefixes("in turn", in_turn(), all_works, Status::Confirmed, open().await).await;
    check_prefixes("refused", in_turn(), b_is_refused, Status::Cancelled, open().await).await;
    check_prefixes("goes on without", wrapped(), b_is_refused, Status::Confirmed, open().await).await;
    check_prefixes("stuck", impatient, b_refuses_in_the_end, Status::Stuck, open().await).await;
}

#[tokio::test]
async fn every_prefix_resumes_on_memory() {
    check_all(async || Arc::new(Memory::new()) as Arc<dyn Journal>).await;
}

#[tokio::test]
async fn every_prefix_resumes_on_sqlite() {
    let files = Files::new();
    check_all(async || files.journal().await).await;
}
