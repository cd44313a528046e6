//! What nobody drives, what cannot be driven, and what another host drives: none of it is lost, robbed or in the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the support")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use support::*;
use wasaga_core::{
    Call, Fact, Limits, NotMade, Outcome, Record, Reply, RetryPolicy, Status, Transaction, TransactionId, Wake,
};
use wasaga_engine::clock::Virtual;
use wasaga_engine::{Builder, Engine, Error, Recover, Watch};
use wasaga_journal::memory::Memory;
use wasaga_journal::{Journal, Row};

fn builder(journal: &Memory, guests: &Arc<Scripted>) -> Builder {
    // Hosts draw their names from the world's chance, so each has its own.
    static SEED: AtomicU64 = AtomicU64::new(100);
    let world = Virtual::new(SEED.fetch_add(1, Ordering::Relaxed));
    let builder = Builder::new(Arc::new(journal.clone()), Arc::new(Loader(guests.clone())));
    builder.defaults(quick()).world(Arc::new(world))
}

async fn row(journal: &Memory, id: TransactionId) -> Row {
    journal.read(id, wasaga_core::Seq(0), 0).await.unwrap().unwrap().row
}

/// Transactions that a host has left after their first step, in a journal that has the module.
async fn left(journal: &Memory, count: usize) -> Vec<TransactionId> {
    let slow = Scripted::new(chain(), |_| (Duration::from_secs(1), done()));
    let leaving = builder(journal, &slow).start().await.unwrap();
    let request = request(&leaving).await;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(leaving.start(request.clone()).await.unwrap().id);
    }
    leaving.drain(Duration::from_secs(5)).await;
    ids
}

/// C2: what cannot be replayed keeps no place, and its module is loaded once for all of them, and not again each second.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_driven_costs_no_place_and_no_load() {
    let journal = Memory::new();
    let ids = left(&journal, 20).await;
    let forgetful = Scripted::forgetful(chain(), all_done);
    let engine = builder(&journal, &forgetful).in_flight_max(2).start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(engine.stats().in_flight, 0);
    assert!(*forgetful.loads.lock() <= 6, "loaded {} times", forgetful.loads.lock());
    for id in ids {
        let row = row(&journal, id).await;
        assert!(row.held.unwrap().contains("it is gone (bring it back)"));
        assert_eq!((row.status, row.owner), (Status::Running, None));
    }
}

/// C3: questions about it are answered at once, and it can be ended.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_driven_is_answered_for_and_can_be_ended() {
    let journal = Memory::new();
    let id = left(&journal, 1).await[0];
    let forgetful = Scripted::forgetful(chain(), all_done);
    let engine = builder(&journal, &forgetful).recover(Recover::Nothing).start().await.unwrap();
    let report = engine.result(id).await.unwrap();
    assert_eq!((report.status, report.nodes[0].status.as_str()), (Status::Running, "completed"));
    assert!(report.held.unwrap().contains("it is gone (bring it back)"));
    assert!(matches!(engine.cancel(id, operator()).await.unwrap_err(), Error::ModuleBroken { .. }));
    assert_eq!(engine.take_all().await.unwrap(), 1);
    engine.idle().await;
    assert!(matches!(engine.wait(id).await.unwrap_err(), Error::Held { .. }));
    engine.terminate(id, operator()).await.unwrap();
    let stored = journal.load(id).await.unwrap().unwrap();
    assert_eq!(stored.row.status, Status::Terminated);
    let Fact::Terminated { not_undone, .. } = &stored.records.last().unwrap().fact else { panic!("it is terminated") };
    assert_eq!(not_undone.iter().map(|node| &**node).collect::<Vec<_>>(), ["a"]);
}

/// Of two words that end what cannot be driven, one does, and the other is told that it came too late.
#[tokio::test(start_paused = true)]
async fn of_two_words_that_end_it_one_does() {
    let journal = Memory::new();
    let id = left(&journal, 1).await[0];
    let terminate = wasaga_core::Message::Word { by: operator(), word: wasaga_core::Word::Terminate };
    let first = journal.post(id, terminate.clone()).await.unwrap();
    let second = journal.post(id, terminate).await.unwrap();
    let forgetful = Scripted::forgetful(chain(), all_done);
    let engine = builder(&journal, &forgetful).recover(Recover::Nothing).start().await.unwrap();
    assert_eq!(engine.take_all().await.unwrap(), 1);
    engine.idle().await;
    assert_eq!(row(&journal, id).await.status, Status::Terminated);
    assert_eq!(journal.reply(id, first).await.unwrap(), Some(Reply::Done));
    let Some(Reply::Refused(why)) = journal.reply(id, second).await.unwrap() else { panic!("it is refused") };
    assert_eq!(why, "it is terminated, by a word before this one");
}

