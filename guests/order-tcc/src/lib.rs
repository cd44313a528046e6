//! An order as a TCC: stock, money and a carrier are asked together, and a gift wrap that is welcome and
//! not needed. What they would answer is told by the input: quantity above 100, card `declined`,
//! address `nowhere`, and a wrap in a colour other than `red` is not there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, context, log, tcc};

/// Goods set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// Where they lie.
    pub shelf: String,
    /// What they cost.
    pub total_cents: u64,
}

/// Money that is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Authorization {
    /// The bank's number of it.
    pub number: String,
}

fn partner(operation: &str, call: &Call) {
    log::info("effect", &[("operation", operation), ("key", call.idempotency_key())]);
}

/// Stock, money and a carrier, and a gift wrap if there is one.
#[tcc(name = "order-tcc", deadline = "1m")]
pub mod order {
    use super::*;

    /// Sets the goods aside.
    #[participant(order = 1)]
    pub fn inventory(sku: String, quantity: u32, call: &Call) -> Result<Reservation, Error> {
        partner("inventory", call);
        if quantity == 0 || quantity > 100 {
            return Err(Error::rejected("not-in-stock", format!("there are not {quantity} of `{sku}`")));
        }
        context::set_variable("weight_g", &(quantity * 250))?;
        Ok(Reservation { shelf: format!("{sku}-{quantity}"), total_cents: 590 * u64::from(quantity) })
    }

    /// Takes them off the shelf.
    #[confirm(of = inventory)]
    pub fn pick(output: Reservation, call: &Call) -> Result<String, Error> {
        partner("pick", call);
        Ok(output.shelf)
    }

    /// Puts them back.
    #[cancel(of = inventory)]
    pub fn restock(output: Option<Reservation>, call: &Call) -> Result<Option<String>, Error> {
        partner("restock", call);
        Ok(output.map(|reservation| reservation.shelf))
    }

    /// Wraps it, if there is paper of that colour. The order goes on without.
    #[participant(order = 2, optional)]
    pub fn gift_wrap(wrap: Option<String>, call: &Call) -> Result<Option<String>, Error> {
        partner("gift_wrap", call);
        match wrap.as_deref() {
            None | Some("red") => Ok(wrap),
            Some(colour) => Err(Error::rejected("no-paper", format!("there is no paper in {colour}"))),
        }
    }

    /// Uses the paper.
    #[confirm(of = gift_wrap)]
    pub fn wrap_it(output: Option<String>, call: &Call) -> Result<bool, Error> {
        partner("wrap_it", call);
        Ok(output.is_some())
    }

    /// Leaves the paper for others.
    #[cancel(of = gift_wrap)]
    pub fn unwrap_it(call: &Call) -> Result<(), Error> {
        partner("unwrap_it", call);
        Ok(())
    }

    /// Holds the money.
    #[participant(order = 2)]
    pub fn payment(
        card: String,
        #[from(step = "inventory", at = "/total_cents")] cents: u64,
        call: &Call,
    ) -> Result<Authorization, Error> {
        partner("payment", call);
        if card == "declined" {
            return Err(Error::rejected("card-declined", "the card was declined"));
        }
        Ok(Authorization { number: format!("a-{cents}") })
    }

    /// Takes it.
    #[confirm(of = payment)]
    pub fn capture(payment: Authorization, call: &Call) -> Result<String, Error> {
        partner("capture", call);
        Ok(payment.number)
    }

    /// Lets it go.
    #[cancel(of = payment)]
    pub fn void(output: Option<Authorization>, call: &Call) -> Result<Option<String>, Error> {
        partner("void", call);
        Ok(output.map(|authorization| authorization.number))
    }

    /// Books a place in the van.
    #[participant(order = 3)]
    pub fn shipping(
        address: String,
        #[from(variable = "weight_g")] weight_g: u32,
        call: &Call,
    ) -> Result<String, Error> {
        partner("shipping", call);
        if address == "nowhere" {
            return Err(Error::rejected("no-such-address", "the carrier does not know the address"));
        }
        Ok(format!("{weight_g} g to {address}"))
    }

    /// Loads it.
    #[confirm(of = shipping)]
    pub fn load(output: String, call: &Call) -> Result<String, Error> {
        partner("load", call);
        Ok(output)
    }

    /// Gives the place up.
    #[cancel(of = shipping)]
    pub fn unload(call: &Call) -> Result<(), Error> {
        partner("unload", call);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_refused() {
        let call = Call::sample();
        assert_eq!(order::inventory("tea".into(), 0, &call).unwrap_err().code(), "not-in-stock");
        assert_eq!(order::payment("declined".into(), 1, &call).unwrap_err().code(), "card-declined");
        assert_eq!(order::shipping("nowhere".into(), 1, &call).unwrap_err().code(), "no-such-address");
        assert_eq!(order::gift_wrap(Some("blue".into()), &call).unwrap_err().code(), "no-paper");
    }

    #[test]
    fn the_carrier_is_told_the_weight() {
        order::inventory("tea".into(), 2, &Call::sample()).unwrap();
        assert_eq!(context::variable::<u32>("weight_g").unwrap(), Some(500));
        assert_eq!(order::shipping("1 Main Street".into(), 500, &Call::sample()).unwrap(), "500 g to 1 Main Street");
    }

    #[test]
    fn no_wrap_is_no_mistake() {
        assert_eq!(order::gift_wrap(None, &Call::sample()).unwrap(), None);
        assert!(!order::wrap_it(None, &Call::sample()).unwrap());
    }
}
