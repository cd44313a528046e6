//! Succeeds on the third attempt: first it is not possible now, then nobody knows, then it works.

use std::time::Duration;

use wasaga::{Call, Error, saga};

/// Tries until it works.
#[saga]
pub mod flaky {
    use super::*;

    /// Works on the attempt that `succeeds_at` names, the third without it.
    #[step(retry(attempts = 5, delay = "20ms", max_delay = "100ms", jitter = 0))]
    pub fn work(succeeds_at: Option<u32>, call: &Call) -> Result<u32, Error> {
        match call.attempt() {
            attempt if attempt >= succeeds_at.unwrap_or(3) => Ok(attempt),
            1 => Err(Error::retryable("busy", "it is busy").after(Duration::from_millis(30))),
            _ => Err(Error::from(std::io::Error::other("the line went dead"))),
        }
    }

    /// Undoes what may have happened.
    #[compensation(of = work)]
    pub fn undo(output: Option<u32>) -> Option<u32> {
        output
    }
}
