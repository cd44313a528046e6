//! A graph with mistakes that only the host can see: a cycle, a field that the input does not have,
//! and a condition that is not CEL.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::saga;

/// What comes in.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The customer's number of it.
    pub id: String,
    /// How many.
    pub quantity: u32,
}

/// Goes round in a circle.
#[saga]
pub mod circle {
    use super::*;

    /// Waits for `second`.
    #[step(depends_on = [second])]
    pub fn first(input: Order) -> u32 {
        input.quantity
    }

    /// Waits for `first`, and wants what nobody sends.
    #[step(depends_on = [first])]
    pub fn second(adress: String) -> String {
        adress
    }

    /// Has a condition that cannot be read.
    #[step(condition = "input.quantity >")]
    pub fn third(id: String) -> String {
        id
    }
}
