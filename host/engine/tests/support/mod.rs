//! Guests that are plain functions, and sagas to run with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use wasaga_core::definition::{self, Compensation, Definition, Source};
use wasaga_core::saga::Report;
use wasaga_core::{
    Answer, Call, Digest, Failure, Json, Limits, Operation, Operator, Outcome, RetryPolicy, UnknownCause, Usage, Writes,
};
use wasaga_engine::port::{Guests, LoadError, Module};
use wasaga_engine::{Builder, Engine, StartRequest};
use wasaga_journal::Journal;

pub(crate) type Script = fn(&Call) -> (Duration, Outcome);

/// Answers by a script, and keeps a diary: what was called, and what took effect how often.
#[derive(Debug)]
pub(crate) struct Scripted {
    script: Script,
    saga: definition::Saga,
    forgotten: bool,
    pub(crate) diary: Mutex<Diary>,
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
    pub(crate) fn new(saga: definition::Saga, script: Script) -> Arc<Self> {
        Arc::new(Self { script, saga, forgotten: false, diary: Mutex::default() })
    }

    /// Guests that have lost the module.
    pub(crate) fn forgetful(saga: definition::Saga, script: Script) -> Arc<Self> {
        Arc::new(Self { script, saga, forgotten: true, diary: Mutex::default() })
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.diary.lock().calls.clone()
    }
}

#[async_trait]
impl Guests for Scripted {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Module, LoadError> {
        if self.forgotten {
            return Err(LoadError { reason: "it is gone".into(), remedy: "bring it back".into() });
        }
        let description = definition::Module {
            name: "scripted".into(),
            version: "1.0.0".into(),
            description: String::new(),
            definitions: vec![Definition::Saga(self.saga.clone())],
            capabilities: vec![],
            calls_per_instance: 1,
            annotations: vec![],
        };
        Ok(Module { digest: Digest::of(&bytes), description: Arc::new(description) })
    }

    fn module(&self, _: Digest) -> Option<Module> {
        None
    }

    async fn call(&self, call: &Call) -> Answer {
        let (takes, outcome) = (self.script)(call);
        {
            let mut diary = self.diary.lock();
            diary.calls.push(call.id.to_string());
            diary.in_flight += 1;
            diary.most_in_flight = diary.most_in_flight.max(diary.in_flight);
        }
        tokio::time::sleep(takes).await;
        let mut diary = self.diary.lock();
        diary.in_flight -= 1;
        if matches!(outcome, Outcome::Completed(_)) {
            *diary.effects.entry(call.key.to_string()).or_default() += 1;
        }
        Answer { outcome, writes: Writes::default(), usage: Usage { duration_us: 1, fuel: 1, memory_bytes: 1 } }
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

/// Retries that are quick on a real clock.
pub(crate) fn quick() -> wasaga_core::Defaults {
    let defaults = wasaga_core::Defaults::default();
    let retry = RetryPolicy { initial_delay: 2, max_delay: 5, ..RetryPolicy::default() };
    wasaga_core::Defaults { limits: Limits { retry, ..defaults.limits }, ..defaults }
}

pub(crate) fn operator() -> Operator {
    Operator { who: "ada".into(), why: "a test".into() }
}

pub(crate) async fn engine(journal: Arc<dyn Journal>, guests: Arc<Scripted>) -> Engine {
    Builder::new(journal, guests).defaults(quick()).start().await.unwrap()
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
