//! One call for each element of a list, four at once, and the sum of what they gave. A negative
//! number is refused, and then what the others did is undone, each by itself.

use wasaga::{Error, context, saga};

/// Squares every number and adds the squares up.
#[saga(concurrency = 4, policy = "best-effort-parallel")]
pub mod squares {
    use super::*;

    /// Squares one number.
    #[step(each = numbers)]
    pub fn square(item: i64, #[from(input, at = "/numbers")] all: Vec<i64>) -> Result<i64, Error> {
        if item < 0 {
            return Err(Error::rejected("negative", format!("{item} of {} numbers is negative", all.len())));
        }
        context::publish("squared", &(item * item))?;
        Ok(item * item)
    }

    /// Forgets one square.
    #[compensation(of = square)]
    pub fn forget(item: i64, output: Option<i64>) -> (i64, Option<i64>) {
        (item, output)
    }

    /// Adds the squares up.
    #[step]
    pub fn sum(square: Vec<i64>) -> i64 {
        square.iter().sum()
    }
}
