//! One call: an instance, its limits, the guest's answer or what ended it.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use wasaga_core::{Answer, Call, Failure, Forward, Json, Operation, Outcome, Timestamp, UnknownCause, Usage, Writes};
use wasmtime::Store;

use crate::budget::Share;
use crate::contract::{self, types};
use crate::failure::{Ended, LARGE_DATA, Late, is_pool_full, size};
use crate::guest::Guest;
use crate::load::{Loaded, memory_bytes_max};
use crate::state::State;
use crate::{PAYLOAD_BYTES_MAX, Sandbox};

/// An instance with its store.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) guest: Guest,
    /// How many calls it has served.
    pub(crate) served: u32,
}

/// What the guest said; the error is what ended it before it could.
type Said = wasmtime::Result<contract::Said>;

pub(crate) async fn call(sandbox: &Sandbox, loaded: &Loaded, call: &Call) -> Answer {
    let begun = Instant::now();
    let deadline = begun + until(call.deadline);
    let bytes = call.arguments.as_str().len();
    if bytes > PAYLOAD_BYTES_MAX {
        return nothing_done(too_large(bytes));
    }
    let Ok(permit) = tokio::time::timeout_at(deadline, sandbox.calling.acquire()).await else {
        return nothing_done(busy(sandbox));
    };
    let called = match tokio::time::timeout_at(deadline, place(sandbox, loaded, call)).await {
        Ok(Place::Instance(instance)) => on(*instance, call, begun, deadline).await,
        Ok(Place::Share(share)) => fresh(sandbox, loaded, call, share, deadline).await,
        Err(_) => return nothing_done(no_memory(sandbox)),
    };
    sandbox.counters.calls.fetch_add(1, Ordering::Relaxed);
    let (outcome, writes, used) = match called {
        Called::Answered(instance, outcome) => {
            let (writes, used) = finish(sandbox, loaded, *instance, call);
            (outcome, writes, used)
        }
        Called::Ended(outcome, used) => (outcome, Writes::default(), used),
        Called::NoPlace => (busy(sandbox), Writes::default(), Usage::default()),
    };
    drop(permit);
    let usage = Usage { duration_us: begun.elapsed().as_micros() as u64, ..used };
    let writes = if matches!(outcome, Outcome::Completed(_)) { writes } else { Writes::default() };
    Answer { outcome, writes, usage }
}

/// What a call runs in.
enum Place {
    Instance(Box<Instance>),
    /// The memory for a fresh one.
    Share(Share),
}

/// An instance that waits, or the memory for another; where there is neither, whichever is free first.
async fn place(sandbox: &Sandbox, loaded: &Loaded, call: &Call) -> Place {
    if let Some(instance) = loaded.warm.take(call.memory_bytes) {
        return Place::Instance(Box::new(instance));
    }
    let bytes = loaded.usual_bytes().min(call.memory_bytes);
    if let Some(share) = sandbox.budget.try_take(bytes) {
        return Place::Share(share);
    }
    tokio::select! {
        biased;
        instance = loaded.warm.next(call.memory_bytes) => Place::Instance(Box::new(instance)),
        share = sandbox.budget.take(bytes) => Place::Share(share),
    }
}

enum Called {
    /// It answered, and its instance is sound.
    Answered(Box<Instance>, Outcome),
    /// It was ended, and its instance is gone.
    Ended(Outcome, Usage),
    /// There was no place for an instance.
    NoPlace,
}

/// Time until the deadline by the wall clock, which is what it was written down by.
fn until(deadline: Timestamp) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_micros(deadline.unix_us()).saturating_sub(now)
}

/// The guest was not asked at all.
fn nothing_done(outcome: Outcome) -> Answer {
    Answer { outcome, writes: Writes::default(), usage: Usage::default() }
}

fn busy(sandbox: &Sandbox) -> Outcome {
    let calls = sandbox.settings.calls_max;
    let message = format!(
        "every place for a call was taken until its deadline: {calls} at once are allowed (start less at once, or give \
         the step a longer `timeout`)"
    );
    Outcome::Retryable { failure: Failure::new("host-busy", message), after: None }
}

