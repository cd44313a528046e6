//! Business events, as they are put together.

use serde::Serialize;

use super::host;
use super::write_error::WriteError;
use crate::json;

/// A business event, as it is put together; [`event`] begins one.
#[derive(Clone, Debug)]
#[must_use = "an event does nothing until `publish`"]
pub struct Event<'a> {
    name: &'a str,
    topic: Option<&'a str>,
    key: Option<&'a str>,
    subject: Option<&'a str>,
    headers: Vec<(&'a str, &'a str)>,
}

/// Begins an event of this type, such as `order.paid`.
///
/// ```
/// use wasaga::context;
///
/// context::event("order.paid").topic("orders").key("o-1").header("tenant", "acme").publish(&1180)?;
/// # Ok::<(), context::WriteError>(())
/// ```
pub fn event(name: &str) -> Event<'_> {
    Event { name, topic: None, key: None, subject: None, headers: Vec::new() }
}

/// Publishes an event of this type when the call succeeds.
///
/// # Errors
/// A limit is reached, or the data cannot be written as JSON. The call goes on.
pub fn publish(name: &str, data: &(impl Serialize + ?Sized)) -> Result<(), WriteError> {
    event(name).publish(data)
}

impl<'a> Event<'a> {
    /// Where it goes; the host's own topic without it.
    pub fn topic(self, topic: &'a str) -> Self {
        Self { topic: Some(topic), ..self }
    }

    /// Events of one key stay in order.
    pub fn key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    /// What it is about.
    pub fn subject(self, subject: &'a str) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Adds a header. The last one of a name counts.
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    /// Publishes it when the call succeeds.
    ///
    /// # Errors
    /// A limit is reached, or the data cannot be written as JSON. The call goes on.
    pub fn publish(self, data: &(impl Serialize + ?Sized)) -> Result<(), WriteError> {
        let wrong = |error| WriteError::Invalid(format!("event `{}`: {error}", self.name));
        let Self { name, topic, key, subject, headers } = &self;
        let (topic, key, subject) = (*topic, *key, *subject);
        host::publish(&json::write(&Written { name, topic, key, subject, headers, data }).map_err(wrong)?)
    }
}

/// The event as the contract has it.
#[derive(Serialize)]
struct Written<'e, T: ?Sized> {
    #[serde(rename = "type")]
    name: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'e str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "json::in_order")]
    headers: &'e [(&'e str, &'e str)],
    data: &'e T,
}
