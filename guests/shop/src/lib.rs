//! A shop that leaves money to another module, `bank`: functions without a body are what that one does.
//! Run it with the bank beside it: `wasaga run shop.wasm order --with bank.wasm`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, log, saga, tcc};

wasaga::module! { name = "shop" }

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

/// Money held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The bank's number of it.
    pub hold: String,
}

fn diary(operation: &str, call: &Call) {
    log::info("effect", &[("operation", operation), ("key", call.idempotency_key())]);
}

/// Reserves, charges and ships, or leaves nothing behind.
#[saga]
pub mod order {
    use super::*;

    /// Sets the goods aside.
    #[step(timeout = "2s")]
    pub fn reserve(sku: String, quantity: u32, call: &Call) -> Result<Reservation, Error> {
        diary("reserve", call);
        Ok(Reservation { shelf: format!("{sku}-{quantity}"), total_cents: 590 * u64::from(quantity) })
    }

    /// Puts the goods back.
    #[compensation(of = reserve)]
    pub fn release(output: Option<Reservation>, call: &Call) -> Result<Option<String>, Error> {
        diary("release", call);
        Ok(output.map(|reservation| reservation.shelf))
    }

    /// Takes the money, once.
    #[step(provider = "bank", timeout = "2s", at_most_once)]
    pub fn charge(
        card: String,
        #[from(step = "reserve", at = "/total_cents")] cents: u64,
        delay_ms: Option<u64>,
    ) -> Payment;

    /// Gives the money back.
    #[compensation(of = charge, critical)]
    pub fn refund(output: Option<Payment>);

    /// Sends the parcel.
    #[step(timeout = "2s")]
    pub fn ship(reserve: Reservation, charge: Payment, address: Option<String>, call: &Call) -> Result<String, Error> {
        diary("ship", call);
        if address.as_deref() == Some("nowhere") {
            return Err(Error::rejected("no-such-address", "the carrier does not know the address"));
        }
        Ok(format!("{} for {}", reserve.shelf, charge.receipt))
    }
}

/// Goods against money, or neither.
#[tcc]
pub mod purchase {
    use super::*;

    /// Sets the goods aside.
    #[participant(order = 1, timeout = "2s")]
    pub fn goods(sku: String, call: &Call) -> Result<String, Error> {
        diary("set-aside", call);
        Ok(sku)
    }

    /// Hands them over.
    #[confirm(of = goods)]
    pub fn hand_over(output: String, call: &Call) -> Result<String, Error> {
        diary("hand-over", call);
        Ok(output)
    }

    /// Puts them back.
    #[cancel(of = goods)]
    pub fn put_back(output: Option<String>, call: &Call) -> Result<Option<String>, Error> {
        diary("put-back", call);
        Ok(output)
    }

    /// Holds the money.
    #[participant(order = 2, provider = "bank", timeout = "2s")]
    pub fn account(#[from(input, at = "/buyer")] name: String, cents: u64) -> Hold;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_for_all_items() {
        assert_eq!(order::reserve("tea".into(), 2, &Call::sample()).unwrap().total_cents, 1180);
    }
}