fn no_memory(sandbox: &Sandbox) -> Outcome {
    let all = size(usize::try_from(sandbox.budget.bytes_max()).unwrap_or(usize::MAX));
    let message = format!(
        "other calls had all memory for guests until its deadline: {all} (start less at once, or allow more with \
         `--guest-memory`)"
    );
    Outcome::Retryable { failure: Failure::new("host-busy", message), after: None }
}

/// It is refused for good, for a repeated call has the same arguments.
fn too_large(bytes: usize) -> Outcome {
    let limit = size(PAYLOAD_BYTES_MAX);
    let message = format!("its arguments have {bytes} bytes, and {limit} are the most ({LARGE_DATA})");
    Outcome::Rejected(Failure::new("too-large", message))
}

async fn fresh(sandbox: &Sandbox, loaded: &Loaded, call: &Call, share: Share, deadline: Instant) -> Called {
    sandbox.counters.instances.fetch_add(1, Ordering::Relaxed);
    let begun = Instant::now();
    let mut store = match loaded.store(call.fuel, call.memory_bytes, share) {
        Ok(store) => store,
        Err(error) => return Called::Ended(trapped(&error), Usage::default()),
    };
    store.data_mut().deadline = Some(deadline);
    // Initialisation is the guest's own code: the deadline and the limits hold for it as well.
    let made = tokio::time::timeout_at(deadline, loaded.exports.instantiate(&mut store)).await;
    match made {
        Ok(Ok(guest)) => on(Instance { store, guest, served: 0 }, call, begun, deadline).await,
        Ok(Err(error)) if is_pool_full(&error) => Called::NoPlace,
        Ok(Err(error)) => Called::Ended(ended(&error, &store, begun).into_outcome(), used(&store, call)),
        Err(_) => Called::Ended(Ended::late(begun.elapsed(), store.data()).into_outcome(), used(&store, call)),
    }
}

fn ended(error: &wasmtime::Error, store: &Store<State>, begun: Instant) -> Ended {
    if error.is::<Late>() { Ended::late(begun.elapsed(), store.data()) } else { Ended::of(error, store.data()) }
}

fn trapped(error: &wasmtime::Error) -> Outcome {
    let failure = Failure::new("trap", format!("{error:#}"));
    Outcome::Unknown { cause: UnknownCause::Trap, failure, after: None }
}

async fn on(mut instance: Instance, call: &Call, begun: Instant, deadline: Instant) -> Called {
    instance.store.data_mut().deadline = Some(deadline);
    if let Err(error) = prepare(&mut instance.store, call, instance.served) {
        return Called::Ended(trapped(&error), Usage::default());
    }
    let said = tokio::time::timeout_at(deadline, ask(&mut instance, call)).await;
    let ended = match said {
        Ok(Ok(Ok(text))) => match completed(&text) {
            Ok(outcome) => return Called::Answered(Box::new(instance), outcome),
            Err(ended) => ended,
        },
        Ok(Ok(Err(error))) => return Called::Answered(Box::new(instance), refused(error)),
        Ok(Err(error)) if is_pool_full(&error) => return Called::NoPlace,
        Ok(Err(error)) => ended(&error, &instance.store, begun),
        Err(_) => Ended::late(begun.elapsed(), instance.store.data()),
    };
    let used = used(&instance.store, call);
    instance.store.data().stdout.end();
    instance.store.data().stderr.end();
    Called::Ended(ended.into_outcome(), used)
}

fn prepare(store: &mut Store<State>, call: &Call, served: u32) -> wasmtime::Result<()> {
    if served > 0 {
        store.set_fuel(call.fuel)?;
    }
    let state = store.data_mut();
    state.limits.fuel = call.fuel;
    state.limits.memory_bytes_max = memory_bytes_max(call.memory_bytes);
    state.serve(call);
    Ok(())
}