/// Panics at the first records that it is shown, this often.
#[derive(Debug)]
struct Panics(AtomicU32);

impl Watch for Panics {
    fn recorded(&self, _: &Transaction, _: &[Record]) {
        if self.0.load(Ordering::Relaxed) > 0 {
            self.0.fetch_sub(1, Ordering::Relaxed);
            panic!("a watch of an embedder has a bug");
        }
    }
}

/// C4: a panic frees the slot, and the transaction goes on from the journal; one that comes each time is held.
#[tokio::test(start_paused = true)]
async fn a_panic_leaves_no_ghost() {
    for (panics, end) in [(2, Some(Status::Completed)), (u32::MAX, None)] {
        let (journal, guests) = (Memory::new(), Scripted::new(chain(), all_done));
        let watch = Arc::new(Panics(AtomicU32::new(panics)));
        let engine = builder(&journal, &guests).watch(watch).start().await.unwrap();
        let id = engine.start(request(&engine).await).await.unwrap().id;
        match end {
            Some(end) => assert_eq!(engine.wait(id).await.unwrap().status, end),
            None => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                let row = row(&journal, id).await;
                assert!(row.held.unwrap().contains("driving it failed 3 times"));
                assert_eq!((row.owner, row.wake), (None, Wake::Never));
            }
        }
        tokio::time::timeout(Duration::from_secs(60), engine.drain(Duration::ZERO)).await.unwrap();
    }
}

/// C9, C15: a call that was not made costs nothing, however often: an at-most-once step is asked for again.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_made_is_free() {
    let mut saga = chain();
    saga.steps[1].at_most_once = true;
    let guests = Scripted::new(saga, all_done);
    guests.not_made.lock().extend((0..50).map(|_| NotMade::Busy));
    let (journal, world) = (Memory::new(), Arc::new(Virtual::new(7)));
    let builder = Builder::new(Arc::new(journal.clone()), Arc::new(Loader(guests.clone()))).world(world);
    let one = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    let defaults = wasaga_core::Defaults { limits: Limits { retry: one, ..quick().limits }, ..quick() };
    let engine = builder.defaults(defaults).start().await.unwrap();
    let report = run(&engine).await;
    assert_eq!(report.status, Status::Completed);
    assert_eq!(guests.calls(), ["a run 1", "b run 1", "c run 1"]);
    assert!(report.nodes.iter().all(|node| node.attempts == 1), "{:?}", report.nodes);
}

/// Something that is missing holds the transaction with its cause, and raises one alarm; nothing is undone for it.
#[tokio::test(start_paused = true)]
async fn what_is_missing_holds_it_with_its_cause() {
    let (journal, guests) = (Memory::new(), Scripted::new(chain(), all_done));
    let missing = || NotMade::Held("http https://bank.example is not granted (grant it)".into());
    guests.not_made.lock().extend((0..3).map(|_| missing()));
    let engine = builder(&journal, &guests).start().await.unwrap();
    let id = engine.start(request(&engine).await).await.unwrap().id;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(row(&journal, id).await.held.as_deref(), Some("http https://bank.example is not granted (grant it)"));
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Completed);
    assert_eq!(row(&journal, id).await.held, None);
}

/// A host that takes nothing up by itself says what is missing, and ends its wait; the next one goes on.
#[tokio::test(start_paused = true)]
async fn who_waits_is_told_what_is_missing() {
    let (journal, guests) = (Memory::new(), Scripted::new(chain(), all_done));
    guests.not_made.lock().push_back(NotMade::Held("a grant".into()));
    let engine = builder(&journal, &guests).recover(Recover::Nothing).start().await.unwrap();
    let id = engine.start(request(&engine).await).await.unwrap().id;
    let told = engine.wait(id).await.unwrap_err();
    assert_eq!(told.to_string(), format!("transaction {id} is held: a grant"));
    engine.take(id).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Completed);
}

