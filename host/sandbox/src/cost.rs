//! What a call costs in the sandbox, and what the same call costs in wasmtime alone. Both are timed in
//! turns in one run, so that their ratio holds on a busy machine.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasaga_core::{Call, Operation, Timestamp};

use crate::call;
use crate::common::Common;
use crate::instance::{Bounds, Instance};
use crate::module::Loaded;

/// How long calls are timed: long enough that what the scheduler does is seen and left out.
const SPAN: Duration = Duration::from_millis(600);
/// How long one turn takes, about.
const TURN: Duration = Duration::from_millis(4);
/// A guest whose call takes longer is not timed: what the host adds is nothing beside it.
const CALL_MAX: Duration = Duration::from_millis(50);

/// Medians of many calls, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallCost {
    /// As the engine makes it: limits, marshalling and bookkeeping included.
    pub sandbox_us: f64,
    /// The same export with the same arguments, called through wasmtime and nothing else. Where the
    /// module has an instance for every call, the making of the instance is in both.
    pub bare_us: f64,
}

/// Repeats a call over and over, in the sandbox and in wasmtime alone, in turns.
pub(crate) async fn cost(common: &Common, loaded: &Loaded, call: &Call) -> Option<CallCost> {
    if !matches!(call.id.operation, Operation::Run | Operation::Try) {
        return None;
    }
    let call = Arc::new(Call { deadline: soon(), ..call.clone() });
    let mut bare = Bare { common, loaded, call: &call, arguments: call.arguments.text().into_owned(), kept: None };
    // The first of each is not like the others.
    drop(call::call(common, loaded, &call).await);
    bare.call().await?;
    let begun = Instant::now();
    drop(call::call(common, loaded, &call).await);
    let one = begun.elapsed();
    if one > CALL_MAX {
        return None;
    }
    let times = (TURN.as_nanos() / one.as_nanos().max(1)).clamp(1, 10_000) as u32;
    let (mut sandbox, mut alone) = (Vec::new(), Vec::new());
    let end = Instant::now() + SPAN;
    while Instant::now() < end {
        let begun = Instant::now();
        for _ in 0..times {
            drop(call::call(common, loaded, &call).await);
        }
        sandbox.push(begun.elapsed() / times);
        let begun = Instant::now();
        for _ in 0..times {
            bare.call().await?;
        }
        alone.push(begun.elapsed() / times);
    }
    Some(CallCost { sandbox_us: median_us(sandbox), bare_us: median_us(alone) })
}

/// A deadline that none of these calls meets.
fn soon() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_us((now + Duration::from_secs(600)).as_micros() as u64)
}

fn median_us(mut spans: Vec<Duration>) -> f64 {
    spans.sort_unstable();
    spans.get(spans.len() / 2).map_or(0.0, |span| span.as_nanos() as f64 / 1_000.0)
}

/// Calls without the sandbox.
struct Bare<'a> {
    common: &'a Common,
    loaded: &'a Loaded,
    call: &'a Arc<Call>,
    arguments: String,
    kept: Option<Instance>,
}

impl Bare<'_> {
    async fn call(&mut self) -> Option<()> {
        let mut instance = match self.kept.take() {
            Some(instance) => instance,
            None => self.instance().await?,
        };
        let Instance { store, guest, served } = &mut instance;
        *served += 1;
        let names = (Arc::from(&self.call.definition), Arc::from(&self.call.id.node));
        let parameters = (names.0, names.1, self.arguments.clone());
        let asked = if self.call.id.operation == Operation::Try { guest.attempt(store) } else { guest.run(store) };
        drop(asked.ok()?.call_async(store, parameters).await.ok()?);
        if self.loaded.warm.serves_more(*served) {
            self.kept = Some(instance);
        }
        Some(())
    }

    async fn instance(&self) -> Option<Instance> {
        // Fuel is counted here as well, for it is compiled in; it is enough for all calls.
        let share = self.common.budget.try_take(self.loaded.usual_bytes())?;
        let bounds = Bounds { fuel: u64::MAX, memory_bytes: self.call.memory_bytes };
        let mut store = self.loaded.store(bounds, share).ok()?;
        store.data_mut().serve(self.call);
        let guest = self.loaded.exports.instantiate(&mut store).await.ok()?;
        Some(Instance { store, guest, served: 0 })
    }
}
