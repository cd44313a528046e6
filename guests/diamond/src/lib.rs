//! Two branches that run side by side, and a step that joins them. `fail` names the step that refuses.

use wasaga::{Error, saga};

fn unless(fail: Option<&str>, step: &str) -> Result<String, Error> {
    if fail == Some(step) {
        return Err(Error::rejected("told-to", format!("`{step}` was told to fail")));
    }
    Ok(step.into())
}

/// Splits, works on both sides, and joins.
#[saga]
pub mod diamond {
    use super::*;

    /// The beginning.
    #[step]
    pub fn split(fail: Option<String>) -> Result<String, Error> {
        unless(fail.as_deref(), "split")
    }

    /// Undoes the beginning.
    #[compensation(of = split)]
    pub fn unsplit() {}

    /// One side.
    #[step(depends_on = [split])]
    pub fn left(fail: Option<String>) -> Result<String, Error> {
        unless(fail.as_deref(), "left")
    }

    /// Undoes one side.
    #[compensation(of = left)]
    pub fn unleft() {}

    /// The other side.
    #[step(depends_on = [split])]
    pub fn right(fail: Option<String>) -> Result<String, Error> {
        unless(fail.as_deref(), "right")
    }

    /// Undoes the other side.
    #[compensation(of = right)]
    pub fn unright() {}

    /// The end, which needs both sides.
    #[step]
    pub fn join(left: String, right: String, fail: Option<String>) -> Result<String, Error> {
        unless(fail.as_deref(), "join")?;
        Ok(format!("{left} and {right}"))
    }
}
