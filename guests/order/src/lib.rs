//! An order: validate, reserve, charge, ship, and what undoes each. What the outside world would
//! answer is told by the input, so that every way an order can go is one input away:
//! card `declined`, quantity 0 or above 100, address `nowhere`, and `delay_ms` for slow steps.
//!
//! Every operation writes a log line `effect` with its idempotency key: the diary of a partner.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, log, saga};

/// What a customer sends.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The customer's number of it.
    pub id: String,
    /// What is ordered.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// How it is paid: `good` or `declined`.
    pub card: String,
    /// Where it goes; `nowhere` cannot be reached.
    #[serde(default = "home")]
    pub address: String,
    /// How long each step takes.
    #[serde(default)]
    pub delay_ms: u64,
}

fn home() -> String {
    "1 Main Street".into()
}

/// Goods set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// Where they lie.
    pub shelf: String,
    /// What they cost.
    pub total_cents: u64,
}

/// Money taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// The bank's number of it.
    pub receipt: String,
}

/// A parcel on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parcel {
    /// To follow it by.
    pub tracking: String,
}

/// Stands for a call to a partner: takes its time, and leaves a line in the diary.
fn partner(operation: &str, call: &Call, delay_ms: u64) {
    log::info("effect", &[("operation", operation), ("key", call.idempotency_key())]);
    let end = Instant::now() + Duration::from_millis(delay_ms);
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::sleep(left);
    }
}

/// Reserves, charges and ships, or leaves nothing behind.
#[saga(deadline = "2m", labels(order = "/id"))]
pub mod order {
    use super::*;

    /// Looks whether the order makes sense.
    #[step(timeout = "2s")]
    pub fn validate(input: Order, call: &Call) -> Result<u32, Error> {
        partner("validate", call, input.delay_ms);
        match input.quantity {
            0 => Err(Error::rejected("empty-order", "an order needs at least one item")),
            101.. => Err(Error::rejected("too-large", "no more than 100 of one kind are sold at once")),
            quantity => Ok(quantity),
        }
    }

    /// Sets the goods aside.
    #[step(timeout = "2s", retry(attempts = 3, delay = "200ms"))]
    pub fn reserve(sku: String, validate: u32, delay_ms: Option<u64>, call: &Call) -> Result<Reservation, Error> {
        partner("reserve", call, delay_ms.unwrap_or(0));
        let shelf = format!("{}{}", sku.chars().next().unwrap_or('A').to_ascii_uppercase(), sku.len());
        Ok(Reservation { shelf, total_cents: 590 * u64::from(validate) })
    }

    /// Puts the goods back. Without an output it is not known whether they were set aside; the
    /// idempotency key tells the partner which reservation is meant.
    #[compensation(of = reserve, retry(attempts = 5, delay = "100ms"))]
    pub fn release(output: Option<Reservation>, delay_ms: Option<u64>, call: &Call) -> Result<Option<String>, Error> {
        partner("release", call, delay_ms.unwrap_or(0));
        Ok(output.map(|reservation| reservation.shelf))
    }

    /// Takes the money, once.
    #[step(timeout = "2s", at_most_once)]
    pub fn charge(
        card: String,
        #[from(step = "reserve", at = "/total_cents")] cents: u64,
        delay_ms: Option<u64>,
        call: &Call,
    ) -> Result<Payment, Error> {
        partner("charge", call, delay_ms.unwrap_or(0));
        if card == "declined" {
            return Err(Error::rejected("card-declined", "the card was declined"));
        }
        Ok(Payment { receipt: format!("r-{cents}") })
    }

    /// Gives the money back.
    #[compensation(of = charge, critical, retry(attempts = 5, delay = "100ms"))]
    pub fn refund(output: Option<Payment>, delay_ms: Option<u64>, call: &Call) -> Result<Option<String>, Error> {
        partner("refund", call, delay_ms.unwrap_or(0));
        Ok(output.map(|payment| payment.receipt))
    }

    /// Sends the parcel.
    #[step(timeout = "2s", depends_on = [charge])]
    pub fn ship(input: Order, reserve: Reservation, call: &Call) -> Result<Parcel, Error> {
        partner("ship", call, input.delay_ms);
        if input.address == "nowhere" {
            return Err(Error::rejected("no-such-address", "the carrier does not know the address"));
        }
        Ok(Parcel { tracking: format!("{}-{}", reserve.shelf, input.id) })
    }

    /// Calls the parcel back.
    #[compensation(of = ship, retry(attempts = 5, delay = "100ms"))]
    pub fn recall(id: String, delay_ms: Option<u64>, call: &Call) -> Result<String, Error> {
        partner("recall", call, delay_ms.unwrap_or(0));
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(quantity: u32) -> Order {
        let (id, sku, card) = ("o-1".into(), "tea".into(), "good".into());
        Order { id, sku, quantity, card, address: home(), delay_ms: 0 }
    }

    #[test]
    fn an_empty_order_is_refused() {
        let refused = order::validate(order_of(0), &Call::sample()).unwrap_err();
        assert_eq!(refused.code(), "empty-order");
    }

    #[test]
    fn the_price_is_for_all_items() {
        let reserved = order::reserve("tea".into(), 2, None, &Call::sample()).unwrap();
        assert_eq!(reserved, Reservation { shelf: "T3".into(), total_cents: 1180 });
    }
}
