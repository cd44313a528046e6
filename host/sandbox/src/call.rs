//! One call: an instance, its limits, the guest's answer or what ended it.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use wasaga_core::{Answer, Call, Failure, Json, Operation, Outcome, Timestamp, UnknownCause, Usage, Writes};
use wasmtime::Store;

use crate::answer;
use crate::budget::Share;
use crate::common::Common;
use crate::contract::v0_1::GuestAnswer;
use crate::failure::{Ended, LARGE_DATA, Late, is_pool_full, size};
use crate::instance::{Bounds, Instance, used};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::module::Loaded;
use crate::state::State;

/// Why a call was not made.
pub(crate) enum NotCalled {
    /// There was no place for it, or no memory, until its deadline; as an outcome.
    Busy(Outcome),
    /// It needs what the operator has not granted; what, and what would grant it. Nothing of it remains.
    Held(Arc<str>),
}

/// What all parts of one call need to know.
#[derive(Clone, Copy)]
struct Asked<'c> {
    common: &'c Common,
    loaded: &'c Loaded,
    call: &'c Arc<Call>,
    bounds: Bounds,
    /// When it was asked for.
    at: Instant,
}

/// Makes a call. The time of a call begins with the call: where it waits for a place, it ends as much later.
///
/// # Errors
/// It was not made.
pub(crate) async fn call(common: &Common, loaded: &Loaded, call: &Arc<Call>) -> Result<Answer, NotCalled> {
    let (bytes, max) = (call.arguments.bytes(), arguments_bytes_max(call.id.operation));
    if bytes > max {
        return Ok(nothing_done(too_large(bytes, max)));
    }
    let asked = Asked { common, loaded, call, bounds: loaded.bounds(call), at: Instant::now() };
    let patience = asked.at + until(call.deadline);
    // One whose time has passed before it began was not called.
    let acquired = if patience <= asked.at { None } else { in_time(patience, common.calling.acquire()).await };
    let Some(permit) = acquired else { return Err(NotCalled::Busy(busy(common))) };
    let begun = Instant::now();
    let called = match loaded.warm.take(asked.bounds.memory_bytes) {
        Some(instance) => serve(instance, &asked, begun).await,
        // Apart, for what a fresh instance needs would make the future of every call large.
        None => Box::pin(without_instance(&asked)).await,
    };
    common.counters.calls.fetch_add(1, Ordering::Relaxed);
    let (outcome, writes, used) = match called {
        Called::Answered(instance, outcome) => {
            let (writes, used) = finish(&asked, instance);
            (outcome, writes, used)
        }
        Called::Ended(outcome, used) => (outcome, Writes::default(), used),
        Called::Held(why) => return Err(NotCalled::Held(why)),
        Called::NoSlot => return Err(NotCalled::Busy(busy(common))),
        Called::NoMemory => return Err(NotCalled::Busy(no_memory(common))),
    };
    drop(permit);
    let usage = Usage { duration_us: begun.elapsed().as_micros() as u64, ..used };
    let writes = if matches!(outcome, Outcome::Completed(_)) { writes } else { Writes::default() };
    Ok(Answer { outcome, writes, usage })
}

impl Asked<'_> {
    /// When the call is stopped that begins now: the time that it has waited for its place comes on top, up to the end
    /// of the time for all attempts.
    fn deadline(&self, now: Instant) -> Instant {
        let call = self.call;
        let waited = now.duration_since(self.at).as_millis() as u64;
        let deadline = call.deadline.after_ms(waited);
        let deadline = call.until.map_or(deadline, |until| deadline.min(until.max(call.deadline)));
        now + until(deadline).min(self.loaded.allowed.timeout)
    }
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
enum CallSlot {
    Instance(Box<Instance>),
    /// The memory for a fresh one.
    Share(Share),
}

/// A call that found no instance waiting.
async fn without_instance(asked: &Asked<'_>) -> Called {
    let patience = asked.deadline(Instant::now());
    let Some(slot) = in_time(patience, slot(asked)).await else { return Called::NoMemory };
    match slot {
        CallSlot::Instance(instance) => serve(instance, asked, Instant::now()).await,
        CallSlot::Share(share) => fresh(asked, share).await,
    }
}

