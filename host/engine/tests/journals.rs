//! The engine on journals that were cut off anywhere, on memory and on SQLite; and on one that fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the support")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use support::*;
use wasaga_core::Report;
use wasaga_core::definition::{self, CompensationPolicy, Definition};
use wasaga_core::{
    Call, Epoch, Message, MessageId, Operation, Outcome, Reply, Seq, Status, Summary, Timestamp, TransactionId,
};
use wasaga_engine::StartRequest;
use wasaga_journal::memory::Memory;
use wasaga_journal::{
    Append, AppendError, Claim, ClaimError, Claims, Create, Created, Error, Filter, HostId, Identity, Inbox, Journal,
    Lease, Modules, Page, PostError, Posted, Pruned, Rest, Row, Stored,
};

fn instant(outcome: Outcome) -> (Duration, Outcome) {
    (Duration::ZERO, outcome)
}

fn chain_fails(call: &Call) -> (Duration, Outcome) {
    instant(if what(call) == ("c", false) { rejected() } else { done() })
}

fn diamond_fails(call: &Call) -> (Duration, Outcome) {
    instant(match (what(call), call.id.attempt) {
        (("b", false), _) => rejected(),
        (("c", false), 1) => unknown(),
        _ => done(),
    })
}

fn fan_out_fails(call: &Call) -> (Duration, Outcome) {
    instant(if (what(call), call.id.item) == (("f", false), Some(2)) { rejected() } else { done() })
}

fn b_is_refused(call: &Call) -> (Duration, Outcome) {
    let refused = (&*call.id.node, call.id.operation) == ("b", Operation::Try);
    instant(if refused { rejected() } else { done() })
}

fn chain_works(_: &Call) -> (Duration, Outcome) {
    instant(done())
}

async fn check_prefixes(
    case: &str,
    definition: definition::Saga,
    script: Script,
    end: Status,
    journal: Arc<dyn Journal>,
) {
    for policy in CompensationPolicy::ALL {
        let guests = Scripted::new(definition.clone(), script);
        let memory = Arc::new(Memory::new());
        let first = engine(memory.clone(), guests.clone()).await;
        let request = StartRequest { policy: Some(policy), ..request(&first).await };
        let id = first.start(request).await.unwrap().id;
        let whole = first.wait(id).await.unwrap();
        assert_eq!(whole.status, end, "{case} under {policy:?}");
        let records = memory.load(id).await.unwrap().unwrap().records;
        first.drain(Duration::ZERO).await;

        let mut planted = Vec::new();
        let base = (policy as u128 + 1) << 64;
        for length in 1..=records.len() {
            planted.push((plant(&*journal, base + length as u128, &records, length).await, length));
        }
        let second = engine(journal.clone(), Scripted::new(definition.clone(), script)).await;
        second.add_module(Arc::from(&b"scripted"[..])).await.unwrap();
        for (id, length) in planted {
            let report = second.wait(id).await.unwrap();
            compare(&report, &whole, &format!("{case} under {policy:?}, resumed after record {length}"));
        }
        second.drain(Duration::from_secs(5)).await;
        for id in (1..=records.len()).map(|length| TransactionId::from_u128(base + length as u128)) {
            let stored = journal.load(id).await.unwrap().unwrap();
            assert_eq!(stored.row.owner, None);
            assert_eq!(Summary::of(&stored.records).status, end);
        }
    }
}

/// The same end. A call that was lost with its host may have happened, so more may be undone.
fn compare(resumed: &Report, whole: &Report, context: &str) {
    assert_eq!((resumed.status, &resumed.output), (whole.status, &whole.output), "{context}");
    assert_eq!((&resumed.stuck, &resumed.not_compensable), (&whole.stuck, &whole.not_compensable), "{context}");
    assert!(whole.undone.iter().all(|unit| resumed.undone.contains(unit)), "{context}: {:?}", resumed.undone);
}

async fn check_all(open: impl AsyncFn() -> Arc<dyn Journal>) {
    check_prefixes("a chain", chain(), chain_works, Status::Completed, open().await).await;
    check_prefixes("a failing chain", chain(), chain_fails, Status::Compensated, open().await).await;
    check_prefixes("a diamond", diamond(), diamond_fails, Status::Compensated, open().await).await;
    check_prefixes("a fan-out", fan_out(), fan_out_fails, Status::Compensated, open().await).await;
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

/// A journal whose appends fail in turn: before they are written, after they were, and not at all.
#[derive(Debug)]
struct Faulty {
    inner: Memory,
    turn: AtomicU64,
}

fn broken() -> Error {
    Error::Failed("the disk is on fire".into())
}

#[async_trait]
impl Journal for Faulty {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }
    async fn join(&self, host: &HostId, reads: u32) -> Result<(), Error> {
        self.inner.join(host, reads).await
    }
    async fn renew(&self, host: &HostId) -> Result<Lease, Error> {
        self.inner.renew(host).await
    }
    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        self.inner.leave(host).await
    }
    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        self.inner.create(create).await
    }
    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        match self.turn.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => Err(broken().into()),
            1 => {
                self.inner.append(append).await?;
                Err(broken().into())
            }
            _ => self.inner.append(append).await,
        }
    }
    async fn read(&self, id: TransactionId, after: Seq, limit: usize) -> Result<Option<Stored>, Error> {
        if self.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(5) {
            return Err(broken());
        }
        self.inner.read(id, after, limit).await
    }
    async fn claim(&self, host: &HostId, now: Timestamp, limit: usize) -> Result<Claims, Error> {
        self.inner.claim(host, now, limit).await
    }
    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        self.inner.claim_one(host, id).await
    }
    async fn release(&self, id: TransactionId, epoch: Epoch, rest: Rest) -> Result<(), Error> {
        self.inner.release(id, epoch, rest).await
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

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_now_and_then_changes_nothing() {
    for (definition, script, end) in [
        (Definition::Saga(chain()), chain_fails as Script, Status::Compensated),
        (Definition::Saga(diamond()), diamond_fails as Script, Status::Compensated),
        (Definition::Saga(fan_out()), chain_works as Script, Status::Completed),
        (Definition::Tcc(tcc(vec![participant("a", 1), participant("b", 2)])), chain_works, Status::Confirmed),
        (Definition::Tcc(tcc(vec![participant("a", 1), participant("b", 2)])), b_is_refused, Status::Cancelled),
    ] {
        let guests = Scripted::new(definition, script);
        let journal = Arc::new(Faulty { inner: Memory::new(), turn: AtomicU64::new(0) });
        let engine = engine(journal.clone(), guests.clone()).await;
        for _ in 0..10 {
            let started = engine.start(request(&engine).await).await.unwrap();
            assert_eq!(engine.wait(started.id).await.unwrap().status, end);
        }
        let diary = guests.diary.lock();
        assert!(diary.effects.values().all(|times| *times == 1), "no effect twice: {:?}", diary.effects);
    }
}

/// A journal that fails for good lets the transaction go, says why, and loses nothing.
#[tokio::test(start_paused = true)]
async fn a_journal_that_is_gone_is_told() {
    let guests = Scripted::new(chain(), |_| (Duration::from_secs(1), done()));
    let journal = Memory::new();
    let engine = engine(Arc::new(journal.clone()), guests).await;
    let started = engine.start(request(&engine).await).await.unwrap();
    tokio::time::sleep(MOMENT).await;
    journal.close().await;
    let error = engine.wait(started.id).await.unwrap_err();
    assert!(matches!(error.root(), wasaga_engine::Error::Journal(Error::Closed)), "{error}");
}
