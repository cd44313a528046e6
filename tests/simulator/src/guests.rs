//! Guests that do what the scenario says, call after call, and a partner behind them that keeps what
//! truly took effect. They never lie: who answers no, or not now, has done nothing in that attempt.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use wasaga_core::definition::{Action, Definition, Module as Description, Saga, Tcc};
use wasaga_core::{Answer, Call, Digest, Failure, Json, NotMade, Outcome, UnknownCause, Usage, Writes};
use wasaga_engine::port::{Guest, Guests, LoadError};

use crate::log::What;
use crate::scenario::{Behaviour, Effect, Lack, Reply, Scenario, ScriptKey, When};
use crate::stage::{Living, Stage, Visit};

/// The header that tells a guest which start its transaction comes from.
pub(crate) const START: &str = "start";
/// The bytes of the module that has the saga and the TCC.
pub(crate) const MODULE: &[u8] = b"simulated";
/// The name of the module that provides some of their steps and participants.
pub(crate) const PROVIDER: &str = "provider";

/// The bytes of one version of the provider.
pub(crate) fn version(number: usize) -> Arc<[u8]> {
    format!("{PROVIDER} {number}").into_bytes().into()
}

#[derive(Clone, Debug)]
pub(crate) struct Simulated {
    pub(crate) stage: Arc<Stage>,
    pub(crate) life: Arc<Living>,
}

#[async_trait]
impl Guests for Simulated {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError> {
        self.life.gate().await;
        if self.stage.lacks(Lack::Broken) {
            return Err(LoadError { reason: "it cannot be loaded".into(), remedy: "wait a while".into() });
        }
        let digest = Digest::of(&bytes);
        self.stage.note(What::Loaded(self.life.number, digest));
        let description = Arc::new(describe(&self.stage.scenario, &bytes));
        Ok(Arc::new(Loaded { by: self.clone(), digest, description }))
    }
}

/// A module that was loaded.
#[derive(Debug)]
struct Loaded {
    by: Simulated,
    digest: Digest,
    description: Arc<Description>,
}

#[async_trait]
impl Guest for Loaded {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn description(&self) -> &Arc<Description> {
        &self.description
    }

    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade> {
        self.by.call(call).await
    }
}

impl Simulated {
    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade> {
        self.life.gate().await;
        let number = self.stage.invocations.fetch_add(1, Ordering::Relaxed) as usize;
        self.stage.note(What::Called(self.life.number, number, Box::new((*call).clone())));
        let visit = Visit {
            id: call.transaction,
            node: call.id.node.as_str().into(),
            item: call.id.item,
            operation: call.id.operation,
            attempt: call.id.attempt,
        };
        let behaviour = self.next(&call, &visit);
        let outcome = self.behave(&call, &visit, number, behaviour).await;
        self.life.gate().await;
        let completed = matches!(outcome, Outcome::Completed(_));
        let writes = if completed && number.is_multiple_of(3) { written(number) } else { Writes::default() };
        self.stage.note(What::Answered(self.life.number, number, call.id.clone(), outcome.clone()));
        Ok(Answer { outcome, writes, usage: Usage { duration_us: 1, fuel: number as u64, memory_bytes: 1 } })
    }
}

/// The provider has the same definitions, all of it its own.
fn describe(scenario: &Scenario, bytes: &[u8]) -> Description {
    let (mut saga, mut tcc) = (scenario.saga.clone(), scenario.tcc.clone());
    let name = if bytes == MODULE { "simulated" } else { PROVIDER };
    if bytes != MODULE {
        own_all(&mut saga, &mut tcc);
    }
    Description {
        name: name.into(),
        version: "1.0.0".into(),
        description: String::new(),
        definitions: vec![Definition::Saga(saga), Definition::Tcc(tcc)],
        capabilities: Vec::new(),
        calls_per_instance: 1,
        ..Default::default()
    }
}

fn own_all(saga: &mut Saga, tcc: &mut Tcc) {
    saga.steps.iter_mut().for_each(|step| step.action = Action::Here);
    tcc.participants.iter_mut().for_each(|participant| participant.provider = None);
}

fn written(number: usize) -> Writes {
    let value = Json::of(&number).expect("a number is JSON");
    Writes { variables: vec![("v".into(), value)], ..Writes::default() }
}