async fn ask(instance: &mut Instance, call: &Call) -> Said {
    let (store, guest) = (&mut instance.store, &mut instance.guest);
    let (of, arguments) = (call_record(call), call.arguments.as_str().to_owned());
    match call.id.operation {
        Operation::Run => guest.step(store)?.call_run(store, &of, &arguments).await,
        Operation::Compensate => {
            let forward = forward_record(call.forward.as_ref());
            guest.compensation(store)?.call_compensate(store, &of, &arguments, &forward).await
        }
        Operation::Try => guest.call_try(store, of, arguments).await,
        Operation::Confirm => {
            // Only what was tried is confirmed, so there is an output.
            let tried = match &call.forward {
                Some(Forward::Completed(output)) => output.as_str().to_owned(),
                Some(Forward::Unknown | Forward::Rejected(_)) | None => "null".to_owned(),
            };
            guest.call_confirm(store, of, arguments, tried).await
        }
        Operation::Cancel => {
            let forward = forward_record(call.forward.as_ref());
            guest.call_cancel(store, of, arguments, forward).await
        }
    }
}

pub(crate) fn call_record(call: &Call) -> types::Call {
    types::Call {
        transaction_id: call.transaction.to_string(),
        // Copied: the way through `Display` takes longer than the rest of the record.
        definition: String::from(&*call.definition),
        node: String::from(&*call.id.node),
        item: call.id.item,
        attempt: call.id.attempt,
        idempotency_key: String::from(call.key.as_str()),
        deadline: call.deadline.unix_ms(),
        headers: call.headers.iter().map(|(name, value)| (String::from(&**name), String::from(&**value))).collect(),
    }
}

fn forward_record(forward: Option<&Forward>) -> types::Forward {
    match forward {
        Some(Forward::Completed(output)) => types::Forward::Completed(output.as_str().to_owned()),
        Some(Forward::Rejected(failure)) => types::Forward::Rejected(types::Failure {
            code: failure.code.clone(),
            message: failure.message.clone(),
            details: failure.details.as_ref().map(|details| details.as_str().to_owned()),
        }),
        Some(Forward::Unknown) | None => types::Forward::Unknown,
    }
}

fn completed(text: &str) -> Result<Outcome, Ended> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(Ended::too_large());
    }
    Json::parse(text).map(Outcome::Completed).map_err(|error| Ended::bad_answer(&error.to_string()))
}

fn refused(error: types::Error) -> Outcome {
    match error {
        types::Error::Rejected(why) => Outcome::Rejected(failure(why)),
        types::Error::Retryable(types::Retry { failure: why, after }) => {
            Outcome::Retryable { failure: failure(why), after }
        }
        types::Error::Unknown(types::Retry { failure: why, after }) => {
            Outcome::Unknown { cause: UnknownCause::Guest, failure: failure(why), after }
        }
        types::Error::Pending(poll) => Outcome::Pending { poll },
    }
}

/// Details that are not JSON are kept as a text: the failure itself counts more.
fn failure(failure: types::Failure) -> Failure {
    let details = failure.details.and_then(|text| Json::parse(&text).or_else(|_| Json::of(&text)).ok());
    Failure { code: failure.code, message: failure.message, details }
}

fn used(store: &Store<State>, call: &Call) -> Usage {
    let left = store.get_fuel().unwrap_or(0);
    let memory_bytes = store.data().limits.memory_bytes as u64;
    Usage { duration_us: 0, fuel: call.fuel.saturating_sub(left), memory_bytes }
}

/// Takes what the call wrote, and keeps the instance where the module allows it.
fn finish(sandbox: &Sandbox, loaded: &Loaded, mut instance: Instance, call: &Call) -> (Writes, Usage) {
    let used = used(&instance.store, call);
    loaded.learn_bytes(used.memory_bytes);
    let state = instance.store.data_mut();
    state.stdout.end();
    state.stderr.end();
    let writes = state.serving.take().map(|serving| serving.writes).unwrap_or_default();
    // An instance that was refused memory may be broken though it answered.
    if state.limits.refused.is_none() {
        instance.served += 1;
        loaded.warm.give(instance, &sandbox.budget);
    }
    (writes, used)
}

/// Bounds what a guest passes to the host at once.
pub(crate) fn bound_payloads(store: &mut Store<State>) {
    // Beside the text itself there are the record's fields, and for `describe` thousands of small ones.
    store.set_hostcall_fuel(PAYLOAD_BYTES_MAX + (1 << 16));
}
