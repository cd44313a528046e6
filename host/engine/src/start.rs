//! Starts of transactions: what is asked for, what is checked, and how the first records are made durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::definition::CompensationPolicy;
use wasaga_core::{Digest, Json, Kind, Name, Shown, Start, Transaction, TransactionId};
use wasaga_journal::{AppendError, Create, Created, FIRST_EPOCH};

use crate::Error;
use crate::definitions::{Definitions, Runnable};
use crate::driver::{Begin, Driver};
use crate::load::{Answering, Loaded};
use crate::shared::Shared;
use crate::watch::count;

/// Bytes of a start input. What is larger belongs into a store, with its key in the input.
pub const INPUT_BYTES_MAX: usize = 4 << 20;
/// Headers of a start: they are in every call.
pub const HEADERS_MAX: usize = 64;
/// Bytes of all headers of a start.
pub const HEADER_BYTES_MAX: usize = 16 << 10;
/// How often a start is made anew because its key turned out to be used before. Each time tells the generation, so
/// one more is enough; the others are for starts of the same key at the same time.
const GENERATIONS: usize = 4;

/// A start of a transaction.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// A module that was added.
    pub module: Digest,
    /// One of its definitions.
    pub definition: Name,
    /// What it is started with.
    pub input: Json,
    /// What every call carries.
    pub headers: BTreeMap<Name, Arc<str>>,
    /// How a saga unwinds; none leaves it to the definition. A TCC takes none.
    pub policy: Option<CompensationPolicy>,
    /// Makes a repeated start find the first one.
    pub key: Option<Name>,
}

impl StartRequest {
    /// A start with nothing but what is needed.
    pub fn new(module: Digest, definition: Name, input: Json) -> Self {
        Self { module, definition, input, headers: BTreeMap::new(), policy: None, key: None }
    }
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The transaction.
    pub id: TransactionId,
    /// Whether its key was used before: then this is the earlier transaction.
    pub existing: bool,
}

/// Starts a transaction. The answer comes when it is durable.
pub(crate) async fn start(shared: &Arc<Shared>, request: StartRequest) -> Result<Started, Error> {
    let own = shared.modules.find(request.module).ok_or(Error::UnknownModule(request.module))?;
    let runnable = own.find(&request.definition)?;
    check(runnable, &request).await?;
    let refuse = |reason| refusal(runnable, &request, reason);
    let labels = runnable.plan.labels(&request.input).map_err(refuse)?;
    let providers = shared.modules.providers(&runnable.plan, own.name())?;
    let answering = answering(shared, &own, &providers)?;
    if shared.drain.is_under_way() {
        return Err(Error::Draining);
    }
    let permit = shared.starting.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
    let digest = request.input.digest();
    let mut start = Start {
        providers,
        headers: request.headers,
        policy: request.policy,
        key: request.key.clone(),
        module_name: Some(own.name().into()),
        labels,
        ..Start::new(TransactionId::from_u128(0), request.module, shared.namespace.clone(), request.input)
    };
    for _ in 0..GENERATIONS {
        start.transaction = TransactionId::from_parts(shared.world.now().unix_ms(), shared.world.random());
        let id = start.transaction;
        // Its own id is new, so the slot is free.
        let slot = shared.slots.reserve(id).ok_or(Error::Draining)?;
        let (transaction, mut decision) = Transaction::create(&runnable.plan, start.clone(), &shared.moment());
        let seen = shared.watch.as_ref().map(|_| decision.records().to_vec()).unwrap_or_default();
        let create = Create { host: shared.host(), commit: decision.take_commit() };
        match shared.journal.create(create).await {
            Ok(Created::New(seq)) => {
                count(&shared.counters.started);
                let loaded = Loaded { transaction, answering };
                let driver = Driver::new(shared.clone(), loaded, FIRST_EPOCH, slot).holding(permit);
                driver.spawn(Begin::Created(decision, seq, seen));
                return Ok(Started { id, existing: false });
            }
            Ok(Created::Exists { id, input }) => {
                slot.give_up();
                if input == digest {
                    return Ok(Started { id, existing: true });
                }
                return Err(Error::KeyConflict { key: request.key.unwrap_or_else(|| "".into()).to_string(), id });
            }
            Ok(Created::Used { generation }) => {
                slot.give_up();
                start.generation = generation;
            }
            // It may be there; then it is found, and happens.
            Err(AppendError::Journal(error)) => return Err(Error::Journal(error)),
            Err(AppendError::Conflict { .. } | AppendError::Fenced { .. }) => {
                slot.give_up();
                return Err(Error::Lost(id));
            }
        }
    }
    Err(Error::Lost(start.transaction))
}

/// The modules that answer its calls.
fn answering(shared: &Shared, own: &Arc<Definitions>, providers: &BTreeMap<Name, Digest>) -> Result<Answering, Error> {
    let mut answering = Answering::from([(own.digest(), own.clone())]);
    for digest in providers.values() {
        let provider = shared.modules.find(*digest).ok_or(Error::UnknownModule(*digest))?;
        answering.insert(*digest, provider);
    }
    Ok(answering)
}

fn refusal(runnable: &Runnable, request: &StartRequest, reason: String) -> Error {
    Error::Input { kind: runnable.plan.kind(), definition: request.definition.to_string(), reason }
}

async fn check(runnable: &Runnable, request: &StartRequest) -> Result<(), Error> {
    let refuse = |reason: String| refusal(runnable, request, reason);
    if runnable.plan.kind() == Kind::Tcc && request.policy.is_some() {
        return Err(refuse("a compensation policy is for sagas (leave it out)".into()));
    }
    let bytes = request.input.as_str().len();
    if bytes > INPUT_BYTES_MAX {
        return Err(refuse(format!("it has {bytes} bytes, and {INPUT_BYTES_MAX} are the most")));
    }
    let header_bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if request.headers.len() > HEADERS_MAX || header_bytes > HEADER_BYTES_MAX {
        return Err(refuse(format!("there may be {HEADERS_MAX} headers with {HEADER_BYTES_MAX} bytes in all")));
    }
    let names = request.headers.keys().chain(&request.key);
    for name in names {
        if name.is_empty() || name.chars().count() > wasaga_core::NAME_CHARS_MAX {
            return Err(refuse(format!(
                "`{}`: a key and a header's name have 1 to {} characters",
                Shown(name),
                wasaga_core::NAME_CHARS_MAX
            )));
        }
    }
    match &runnable.input {
        Some(schema) => schema.check(&request.input).await.map_err(refuse),
        None => Ok(()),
    }
}
