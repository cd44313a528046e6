//! Runs the real engine through random worlds, one a seed, and checks what came of each.
//!
//! In one thread and on a paused clock: several hosts with the real engine on one journal in memory,
//! a journal that fails, delays and loses replies, guests that answer all there is to answer, hosts
//! that die and come back, operators. One seed gives one run, byte for byte. What a run leaves behind
//! is verified by a [`checker`] that shares no code with what it checks.
//!
//! Deliberately absent: wasm, databases, sockets, real time. Other tests are about those.

mod callers;
mod chance;
pub mod checker;
pub mod draw;
mod guests;
mod hosts;
mod journal;
pub mod log;
mod run;
pub mod scenario;
pub mod show;
pub mod shrink;
mod stage;

use std::sync::Arc;

pub use run::{run, run_with};
pub use stage::Randomness;

/// What is wrong with the run of a seed; empty where all is well.
pub fn check_seed(seed: u64) -> (log::Counts, Vec<checker::Violation>) {
    let scenario = Arc::new(draw::draw(seed));
    let evidence = run(&scenario);
    let (violations, spread) = checker::examine(&scenario, &evidence);
    (log::Counts { spread, ..evidence.counts() }, violations)
}
