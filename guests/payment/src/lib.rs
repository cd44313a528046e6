//! A payment in three steps: validate, authorise, settle; and what undoes each.
//!
//! What the bank would answer is told by the input: an amount of 0 is refused, one above 10,000.00 is
//! not authorised, and the merchant `closed` cannot be paid.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, log, saga};

/// What is to be paid.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// The customer's number of it.
    pub id: String,
    /// Who is paid.
    pub merchant: String,
    /// How much.
    pub cents: u64,
    /// In what.
    #[serde(default = "euro")]
    pub currency: String,
}

fn euro() -> String {
    "EUR".into()
}

/// Money set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Authorisation {
    /// The bank's number of it.
    pub code: String,
    /// How much.
    pub cents: u64,
}

fn partner(operation: &str, call: &Call) {
    log::info("effect", &[("operation", operation), ("key", call.idempotency_key())]);
}

/// Pays a merchant, or leaves the money where it was.
#[saga(deadline = "1m", policy = "retry-with-backoff")]
pub mod payment {
    use super::*;

    /// Looks whether the payment makes sense.
    #[step(timeout = "1s")]
    pub fn validate(input: Payment) -> Result<String, Error> {
        if input.cents == 0 {
            return Err(Error::rejected("nothing-to-pay", "the amount is 0"));
        }
        if input.currency.chars().count() != 3 {
            return Err(Error::rejected("no-such-currency", format!("`{}` is not a currency", input.currency)));
        }
        Ok(input.currency)
    }

    /// Sets the money aside. The idempotency key keeps a second attempt from doing it twice.
    #[step(timeout = "2s", retry(attempts = 3, delay = "100ms"))]
    pub fn authorise(id: String, cents: u64, validate: String, call: &Call) -> Result<Authorisation, Error> {
        partner("authorise", call);
        if cents > 1_000_000 {
            return Err(Error::rejected("limit-exceeded", "no more than 10,000.00 is paid at once"));
        }
        Ok(Authorisation { code: format!("{validate}-{id}"), cents })
    }

    /// Gives the money free. The payment's own number is enough where the code is not known.
    #[compensation(of = authorise, retry(attempts = 5, delay = "100ms"))]
    pub fn void(id: String, output: Option<Authorisation>, call: &Call) -> String {
        partner("void", call);
        output.map_or(id, |authorisation| authorisation.code)
    }

    /// Moves the money, once.
    #[step(timeout = "2s", at_most_once)]
    pub fn settle(
        merchant: String,
        #[from(step = "authorise", at = "/code")] code: String,
        call: &Call,
    ) -> Result<String, Error> {
        partner("settle", call);
        if merchant == "closed" {
            return Err(Error::rejected("merchant-closed", "the merchant takes no more payments"));
        }
        Ok(format!("{code} to {merchant}"))
    }
}