impl Simulated {
    /// What the script says of this call. Another call with the same script takes the next line.
    fn next(&self, call: &Call, visit: &Visit) -> Behaviour {
        let start = call.headers.get(START).and_then(|start| start.parse().ok()).unwrap_or_default();
        let (node, item, operation) = (visit.node.clone(), visit.item, visit.operation);
        let key = ScriptKey { start, node, item, operation };
        let mut partner = self.stage.partner.lock();
        let nth = partner.visits.entry(key.clone()).or_default();
        *nth += 1;
        let script = self.stage.scenario.scripts.get(&key);
        script.and_then(|script| script.get(*nth - 1)).copied().unwrap_or(Behaviour::PLAIN)
    }

    async fn behave(&self, call: &Call, visit: &Visit, number: usize, behaviour: Behaviour) -> Outcome {
        let effect = behaviour.effect;
        let does = !matches!(behaviour.answer, Reply::Rejects | Reply::Retries(_) | Reply::Pends(_));
        if does && effect == Effect::First {
            self.take(visit, number);
        }
        if let Effect::Later(ms) = effect
            && does
        {
            let (stage, visit) = (self.stage.clone(), visit.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                take(&stage, &visit, number);
            });
        }
        self.end_with_call().await;
        let left = call.deadline.since(self.stage.time(self.stage.scenario.hosts[self.life.place].skew_ms));
        let takes = Duration::from_millis(behaviour.takes_ms);
        if matches!(behaviour.answer, Reply::Silent) || takes >= left {
            tokio::time::sleep(left).await;
            let failure = Failure::new("deadline", "it did not end in time");
            return Outcome::Unknown { cause: UnknownCause::Deadline, failure, after: None };
        }
        tokio::time::sleep(takes).await;
        self.life.gate().await;
        self.answer(visit, number, behaviour)
    }

    fn answer(&self, visit: &Visit, number: usize, behaviour: Behaviour) -> Outcome {
        let refuses = matches!(behaviour.answer, Reply::Rejects | Reply::Retries(_));
        if refuses && self.stage.partner.lock().has_done(visit) {
            // It was accepted before and has happened since: whoever asks is told so.
            return completed(visit, number);
        }
        let refuse = |outcome: Outcome| {
            self.stage.partner.lock().close(visit, &outcome);
            outcome
        };
        match behaviour.answer {
            Reply::Completes => {
                let refused = self.stage.partner.lock().refusal(visit);
                refused.unwrap_or_else(|| {
                    self.take(visit, number);
                    completed(visit, number)
                })
            }
            Reply::Rejects => refuse(Outcome::Rejected(Failure::new("no", format!("no {number}")))),
            Reply::Retries(after) => {
                let failure = Failure::new("busy", format!("busy {number}"));
                refuse(Outcome::Retryable { failure, after })
            }
            Reply::Pends(poll) => Outcome::Pending { poll, token: None },
            Reply::Unknown | Reply::Silent => {
                let failure = Failure::new("odd", format!("odd {number}"));
                Outcome::Unknown { cause: UnknownCause::Guest, failure, after: None }
            }
        }
    }

    fn take(&self, visit: &Visit, number: usize) {
        take(&self.stage, visit, number);
    }

    /// A life that ends with this call ends when the guest has been reached.
    async fn end_with_call(&self) {
        let nth = self.life.calls.fetch_add(1, Ordering::Relaxed);
        let Some(end) = self.life.end.filter(|_| !self.stage.is_calm()) else { return };
        if end.when == (When::Call { nth }) {
            if end.how == crate::scenario::How::Dies && self.life.die() {
                self.stage.note(What::Died(self.life.number));
            }
            self.life.ends_now();
        }
        self.life.gate().await;
    }
}

fn take(stage: &Stage, visit: &Visit, number: usize) {
    let became = stage.partner.lock().take(visit);
    stage.note(What::Effect(number, became));
}

/// An output that no other call has, with a list for fan-outs.
fn completed(visit: &Visit, number: usize) -> Outcome {
    let operation = visit.operation.as_str();
    let text = format!(r#"{{"by":"{} {operation} {}","call":{number},"list":[1,2,3]}}"#, visit.node, visit.attempt);
    Outcome::Completed(Json::parse(&text).expect("it is put together from plain words"))
}
