//! One call: an instance, its limits, the guest's answer or what ended it.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use wasaga_core::{Answer, Call, Failure, Forward, Json, Operation, Outcome, Timestamp, UnknownCause, Usage, Writes};
use wasmtime::Store;

use crate::budget::Share;
use crate::contract::{self, CallRecord, types};
use crate::failure::{Ended, LARGE_DATA, Late, is_pool_full, size};
use crate::guest::Guest;
use crate::load::{Ceilings, Loaded, memory_bytes_max};
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

/// Makes a call. The time of a call begins with the call: where it waits for a place, it ends as much later.
///
/// # Errors
/// It was not made, for there was no place until its deadline; the answer says so.
pub(crate) async fn call(sandbox: &Sandbox, loaded: &Loaded, call: &Call) -> Result<Answer, Answer> {
    let asked = Instant::now();
    let ceilings = loaded.ceilings();
    let call = within(call, ceilings);
    let (bytes, max) = (call.arguments.bytes(), arguments_bytes_max(call.id.operation));
    if bytes > max {
        return Ok(nothing_done(too_large(bytes, max)));
    }
    let patience = asked + until(call.deadline);
    // One whose time has passed before it began was not called.
    let acquired = if patience <= asked { None } else { in_time(patience, sandbox.calling.acquire()).await };
    let Some(permit) = acquired else { return Err(nothing_done(busy(sandbox))) };
    let begun = Instant::now();
    let call = &*later(call, begun.duration_since(asked));
    let deadline = begun + until(call.deadline).min(ceilings.timeout);
    let called = match loaded.warm.take(call.memory_bytes) {
        Some(instance) => on(instance, call, begun, deadline).await,
        // Apart, for what a fresh instance needs would make the future of every call large.
        None => Box::pin(without_instance(sandbox, loaded, call, begun, deadline)).await,
    };
    sandbox.counters.calls.fetch_add(1, Ordering::Relaxed);
    let (outcome, writes, used) = match called {
        Called::Answered(instance, outcome) => {
            let (writes, used) = finish(sandbox, loaded, instance, call);
            (outcome, writes, used)
        }
        Called::Ended(outcome, used) => (outcome, Writes::default(), used),
        Called::NoPlace => return Err(nothing_done(busy(sandbox))),
        Called::NoMemory => return Err(nothing_done(no_memory(sandbox))),
    };
    drop(permit);
    let usage = Usage { duration_us: begun.elapsed().as_micros() as u64, ..used };
    let writes = if matches!(outcome, Outcome::Completed(_)) { writes } else { Writes::default() };
    Ok(Answer { outcome, writes, usage })
}

/// The call with the time that it has waited for its place put on top, up to the end of the time for all attempts.
fn later(call: Cow<'_, Call>, waited: Duration) -> Cow<'_, Call> {
    let waited = waited.as_millis() as u64;
    if waited == 0 {
        return call;
    }
    let deadline = call.deadline.after_ms(waited);
    let deadline = call.until.map_or(deadline, |until| deadline.min(until.max(call.deadline)));
    Cow::Owned(Call { deadline, ..call.into_owned() })
}

/// The call under the operator's ceilings. Most calls are, as they come.
fn within<'c>(call: &'c Call, ceilings: &Ceilings) -> Cow<'c, Call> {
    if call.fuel <= ceilings.fuel && call.memory_bytes <= ceilings.memory_bytes {
        return Cow::Borrowed(call);
    }
    let (fuel, memory_bytes) = (call.fuel.min(ceilings.fuel), call.memory_bytes.min(ceilings.memory_bytes));
    Cow::Owned(Call { fuel, memory_bytes, ..call.clone() })
}

/// A future until the deadline. One that is ready at once, as most are, costs no timer.
async fn in_time<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    match futures::poll!(&mut future) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => tokio::time::timeout_at(deadline, future).await.ok(),
    }
}

/// What a call runs in.
enum Place {
    Instance(Box<Instance>),
    /// The memory for a fresh one.
    Share(Share),
}

/// A call that found no instance waiting.
async fn without_instance(
    sandbox: &Sandbox,
    loaded: &Loaded,
    call: &Call,
    begun: Instant,
    deadline: Instant,
) -> Called {
    let asked = Instant::now();
    let Some(place) = in_time(deadline, place(sandbox, loaded, call)).await else { return Called::NoMemory };
    let waited = asked.elapsed();
    let call = &*later(Cow::Borrowed(call), waited);
    let deadline = if waited.as_millis() == 0 { deadline } else { Instant::now() + until(call.deadline) };
    match place {
        Place::Instance(instance) => on(instance, call, begun, deadline).await,
        Place::Share(share) => fresh(sandbox, loaded, call, share, deadline).await,
    }
}

