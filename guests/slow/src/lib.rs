//! Takes its time: to see timeouts, cancels and pauses. The first step is accepted at once and
//! answers `pending` until `ms` have passed, which it learns from the wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasaga::{Error, saga};

/// Waits once by polling and once by sleeping.
#[saga]
pub mod slow {
    use super::*;

    /// Is finished when the wall clock says so.
    #[step]
    pub fn wait(until_unix_ms: Option<u64>) -> Result<bool, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        if u128::from(until_unix_ms.unwrap_or(0)) > now {
            return Err(Error::pending(Duration::from_millis(20)));
        }
        Ok(true)
    }

    /// Undoes nothing, and is told so.
    #[compensation(of = wait)]
    pub fn unwait(output: Option<bool>) -> bool {
        output.is_some()
    }

    /// Sleeps.
    #[step(timeout = "1s", depends_on = [wait], retry(attempts = 2, delay = "10ms"))]
    pub fn sleep(ms: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(ms));
        ms
    }
}
