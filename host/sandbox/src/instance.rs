//! An instance of a module with its store: made under limits, fresh or kept for its next call.

use std::sync::Arc;

use tokio::time::Instant;
use wasaga_core::{Call, Usage};
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::budget::Share;
use crate::failure::Late;
use crate::guest::Guest;
use crate::limits::{MEMORY_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::state::{Granted, State};

/// An instance with its store.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) guest: Guest,
    /// How many calls it has served.
    pub(crate) served: u32,
}

/// What one call may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Units of fuel.
    pub(crate) fuel: u64,
    /// Linear memory of the instance.
    pub(crate) memory_bytes: u64,
}

/// What is allowed of what was asked for: the pool has no more.
fn memory_bytes_max(asked: u64) -> usize {
    usize::try_from(asked).unwrap_or(usize::MAX).min(MEMORY_BYTES_MAX)
}

/// A store under limits.
pub(crate) fn store(
    engine: &Engine,
    bounds: Bounds,
    share: Option<Share>,
    granted: Granted,
) -> wasmtime::Result<Store<State>> {
    let mut state = State::new(memory_bytes_max(bounds.memory_bytes), share, granted);
    state.limits.fuel = bounds.fuel;
    let mut store = Store::new(engine, state);
    store.limiter_async(|state| &mut state.limits);
    store.set_fuel(bounds.fuel)?;
    // At every tick a guest gives the thread back, unless its deadline has passed. A runtime whose threads
    // all run guests looks at its timers too rarely to be relied on for that.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| match context.data().deadline {
        Some(deadline) if Instant::now() >= deadline => Err(Late.into()),
        _ => Ok(UpdateDeadline::Yield(1)),
    });
    // What passes at once, with the members of a record beside the text itself.
    store.set_hostcall_fuel(PAYLOAD_BYTES_MAX + (1 << 16));
    Ok(store)
}

impl Instance {
    /// Begins a call.
    pub(crate) fn prepare(&mut self, call: &Arc<Call>, bounds: Bounds, deadline: Instant) -> wasmtime::Result<()> {
        if self.served > 0 {
            self.store.set_fuel(bounds.fuel)?;
        }
        let state = self.store.data_mut();
        state.deadline = Some(deadline);
        state.limits.fuel = bounds.fuel;
        state.limits.memory_bytes_max = memory_bytes_max(bounds.memory_bytes);
        state.serve(call);
        Ok(())
    }
}

/// What a store's guest has used of what it was given.
pub(crate) fn used(store: &Store<State>, bounds: Bounds) -> Usage {
    let left = store.get_fuel().unwrap_or(0);
    let memory_bytes = store.data().limits.memory_bytes as u64;
    Usage { duration_us: 0, fuel: bounds.fuel.saturating_sub(left), memory_bytes }
}