fn retried(call: &Call) -> (Duration, Outcome) {
    match (what(call), call.id.attempt) {
        (("a", false), 1) => (MOMENT, unknown()),
        _ => (MOMENT, done()),
    }
}

/// C14: what sleeps rests in the journal and holds no place, and is woken by its time.
#[tokio::test(start_paused = true)]
async fn sleepers_hold_no_place() {
    const SLEEPERS: usize = 2_000;
    let (journal, guests) = (Memory::new(), Scripted::new(chain(), retried));
    let hour = RetryPolicy { initial_delay: 3_600_000, max_delay: 3_600_000, jitter: 0.0, ..RetryPolicy::default() };
    let defaults = wasaga_core::Defaults { limits: Limits { retry: hour, ..quick().limits }, ..quick() };
    let engine = builder(&journal, &guests).defaults(defaults).in_flight_max(8).start().await.unwrap();
    let request = request(&engine).await;
    let mut ids = Vec::new();
    for _ in 0..SLEEPERS {
        ids.push(engine.start(request.clone()).await.unwrap().id);
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(engine.stats().in_flight, 0, "all sleep");
    assert!(matches!(row(&journal, ids[0]).await.wake, Wake::At(_)));
    tokio::time::sleep(Duration::from_mins(60)).await;
    for id in ids {
        assert_eq!(engine.wait(id).await.unwrap().status, Status::Completed);
    }
    assert_eq!(engine.stats().recovered, SLEEPERS as u64);
}

/// V5: a word reaches a transaction that another living host drives, and is answered by what comes of it.
#[tokio::test(start_paused = true)]
async fn a_word_reaches_another_living_host() {
    let journal = Memory::new();
    let slow = Scripted::new(chain(), |_| (Duration::from_secs(3), done()));
    let driving = builder(&journal, &slow).recover(Recover::Nothing).start().await.unwrap();
    let asking = builder(&journal, &slow).recover(Recover::Nothing).start().await.unwrap();
    let id = driving.start(request(&driving).await).await.unwrap().id;
    tokio::time::sleep(MOMENT).await;
    let refused = asking.skip(id, "a", operator()).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { .. }), "{refused}");
    asking.pause(id, operator()).await.unwrap();
    let report = driving.wait(id).await.unwrap();
    assert!(report.paused && report.nodes[0].status == "completed");
    // Nobody drives it now: the word is heard by whoever says it.
    asking.resume(id, operator()).await.unwrap();
    asking.cancel(id, operator()).await.unwrap();
    assert_eq!(asking.wait(id).await.unwrap().status, Status::Compensated);
}

/// Y1: a word comes first. One that is refused changes nothing and begins nothing; one that is taken begins no call before
/// what another host left in flight is known to be lost.
#[tokio::test(start_paused = true)]
async fn a_word_comes_first() {
    let journal = Memory::new();
    let id = left(&journal, 1).await[0];
    let guests = Scripted::new(chain(), all_done);
    let engine = builder(&journal, &guests).recover(Recover::Nothing).start().await.unwrap();
    let before = journal.load(id).await.unwrap().unwrap();
    for refused in [
        engine.retry(id, None, operator()).await,
        engine.skip(id, "b", operator()).await,
        engine.patch(id, "b", json("{}"), operator()).await,
    ] {
        assert!(matches!(refused.unwrap_err(), Error::Refused { .. }));
    }
    engine.idle().await;
    let after = journal.load(id).await.unwrap().unwrap();
    assert_eq!((after.records, after.row.wake), (before.records, before.row.wake));
    engine.cancel(id, operator()).await.unwrap();
    assert_eq!(engine.wait(id).await.unwrap().status, Status::Compensated);
    assert_eq!(guests.calls(), ["a compensate 1"], "no step begins after the cancel");
}

/// C19: calls have stopped before the transaction is anybody else's.
#[tokio::test(start_paused = true)]
async fn calls_have_stopped_before_ownership_is_given_up() {
    let (journal, guests) = (Memory::new(), Scripted::new(diamond(), |_| (Duration::from_secs(5), done())));
    let engine: Engine = builder(&journal, &guests).start().await.unwrap();
    let id = engine.start(request(&engine).await).await.unwrap().id;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(guests.diary.lock().in_flight, 2);
    engine.drain(Duration::ZERO).await;
    assert_eq!(row(&journal, id).await.owner, None);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(guests.diary.lock().effects.len(), 1, "what was cut off takes no effect afterwards");
}
