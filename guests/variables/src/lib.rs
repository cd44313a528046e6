//! What steps tell each other beside their outputs: variables, headers, and events for the world
//! outside.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use wasaga::{Call, Error, context, saga};

/// What is published.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Counted {
    /// How far.
    pub count: i64,
    /// Who began.
    pub by: String,
}

/// Counts up in a variable, and says so.
#[saga]
pub mod variables {
    use super::*;

    /// Sets the variable and a header.
    #[step]
    pub fn begin(start: Option<i64>, #[from(header = "tenant")] tenant: Option<String>) -> Result<i64, Error> {
        let count = start.unwrap_or(0);
        context::set_variable("count", &count)?;
        context::set_header("begun-by", tenant.as_deref().unwrap_or("nobody"))?;
        Ok(count)
    }

    /// Answers why it was undone.
    #[compensation(of = begin)]
    pub fn end(#[from(cause)] cause: Option<Value>) -> Option<Value> {
        cause
    }

    /// Counts on from the variable, which it reads as an argument and writes back.
    #[step(depends_on = [begin])]
    pub fn count(#[from(variable = "count")] count: i64, #[from(literal = 2)] by: i64) -> Result<i64, Error> {
        context::set_variable("count", &(count + by))?;
        Ok(count + by)
    }

    /// Publishes what the variable is, which it asks for by name.
    #[step(depends_on = [count])]
    pub fn tell(most: Option<i64>, call: &Call) -> Result<String, Error> {
        let count: i64 =
            context::variable("count")?.ok_or_else(|| Error::rejected("no-count", "nobody has counted"))?;
        if let Some(most) = most.filter(|most| count > *most) {
            return Err(Error::rejected("too-many", format!("{count} is more than {most}")));
        }
        let by = call.header("begun-by").unwrap_or_else(|| "nobody".into());
        context::event("counted").key(&by).publish(&Counted { count, by: by.clone() })?;
        Ok(format!("{count} by {by}"))
    }
}