/// The memory for an instance, or one that waits; where there is neither, whichever is free first.
async fn slot(asked: &Asked<'_>) -> CallSlot {
    let Asked { common, loaded, bounds, .. } = asked;
    let bytes = loaded.usual_bytes().min(bounds.memory_bytes);
    if let Some(share) = common.budget.try_take(bytes) {
        return CallSlot::Share(share);
    }
    tokio::select! {
        biased;
        instance = loaded.warm.next(bounds.memory_bytes) => CallSlot::Instance(instance),
        share = common.budget.take(bytes) => CallSlot::Share(share),
    }
}

enum Called {
    /// It answered, and its instance is sound.
    Answered(Box<Instance>, Outcome),
    /// It was ended, and its instance is gone.
    Ended(Outcome, Usage),
    /// It is not granted what the operator may grant, for this reason, and nothing of it remains.
    Held(Arc<str>),
    /// The pool has no slot for an instance.
    NoSlot,
    /// Others had all memory until its deadline; nothing was called.
    NoMemory,
}

/// Time until the deadline by the wall clock, which is what it was written down by.
fn until(deadline: Timestamp) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_micros(deadline.unix_us()).saturating_sub(now)
}

/// The guest was not asked at all.
pub(crate) fn nothing_done(outcome: Outcome) -> Answer {
    Answer { outcome, writes: Writes::default(), usage: Usage::default() }
}

fn busy(common: &Common) -> Outcome {
    let calls = common.settings.calls_max;
    let message = format!(
        "every place for a call was taken until its deadline: {calls} at once are allowed (start less at once, or give \
         the step a longer `timeout`)"
    );
    Outcome::Retryable { failure: Failure::new("host-busy", message), after: None }
}

