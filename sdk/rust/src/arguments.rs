//! From the host's JSON to a function's parameters, and from what it gives back to JSON.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::call::Forward;
use crate::error::{Error, IntoError};

/// A JSON text, or why there is none.
pub type Answer = Result<String, Error>;

/// The arguments object of a call, taken apart by name.
#[derive(Debug)]
pub struct Arguments<'a>(HashMap<String, &'a RawValue>);

impl<'a> Arguments<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, Error> {
        serde_json::from_str(text).map(Self).map_err(|error| Error::rejected("bad-arguments", error))
    }

    /// One argument. What is not there is as null.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let text = self.0.remove(name).map_or("null", RawValue::get);
        let refuse = |error| Error::rejected("bad-argument", format!("parameter `{name}`: {error}"));
        serde_json::from_str(text).map_err(refuse)
    }
}

/// What a try answered, or a part of it; as null where there is nothing.
pub fn tried<T: DeserializeOwned>(forward: &Forward, at: Option<&str>) -> Result<T, Error> {
    let refuse = |error| Error::rejected("bad-output", format!("what was tried: {error}"));
    let Forward::Completed(json) = forward else { return serde_json::from_str("null").map_err(refuse) };
    let Some(at) = at else { return serde_json::from_str(json).map_err(refuse) };
    let whole: serde_json::Value = serde_json::from_str(json).map_err(refuse)?;
    serde_json::from_value(whole.pointer(at).cloned().unwrap_or_default()).map_err(refuse)
}

/// What a function that may fail gave.
pub fn answer<T: Serialize>(result: Result<T, impl IntoError>) -> Answer {
    plain(&result.map_err(IntoError::into_error)?)
}

/// What a function that cannot fail gave.
pub fn plain<T: Serialize>(value: &T) -> Answer {
    // The work is done by now, so this is not a rejection.
    serde_json::to_string(value).map_err(|error| Error::unknown("bad-output", error))
}

/// The JSON Schema of a type.
pub fn schema<T: JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}
