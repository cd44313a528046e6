//! A money transfer as a TCC: one participant holds the money, the other announces it, and only when both
//! agree does any of it move. What the bank would answer is told by the input: more than 1,000 euros
//! are not there, account `closed` takes nothing, account `slow` takes `delay_ms`, and account `wall`
//! announces a credit and then refuses to book it, which no participant may.
//!
//! Every operation writes a log line `effect` with its idempotency key, and with the account and the cents
//! where it knows them: the diary of a partner.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, Forward, log, tcc};

/// What `from` has.
const BALANCE_CENTS: u64 = 100_000;

/// Money that is held, or announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The bank's number of it.
    pub hold: String,
    /// How much it is.
    pub cents: u64,
}

/// Stands for a call to the bank: takes its time, and leaves a line in the diary.
fn bank(operation: &str, call: &Call, delay_ms: u64, hold: Option<&str>) {
    let hold = hold.map(|hold| ("hold", hold));
    let fields = [("operation", operation), ("key", call.idempotency_key())].into_iter().chain(hold);
    log::info("effect", &fields.collect::<Vec<_>>());
    let end = Instant::now() + Duration::from_millis(delay_ms);
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::sleep(left);
    }
}

/// Moves money from one account to another, or none at all.
#[tcc(deadline = "1m")]
pub mod transfer {
    use super::*;

    /// Holds the money.
    #[participant(order = 1, timeout = "2s", retry(attempts = 3, delay = "100ms"))]
    pub fn debit(from: String, cents: u64, delay_ms: Option<u64>, call: &Call) -> Result<Hold, Error> {
        let hold = format!("{from}-{cents}");
        bank("debit", call, delay_ms.unwrap_or(0), Some(&hold));
        if cents > BALANCE_CENTS {
            return Err(Error::rejected("insufficient-funds", format!("`{from}` has {BALANCE_CENTS} cents"))
                .with_details(&BALANCE_CENTS));
        }
        Ok(Hold { hold, cents })
    }

    /// Takes what is held.
    #[confirm(of = debit, retry(delay = "100ms", max_delay = "2s"))]
    pub fn take(output: Hold, delay_ms: Option<u64>, call: &Call) -> Result<u64, Error> {
        bank("take", call, delay_ms.unwrap_or(0), Some(&output.hold));
        Ok(output.cents)
    }

    /// Lets it go. The hold may not be there, or its answer may have been lost: the bank finds it by its key.
    #[cancel(of = debit, retry(delay = "100ms", max_delay = "2s"))]
    pub fn release(output: Option<Hold>, delay_ms: Option<u64>, call: &Call) -> Result<Option<String>, Error> {
        bank("release", call, delay_ms.unwrap_or(0), output.as_ref().map(|hold| &*hold.hold));
        Ok(output.map(|hold| hold.hold))
    }

    /// Announces the money to the other account.
    #[participant(order = 2, timeout = "2s", retry(attempts = 3, delay = "100ms"))]
    pub fn credit(to: String, debit: Hold, delay_ms: Option<u64>, call: &Call) -> Result<Hold, Error> {
        let hold = format!("{to}-{}", debit.cents);
        bank("credit", call, delay_ms.unwrap_or(0), Some(&hold));
        if to == "closed" {
            return Err(Error::rejected("account-closed", "the account takes nothing"));
        }
        Ok(Hold { hold, cents: debit.cents })
    }

    /// Books it.
    #[confirm(of = credit, retry(attempts = 5, delay = "100ms", max_delay = "2s"))]
    pub fn book(to: String, output: Hold, delay_ms: Option<u64>, call: &Call) -> Result<u64, Error> {
        bank("book", call, delay_ms.unwrap_or(0), Some(&output.hold));
        if to == "wall" {
            return Err(Error::rejected("no-way-through", "the account announced it, and does not book it"));
        }
        Ok(output.cents)
    }

    /// Takes the announcement back.
    #[cancel(of = credit, retry(delay = "100ms", max_delay = "2s"))]
    pub fn withdraw(forward: Forward, delay_ms: Option<u64>, call: &Call) -> Result<bool, Error> {
        bank("withdraw", call, delay_ms.unwrap_or(0), None);
        Ok(matches!(forward, Forward::Completed(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_cannot_be_held() {
        let refused = transfer::debit("ada".into(), BALANCE_CENTS + 1, None, &Call::sample()).unwrap_err();
        assert_eq!(refused.code(), "insufficient-funds");
    }

    #[test]
    fn what_is_held_is_taken_or_released() {
        let hold = transfer::debit("ada".into(), 500, None, &Call::sample()).unwrap();
        assert_eq!(transfer::take(hold.clone(), None, &Call::sample()).unwrap(), 500);
        assert_eq!(transfer::release(Some(hold), None, &Call::sample()).unwrap().as_deref(), Some("ada-500"));
    }

    #[test]
    fn a_cancel_accepts_that_nothing_happened() {
        assert_eq!(transfer::release(None, None, &Call::sample()).unwrap(), None);
        assert!(!transfer::withdraw(Forward::Unknown, None, &Call::sample()).unwrap());
    }
}