fn no_memory(common: &Common) -> Outcome {
    let all = size(usize::try_from(common.budget.bytes_max()).unwrap_or(usize::MAX));
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

async fn fresh(asked: &Asked<'_>, share: Share) -> Called {
    let Asked { common, loaded, bounds, .. } = asked;
    common.counters.instances.fetch_add(1, Ordering::Relaxed);
    let begun = Instant::now();
    let deadline = asked.deadline(begun);
    let mut store = match loaded.store(*bounds, share) {
        Ok(store) => store,
        Err(error) => return Called::Ended(trapped(&error), Usage::default()),
    };
    store.data_mut().deadline = Some(deadline);
    // Initialisation is the guest's own code: the deadline and the limits hold for it as well.
    let made = in_time(deadline, loaded.exports.instantiate(&mut store)).await;
    match made {
        Some(Ok(guest)) => serve(Box::new(Instance { store, guest, served: 0 }), asked, begun).await,
        Some(Err(error)) if is_pool_full(&error) => Called::NoSlot,
        Some(Err(error)) => Called::Ended(ended(&error, &store, begun).into_outcome(), used(&store, *bounds)),
        None => Called::Ended(late(&store, begun).into_outcome(), used(&store, *bounds)),
    }
}

fn ended(error: &wasmtime::Error, store: &Store<State>, begun: Instant) -> Ended {
    let state = store.data();
    if error.is::<Late>() { late(store, begun) } else { Ended::of(error, &state.limits, &state.stderr.tail()) }
}

fn late(store: &Store<State>, begun: Instant) -> Ended {
    Ended::late(begun.elapsed(), &store.data().limits)
}

fn trapped(error: &wasmtime::Error) -> Outcome {
    let failure = Failure::new("trap", format!("{error:#}"));
    Outcome::Unknown { cause: UnknownCause::Trap, failure, after: None }
}

async fn serve(mut instance: Box<Instance>, asked: &Asked<'_>, begun: Instant) -> Called {
    let deadline = asked.deadline(begun);
    if let Err(error) = instance.prepare(asked.call, asked.bounds, deadline) {
        return Called::Ended(trapped(&error), Usage::default());
    }
    let answered = in_time(deadline, ask(&mut instance, asked.call)).await;
    let ended = match answered {
        Some(Ok(Ok(text))) => match answer::completed(text) {
            Ok(outcome) => return Called::Answered(instance, outcome),
            Err(ended) => ended,
        },
        Some(Ok(Err(error))) => match answer::refused(error) {
            Ok(outcome) => {
                if let Some(why) = held(&outcome, instance.store.data()) {
                    instance.store.data_mut().end();
                    return Called::Held(why);
                }
                let outcome = told(outcome, instance.store.data());
                return Called::Answered(instance, outcome);
            }
            Err(ended) => ended,
        },
        Some(Err(error)) if is_pool_full(&error) => return Called::NoSlot,
        Some(Err(error)) => ended(&error, &instance.store, begun),
        None => late(&instance.store, begun),
    };
    let used = used(&instance.store, asked.bounds);
    let outcome = ended.into_outcome();
    let why = held(&outcome, instance.store.data());
    let outcome = told(outcome, instance.store.data());
    instance.store.data_mut().end();
    why.map_or(Called::Ended(outcome, used), Called::Held)
}

/// Whether a call came to nothing for want of a grant, before any request of it left: then nothing of it remains, and it
/// counts as not made.
fn held(outcome: &Outcome, state: &State) -> Option<Arc<str>> {
    let refusal = state.http.refused().filter(|refusal| refusal.is_operators)?;
    let came_to_something = matches!(outcome, Outcome::Completed(_) | Outcome::Pending { .. });
    (!came_to_something && !state.http.has_sent()).then(|| refusal.text.into())
}

/// A failure as it is kept: without secrets that a partner may have echoed, and with what was not granted, where the guest
/// failed after a request that was not sent. The guest is told no more than that, and the operator needs to know what to
/// grant.
fn told(mut outcome: Outcome, state: &State) -> Outcome {
    if let Outcome::Rejected(failure) | Outcome::Retryable { failure, .. } | Outcome::Unknown { failure, .. } =
        &mut outcome
    {
        if let Cow::Owned(blotted) = state.http.blot(&failure.message) {
            failure.message = blotted;
        }
        if let Some(details) = &failure.details
            && let Cow::Owned(blotted) = state.http.blot(details.as_str())
        {
            failure.details = Json::parse(&blotted).ok();
        }
        if let Some(refusal) = state.http.refused() {
            failure.message = format!("{}; {}", failure.message, refusal.text);
        }
    }
    outcome
}

async fn ask(instance: &mut Instance, call: &Call) -> wasmtime::Result<GuestAnswer> {
    let (store, guest) = (&mut instance.store, &mut instance.guest);
    let (definition, node) = (Arc::from(&call.definition), Arc::from(&call.id.node));
    let arguments = call.arguments.text().into_owned();
    let (answer,) = match call.id.operation {
        Operation::Run => guest.run(store)?.call_async(store, (definition, node, arguments)).await,
        Operation::Compensate => {
            let forward = answer::forward(call);
            guest.compensate(store)?.call_async(store, (definition, node, arguments, forward)).await
        }
        Operation::Try => guest.attempt(store)?.call_async(store, (definition, node, arguments)).await,
        Operation::Confirm => {
            let tried = answer::tried(call);
            guest.confirm(store)?.call_async(store, (definition, node, arguments, tried)).await
        }
        Operation::Cancel => {
            let forward = answer::forward(call);
            guest.cancel(store)?.call_async(store, (definition, node, arguments, forward)).await
        }
    }?;
    Ok(answer)
}

/// Takes what the call wrote, and keeps the instance where the module allows it.
fn finish(asked: &Asked<'_>, mut instance: Box<Instance>) -> (Writes, Usage) {
    let used = used(&instance.store, asked.bounds);
    asked.loaded.learn_bytes(used.memory_bytes);
    let state = instance.store.data_mut();
    let writes = state.end();
    // An instance that was refused memory may be broken though it answered.
    if state.limits.refused.is_none() {
        instance.served += 1;
        asked.loaded.warm.give(instance, &asked.common.budget);
    }
    (writes, used)
}
