//! Who asks hosts for something: callers that start transactions, and operators. They are impatient,
//! ask the next host where one does not answer, and note what they were told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use wasaga_core::{Digest, Json, Kind, Operator, Report, Status, TransactionId};
use wasaga_engine::{Engine, Error, StartRequest};
use wasaga_journal::Row;

use crate::guests::{MODULE, START};
use crate::hosts::Hosts;
use crate::log::{Answered, Told, What};
use crate::scenario::{Action, Mend, Start, Word};

/// How often a caller with a key tries.
const TRIES: usize = 4;
/// How long who sees to a transaction at rest waits for a host.
const MEND_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Callers {
    hosts: Arc<Hosts>,
    /// Transactions by start, as far as callers were told.
    ids: Mutex<BTreeMap<usize, TransactionId>>,
    busy: AtomicUsize,
    words: AtomicUsize,
}

impl Callers {
    pub(crate) fn new(hosts: Arc<Hosts>) -> Self {
        Self { hosts, ids: Mutex::default(), busy: AtomicUsize::new(0), words: AtomicUsize::new(0) }
    }

    /// Whether all have done what they came for.
    pub(crate) fn is_done(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn begin(self: &Arc<Self>) {
        let scenario = self.hosts.stage.scenario.clone();
        for (number, start) in scenario.starts.iter().enumerate() {
            let (callers, start) = (self.clone(), *start);
            self.busy.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(start.at_ms)).await;
                callers.start(number, start).await;
                callers.busy.fetch_sub(1, Ordering::Relaxed);
            });
        }
        for action in scenario.actions.clone() {
            let callers = self.clone();
            self.busy.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(action.at_ms)).await;
                callers.act(action).await;
                callers.busy.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }

    async fn start(&self, number: usize, start: Start) {
        let tries = if start.key.is_some() { TRIES } else { 1 };
        for _ in 0..tries {
            let (answer, engine) = self.ask_to_start(number, start).await;
            self.hosts.stage.note(What::Started(number, answer.clone()));
            if let Ok((id, _)) = answer {
                self.ids.lock().insert(number, id);
                // Whoever waits may wait in vain, for the host may die; it must not disturb.
                drop(tokio::time::timeout(Duration::from_secs(20), engine.wait(id)).await);
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Asks a host, and the next one where that has no module for it.
    async fn ask_to_start(&self, number: usize, start: Start) -> (Result<(TransactionId, bool), String>, Engine) {
        let first = self.somebody(start.place).await;
        let others = self.hosts.engines(start.place).into_iter().skip(1);
        let mut engines = std::iter::once(first).chain(others).peekable();
        loop {
            let engine = engines.next().expect("it is peeked at below, and begins with one");
            self.hosts.stage.note(What::Asked(number));
            let asked = engine.start(self.request(number, start));
            let answer = match tokio::time::timeout(Duration::from_millis(start.patience_ms), asked).await {
                Ok(Ok(started)) => Ok((started.id, started.existing)),
                Ok(Err(Error::UnknownModule(_) | Error::ProvidersMissing { .. })) if engines.peek().is_some() => {
                    continue;
                }
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("nobody answers".into()),
            };
            return (answer, engine);
        }
    }

    fn request(&self, number: usize, start: Start) -> StartRequest {
        let lines: Vec<u32> = (0..self.hosts.stage.scenario.lines).collect();
        let input = format!(r#"{{"lines":{lines:?},"yes":true,"no":false}}"#);
        let input = Json::parse(&input).expect("numbers in brackets are JSON");
        // Starts with one key are one transaction, so they must look the same.
        let script = start.key.map_or(number, |key| self.first_with(key));
        let headers = BTreeMap::from([(START.into(), Arc::from(script.to_string()))]);
        let key = start.key.map(|key| format!("k{key}").into());
        let scenario = &self.hosts.stage.scenario;
        let definition = match start.kind {
            Kind::Saga => scenario.saga.name.as_str(),
            Kind::Tcc => scenario.tcc.name.as_str(),
        };
        let mut request = StartRequest::new(Digest::of(MODULE), definition.into(), input);
        request.headers = headers;
        request.policy = start.policy;
        request.key = key;
        request
    }

    fn first_with(&self, key: u32) -> usize {
        let starts = &self.hosts.stage.scenario.starts;
        starts.iter().position(|start| start.key == Some(key)).unwrap_or_default()
    }

    async fn somebody(&self, place: usize) -> Engine {
        loop {
            if let Some(engine) = self.hosts.engines(place).into_iter().next() {
                return engine;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn act(&self, action: Action) {
        let Some(id) = self.ids.lock().get(&action.start).copied() else { return };
        self.order(id, action.place, &action.what, Duration::from_millis(action.patience_ms)).await;
    }

    /// Asks one host after the other while they say that another one has it.
    async fn order(&self, id: TransactionId, place: usize, word: &Word, patience: Duration) {
        let why = format!("word {}", self.words.fetch_add(1, Ordering::Relaxed));
        let mut answer = Answered::Nobody("there is no host".into());
        for engine in self.hosts.engines(place) {
            let asked = ask(&engine, id, word, &why);
            answer = match tokio::time::timeout(patience, asked).await {
                Ok(Ok(())) => Answered::Done,
                Ok(Err(error)) => match error.root() {
                    Error::Owned { .. } => {
                        answer = Answered::Refused(error.to_string());
                        continue;
                    }
                    Error::Refused { .. } | Error::Draining => Answered::Refused(error.to_string()),
                    _ => Answered::Nobody(error.to_string()),
                },
                Err(_) => Answered::Nobody("nobody answers".into()),
            };
            break;
        }
        self.hosts.stage.note(What::Told(Told { why, what: format!("{word:?}"), id, answer }));
    }

    /// Sees to a transaction that came to rest.
    pub(crate) async fn mend(&self, row: &Row, mend: Mend) {
        if row.paused && mend != Mend::Terminate {
            return self.order(row.id, 0, &Word::Resume, MEND_PATIENCE).await;
        }
        let stuck = self.stuck(row).await;
        let name = stuck.as_ref().map(|(node, item)| unit_name(node, *item));
        let word = match (mend, stuck) {
            (Mend::Terminate, _) => Word::Terminate,
            (Mend::RetryOne, Some(_)) => Word::Retry(name),
            (Mend::Skip, Some(_)) => Word::Skip(name.unwrap_or_default()),
            (Mend::Patch, Some((node, item))) => Word::Patch(node, item),
            _ => Word::Retry(None),
        };
        self.order(row.id, 0, &word, MEND_PATIENCE).await;
    }

    /// A unit whose compensation is stuck, by the engine's own report.
    async fn stuck(&self, row: &Row) -> Option<(String, Option<u32>)> {
        if row.status != Status::Stuck {
            return None;
        }
        let name = self.report(row.id).await?.stuck.last()?.clone();
        match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((node, item)) => Some((node.into(), item.parse().ok())),
            None => Some((name, None)),
        }
    }

    /// How it stands, by the first host that answers: one that dies meanwhile never does.
    async fn report(&self, id: TransactionId) -> Option<Report> {
        for engine in self.hosts.engines(0) {
            if let Ok(Ok(report)) = tokio::time::timeout(MEND_PATIENCE, engine.result(id)).await {
                return Some(report);
            }
        }
        None
    }
}

/// `step`, or `step[3]`.
fn unit_name(node: &str, item: Option<u32>) -> String {
    item.map_or_else(|| node.to_owned(), |item| format!("{node}[{item}]"))
}

async fn ask(engine: &Engine, id: TransactionId, word: &Word, why: &str) -> Result<(), Error> {
    let by = Operator { who: "ada".into(), why: why.into() };
    match word {
        Word::Cancel => engine.cancel(id, by).await,
        Word::Pause => engine.pause(id, by).await,
        Word::Resume => engine.resume(id, by).await,
        Word::Terminate => engine.terminate(id, by).await,
        Word::Retry(node) => engine.retry(id, node.as_deref(), by).await,
        Word::Skip(node) => engine.skip(id, node, by).await,
        Word::Patch(node, item) => {
            let arguments = Json::parse(r#"{"patched":true}"#).expect("it is JSON");
            engine.patch(id, &unit_name(node, *item), arguments, by).await
        }
        Word::Report => engine.result(id).await.map(drop),
    }
}
