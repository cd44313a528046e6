//! What is asked of the host, and what stands in for it in native tests.

#[cfg(target_family = "wasm")]
pub(super) use crate::bindings::transaction::{header, headers, variable};
#[cfg(target_family = "wasm")]
pub(super) use component::{publish, set_header, set_variable};
#[cfg(not(target_family = "wasm"))]
pub use native::{Published, published, reset};
#[cfg(not(target_family = "wasm"))]
pub(super) use native::{header, headers, publish, set_header, set_variable, variable};

#[cfg(target_family = "wasm")]
mod component {
    use crate::bindings::transaction;
    use crate::context::write_error::WriteError;

    pub(crate) fn set_variable(name: &str, value: Option<&str>) -> Result<(), WriteError> {
        transaction::set_variable(name, value).map_err(Into::into)
    }

    pub(crate) fn set_header(name: &str, value: Option<&str>) -> Result<(), WriteError> {
        transaction::set_header(name, value).map_err(Into::into)
    }

    pub(crate) fn publish(event: &str) -> Result<(), WriteError> {
        transaction::publish(event).map_err(Into::into)
    }

    impl From<transaction::WriteError> for WriteError {
        fn from(error: transaction::WriteError) -> Self {
            match error {
                transaction::WriteError::TooMuch(why) => Self::TooMuch(why),
                transaction::WriteError::Invalid(why) => Self::Invalid(why),
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::value::RawValue;

    use crate::context::write_error::WriteError;

    /// A business event, as the host would get it. For tests; not there in a component.
    #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
    #[non_exhaustive]
    pub struct Published {
        /// The type.
        #[serde(rename = "type")]
        pub name: String,
        /// Where it goes.
        pub topic: Option<String>,
        /// Events of one key stay in order.
        pub key: Option<String>,
        /// What it is about.
        pub subject: Option<String>,
        /// Its own headers.
        #[serde(default)]
        pub headers: BTreeMap<String, String>,
        /// A JSON text.
        #[serde(deserialize_with = "text")]
        pub data: String,
    }

    fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        Ok(<&RawValue>::deserialize(from)?.get().into())
    }

    #[derive(Default)]
    struct State {
        variables: BTreeMap<String, String>,
        headers: BTreeMap<String, String>,
        published: Vec<Published>,
    }

    thread_local! {
        static STATE: RefCell<State> = RefCell::default();
    }

    pub(crate) fn variable(name: &str) -> Option<String> {
        STATE.with_borrow(|state| state.variables.get(name).cloned())
    }

    pub(crate) fn set_variable(name: &str, value: Option<&str>) -> Result<(), WriteError> {
        STATE.with_borrow_mut(|state| put(&mut state.variables, name, value));
        Ok(())
    }

    pub(crate) fn header(name: &str) -> Option<String> {
        STATE.with_borrow(|state| state.headers.get(name).cloned())
    }

    pub(crate) fn headers() -> Vec<(String, String)> {
        STATE.with_borrow(|state| state.headers.clone().into_iter().collect())
    }

    pub(crate) fn set_header(name: &str, value: Option<&str>) -> Result<(), WriteError> {
        STATE.with_borrow_mut(|state| put(&mut state.headers, name, value));
        Ok(())
    }

    fn put(map: &mut BTreeMap<String, String>, name: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(map.insert(name.into(), value.into())),
            None => drop(map.remove(name)),
        }
    }

    pub(crate) fn publish(event: &str) -> Result<(), WriteError> {
        let event = serde_json::from_str(event).map_err(|error| WriteError::Invalid(error.to_string()))?;
        STATE.with_borrow_mut(|state| state.published.push(event));
        Ok(())
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
