//! Guests that are plain functions, and sagas to run with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use wasaga_core::definition::{self, Compensation, Definition, Source};
use wasaga_core::{
    Answer, Call, Commit, Digest, Fact, Failure, Json, Limits, NotMade, Operation, Operator, Outcome, Record, Report,
    RetryPolicy, Seq, Summary, TransactionId, UnknownCause, Usage, Writes,
};
use wasaga_engine::port::{Guest, Guests, LoadError};
use wasaga_engine::{Builder, Engine, StartRequest};
use wasaga_journal::sqlite::{Options, Sqlite, Synchronous};
use wasaga_journal::{Create, HostId, Journal};

pub(crate) type Script = fn(&Call) -> (Duration, Outcome);

/// Answers by a script, and keeps a diary: what was called, and what took effect how often.
#[derive(Debug)]
pub(crate) struct Scripted {
    script: Script,
    definition: Definition,
    forgotten: bool,
    pub(crate) diary: Mutex<Diary>,
    /// How often the module was loaded.
    pub(crate) loads: Mutex<u32>,
    /// Why the next calls are not made.
    pub(crate) not_made: Mutex<VecDeque<NotMade>>,
}

#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) calls: Vec<String>,
    /// Completed effects by idempotency key: how often, for a partner that does not honour keys.
    pub(crate) effects: BTreeMap<String, u32>,
    pub(crate) in_flight: usize,
    pub(crate) most_in_flight: usize,
}

impl Scripted {
    pub(crate) fn new(definition: impl Into<Definition>, script: Script) -> Arc<Self> {
        Self::of(definition.into(), script, false)
    }

    /// Guests that have lost the module.
    pub(crate) fn forgetful(definition: impl Into<Definition>, script: Script) -> Arc<Self> {
        Self::of(definition.into(), script, true)
    }

    fn of(definition: Definition, script: Script, forgotten: bool) -> Arc<Self> {
        let (diary, loads, not_made) = Default::default();
        Arc::new(Self { script, definition, forgotten, diary, loads, not_made })
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.diary.lock().calls.clone()
    }
}

/// The scripted module, loaded.
#[derive(Debug)]
struct Loaded {
    scripted: Arc<Scripted>,
    digest: Digest,
    description: Arc<definition::Module>,
}

/// Loads the scripted module, whatever the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Loader(pub(crate) Arc<Scripted>);

#[async_trait]
impl Guests for Loader {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError> {
        *self.0.loads.lock() += 1;
        // A moment, so that two that load at once would be seen.
        tokio::task::yield_now().await;
        if self.0.forgotten {
            return Err(LoadError { reason: "it is gone".into(), remedy: "bring it back".into() });
        }
        let description = definition::Module {
            name: "scripted".into(),
            version: "1.0.0".into(),
            description: String::new(),
            definitions: vec![self.0.definition.clone()],
            capabilities: vec![],
            calls_per_instance: 1,
            ..Default::default()
        };
        let (scripted, digest) = (self.0.clone(), Digest::of(&bytes));
        Ok(Arc::new(Loaded { scripted, digest, description: Arc::new(description) }))
    }
}

#[async_trait]
impl Guest for Loaded {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn description(&self) -> &Arc<definition::Module> {
        &self.description
    }

    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade> {
        let scripted = &self.scripted;
        if let Some(why) = scripted.not_made.lock().pop_front() {
            return Err(why);
        }
        let (takes, outcome) = (scripted.script)(&call);
        {
            let mut diary = scripted.diary.lock();
            diary.calls.push(call.id.to_string());
            diary.in_flight += 1;
            diary.most_in_flight = diary.most_in_flight.max(diary.in_flight);
        }
        tokio::time::sleep(takes).await;
        let mut diary = scripted.diary.lock();
        diary.in_flight -= 1;
        if matches!(outcome, Outcome::Completed(_)) {
            *diary.effects.entry(call.key.to_string()).or_default() += 1;
        }
        Ok(Answer { outcome, writes: Writes::default(), usage: Usage { duration_us: 1, fuel: 1, memory_bytes: 1 } })
    }
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) fn done() -> Outcome {
    Outcome::Completed(json("1"))
}

pub(crate) fn rejected() -> Outcome {
    Outcome::Rejected(Failure::new("no", "it said no"))
}

pub(crate) fn unknown() -> Outcome {
    Outcome::Unknown { cause: UnknownCause::Guest, failure: Failure::new("odd", "nobody knows"), after: None }
}

pub(crate) const MOMENT: Duration = Duration::from_millis(10);