/// The memory for an instance, or one that waits; where there is neither, whichever is free first.
async fn place(sandbox: &Sandbox, loaded: &Loaded, call: &Call) -> Place {
    let bytes = loaded.usual_bytes().min(call.memory_bytes);
    if let Some(share) = sandbox.budget.try_take(bytes) {
        return Place::Share(share);
    }
    tokio::select! {
        biased;
        instance = loaded.warm.next(call.memory_bytes) => Place::Instance(instance),
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
    /// Others had all memory until its deadline; nothing was called.
    NoMemory,
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

/// A compensation may take the input, the output and more together, each of which was small enough to be stored: what can
/// be stored can be undone.
fn arguments_bytes_max(operation: Operation) -> usize {
    if operation == Operation::Compensate { 8 * PAYLOAD_BYTES_MAX } else { PAYLOAD_BYTES_MAX }
}

/// It is refused for good, for a repeated call has the same arguments.
fn too_large(bytes: usize, max: usize) -> Outcome {
    let limit = size(max);
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
    let made = in_time(deadline, loaded.exports.instantiate(&mut store)).await;
    match made {
        Some(Ok(guest)) => on(Box::new(Instance { store, guest, served: 0 }), call, begun, deadline).await,
        Some(Err(error)) if is_pool_full(&error) => Called::NoPlace,
        Some(Err(error)) => Called::Ended(ended(&error, &store, begun).into_outcome(), used(&store, call)),
        None => Called::Ended(Ended::late(begun.elapsed(), store.data()).into_outcome(), used(&store, call)),
    }
}

fn ended(error: &wasmtime::Error, store: &Store<State>, begun: Instant) -> Ended {
    if error.is::<Late>() { Ended::late(begun.elapsed(), store.data()) } else { Ended::of(error, store.data()) }
}

fn trapped(error: &wasmtime::Error) -> Outcome {
    let failure = Failure::new("trap", format!("{error:#}"));
    Outcome::Unknown { cause: UnknownCause::Trap, failure, after: None }
}

async fn on(mut instance: Box<Instance>, call: &Call, begun: Instant, deadline: Instant) -> Called {
    instance.store.data_mut().deadline = Some(deadline);
    if let Err(error) = prepare(&mut instance.store, call, instance.served) {
        return Called::Ended(trapped(&error), Usage::default());
    }
    let said = in_time(deadline, ask(&mut instance, call)).await;
    let ended = match said {
        Some(Ok(Ok(text))) => match completed(text) {
            Ok(outcome) => return Called::Answered(instance, outcome),
            Err(ended) => ended,
        },
        Some(Ok(Err(error))) => {
            let outcome = with_refusal(refused(error), instance.store.data());
            return Called::Answered(instance, outcome);
        }
        Some(Err(error)) if is_pool_full(&error) => return Called::NoPlace,
        Some(Err(error)) => ended(&error, &instance.store, begun),
        None => Ended::late(begun.elapsed(), instance.store.data()),
    };
    let used = used(&instance.store, call);
    instance.store.data().stdout.end();
    instance.store.data().stderr.end();
    Called::Ended(with_refusal(ended.into_outcome(), instance.store.data()), used)
}

/// Says what was not granted, where the guest failed after a request that was not sent: it is told no more
/// than that, and the operator needs to know what to grant.
fn with_refusal(mut outcome: Outcome, state: &State) -> Outcome {
    if let Some(refusal) = state.http.refused() {
        match &mut outcome {
            Outcome::Rejected(failure) | Outcome::Retryable { failure, .. } | Outcome::Unknown { failure, .. } => {
                failure.message = format!("{}; {}", failure.message, refusal.0);
            }
            Outcome::Completed(_) | Outcome::Pending { .. } => {}
        }
    }
    outcome
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
    let (of, arguments) = (call_record(call), call.arguments.text().into_owned());
    let (said,) = match call.id.operation {
        Operation::Run => guest.run(store)?.call_async(store, (of, arguments)).await,
        Operation::Compensate => {
            let forward = forward_record(call.forward.as_ref());
            guest.compensate(store)?.call_async(store, (of, arguments, forward)).await
        }
        Operation::Try => guest.attempt(store)?.call_async(store, (of, arguments)).await,
        Operation::Confirm => {
            // Only what was tried is confirmed, so there is an output.
            let tried = match &call.forward {
                Some(Forward::Completed(output)) => output.as_str().to_owned(),
                Some(Forward::Unknown | Forward::Rejected(_)) | None => "null".to_owned(),
            };
            guest.confirm(store)?.call_async(store, (of, arguments, tried)).await
        }
        Operation::Cancel => {
            let forward = forward_record(call.forward.as_ref());
            guest.cancel(store)?.call_async(store, (of, arguments, forward)).await
        }
    }?;
    Ok(said)
}

pub(crate) fn call_record(call: &Call) -> CallRecord {
    CallRecord {
        transaction: call.transaction.text(),
        definition: (&call.definition).into(),
        node: (&call.id.node).into(),
        item: call.id.item,
        attempt: call.id.attempt,
        key: call.key.as_str().to_owned(),
        deadline: call.deadline.unix_ms(),
        headers: call.headers.iter().map(|(name, value)| (name.into(), value.clone())).collect(),
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

fn completed(text: String) -> Result<Outcome, Ended> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(Ended::too_large());
    }
    Json::parse_owned(text).map(Outcome::Completed).map_err(|error| Ended::bad_answer(&error.to_string()))
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
        types::Error::Pending(poll) => Outcome::Pending { poll, token: None },
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
fn finish(sandbox: &Sandbox, loaded: &Loaded, mut instance: Box<Instance>, call: &Call) -> (Writes, Usage) {
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
