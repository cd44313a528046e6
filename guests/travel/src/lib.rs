//! A journey: the flight first, then the hotel and the car side by side, then the payment for all.
//!
//! `full` names what is booked out: `flight`, `hotel` or `car`. A card `declined` undoes the whole
//! journey.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Error, saga};

/// Where to, for how long, and how it is paid.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Journey {
    /// The destination.
    pub to: String,
    /// For how long.
    pub nights: u64,
    /// How it is paid.
    pub card: String,
    /// What is booked out.
    pub full: Option<String>,
}

/// A place that is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Booking {
    /// Its number.
    pub code: String,
    /// What it costs.
    pub cents: u64,
}

fn book(what: &str, journey: &Journey, cents: u64) -> Result<Booking, Error> {
    let to = &journey.to;
    if journey.full.as_deref() == Some(what) {
        return Err(Error::rejected(format!("no-{what}"), format!("no {what} is left in {to}")));
    }
    Ok(Booking { code: format!("{what}-{to}"), cents })
}

/// Books a journey, or nothing of it.
#[saga(deadline = "5m", policy = "grouped-parallel")]
pub mod travel {
    use super::*;

    /// Books the flight.
    #[step(timeout = "2s")]
    pub fn flight(input: Journey) -> Result<Booking, Error> {
        book("flight", &input, 20_000)
    }

    /// Gives the seat back. The destination is enough: the airline knows who asks.
    #[compensation(of = flight)]
    pub fn cancel_flight(to: String) -> String {
        format!("flight-{to}")
    }

    /// Books the hotel.
    #[step(timeout = "2s", depends_on = [flight])]
    pub fn hotel(input: Journey) -> Result<Booking, Error> {
        book("hotel", &input, 9_000 * input.nights)
    }

    /// Gives the room back.
    #[compensation(of = hotel)]
    pub fn cancel_hotel(output: Option<Booking>) -> Option<String> {
        output.map(|booking| booking.code)
    }

    /// Books the car.
    #[step(timeout = "2s", depends_on = [flight])]
    pub fn car(input: Journey) -> Result<Booking, Error> {
        book("car", &input, 3_000 * input.nights)
    }

    /// Gives the car back.
    #[compensation(of = car)]
    pub fn cancel_car(output: Option<Booking>) -> Option<String> {
        output.map(|booking| booking.code)
    }

    /// Pays for all three.
    #[step(timeout = "2s", retry(attempts = 3, delay = "100ms"))]
    pub fn pay(card: String, flight: Booking, hotel: Booking, car: Booking) -> Result<u64, Error> {
        if card == "declined" {
            return Err(Error::rejected("card-declined", "the card was declined"));
        }
        Ok(flight.cents + hotel.cents + car.cents)
    }
}