pub(crate) fn all_done(_: &Call) -> (Duration, Outcome) {
    (MOMENT, done())
}

/// `charge run`, `charge compensate`.
pub(crate) fn what(call: &Call) -> (&str, bool) {
    (&call.id.node, call.id.operation == Operation::Compensate)
}

pub(crate) fn step(id: &str, depends_on: &[&str]) -> definition::Step {
    definition::Step {
        id: id.into(),
        depends_on: depends_on.iter().map(|id| (*id).into()).collect(),
        compensation: Some(Compensation { name: format!("undo-{id}"), ..Default::default() }),
        ..Default::default()
    }
}

pub(crate) fn saga(steps: Vec<definition::Step>) -> definition::Saga {
    definition::Saga { name: "order".into(), steps, ..Default::default() }
}

pub(crate) fn chain() -> definition::Saga {
    saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["b"])])
}

pub(crate) fn diamond() -> definition::Saga {
    saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b", "c"])])
}

pub(crate) fn fan_out() -> definition::Saga {
    let mut fan = step("f", &["a"]);
    fan.each = Some(Source::Input(Some("/lines".into())));
    saga(vec![step("a", &[]), fan, step("z", &["f"])])
}

/// A participant of this order.
pub(crate) fn participant(id: &str, order: u32) -> definition::Participant {
    definition::Participant { id: id.into(), order, ..Default::default() }
}

/// One that the TCC goes on without.
pub(crate) fn optional(id: &str, order: u32) -> definition::Participant {
    definition::Participant { optional: true, ..participant(id, order) }
}

pub(crate) fn tcc(participants: Vec<definition::Participant>) -> definition::Tcc {
    definition::Tcc { name: "order".into(), participants, ..Default::default() }
}

/// Retries that are quick on a real clock.
pub(crate) fn quick() -> wasaga_core::Defaults {
    let defaults = wasaga_core::Defaults::default();
    let retry = RetryPolicy { initial_delay: 2, max_delay: 5, ..RetryPolicy::default() };
    let settle = RetryPolicy { initial_delay: 2, max_delay: 5, ..defaults.settle };
    wasaga_core::Defaults { limits: Limits { retry, ..defaults.limits }, settle, ..defaults }
}

pub(crate) fn operator() -> Operator {
    Operator { who: "ada".into(), why: "a test".into() }
}

pub(crate) async fn engine(journal: Arc<dyn Journal>, guests: Arc<Scripted>) -> Engine {
    Builder::new(journal, Arc::new(Loader(guests))).defaults(quick()).start().await.unwrap()
}

pub(crate) async fn request(engine: &Engine) -> StartRequest {
    let module = engine.add_module(Arc::from(&b"scripted"[..])).await.unwrap();
    StartRequest::new(module.digest, "order".into(), json(r#"{"lines":[1,2,3]}"#))
}

/// Runs one to its end.
pub(crate) async fn run(engine: &Engine) -> Report {
    let started = engine.start(request(engine).await).await.unwrap();
    engine.wait(started.id).await.unwrap()
}

/// Puts the first records of a transaction under another id, as a host that died left them.
pub(crate) async fn plant(journal: &dyn Journal, number: u128, whole: &[Record], length: usize) -> TransactionId {
    let id = TransactionId::from_u128(number);
    let mut records = whole[..length].to_vec();
    let Fact::Created(created) = &mut records[0].fact else { panic!("the first record creates") };
    let created = Arc::make_mut(created);
    created.transaction = id;
    // A start key would stand in the way of the others of this prefix.
    created.key = None;
    let host = HostId("dead".into());
    journal.join(&host, wasaga_core::RECORD_VERSION).await.unwrap();
    let (before, taken, summary) = (Seq(0), Vec::new(), Summary::of(&records));
    let commit = Commit { transaction: id, before, records, taken, summary };
    journal.create(Create { host: host.clone(), commit }).await.unwrap();
    journal.leave(&host).await.unwrap();
    id
}

/// Makes journals in SQLite, each in a file of its own.
pub(crate) struct Files {
    directory: tempfile::TempDir,
    opened: AtomicU64,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), opened: AtomicU64::new(0) }
    }

    pub(crate) async fn journal(&self) -> Arc<dyn Journal> {
        let path = self.directory.path().join(format!("{}.db", self.opened.fetch_add(1, Ordering::Relaxed)));
        Arc::new(Sqlite::open(Options { path, synchronous: Synchronous::Full }).await.unwrap())
    }
}
