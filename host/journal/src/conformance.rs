//! The contract of [`Journal`], as a suite that every backend passes, an outsider's as well.
//!
//! ```text
//! #[tokio::test]
//! async fn it_keeps_the_contract() {
//!     wasaga_journal::conformance::check(&MyBackend::new()).await;
//! }
//! ```
//!
//! Deliberately absent: what one backend alone can do.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "it is a test that others call")]

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{
    Created as Creation, Digest, Epoch, Fact, Json, Name, Operator, Record, Seq, Status, Summary, Timestamp,
    TransactionId, definition::CompensationPolicy,
};

use crate::{
    Append, AppendError, Claim, ClaimError, Create, Created, Error, Filter, HostId, Journal, Page, Row, Stored,
};

/// What the suite needs of a backend.
#[async_trait]
pub trait Backend: Sync {
    /// Opens the same store once more, as another process would.
    async fn open(&self) -> Arc<dyn Journal>;

    /// Ends a host as a kill would: nothing is released.
    async fn kill(&self, journal: Arc<dyn Journal>, host: &HostId);
}

/// Runs every clause, on one store.
pub async fn check(backend: &dyn Backend) {
    let journal = backend.open().await;
    let suite = Suite { backend, journal, host: HostId("ada".into()) };
    suite.journal.join(&suite.host).await.unwrap();
    suite.journal.check().await.unwrap();
    suite.keeps_what_it_answered().await;
    suite.refuses_the_stale().await;
    suite.one_of_five_writers_wins().await;
    suite.a_refused_append_does_not_hold_up_others().await;
    suite.keys_are_unique().await;
    suite.ids_are_unique().await;
    suite.lists_by_filter_and_page().await;
    suite.living_owners_keep_what_they_have().await;
    suite.the_dead_are_succeeded().await;
    suite.claims_leave_what_waits_for_a_person_and_what_has_ended().await;
    suite.modules_are_kept().await;
    suite.only_the_ended_are_pruned().await;
    suite.a_closed_journal_answers_so().await;
}

struct Suite<'b> {
    backend: &'b dyn Backend,
    journal: Arc<dyn Journal>,
    host: HostId,
}

fn at(us: u64) -> Timestamp {
    Timestamp::from_unix_us(us)
}

fn id(number: u128) -> TransactionId {
    TransactionId::from_u128(number)
}

fn running() -> Summary {
    Summary { status: Status::Running, paused: false, due: Some(at(9)), ended: None }
}

fn with_status(status: Status, us: u64) -> Summary {
    Summary { status, paused: false, due: None, ended: status.is_ended().then(|| at(us)) }
}

fn record(us: u64) -> Record {
    let by = Operator { who: "ada".into(), why: format!("\"quoted\" ✔ {us}") };
    Record { at: at(us), fact: Fact::Paused { by } }
}

