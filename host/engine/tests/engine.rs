//! The engine with scripted guests on a paused clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the support")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use support::*;
use wasaga_core::definition::{self, CompensationPolicy};
use wasaga_core::{Call, Json, Outcome, Status};
use wasaga_engine::clock::Virtual;
use wasaga_engine::{Builder, Engine, Error, Recover, StartRequest};
use wasaga_journal::memory::Memory;
use wasaga_journal::{Filter, Journal, Page};

async fn on(journal: &Memory, guests: &Arc<Scripted>) -> Engine {
    let builder = Builder::new(Arc::new(journal.clone()), Arc::new(Loader(guests.clone())));
    // Hosts draw their names from the world's chance, so each has its own.
    static SEED: AtomicU64 = AtomicU64::new(1);
    let world = Virtual::new(SEED.fetch_add(1, Ordering::Relaxed));
    builder.defaults(quick()).world(Arc::new(world)).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_n_steps_costs_n_and_one_appends() {
    let guests = Scripted::new(chain(), all_done);
    let engine = on(&Memory::new(), &guests).await;
    let report = run(&engine).await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(guests.calls(), ["a run 1", "b run 1", "c run 1"]);
    assert_eq!((engine.stats().appends, engine.stats().calls, engine.stats().completed), (4, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn branches_run_side_by_side_and_unwind() {
    let guests = Scripted::new(diamond(), |call| match what(call) {
        ("d", false) => (MOMENT, rejected()),
        _ => (MOMENT, done()),
    });
    let engine = on(&Memory::new(), &guests).await;
    let report = run(&engine).await;
    assert_eq!(report.status, Status::Compensated);
    assert_eq!(report.cause.unwrap().failure.unwrap().to_string(), "`no`: it said no");
    assert_eq!(guests.diary.lock().most_in_flight, 2);
    let undone: Vec<_> = guests.calls().into_iter().filter(|call| call.contains("compensate")).collect();
    assert_eq!(undone.len(), 3);
    assert_eq!(undone[2], "a compensate 1");
}

#[tokio::test(start_paused = true)]
async fn retries_wait_their_time() {
    let guests = Scripted::new(chain(), |call| match (what(call), call.id.attempt) {
        (("b", false), 1 | 2) => (MOMENT, unknown()),
        _ => (MOMENT, done()),
    });
    let journal = Memory::new();
    let engine = Builder::new(Arc::new(journal), Arc::new(Loader(guests.clone())))
        .world(Arc::new(Virtual::new(1)))
        .start()
        .await
        .unwrap();
    let report = run(&engine).await;
    assert_eq!(report.status, Status::Completed);
    // Two delays, of one and of two seconds, each ± 30 %.
    assert!((2_100_000..3_900_000).contains(&report.duration_us), "{}", report.duration_us);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_unwinds_and_a_late_answer_is_undone() {
    let slow: Script = |call| match what(call) {
        ("b", false) => (Duration::from_secs(5), done()),
        _ => (MOMENT, done()),
    };
    let guests = Scripted::new(definition::Saga { deadline: Some(1_000), ..chain() }, slow);
    let report = run(&on(&Memory::new(), &guests).await).await;
    assert_eq!((report.status, report.cause.unwrap().outcome.as_str()), (Status::Compensated, "deadline"));
    assert_eq!(report.undone, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn starts_are_checked() {
    let schema = r#"{"type":"object","properties":{"quantity":{"type":"integer","minimum":0}}}"#;
    let definition = definition::Saga { input_schema: Some(json(schema)), ..chain() };
    let engine = on(&Memory::new(), &Scripted::new(definition, all_done)).await;
    let request = request(&engine).await;
    let told = async |request: StartRequest| engine.start(request).await.unwrap_err().to_string();
    let wrong = StartRequest { input: json(r#"{"quantity":-1}"#), ..request.clone() };
    assert_eq!(told(wrong).await, "input does not fit saga `order`: at /quantity: -1 is less than the minimum of 0");
    let nobody = StartRequest { definition: "ordr".into(), ..request.clone() };
    assert_eq!(told(nobody).await, "module `scripted` has no definition `ordr` (it has: `order`)");
    let large = StartRequest { input: Json::of(&"x".repeat(5 << 20)).unwrap(), ..request.clone() };
    assert!(told(large).await.contains("4194304 are the most"));
    let headers = (0..65).map(|i| (format!("h{i}").into(), "v".into())).collect();
    assert!(told(StartRequest { headers, ..request.clone() }).await.contains("64 headers"));

    let keyed = StartRequest { key: Some("k".into()), ..request.clone() };
    let first = engine.start(keyed.clone()).await.unwrap();
    let again = StartRequest { input: json(r#"{ "lines" : [1,2, 3] }"#), ..keyed.clone() };
    let again = engine.start(again).await.unwrap();
    assert_eq!((again.id, again.existing), (first.id, true));
    let other = StartRequest { input: json("{}"), ..keyed };
    assert!(matches!(engine.start(other).await, Err(Error::KeyConflict { id, .. }) if id == first.id));
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_told_all_at_once() {
    let mut definition = chain();
    definition.steps[1].depends_on = vec!["aa".into()];
    definition.steps[2].condition = Some("input.x >".into());
    definition.input_schema = Some(json(r#"{"type":"nothing"}"#));
    let engine = on(&Memory::new(), &Scripted::new(definition, all_done)).await;
    let told = engine.add_module(Arc::from(&b"x"[..])).await.unwrap_err().to_string();
    assert!(told.starts_with("module `scripted` has 3 mistakes\n  saga `order`, step `b`: depends on `aa`"), "{told}");
    assert!(told.contains("its condition is not CEL") && told.contains("is no JSON Schema"), "{told}");
}

/// S9: checked on another thread, for it is large, and told in part.
#[tokio::test(start_paused = true)]
async fn of_many_mistakes_the_first_are_told() {
    let mut definition = saga((0..300).map(|i| step(&format!("s{i}"), &[])).collect());
    definition.steps.iter_mut().for_each(|step| step.condition = Some("input.x >".into()));
    definition.input_schema = Some(json(r#"{"$ref":"https://example.com/order.json"}"#));
    let engine = on(&Memory::new(), &Scripted::new(definition, all_done)).await;
    let told = engine.add_module(Arc::from(&b"x"[..])).await.unwrap_err().to_string();
    assert!(told.starts_with("module `scripted` has 301 mistakes\n  saga `order`, step `s0`: its condition"), "{told}");
    assert!(told.ends_with("\n  and 281 more") && told.lines().count() == 22, "{told}");
}

#[tokio::test(start_paused = true)]
async fn operators_cancel_pause_resume_and_terminate() {
    let guests = Scripted::new(chain(), |_| (Duration::from_secs(1), done()));
    let engine = on(&Memory::new(), &guests).await;
    let start = async || engine.start(request(&engine).await).await.unwrap().id;

    let id = start().await;
    tokio::time::sleep(MOMENT).await;
    engine.cancel(id, operator()).await.unwrap();
    engine.cancel(id, operator()).await.unwrap();
    let report = engine.wait(id).await.unwrap();
    assert_eq!((report.status, report.undone), (Status::Compensated, vec!["a".to_owned()]));
    let late = engine.cancel(id, operator()).await;
    assert!(late.is_ok() || matches!(late, Err(Error::Refused { .. })));

    let id = start().await;
    tokio::time::sleep(MOMENT).await;
    engine.pause(id, operator()).await.unwrap();
    let report = engine.wait(id).await.unwrap();
    assert!(report.paused && report.status == Status::Running && report.nodes[0].status == "completed");
    assert!(engine.pause(id, operator()).await.unwrap_err().to_string().contains("paused already"));
    engine.resume(id, operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Completed);
    assert!(matches!(engine.resume(id, operator()).await, Err(Error::Refused { .. })));

    let id = start().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(engine.result(id).await.unwrap().nodes[1].status, "started");
    engine.terminate(id, operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Terminated);
    assert_eq!(engine.stats().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn stuck_is_visible_and_goes_on() {
    let script: Script = |call| match (what(call), &*call.arguments.text()) {
        (("c", false), _) | (("b", true), "{}") => (MOMENT, rejected()),
        _ => (MOMENT, done()),
    };
    let journal = Memory::new();
    let engine = on(&journal, &Scripted::new(chain(), script)).await;
    let report = run(&engine).await;
    assert_eq!((report.status, report.stuck), (Status::Stuck, vec!["b".to_owned()]));
    let stuck = Filter { statuses: vec![Status::Stuck], ..Filter::default() };
    let rows = journal.list(&stuck, Page { limit: 9, below: None }).await.unwrap();
    assert_eq!((rows.len(), &rows[0].owner), (1, &None));
    let id = report.transaction;

    engine.retry(id, None, operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Stuck);
    let refused = engine.skip(id, "a", operator()).await.unwrap_err().to_string();
    assert!(refused.contains("`a`"), "{refused}");
    engine.patch(id, "b", json(r#"{"by":"hand"}"#), operator()).await.unwrap();
    let report = engine.wait(id).await.unwrap();
    assert_eq!((report.status, report.undone), (Status::Compensated, vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_dead_hosts_transactions_are_taken_over_and_a_living_ones_never() {
    let journal = Memory::new();
    let slow: Script = |_| (Duration::from_secs(3), done());
    let (first, second) = (Scripted::new(chain(), slow), Scripted::new(chain(), slow));
    let dying = on(&journal, &first).await;
    let id = dying.start(request(&dying).await).await.unwrap().id;
    let taking = on(&journal, &second).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(matches!(taking.take(id).await, Err(Error::Owned { .. })));
    assert_eq!(second.calls(), [""; 0]);
    let owner = journal.load(id).await.unwrap().unwrap().row.owner.unwrap();
    journal.lose(&owner.host);
    assert_eq!(taking.wait(id).await.unwrap().status, Status::Completed);
    assert_eq!(second.calls(), ["b run 2", "c run 1"], "what was in flight is called again");
    // The one that was taken for dead comes back late, and is refused.
    assert!(matches!(dying.wait(id).await.map(|report| report.status), Ok(Status::Completed) | Err(_)));
    assert_eq!(journal.load(id).await.unwrap().unwrap().row.status, Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_calls_end_and_another_host_goes_on() {
    let journal = Memory::new();
    let guests = Scripted::new(chain(), |_| (Duration::from_secs(1), done()));
    let leaving = on(&journal, &guests).await;
    let request = request(&leaving).await;
    let id = leaving.start(request.clone()).await.unwrap().id;
    tokio::time::sleep(MOMENT).await;
    assert_eq!(leaving.drain(Duration::from_secs(5)).await.cut, 0);
    assert_eq!(guests.calls(), ["a run 1"]);
    assert!(matches!(leaving.start(request.clone()).await, Err(Error::Draining)));
    let next = on(&journal, &guests).await;
    next.add_module(Arc::from(&b"scripted"[..])).await.unwrap();
    assert_eq!(next.wait(id).await.unwrap().status, Status::Completed);
    assert_eq!(guests.calls(), ["a run 1", "b run 1", "c run 1"], "nothing is called twice");

    let id = next.start(request).await.unwrap().id;
    tokio::time::sleep(MOMENT).await;
    assert_eq!(next.drain(MOMENT).await.cut, 1, "a call that takes longer than the patience is cut off");
    let last = on(&journal, &guests).await;
    assert_eq!(last.wait(id).await.unwrap().status, Status::Completed);
    assert_eq!(guests.calls()[3..], ["a run 1", "a run 2", "b run 1", "c run 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_module_waits_and_is_never_rolled_back() {
    let journal = Memory::new();
    let guests = Scripted::new(chain(), |_| (Duration::from_secs(1), done()));
    let leaving = on(&journal, &guests).await;
    let id = leaving.start(request(&leaving).await).await.unwrap().id;
    leaving.drain(Duration::from_secs(5)).await;
    let without = on(&journal, &Scripted::forgetful(chain(), all_done)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(without.stats().alarms, 1);
    let row = journal.load(id).await.unwrap().unwrap().row;
    assert_eq!((row.status, row.seq.0), (Status::Running, 3));
    without.drain(Duration::from_secs(5)).await;
    let with = on(&journal, &guests).await;
    assert_eq!(with.wait(id).await.unwrap().status, Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_kept_for_its_time_and_then_removed() {
    let journal = Memory::new();
    let guests = Scripted::new(chain(), |call| match (what(call), &*call.arguments.text()) {
        (("c", false), _) | (("b", true), "{}") => (MOMENT, rejected()),
        _ => (MOMENT, done()),
    });
    let builder = Builder::new(Arc::new(journal.clone()), Arc::new(Loader(guests)))
        .world(Arc::new(Virtual::new(1)))
        .defaults(quick());
    let engine = builder.retention(Some(Duration::from_mins(10))).start().await.unwrap();
    let stuck = run(&engine).await.transaction;
    let ended = run(&engine).await.transaction;
    engine.skip(ended, "b", operator()).await.unwrap();
    assert!(engine.wait(ended).await.unwrap().status.is_ended());
    tokio::time::sleep(Duration::from_mins(9)).await;
    assert!(journal.load(ended).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert!(journal.load(ended).await.unwrap().is_none(), "its time has passed");
    assert!(journal.load(stuck).await.unwrap().is_some(), "what is unfinished is never removed");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_allowed_is_in_flight() {
    let guests = Scripted::new(saga(vec![step("a", &[])]), |_| (Duration::from_millis(100), done()));
    let builder =
        Builder::new(Arc::new(Memory::new()), Arc::new(Loader(guests.clone()))).world(Arc::new(Virtual::new(1)));
    let engine = builder.in_flight_max(3).recover(Recover::Nothing).start().await.unwrap();
    let request = request(&engine).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(engine.start(request.clone()).await.unwrap().id);
    }
    for id in ids {
        assert_eq!(engine.wait(id).await.unwrap().status, Status::Completed);
    }
    assert_eq!(guests.diary.lock().most_in_flight, 3);
    engine.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_in_the_host_is_an_outcome() {
    let guests = Scripted::new(chain(), |call: &Call| match what(call) {
        ("b", false) => panic!("a bug"),
        _ => (MOMENT, Outcome::Completed(json("1"))),
    });
    let report = run(&on(&Memory::new(), &guests).await).await;
    assert_eq!(report.status, Status::Compensated);
    assert_eq!(report.nodes[1].error.as_ref().unwrap().code, "host-panic");
    assert_eq!(report.policy, Some(CompensationPolicy::StrictSequential));
}
