//! The transaction that a call belongs to: variables, headers, business events.
//!
//! Writes take effect with the call's success, in the same journal record, or not at all. Under
//! `cargo test` there is no host: what is written stays in the thread, where tests find it with
//! [`variable`] and [`published`]; [`reset`] forgets it.

use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// A business event, as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: Option<String>,
    /// A JSON text.
    pub payload: String,
}

/// A variable: as it was when the call began, or as this call set it.
///
/// # Errors
/// Its value is not of this type: a rejection with the code `bad-variable`.
pub fn variable<T: DeserializeOwned>(name: &str) -> Result<Option<T>, Error> {
    let Some(json) = host::variable(name) else { return Ok(None) };
    let refuse = |error| Error::rejected("bad-variable", format!("variable `{name}`: {error}"));
    serde_json::from_str(&json).map(Some).map_err(refuse)
}

/// Sets a variable of the transaction.
///
/// # Errors
/// The value cannot be written as JSON: a rejection with the code `bad-variable`.
pub fn set_variable(name: &str, value: &impl Serialize) -> Result<(), Error> {
    host::set_variable(name, &json("bad-variable", value)?);
    Ok(())
}

/// Sets a header, which later calls and events carry.
pub fn set_header(name: &str, value: &str) {
    host::set_header(name, value);
}

/// Publishes a business event when the call succeeds.
///
/// # Errors
/// The payload cannot be written as JSON: a rejection with the code `bad-event`.
pub fn publish(topic: &str, key: Option<&str>, payload: &impl Serialize) -> Result<(), Error> {
    host::publish(topic, key, &json("bad-event", payload)?);
    Ok(())
}

fn json(code: &str, value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::rejected(code, error))
}

#[cfg(target_family = "wasm")]
use crate::wit::transaction as host;

#[cfg(not(target_family = "wasm"))]
pub use host::{header, published, reset};

/// What stands in for the host in native tests.
#[cfg(not(target_family = "wasm"))]
mod host {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::Published;

    #[derive(Default)]
    struct State {
        variables: BTreeMap<String, String>,
        headers: BTreeMap<String, String>,
        published: Vec<Published>,
    }

    thread_local! {
        static STATE: RefCell<State> = RefCell::default();
    }

    pub(super) fn variable(name: &str) -> Option<String> {
        STATE.with_borrow(|state| state.variables.get(name).cloned())
    }

    pub(super) fn set_variable(name: &str, value: &str) {
        STATE.with_borrow_mut(|state| state.variables.insert(name.into(), value.into()));
    }

    pub(super) fn set_header(name: &str, value: &str) {
        STATE.with_borrow_mut(|state| state.headers.insert(name.into(), value.into()));
    }

    pub(super) fn publish(topic: &str, key: Option<&str>, payload: &str) {
        let event = Published { topic: topic.into(), key: key.map(Into::into), payload: payload.into() };
        STATE.with_borrow_mut(|state| state.published.push(event));
    }

    /// A header that was set in this thread. For tests; not there in a component.
    pub fn header(name: &str) -> Option<String> {
        STATE.with_borrow(|state| state.headers.get(name).cloned())
    }

    /// What was published in this thread. For tests; not there in a component.
    pub fn published() -> Vec<Published> {
        STATE.with_borrow(|state| state.published.clone())
    }

    /// Forgets what was written in this thread. For tests; not there in a component.
    pub fn reset() {
        STATE.take();
    }
}
