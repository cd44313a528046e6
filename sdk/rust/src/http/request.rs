//! A request, as it is put together and as it goes out.

use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;

use super::url::{Parts, form_encoded, with_pair};
use super::{BODY_BYTES_MAX, Error, IDEMPOTENCY_KEY, Response, send};
use crate::call::Call;

/// A request, as it is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request does nothing until `send`"]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// Where it goes, with scheme, host and path. What is no part of a URL, such as a space, is encoded on the way.
    pub url: String,
    /// In the order they were added.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub body: Vec<u8>,
    /// How long the answer may take, within the call's deadline.
    pub timeout: Option<Duration>,
    /// What the body is, unless a header says it.
    content_type: Option<&'static str>,
    /// A body that could not be written as JSON: told by `send`.
    wrong: Option<String>,
}

impl Request {
    /// With any method.
    pub fn new(method: &str, url: &str) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self { method, url, headers: Vec::new(), body: Vec::new(), timeout: None, content_type: None, wrong: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a pair to what stands after `?`.
    pub fn query(self, name: &str, value: impl Display) -> Self {
        let url = with_pair(&self.url, name, &value.to_string());
        Self { url, ..self }
    }

    /// Adds the call's idempotency key, by which a partner knows a repeated request.
    pub fn idempotent(self, call: &Call) -> Self {
        self.header(IDEMPOTENCY_KEY, call.idempotency_key())
    }

    /// Says this.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), content_type: None, wrong: None, ..self }
    }

    /// Says this, as JSON. The `content-type` is `application/json` where no header says another.
    pub fn json(self, value: &impl Serialize) -> Self {
        let content_type = Some("application/json");
        match serde_json::to_vec(value) {
            Ok(body) => Self { body, content_type, wrong: None, ..self },
            Err(error) => Self { wrong: Some(format!("the body cannot be written as JSON: {error}")), ..self },
        }
    }

    /// Says these pairs, as a form (`application/x-www-form-urlencoded`).
    pub fn form<N: AsRef<str>, V: Display>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let pair =
            |(name, value): (N, V)| format!("{}={}", form_encoded(name.as_ref()), form_encoded(&value.to_string()));
        let body = fields.into_iter().map(pair).collect::<Vec<_>>().join("&").into_bytes();
        Self { body, content_type: Some("application/x-www-form-urlencoded"), wrong: None, ..self }
    }

    /// How long the answer may take. The call's deadline holds in any case.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Sends it, and reads the whole answer.
    ///
    /// # Errors
    /// There is no answer. A status that tells of a failure is an answer; see [`Response::ok`].
    pub fn send(self) -> Result<Response, Error> {
        send(&self.ready()?)
    }

    /// The request as it goes out.
    fn ready(mut self) -> Result<Self, Error> {
        if let Some(wrong) = self.wrong {
            return Err(Error::Invalid(wrong));
        }
        if self.body.len() > BODY_BYTES_MAX {
            let bytes = self.body.len();
            return Err(Error::Invalid(format!("its body has {bytes} bytes, and {BODY_BYTES_MAX} are the most")));
        }
        self.url = Parts::of(&self.url).map_err(Error::Invalid)?.url();
        if let Some(content_type) = self.content_type.take()
            && self.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("content-type"))
        {
            self.headers.push(("content-type".into(), content_type.into()));
        }
        Ok(self)
    }
}
