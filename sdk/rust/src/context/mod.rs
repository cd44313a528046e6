//! The transaction that a call belongs to: variables, headers, business events.
//!
//! Writes take effect with the call's success, in the same journal record, or not at all. Under
//! `cargo test` there is no host: what is written stays in the thread, where tests find it with
//! [`variable`], [`header`] and [`published`]; [`reset`] forgets it.

mod event;
mod host;
mod write_error;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;
use crate::json;

pub use event::{Event, event, publish};
#[cfg(not(target_family = "wasm"))]
pub use host::{Published, published, reset};
pub use write_error::WriteError;

/// A variable: as it was when the call began, or as this call set it.
///
/// # Errors
/// Its value is not of this type: unknown with the code `bad-variable`, for work may have been done by then.
pub fn variable<T: DeserializeOwned>(name: &str) -> Result<Option<T>, Error> {
    let Some(json) = host::variable(name) else { return Ok(None) };
    let refuse = |error| Error::unknown("bad-variable", format!("variable `{name}`: {error}"));
    serde_json::from_str(&json).map(Some).map_err(refuse)
}

/// Sets a variable of the transaction.
///
/// # Errors
/// A limit is reached, or the name or the value is none. The call goes on.
pub fn set_variable(name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), WriteError> {
    let wrong = |error| WriteError::Invalid(format!("variable `{name}`: {error}"));
    host::set_variable(name, Some(&json::write(value).map_err(wrong)?))
}

/// Removes a variable of the transaction. It is no mistake if there is none.
///
/// # Errors
/// The name is none. The call goes on.
pub fn remove_variable(name: &str) -> Result<(), WriteError> {
    host::set_variable(name, None)
}

/// A header that was given at the start, or that an earlier call or this one has set.
#[must_use]
pub fn header(name: &str) -> Option<String> {
    host::header(name)
}

/// All headers, in the order of their names.
#[must_use]
pub fn headers() -> Vec<(String, String)> {
    host::headers()
}

/// Sets a header, which later calls and events carry.
///
/// # Errors
/// A limit is reached, or the name or the value is none. The call goes on.
pub fn set_header(name: &str, value: &str) -> Result<(), WriteError> {
    host::set_header(name, Some(value))
}

/// Removes a header. It is no mistake if there is none.
///
/// # Errors
/// The name is none. The call goes on.
pub fn remove_header(name: &str) -> Result<(), WriteError> {
    host::set_header(name, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_is_written_can_be_read_and_removed() {
        reset();
        set_variable("count", &u64::MAX).unwrap();
        set_header("tenant", "acme").unwrap();
        set_header("by", "ada").unwrap();
        assert_eq!(variable::<u64>("count").unwrap(), Some(u64::MAX));
        assert_eq!(headers(), [("by".into(), "ada".into()), ("tenant".into(), "acme".to_owned())]);
        remove_variable("count").unwrap();
        remove_header("tenant").unwrap();
        assert_eq!((variable::<u64>("count").unwrap(), header("tenant")), (None, None));
        assert_eq!(header("by").as_deref(), Some("ada"));
    }

    #[test]
    fn what_cannot_be_written_may_have_been_preceded_by_work() {
        reset();
        let step = || -> Result<(), Error> { Ok(set_variable("rate", &f64::NAN)?) };
        let error = step().unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unknown, "invalid"));
        assert_eq!(error.message(), "variable `rate`: NaN is no number in JSON");
        set_variable("rate", "high").unwrap();
        assert_eq!(variable::<u8>("rate").unwrap_err().kind(), Kind::Unknown);
    }

    #[test]
    fn an_event_is_published_as_it_was_put_together() {
        reset();
        publish("counted", &7).unwrap();
        let event = event("paid").topic("money").key("o-1").subject("order/o-1").header("a", "1").header("b", "2");
        event.publish(&[1, 2]).unwrap();
        let published = published();
        assert_eq!((&*published[0].name, &*published[0].data, &published[0].topic), ("counted", "7", &None));
        let paid = &published[1];
        assert_eq!((paid.topic.as_deref(), paid.key.as_deref()), (Some("money"), Some("o-1")));
        assert_eq!((paid.subject.as_deref(), &*paid.data), (Some("order/o-1"), "[1,2]"));
        assert_eq!(paid.headers.get("b").map(String::as_str), Some("2"));
        assert!(publish("rate", &f64::INFINITY).is_err());
    }
}
