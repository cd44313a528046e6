//! A journal that does what it was asked and does not say so, or does it when nobody expects it any
//! more; and callers that go away. Whatever happens, no transaction is left that nobody drives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the support")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use support::*;
use wasaga_core::{Epoch, Fact, Message, MessageId, Reply, Seq, Status, Timestamp, TransactionId};
use wasaga_engine::clock::Virtual;
use wasaga_engine::{Builder, Engine, Error as EngineError};
use wasaga_journal::memory::Memory;
use wasaga_journal::{
    Append, AppendError, Claim, ClaimError, Claims, Create, Created, Error, Filter, HostId, Identity, Inbox, Journal,
    Lease, Modules, Page, PostError, Posted, Pruned, Rest, Row, Stored,
};

/// What goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    CreateUnanswered,
    CreateLate,
    CreateHangs,
    AppendLate,
    AppendAndGone,
    ClaimUnanswered,
    ClaimOneUnanswered,
    ReleaseFails,
}

#[derive(Clone, Debug)]
struct Flawed {
    inner: Memory,
    flaw: Arc<Mutex<Option<Flaw>>>,
    gone_until: Arc<Mutex<Option<tokio::time::Instant>>>,
    /// How long a host lives without a renewal, and what a renewal comes to; none is no lease.
    lease: Option<Duration>,
    renewal: Arc<Mutex<Renewal>>,
}

/// What becomes of a renewal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Renewal {
    #[default]
    Works,
    Fails,
    Hangs,
    Lost,
}

impl Flawed {
    fn new() -> Self {
        Self {
            inner: Memory::new(),
            flaw: Arc::default(),
            gone_until: Arc::default(),
            lease: None,
            renewal: Arc::default(),
        }
    }

    fn fail_once(&self, flaw: Flaw) {
        *self.flaw.lock() = Some(flaw);
    }

    fn is(&self, flaw: Flaw) -> bool {
        let mut next = self.flaw.lock();
        let is = *next == Some(flaw);
        if is {
            *next = None;
        }
        is
    }
}

fn broken() -> Error {
    Error::Failed("the line is cut".into())
}

