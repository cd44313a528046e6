//! From what a function gives back to what the host is told. Whether that is a `Result` is decided by its type, not by
//! how the type is written: an alias of a `Result` is one.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::json;

/// A JSON text, or why there is none.
pub type Answer = Result<String, Error>;

/// What a function gave. Its own methods take a `Result`; those of [`Plain`] everything else, for the compiler looks at
/// a type's own methods first.
#[derive(Debug)]
pub struct Given<T>(pub T);

impl<T, E> Given<Result<T, E>> {
    /// The output, or the error.
    ///
    /// # Errors
    /// The function gave one, or its output cannot be written.
    pub fn answer(self) -> Answer
    where
        T: Serialize,
        Error: From<E>,
    {
        text(&self.0.map_err(Error::from)?)
    }
}

/// What cannot fail.
pub trait Plain {
    /// The output.
    ///
    /// # Errors
    /// It cannot be written.
    fn answer(self) -> Answer;
}

impl<T: Serialize> Plain for Given<T> {
    fn answer(self) -> Answer {
        text(&self.0)
    }
}

fn text(output: &impl Serialize) -> Answer {
    // The work is done by now, so this is not a rejection.
    json::write(output).map_err(|error| Error::unknown("bad-output", error))
}

/// What a function will give, to ask for the schema of its output.
type Gives<T> = Given<PhantomData<T>>;

/// Asks.
#[must_use]
pub const fn gives<T>() -> Gives<T> {
    Given(PhantomData)
}

impl<T, E> Given<PhantomData<Result<T, E>>> {
    /// The schema of the output.
    #[must_use]
    pub fn schema(self) -> Value
    where
        T: JsonSchema,
    {
        schema::<T>()
    }
}

/// The schema of an output that is no `Result`.
pub trait PlainSchema {
    /// The schema.
    fn schema(self) -> Value;
}

impl<T: JsonSchema> PlainSchema for Gives<T> {
    fn schema(self) -> Value {
        schema::<T>()
    }
}

/// The JSON Schema of a type.
#[must_use]
pub fn schema<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias = Result<u8, String>;

    #[test]
    fn an_alias_of_a_result_is_a_result() {
        let refused: Alias = Err("no".into());
        assert_eq!(Given(refused).answer().unwrap_err().message(), "no");
        assert_eq!(Given(7u8).answer().unwrap(), "7");
        assert_eq!(gives::<Alias>().schema(), gives::<u8>().schema());
    }

    #[test]
    fn an_output_that_is_no_json_is_unknown() {
        let error = Given(Ok::<_, Error>(f64::NAN)).answer().unwrap_err();
        assert_eq!((error.kind(), error.code()), (crate::Kind::Unknown, "bad-output"));
    }
}
