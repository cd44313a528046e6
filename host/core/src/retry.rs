//! How often something is tried, and how long to wait between. Rule: semantics.md, "Retries and time".

use serde::{Deserialize, Serialize};

use crate::time::Milliseconds;

/// Attempts and the delays between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all, so 1 never retries.
    pub max_attempts: u32,
    /// Delay after the first attempt.
    pub initial_delay: Milliseconds,
    /// No delay is longer.
    pub max_delay: Milliseconds,
    /// Each delay is this times the one before; at least 1.
    pub multiplier: f64,
    /// 0 for none, 1 for the full delay at random.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    /// 3 attempts, 1 s, 30 s, 2.0, 0.3: semantics.md.
    fn default() -> Self {
        Self { max_attempts: 3, initial_delay: 1_000, max_delay: 30_000, multiplier: 2.0, jitter: 0.3 }
    }
}

impl RetryPolicy {
    /// One attempt.
    pub const ONCE: Self = Self { max_attempts: 1, initial_delay: 0, max_delay: 0, multiplier: 1.0, jitter: 0.0 };

    /// The delay before attempt `attempt` + 1:
    /// min(max-delay, initial-delay × multiplier^(attempt-1)), times uniform(1−jitter, 1+jitter)
    /// bounded by max-delay. `random` is uniform over all its values.
    pub fn delay_after(&self, attempt: u32, random: u64) -> Milliseconds {
        let longest = self.max_delay as f64;
        let mut delay = (self.initial_delay as f64).min(longest);
        for _ in 1..attempt {
            if delay >= longest || self.multiplier <= 1.0 {
                break;
            }
            delay = (delay * self.multiplier).min(longest);
        }
        let uniform = (random >> 11) as f64 / (1u64 << 53) as f64;
        let factor = 1.0 - self.jitter + 2.0 * self.jitter * uniform;
        (delay * factor).min(longest).max(0.0) as Milliseconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_follow_the_formula() {
        let policy = RetryPolicy { jitter: 0.0, ..RetryPolicy::default() };
        let delays = [1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|n| policy.delay_after(n, 0));
        assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn jitter_spreads_both_ways_and_is_bounded_by_the_longest_delay() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay_after(1, 0), 700);
        assert_eq!(policy.delay_after(1, u64::MAX), 1_299);
        assert_eq!(policy.delay_after(40, u64::MAX), 30_000);
        assert_eq!(policy.delay_after(40, 0), 21_000);
    }
}
