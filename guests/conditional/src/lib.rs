//! A step that runs only for large amounts, by a condition in CEL, and one after it that runs in any
//! case: what was skipped gives it null. Variables and headers go from step to step.

use wasaga::{Call, Error, context, saga};

/// Books an amount, and asks for approval where it is large.
#[saga]
pub mod booking {
    use super::*;

    /// Notes the amount.
    #[step]
    pub fn note(amount: u64, #[from(header = "tenant")] tenant: Option<String>) -> Result<u64, Error> {
        context::set_variable("limit", &1_000)?;
        context::set_header("booked-by", tenant.as_deref().unwrap_or("nobody"))?;
        Ok(amount)
    }

    /// Asks for approval.
    #[step(depends_on = [note], condition = "input.amount > variables.limit")]
    pub fn approve(#[from(variable = "limit")] limit: u64) -> String {
        format!("above {limit}")
    }

    /// Books it.
    #[step]
    pub fn book(note: u64, approve: Option<String>, call: &Call) -> String {
        let by = call.header("booked-by").unwrap_or_else(|| "nobody".into());
        approve.map_or_else(|| format!("{note} for {by}"), |why| format!("{note} for {by}, {why}"))
    }
}
