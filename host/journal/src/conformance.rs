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

mod claims;
mod inbox;
mod modules;
mod reading;

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{
    Commit, Created as Creation, Digest, Epoch, Fact, Json, LabelValue, Name, Operator, RECORD_VERSION, Record, Seq,
    Status, Summary, Timestamp, TransactionId, Wake, definition::CompensationPolicy,
};

use crate::{
    Append, AppendError, Claim, Create, Created, Error, Filter, HostId, Journal, Page, Pruned, Rest, Row, Stored,
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
    suite.journal.join(&suite.host, RECORD_VERSION).await.unwrap();
    suite.journal.check().await.unwrap();
    suite.keeps_what_it_answered().await;
    suite.refuses_the_stale().await;
    suite.one_of_five_writers_wins().await;
    suite.a_refused_append_does_not_hold_up_others().await;
    suite.reads_a_part().await;
    suite.reads_under_appends().await;
    suite.large_payloads_come_back().await;
    suite.keys_are_unique().await;
    suite.keys_outlive_their_transactions().await;
    suite.ids_are_unique().await;
    suite.lists_by_filter_and_page().await;
    suite.finds_by_label().await;
    suite.living_owners_keep_what_they_have().await;
    suite.the_dead_are_succeeded().await;
    suite.who_has_not_joined_owns_nothing().await;
    suite.claims_leave_what_sleeps_and_what_has_ended().await;
    suite.claims_are_in_the_order_of_wake_times().await;
    suite.two_that_claim_at_once_share().await;
    suite.later_records_are_left_to_later_hosts().await;
    suite.what_is_held_wakes_with_its_module().await;
    suite.messages_are_answered_once().await;
    suite.messages_wake_and_reach_their_owner().await;
    suite.an_inbox_has_an_end().await;
    suite.modules_are_kept().await;
    suite.modules_that_are_needed_stay().await;
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

/// Now, for claims: later than every wake time of the suite but those that are far away.
fn now() -> Timestamp {
    at(1_000_000)
}

fn running() -> Summary {
    Summary { status: Status::Running, paused: false, wake: Wake::Now, held: None, ended: None }
}

fn with_status(status: Status, us: u64) -> Summary {
    Summary { status, wake: Wake::Never, ended: status.is_ended().then(|| at(us)), ..running() }
}

fn record(us: u64) -> Record {
    let by = Operator { who: "ada".into(), why: format!("\"quoted\" ✔ {us}") };
    Record { at: at(us), fact: Fact::Paused { by } }
}

fn rest(wake: Wake) -> Rest {
    Rest { wake, held: None }
}

fn held(cause: &str) -> Rest {
    Rest { wake: Wake::Never, held: Some(crate::Held { cause: cause.into(), module: None }) }
}

fn append_of(
    transaction: TransactionId,
    (epoch, before): (u64, u64),
    records: Vec<Record>,
    summary: Summary,
) -> Append {
    let commit = Commit { transaction, before: Seq(before), records, taken: Vec::new(), summary };
    Append { epoch: Epoch(epoch), commit, release: false }
}

fn creation(number: u128, key: Option<&str>) -> Creation {
    Creation {
        transaction: id(number),
        definition: "order".into(),
        module: Digest::of(b"m"),
        providers: Default::default(),
        input: Json::parse(r#"{"a": "ß\u0000"}"#).unwrap(),
        headers: Default::default(),
        policy: Some(CompensationPolicy::StrictSequential),
        participants: Vec::new(),
        deadline: None,
        namespace: "n".into(),
        key: key.map(Name::from),
        module_name: Some("shop".into()),
        generation: 0,
        labels: Default::default(),
        class: None,
    }
}

impl Suite<'_> {
    fn create(&self, number: u128, key: Option<&str>) -> Create {
        self.create_of(creation(number, key))
    }

    fn create_of(&self, created: Creation) -> Create {
        let transaction = created.transaction;
        let records = vec![Record { at: at(1), fact: Fact::Created(created.into()) }, record(2)];
        let commit = Commit { transaction, before: Seq(0), records, taken: Vec::new(), summary: running() };
        Create { host: self.host.clone(), commit }
    }

    async fn created(&self, number: u128) -> TransactionId {
        assert_eq!(self.journal.create(self.create(number, None)).await.unwrap(), Created::New(Seq(2)));
        id(number)
    }

    async fn append(&self, id: TransactionId, epoch: u64, expected: u64, summary: Summary) -> Result<Seq, AppendError> {
        let us = summary.ended.map_or(10 + expected, Timestamp::unix_us);
        self.journal.append(append_of(id, (epoch, expected), vec![record(us)], summary)).await
    }

    async fn claimed(&self, journal: &dyn Journal, host: &HostId, limit: usize) -> Vec<Claim> {
        journal.claim(host, now(), limit).await.unwrap().taken
    }

    async fn stored(&self, id: TransactionId) -> Stored {
        self.journal.load(id).await.unwrap().unwrap()
    }

    async fn keeps_what_it_answered(&self) {
        let create = self.create(1, Some("k1"));
        let first = create.commit.records.clone();
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
            version: 2,
            epoch: Epoch(1),
            owner: Some(owner),
            wake: Wake::Never,
            held: None,
            module_name: Some("shop".into()),
            labels: Default::default(),
            class: None,
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
                    match journal.append(append_of(one, (1, expected.0), records, running())).await {
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
        let input = creation(50, None).input.digest();
        assert_eq!(self.journal.create(first).await.unwrap(), Created::New(Seq(2)));
        let other = Creation { input: Json::null(), ..creation(51, Some("same")) };
        let again = self.journal.create(self.create_of(other)).await.unwrap();
        assert_eq!(again, Created::Exists { id: id(50), input });
        assert!(self.journal.load(id(51)).await.unwrap().is_none());
        let refund = Creation { definition: "refund".into(), ..creation(52, Some("same")) };
        assert_eq!(self.journal.create(self.create_of(refund)).await.unwrap(), Created::New(Seq(2)));
        let elsewhere = Creation { module_name: Some("bank".into()), ..creation(49, Some("same")) };
        assert_eq!(self.journal.create(self.create_of(elsewhere)).await.unwrap(), Created::New(Seq(2)));
        // At once: one is there, and all others are told of it.
        let creates = (53..63).map(|number| self.journal.create(self.create(number, Some("rush"))));
        let answers = futures::future::join_all(creates).await;
        let new = answers.iter().filter(|answer| matches!(answer, Ok(Created::New(_)))).count();
        let told = answers.iter().filter(|answer| matches!(answer, Ok(Created::Exists { .. }))).count();
        assert_eq!((new, told), (1, 9));
    }

    /// A start key is remembered after its transaction: the next one of the key is another generation.
    async fn keys_outlive_their_transactions(&self) {
        for generation in 0..3 {
            let number = 64 + u128::from(generation);
            let created = |generation| Creation { generation, ..creation(number, Some("often")) };
            for wrong in (0..5).filter(|wrong| *wrong != generation) {
                let told = self.journal.create(self.create_of(created(wrong))).await.unwrap();
                assert_eq!(told, Created::Used { generation });
            }
            let made = self.journal.create(self.create_of(created(generation))).await.unwrap();
            assert_eq!(made, Created::New(Seq(2)));
            let again = self.journal.create(self.create_of(created(generation))).await.unwrap_err();
            assert!(matches!(again, AppendError::Conflict { .. }), "the id is taken: {again}");
            self.append(id(number), 1, 2, with_status(Status::Completed, 3)).await.unwrap();
            self.journal.prune(at(4), 1_000).await.unwrap();
            assert!(self.journal.load(id(number)).await.unwrap().is_none());
        }
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
        self.journal.release(id(big(4)), Epoch(1), held("no module")).await.unwrap();
        assert_eq!(numbers(&by(|f| f.held = true), 10, None).await, [4]);
        let keyed = Filter { key: Some("k1".into()), ..Filter::default() };
        let rows = self.journal.list(&keyed, Page { limit: 10, below: None }).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id(1)]);
    }

    async fn finds_by_label(&self) {
        let text = |text: &str| LabelValue::Text(text.into());
        let labelled = |number, customer: &str, vip| Creation {
            labels: [
                ("customer".into(), text(customer)),
                ("vip".into(), LabelValue::Flag(vip)),
                ("size".into(), LabelValue::Integer(1)),
            ]
            .into(),
            ..creation(number, None)
        };
        for (number, customer, vip) in [(200, "ada", true), (201, "bob", true), (202, "ada", false)] {
            self.journal.create(self.create_of(labelled(number, customer, vip))).await.unwrap();
        }
        let found = async |labels: &[(&str, LabelValue)]| {
            let labels = labels.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
            let filter = Filter { labels, ..Filter::default() };
            let rows = self.journal.list(&filter, Page { limit: 9, below: None }).await.unwrap();
            rows.iter().map(|row| row.id.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(found(&[("customer", text("ada"))]).await, [202, 200]);
        assert_eq!(found(&[("customer", text("ada")), ("vip", LabelValue::Flag(true))]).await, [200]);
        assert_eq!(found(&[("size", LabelValue::Integer(1))]).await, [202, 201, 200]);
        assert_eq!(found(&[("size", text("1"))]).await, [0; 0], "a number is no text");
        let row = self.stored(id(201)).await.row;
        assert_eq!(row.labels, labelled(201, "bob", true).labels);
    }

    async fn only_the_ended_are_pruned(&self) {
        let ended: Vec<_> = futures::future::join_all((100..104).map(|number| self.created(number))).await;
        for (i, id) in ended.iter().enumerate() {
            self.append(*id, 1, 2, with_status(Status::Terminated, 10 + i as u64)).await.unwrap();
        }
        // Earlier clauses leave what ended before; here it counts what this one made.
        while self.journal.prune(at(10), 1_000).await.unwrap().more {}
        let one = self.journal.prune(at(12), 3).await.unwrap();
        assert_eq!((one.transactions, one.records, one.more), (1, 3, true), "bounded by records");
        let rest = self.journal.prune(at(12), 100).await.unwrap();
        assert_eq!((rest.transactions, rest.records), (1, 3));
        assert_eq!(self.journal.prune(at(12), 100).await.unwrap(), Pruned::default());
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