#[async_trait]
impl Journal for Flawed {
    fn identity(&self) -> Identity {
        Identity { lease: self.lease, ..self.inner.identity() }
    }
    async fn join(&self, host: &HostId, reads: u32) -> Result<(), Error> {
        self.inner.join(host, reads).await
    }
    async fn renew(&self, host: &HostId) -> Result<Lease, Error> {
        let renewal = *self.renewal.lock();
        match renewal {
            Renewal::Works => self.inner.renew(host).await,
            Renewal::Fails => Err(broken()),
            Renewal::Hangs => std::future::pending().await,
            Renewal::Lost => {
                self.inner.lose(host);
                *self.renewal.lock() = Renewal::Works;
                Ok(Lease::Lost)
            }
        }
    }
    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        self.inner.leave(host).await
    }
    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        if self.is(Flaw::CreateHangs) {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        if self.is(Flaw::CreateLate) {
            let late = self.inner.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                late.create(create).await
            });
            return Err(broken().into());
        }
        let unanswered = self.is(Flaw::CreateUnanswered);
        let created = self.inner.create(create).await;
        if unanswered { Err(broken().into()) } else { created }
    }
    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        if self.is(Flaw::AppendLate) {
            let late = self.inner.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(21)).await;
                late.append(append).await
            });
            return Err(broken().into());
        }
        let gone = self.is(Flaw::AppendAndGone);
        let seq = self.inner.append(append).await?;
        if gone {
            *self.gone_until.lock() = Some(tokio::time::Instant::now() + Duration::from_secs(30));
            return Err(broken().into());
        }
        Ok(seq)
    }
    async fn read(&self, id: TransactionId, after: Seq, limit: usize) -> Result<Option<Stored>, Error> {
        let gone = self.gone_until.lock().is_some_and(|until| tokio::time::Instant::now() < until);
        if gone { Err(broken()) } else { self.inner.read(id, after, limit).await }
    }
    async fn claim(&self, host: &HostId, now: Timestamp, limit: usize) -> Result<Claims, Error> {
        let claims = self.inner.claim(host, now, limit).await?;
        if !claims.taken.is_empty() && self.is(Flaw::ClaimUnanswered) { Err(broken()) } else { Ok(claims) }
    }
    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let claim = self.inner.claim_one(host, id).await?;
        if self.is(Flaw::ClaimOneUnanswered) { Err(broken().into()) } else { Ok(claim) }
    }
    async fn release(&self, id: TransactionId, epoch: Epoch, rest: Rest) -> Result<(), Error> {
        if self.is(Flaw::ReleaseFails) { Err(broken()) } else { self.inner.release(id, epoch, rest).await }
    }
    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        self.inner.list(filter, page).await
    }
    async fn idle(&self, host: &HostId, at_most: Duration) -> Result<(), Error> {
        self.inner.idle(host, at_most).await
    }
    async fn post(&self, id: TransactionId, message: Message) -> Result<MessageId, PostError> {
        self.inner.post(id, message).await
    }
    async fn inbox(&self, of: Inbox<'_>, limit: usize) -> Result<Vec<Posted>, Error> {
        self.inner.inbox(of, limit).await
    }
    async fn reply(&self, id: TransactionId, message: MessageId) -> Result<Option<Reply>, Error> {
        self.inner.reply(id, message).await
    }
    fn modules(&self) -> &dyn Modules {
        self.inner.modules()
    }
    async fn prune(&self, before: Timestamp, records: usize) -> Result<Pruned, Error> {
        self.inner.prune(before, records).await
    }
    async fn check(&self) -> Result<(), Error> {
        self.inner.check().await
    }
    fn flushes(&self) -> u64 {
        self.inner.flushes()
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

async fn on(journal: &Flawed, guests: &Arc<Scripted>, seed: u64) -> Engine {
    let builder = Builder::new(Arc::new(journal.clone()), Arc::new(Loader(guests.clone())));
    builder.defaults(quick()).world(Arc::new(Virtual::new(seed))).start().await.unwrap()
}

async fn rows(journal: &Flawed) -> Vec<Row> {
    journal.inner.list(&Filter::default(), Page { limit: 9, below: None }).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_answer_is_lost_happens() {
    for flaw in [Flaw::CreateUnanswered, Flaw::CreateLate] {
        let (journal, guests) = (Flawed::new(), Scripted::new(chain(), all_done));
        let engine = on(&journal, &guests, 1).await;
        let request = request(&engine).await;
        journal.fail_once(flaw);
        assert!(matches!(engine.start(request).await, Err(EngineError::Journal(_))));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(rows(&journal).await[0].status, Status::Completed, "{flaw:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_caller_goes_away_happens_and_keeps_no_place() {
    let (journal, guests) = (Flawed::new(), Scripted::new(chain(), all_done));
    let engine = on(&journal, &guests, 1).await;
    let request = request(&engine).await;
    journal.fail_once(Flaw::CreateHangs);
    assert!(tokio::time::timeout(Duration::from_secs(1), engine.start(request.clone())).await.is_err());
    assert_eq!(engine.stats().in_flight, 0, "its place is free");
    tokio::time::timeout(Duration::from_secs(60), engine.drain(Duration::ZERO)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_is_lost_is_found() {
    let journal = Flawed::new();
    let slow = Scripted::new(chain(), |_| (Duration::from_secs(1), done()));
    let leaving = on(&journal, &slow, 1).await;
    leaving.start(request(&leaving).await).await.unwrap();
    leaving.drain(Duration::from_secs(2)).await;
    journal.fail_once(Flaw::ClaimUnanswered);
    let taking = on(&journal, &slow, 2).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(rows(&journal).await[0].status, Status::Completed);
    assert_eq!(taking.stats().recovered, 1);
}

/// A stuck transaction with an engine that has let it go.
async fn stuck(journal: &Flawed) -> (Engine, TransactionId) {
    let guests = Scripted::new(chain(), |call| match what(call) {
        ("c", false) | ("b", true) => (MOMENT, rejected()),
        _ => (MOMENT, done()),
    });
    let engine = on(journal, &guests, 1).await;
    let report = run(&engine).await;
    assert_eq!(report.status, Status::Stuck);
    (engine, report.transaction)
}

#[tokio::test(start_paused = true)]
async fn a_word_whose_claim_is_not_answered_leaves_nothing_owned() {
    for flaw in [Flaw::ClaimOneUnanswered, Flaw::ReleaseFails] {
        let journal = Flawed::new();
        let (engine, id) = stuck(&journal).await;
        journal.fail_once(flaw);
        let told = engine.retry(id, None, operator()).await;
        assert_eq!(told.is_err(), flaw == Flaw::ClaimOneUnanswered);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let row = &rows(&journal).await[0];
        assert_eq!((row.status, &row.owner), (Status::Stuck, &None), "{flaw:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_to_what_has_ended_gives_it_no_owner() {
    let (journal, guests) = (Flawed::new(), Scripted::new(chain(), all_done));
    let engine = on(&journal, &guests, 1).await;
    let id = run(&engine).await.transaction;
    let before = rows(&journal).await;
    assert!(matches!(engine.cancel(id, operator()).await, Err(EngineError::Refused { .. })));
    assert_eq!(rows(&journal).await, before);
}

/// A word that was written and could not be confirmed is not written twice behind the back of who gave it.
#[tokio::test(start_paused = true)]
async fn a_word_that_cannot_be_confirmed_is_answered_so() {
    let journal = Flawed::new();
    let (engine, id) = stuck(&journal).await;
    journal.fail_once(Flaw::AppendAndGone);
    let told = engine.retry(id, None, operator()).await.unwrap_err();
    assert!(matches!(told.root(), EngineError::Journal(_)), "{told}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let stored = journal.inner.load(id).await.unwrap().unwrap();
    let words = stored.records.iter().filter(|record| matches!(record.fact, Fact::RetryRequested { .. }));
    assert_eq!((words.count(), stored.row.status), (1, Status::Stuck));
}

/// An append that failed arrives after the journal was asked for it. What is decided anew must not be
/// taken for what is written.
#[tokio::test(start_paused = true)]
async fn an_append_that_arrives_late_is_shut_out() {
    let (journal, guests) = (Flawed::new(), Scripted::new(chain(), |_| (MOMENT, done())));
    let engine = on(&journal, &guests, 1).await;
    let started = engine.start(request(&engine).await).await.unwrap();
    journal.fail_once(Flaw::AppendLate);
    assert_eq!(engine.wait(started.id).await.unwrap().status, Status::Completed);
    let stored = journal.inner.load(started.id).await.unwrap().unwrap();
    assert_eq!((stored.row.epoch, stored.records.len()), (Epoch(2), 8));
    assert_eq!(guests.calls(), ["a run 1", "b run 1", "c run 1"]);
}

/// C16: a host that was taken for dead, or has had no answer for its lease less a margin, stops its calls before the lease
/// is over, and goes on under another id.
#[tokio::test(start_paused = true)]
async fn a_host_without_its_lease_stops_its_calls_and_joins_anew() {
    const LEASE: Duration = Duration::from_secs(6);
    for renewal in [Renewal::Fails, Renewal::Hangs, Renewal::Lost] {
        let journal = Flawed { lease: Some(LEASE), ..Flawed::new() };
        let guests = Scripted::new(chain(), |_| (Duration::from_secs(60), done()));
        let engine = on(&journal, &guests, 1).await;
        let id = engine.start(request(&engine).await).await.unwrap().id;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(guests.calls(), ["a run 1"], "a heart that beats disturbs nothing");
        let before = rows(&journal).await[0].owner.clone().unwrap().host;
        *journal.renewal.lock() = renewal;
        // The lease was kept within the last third.
        tokio::time::sleep(LEASE - Duration::from_millis(500)).await;
        let calls = guests.calls();
        assert!(calls.len() == 1 || renewal == Renewal::Lost, "{renewal:?}: {calls:?}");
        if renewal != Renewal::Lost {
            assert_eq!(engine.stats().in_flight, 0, "{renewal:?}: it has let go before the lease is over");
        }
        *journal.renewal.lock() = Renewal::Works;
        if renewal != Renewal::Lost {
            // By the journal the old id is dead once its lease is over.
            journal.inner.lose(&before);
        }
        let report = engine.wait(id).await.unwrap();
        assert_eq!((report.status, report.nodes[0].attempts), (Status::Completed, 2), "{renewal:?}");
    }
}
