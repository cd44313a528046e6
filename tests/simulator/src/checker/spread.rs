//! How delays between attempts lie around what the policy says without jitter. One run tells nothing of it;
//! many tell whether jitter goes both ways alike.

use wasaga_core::{RetryPolicy, Timestamp};

/// Delays that had room on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Shorter than without jitter.
    pub short: u64,
    /// Longer.
    pub long: u64,
}

/// Fewer delays than this tell nothing.
const ENOUGH: u64 = 200;
/// By how many standard deviations the two may differ: one in 500 million series of fair ones does.
const DEVIATIONS: f64 = 6.0;

impl Spread {
    /// Notes a delay that the policy alone decided.
    pub(super) fn note(&mut self, policy: &RetryPolicy, round: u32, at: Timestamp, due: Timestamp) {
        let plain = policy.initial_delay as f64 * policy.multiplier.powi(round as i32 - 1);
        let has_room = plain * (1.0 + policy.jitter) <= policy.max_delay as f64;
        if !has_room || policy.jitter == 0.0 {
            return;
        }
        let (plain, delay) = (plain as u64, due.since(at).as_millis() as u64);
        // A delay is cut to whole milliseconds, so one millisecond on each side counts for neither.
        self.short += u64::from(delay + 1 < plain);
        self.long += u64::from(delay > plain);
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.short += other.short;
        self.long += other.long;
    }

    /// Whether the two sides differ by more than chance explains.
    pub fn is_lopsided(&self) -> bool {
        let all = self.short + self.long;
        all >= ENOUGH && (self.short.abs_diff(self.long) as f64) > DEVIATIONS * (all as f64).sqrt()
    }
}