impl Suite<'_> {
    fn create(&self, number: u128, key: Option<&str>) -> Create {
        let input = Json::parse(r#"{"a": "ß\u0000"}"#).unwrap();
        let created = Creation {
            transaction: id(number),
            definition: "order".into(),
            module: Digest::of(b"m"),
            providers: Default::default(),
            input: input.clone(),
            headers: Default::default(),
            policy: Some(CompensationPolicy::StrictSequential),
            participants: Vec::new(),
            deadline: None,
            namespace: "n".into(),
            key: key.map(Name::from),
        };
        Create {
            id: id(number),
            definition: "order".into(),
            module: Digest::of(b"m"),
            providers: Vec::new(),
            key: key.map(Name::from),
            input: input.digest(),
            host: self.host.clone(),
            records: vec![Record { at: at(1), fact: Fact::Created(created) }, record(2)],
            summary: running(),
        }
    }

    async fn created(&self, number: u128) -> TransactionId {
        assert_eq!(self.journal.create(self.create(number, None)).await.unwrap(), Created::New(Seq(2)));
        id(number)
    }

    async fn append(&self, id: TransactionId, epoch: u64, expected: u64, summary: Summary) -> Result<Seq, AppendError> {
        let us = summary.ended.map_or(10 + expected, Timestamp::unix_us);
        let append = Append { id, epoch: Epoch(epoch), expected: Seq(expected), records: vec![record(us)], summary };
        self.journal.append(append).await
    }

    async fn stored(&self, id: TransactionId) -> Stored {
        self.journal.load(id).await.unwrap().unwrap()
    }

    async fn keeps_what_it_answered(&self) {
        let create = self.create(1, Some("k1"));
        let first = create.records.clone();
        assert_eq!(self.journal.create(create).await.unwrap(), Created::New(Seq(2)));
        let seq = self.append(id(1), 1, 2, with_status(Status::Compensating, 0)).await.unwrap();
        assert_eq!(seq, Seq(3));
        // Read by another process.
        let other = self.backend.open().await;
        let Stored { row, records } = other.load(id(1)).await.unwrap().unwrap();
        assert_eq!(records, [first, vec![record(12)]].concat());
        let owner = row.owner.clone().unwrap();
        assert!(owner.alive && owner.host == self.host);
        let expected = Row {
            id: id(1),
            definition: "order".into(),
            module: Digest::of(b"m"),
            key: Some("k1".into()),
            status: Status::Compensating,
            paused: false,
            seq: Seq(3),
            epoch: Epoch(1),
            owner: Some(owner),
            due: None,
            created: at(1),
            updated: at(12),
            ended: None,
        };
        assert_eq!(row, expected);
        assert!(other.load(id(999)).await.unwrap().is_none());
    }

    async fn refuses_the_stale(&self) {
        let one = self.created(10).await;
        let conflict = self.append(one, 1, 1, running()).await.unwrap_err();
        assert!(matches!(conflict, AppendError::Conflict { expected: Seq(1), actual: Some(Seq(2)), .. }), "{conflict}");
        let ahead = self.append(one, 1, 3, running()).await.unwrap_err();
        assert!(matches!(ahead, AppendError::Conflict { .. }), "{ahead}");
        let unknown = self.append(id(998), 1, 0, running()).await.unwrap_err();
        assert!(matches!(unknown, AppendError::Conflict { actual: None, .. }), "{unknown}");
        let Claim { epoch, .. } = self.journal.claim_one(&self.host, one).await.unwrap();
        assert_eq!(epoch, Epoch(2));
        let fenced = self.append(one, 1, 2, running()).await.unwrap_err();
        assert!(matches!(fenced, AppendError::Fenced { epoch: Epoch(1), .. }), "{fenced}");
        assert_eq!(self.stored(one).await.records.len(), 2, "a refused append leaves nothing");
        assert_eq!(self.append(one, 2, 2, running()).await.unwrap(), Seq(3));
    }

    /// Five writers, ten rounds each: of all that expect the same sequence one wins, so 50 appends
    /// take place and none is lost.
    async fn one_of_five_writers_wins(&self) {
        let one = self.created(20).await;
        let mut writers = Vec::new();
        for _ in 0..5 {
            let journal = self.backend.open().await;
            writers.push(tokio::spawn(async move {
                let mut expected = Seq(2);
                let mut wins = 0;
                while wins < 10 {
                    let records = vec![record(expected.0)];
                    let append = Append { id: one, epoch: Epoch(1), expected, records, summary: running() };
                    match journal.append(append).await {
                        Ok(seq) => (expected, wins) = (seq, wins + 1),
                        Err(AppendError::Conflict { .. }) => {
                            expected = journal.load(one).await.unwrap().unwrap().row.seq;
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let stored = self.stored(one).await;
        assert_eq!((stored.row.seq, stored.records.len()), (Seq(52), 52));
        let times: Vec<_> = stored.records[2..].iter().map(|record| record.at.unix_us()).collect();
        assert_eq!(times, (2..52).collect::<Vec<_>>(), "each was written by who expected its place");
    }

    async fn a_refused_append_does_not_hold_up_others(&self) {
        let ids: Vec<_> = futures::future::join_all((30..40).map(|number| self.created(number))).await;
        let appends = ids.iter().enumerate().map(|(i, id)| {
            let stale = i % 2 == 0;
            self.append(*id, 1, if stale { 7 } else { 2 }, running())
        });
        let answers = futures::future::join_all(appends).await;
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_ok(), i % 2 == 1, "{answer:?}");
        }
        // Two of one transaction at once: one after the other, or one refused; never half.
        let (a, b) = tokio::join!(self.append(ids[0], 1, 2, running()), self.append(ids[0], 1, 2, running()));
        assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
    }

    async fn keys_are_unique(&self) {
        let first = self.create(50, Some("same"));
        let input = first.input;
        assert_eq!(self.journal.create(first).await.unwrap(), Created::New(Seq(2)));
        let again = Create { input: Digest::of(b"other"), ..self.create(51, Some("same")) };
        assert_eq!(self.journal.create(again).await.unwrap(), Created::Exists { id: id(50), input });
        assert!(self.journal.load(id(51)).await.unwrap().is_none());
        let elsewhere = Create { definition: "refund".into(), ..self.create(52, Some("same")) };
        assert_eq!(self.journal.create(elsewhere).await.unwrap(), Created::New(Seq(2)));
        // At once: one is there, and all others are told of it.
        let creates = (53..63).map(|number| self.journal.create(self.create(number, Some("rush"))));
        let answers = futures::future::join_all(creates).await;
        let new = answers.iter().filter(|answer| matches!(answer, Ok(Created::New(_)))).count();
        let told = answers.iter().filter(|answer| matches!(answer, Ok(Created::Exists { .. }))).count();
        assert_eq!((new, told), (1, 9));
    }

    async fn ids_are_unique(&self) {
        let taken = self.journal.create(self.create(50, None)).await.unwrap_err();
        assert!(matches!(taken, AppendError::Conflict { expected: Seq(0), actual: Some(Seq(2)), .. }), "{taken}");
    }

    async fn lists_by_filter_and_page(&self) {
        let big = |number: u128| (1 << 100) + number;
        for number in 0..5 {
            self.created(big(number)).await;
        }
        self.append(id(big(3)), 1, 2, with_status(Status::Completed, 777)).await.unwrap();
        let prefix = id(big(0)).to_string()[..24].to_lowercase();
        let all = Filter { id_prefix: Some(prefix), ..Filter::default() };
        let numbers = async |filter: &Filter, limit, below: Option<u128>| {
            let page = Page { limit, below: below.map(|number| id(big(number))) };
            let rows = self.journal.list(filter, page).await.unwrap();
            rows.iter().map(|row| row.id.as_u128() - big(0)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&all, 10, None).await, [4, 3, 2, 1, 0]);
        assert_eq!(numbers(&all, 2, None).await, [4, 3]);
        assert_eq!(numbers(&all, 2, Some(3)).await, [2, 1]);
        let by = |change: fn(&mut Filter)| {
            let mut filter = all.clone();
            change(&mut filter);
            filter
        };
        assert_eq!(numbers(&by(|f| f.statuses = vec![Status::Completed, Status::Stuck]), 10, None).await, [3]);
        assert_eq!(numbers(&by(|f| f.updated_before = Some(at(3))), 10, None).await, [4, 2, 1, 0]);
        assert_eq!(numbers(&by(|f| f.created_from = Some(at(2))), 10, None).await, [0; 0]);
        assert_eq!(numbers(&by(|f| f.definition = Some("other".into())), 10, None).await, [0; 0]);
        assert_eq!(numbers(&by(|f| f.key = Some("k1".into())), 10, None).await, [0; 0]);
        let keyed = Filter { key: Some("k1".into()), ..Filter::default() };
        let rows = self.journal.list(&keyed, Page { limit: 10, below: None }).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id(1)]);
    }

    async fn living_owners_keep_what_they_have(&self) {
        let one = self.created(70).await;
        let other = self.backend.open().await;
        let bob = HostId("bob".into());
        other.join(&bob).await.unwrap();
        assert_eq!(other.claim(&bob, 100).await.unwrap(), [], "all belong to a host that lives");
        let owned = other.claim_one(&bob, one).await.unwrap_err();
        assert!(matches!(&owned, ClaimError::Owned { owner, .. } if *owner == self.host), "{owned}");
        assert!(matches!(other.claim_one(&bob, id(997)).await, Err(ClaimError::Unknown(_))));
        self.journal.release(one, Epoch(7)).await.unwrap();
        assert!(other.claim_one(&bob, one).await.is_err(), "a release in another epoch is none");
        self.journal.release(one, Epoch(1)).await.unwrap();
        assert_eq!(other.claim(&HostId("nobody".into()), 100).await.unwrap(), [], "who has not joined gets none");
        assert_eq!(other.claim(&bob, 100).await.unwrap(), [Claim { id: one, epoch: Epoch(2) }]);
        other.leave(&bob).await.unwrap();
        assert_eq!(self.stored(one).await.row.owner, None);
        assert_eq!(self.journal.claim(&self.host, 100).await.unwrap(), [Claim { id: one, epoch: Epoch(3) }]);
    }

    async fn the_dead_are_succeeded(&self) {
        let other = self.backend.open().await;
        let eve = HostId("eve".into());
        other.join(&eve).await.unwrap();
        for number in 80..83 {
            let create = Create { host: eve.clone(), ..self.create(number, None) };
            other.create(create).await.unwrap();
        }
        assert_eq!(self.journal.claim(&self.host, 100).await.unwrap(), []);
        self.backend.kill(other, &eve).await;
        let row = self.stored(id(80)).await.row;
        assert!(row.owner.is_none_or(|owner| !owner.alive), "lists tell that the owner is gone");
        let next = self.journal.claim_one(&self.host, id(81)).await.unwrap();
        assert_eq!(next, Claim { id: id(81), epoch: Epoch(2) });
        let oldest = self.journal.claim(&self.host, 1).await.unwrap();
        assert_eq!(oldest, [Claim { id: id(80), epoch: Epoch(2) }]);
        assert_eq!(self.journal.claim(&self.host, 9).await.unwrap(), [Claim { id: id(82), epoch: Epoch(2) }]);
        let late = self.append(id(80), 1, 2, running()).await.unwrap_err();
        assert!(matches!(late, AppendError::Fenced { .. }), "what the dead host sends late is refused");
    }

    async fn claims_leave_what_waits_for_a_person_and_what_has_ended(&self) {
        let (stuck, ended, paused) = (self.created(90).await, self.created(91).await, self.created(92).await);
        let free = self.created(93).await;
        self.append(stuck, 1, 2, with_status(Status::Stuck, 0)).await.unwrap();
        self.append(ended, 1, 2, with_status(Status::Compensated, 500)).await.unwrap();
        self.append(paused, 1, 2, Summary { paused: true, ..running() }).await.unwrap();
        for id in [stuck, ended, paused, free] {
            self.journal.release(id, Epoch(1)).await.unwrap();
        }
        let claimed = self.journal.claim_one(&self.host, ended).await;
        assert!(matches!(claimed, Err(ClaimError::Ended(id)) if id == ended), "{claimed:?}");
        assert_eq!(self.stored(ended).await.row.owner, None);
        let claimed = self.journal.claim(&self.host, 100).await.unwrap();
        assert_eq!(claimed, [Claim { id: free, epoch: Epoch(2) }]);
        for id in [stuck, paused] {
            assert_eq!(self.journal.claim_one(&self.host, id).await.unwrap().epoch, Epoch(2));
        }
    }

    async fn modules_are_kept(&self) {
        let bytes: Arc<[u8]> = vec![0u8, 1, 2].into();
        let digest = Digest::of(&bytes);
        assert!(self.journal.module(digest).await.unwrap().is_none());
        for _ in 0..2 {
            self.journal.put_module(digest, &"shop".into(), bytes.clone()).await.unwrap();
        }
        let other = self.backend.open().await;
        assert_eq!(other.module(digest).await.unwrap().as_deref(), Some(&*bytes));
    }

    async fn only_the_ended_are_pruned(&self) {
        let ended: Vec<_> = futures::future::join_all((100..104).map(|number| self.created(number))).await;
        for (i, id) in ended.iter().enumerate() {
            self.append(*id, 1, 2, with_status(Status::Terminated, 10 + i as u64)).await.unwrap();
        }
        assert_eq!(self.journal.prune(at(12), 1).await.unwrap(), 1);
        assert_eq!(self.journal.prune(at(12), 100).await.unwrap(), 1);
        assert_eq!(self.journal.prune(at(12), 100).await.unwrap(), 0);
        let mut left = Vec::new();
        for id in ended {
            left.push(self.journal.load(id).await.unwrap().is_some());
        }
        assert_eq!(left, [false, false, true, true]);
        assert!(self.journal.load(id(70)).await.unwrap().is_some(), "an unfinished one is there for ever");
    }

    async fn a_closed_journal_answers_so(&self) {
        self.journal.close().await;
        assert!(matches!(self.journal.check().await, Err(Error::Closed)));
        assert!(matches!(self.journal.load(id(1)).await, Err(Error::Closed)));
        let refused = self.append(id(1), 1, 3, running()).await.unwrap_err();
        assert!(matches!(refused, AppendError::Journal(Error::Closed)), "{refused}");
    }
}
