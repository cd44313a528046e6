//! A bank, as a module of its own: other modules name its steps and participants, `charge` and `account`.
//! It can be run alone as well. What it would answer is told by the input: card `declined`, and more than
//! 1,000 euros on an account; `delay_ms` makes a charge slow.
//!
//! Every operation writes a log line `effect` with its idempotency key: the diary of a partner.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, log, saga, tcc};

wasaga::module! { name = "bank" }

/// What an account has.
const BALANCE_CENTS: u64 = 100_000;

/// Money taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// The bank's number of it.
    pub receipt: String,
}

/// Money held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The bank's number of it.
    pub hold: String,
}

fn diary(operation: &str, call: &Call) {
    log::info("effect", &[("operation", operation), ("key", call.idempotency_key())]);
}

/// Takes money from cards.
#[saga]
pub mod cards {
    use super::*;

    /// Takes the money, once.
    #[step(timeout = "2s", at_most_once)]
    pub fn charge(card: String, cents: u64, delay_ms: Option<u64>, call: &Call) -> Result<Payment, Error> {
        diary("charge", call);
        std::thread::sleep(Duration::from_millis(delay_ms.unwrap_or(0)));
        if card == "declined" {
            return Err(Error::rejected("card-declined", "the card was declined"));
        }
        Ok(Payment { receipt: format!("r-{cents}") })
    }

    /// Gives the money back.
    #[compensation(of = charge, critical)]
    pub fn refund(output: Option<Payment>, call: &Call) -> Result<Option<String>, Error> {
        diary("refund", call);
        Ok(output.map(|payment| payment.receipt))
    }
}

/// Takes money from accounts.
#[tcc]
pub mod accounts {
    use super::*;

    /// Holds the money.
    #[participant(timeout = "2s")]
    pub fn account(name: String, cents: u64, call: &Call) -> Result<Hold, Error> {
        diary("hold", call);
        if cents > BALANCE_CENTS {
            return Err(Error::rejected("insufficient-funds", format!("`{name}` has {BALANCE_CENTS} cents")));
        }
        Ok(Hold { hold: format!("{name}-{cents}") })
    }

    /// Takes what is held.
    #[confirm(of = account)]
    pub fn take(output: Hold, call: &Call) -> Result<String, Error> {
        diary("take", call);
        Ok(output.hold)
    }

    /// Lets it go.
    #[cancel(of = account)]
    pub fn free(output: Option<Hold>, call: &Call) -> Result<Option<String>, Error> {
        diary("free", call);
        Ok(output.map(|hold| hold.hold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declined_card_is_refused() {
        let refused = cards::charge("declined".into(), 5, None, &Call::sample()).unwrap_err();
        assert_eq!(refused.code(), "card-declined");
    }
}
