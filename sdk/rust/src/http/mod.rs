//! Requests to the outside. A guest reaches what its module asks for and the operator grants; the host keeps
//! connections, speaks TLS, and ends a request with the call's deadline.
//!
//! ```no_run
//! use serde_json::{Value, json};
//! use wasaga::{Call, Error, http};
//!
//! wasaga::module! { name = "shop", http = ["https://api.example.com"], secrets = ["payments"] }
//!
//! fn charge(cents: u64, call: &Call) -> Result<String, Error> {
//!     let answer = http::post("https://api.example.com/charges")
//!         .idempotent(call)
//!         .header("authorization", &http::bearer("payments"))
//!         .json(&json!({ "cents": cents }))
//!         .send()?
//!         .ok()?;
//!     let charge: Value = answer.json()?;
//!     Ok(charge["id"].as_str().unwrap_or_default().into())
//! }
//! ```
//!
//! What went wrong decides what the host does next, and `?` says it: a request that was not sent is
//! retryable, or rejected where it is not allowed; one that was sent and not answered is unknown, for it may
//! have happened. [`Response::ok`] does the same for statuses.
//!
//! Deliberately absent: redirects, for each is a request that has to be allowed; and decompression.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod wasi;

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::Error as OperationError;

#[cfg(not(target_family = "wasm"))]
pub use native::fake;
#[cfg(not(target_family = "wasm"))]
use native::send;
#[cfg(target_family = "wasm")]
use wasi::send;

/// The header that partners know a repeated request by (IETF draft `idempotency-key-header`).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Bytes of an answer that are shown in an error.
const SHOWN_BYTES: usize = 500;

/// A request, as it is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request does nothing until `send`"]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// Where it goes, with scheme, host and path.
    pub url: String,
    /// In the order they were added.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub body: Vec<u8>,
    /// How long the answer may take, within the call's deadline.
    pub timeout: Option<Duration>,
    /// A body that could not be written as JSON: told by `send`.
    wrong: Option<String>,
}

/// An answer, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// As they came.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It may not go there; the host's log, and the transaction's record, say what has to be granted.
    Denied(String),
    /// It was not sent: nobody is there, or the URL is wrong.
    NotSent(String),
    /// It was sent, or a part of it, and there is no answer: it may have happened.
    NoAnswer(String),
}

/// Reads.
pub fn get(url: &str) -> Request {
    Request::new("GET", url)
}

/// Creates, or does.
pub fn post(url: &str) -> Request {
    Request::new("POST", url)
}

/// Replaces.
pub fn put(url: &str) -> Request {
    Request::new("PUT", url)
}

/// Removes.
pub fn delete(url: &str) -> Request {
    Request::new("DELETE", url)
}

/// A secret's placeholder: the host puts the text in its place on the way, towards the secret's own
/// origins only. The guest never has it.
pub fn secret(name: &str) -> String {
    format!("{{{{secret:{name}}}}}")
}

/// A secret as an `authorization` header takes it.
pub fn bearer(name: &str) -> String {
    format!("Bearer {}", secret(name))
}

impl Request {
    /// With any method.
    pub fn new(method: &str, url: &str) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self { method, url, headers: Vec::new(), body: Vec::new(), timeout: None, wrong: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the call's idempotency key, by which a partner knows a repeated request.
    pub fn idempotent(self, call: &Call) -> Self {
        self.header(IDEMPOTENCY_KEY, call.idempotency_key())
    }

    /// Says this.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Says this, as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        let request = self.header("content-type", "application/json");
        match serde_json::to_vec(value) {
            Ok(body) => Self { body, ..request },
            Err(error) => Self { wrong: Some(format!("the body cannot be written as JSON: {error}")), ..request },
        }
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
        match &self.wrong {
            Some(wrong) => Err(Error::NotSent(wrong.clone())),
            None => send(&self),
        }
    }
}

impl Response {
    /// A header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// It is not JSON of this type. The request was answered, so that is unknown: it may have happened.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, OperationError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            OperationError::unknown("bad-answer", format!("the answer is not what was expected: {error}"))
        })
    }

    /// The answer where its status is below 400.
    ///
    /// # Errors
    /// By what the status says of what was done (RFC 9110): 408, 425, 429 and 503 are retryable, not before
    /// `retry-after` where the answer has one in seconds; the other 4xx are rejected; the other 5xx are unknown.
    pub fn ok(self) -> Result<Self, OperationError> {
        let message = || {
            let body = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN_BYTES)]).into_owned();
            format!("the answer was {} {body}", self.status).trim_end().to_owned()
        };
        let code = || format!("http-{}", self.status);
        match self.status {
            ..400 => Ok(self),
            408 | 425 | 429 | 503 => {
                let error = OperationError::retryable(code(), message());
                let seconds = self.header("retry-after").and_then(|after| after.trim().parse().ok());
                Err(seconds.map(Duration::from_secs).into_iter().fold(error, OperationError::after))
            }
            400..500 => Err(OperationError::rejected(code(), message())),
            _ => Err(OperationError::unknown(code(), message())),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(why) => write!(f, "the request is not allowed: {why}"),
            Self::NotSent(why) => write!(f, "the request was not sent: {why}"),
            Self::NoAnswer(why) => write!(f, "there is no answer: {why}"),
        }
    }
}

/// What it means for the operation. Not an `std::error::Error`, all of which are unknown.
impl From<Error> for OperationError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Denied(_) => Self::rejected("http-denied", error),
            Error::NotSent(_) => Self::retryable("http-not-sent", error),
            Error::NoAnswer(_) => Self::unknown("http-no-answer", error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: b"{\"id\":7}".to_vec() }
    }

    #[test]
    fn a_status_says_what_was_done() {
        assert_eq!(answer(204, &[]).ok().unwrap().status, 204);
        let kinds = [
            (400, Kind::Rejected),
            (404, Kind::Rejected),
            (429, Kind::Retryable),
            (503, Kind::Retryable),
            (500, Kind::Unknown),
            (504, Kind::Unknown),
        ];
        for (status, kind) in kinds {
            let error = answer(status, &[]).ok().unwrap_err();
            assert_eq!((error.kind(), error.code()), (kind, &*format!("http-{status}")));
        }
        let later = answer(429, &[("Retry-After", " 7 ")]).ok().unwrap_err();
        assert_eq!(later.pause(), Some(Duration::from_secs(7)));
        assert_eq!(answer(409, &[]).ok().unwrap_err().message(), "the answer was 409 {\"id\":7}");
    }

    #[test]
    fn what_was_not_sent_did_not_happen() {
        let kind = |error: Error| OperationError::from(error).kind();
        assert_eq!(kind(Error::Denied("x".into())), Kind::Rejected);
        assert_eq!(kind(Error::NotSent("x".into())), Kind::Retryable);
        assert_eq!(kind(Error::NoAnswer("x".into())), Kind::Unknown);
    }

    #[test]
    fn a_test_answers_in_the_partners_place() {
        let call = Call::sample();
        let partner = fake(|request| {
            assert_eq!((&*request.method, &*request.url), ("POST", "https://api.example.com/charges"));
            assert!(request.headers.contains(&("idempotency-key".into(), "sample-key".into())));
            Ok(Response { status: 201, headers: Vec::new(), body: request.body.clone() })
        });
        let request = post("https://api.example.com/charges").idempotent(&call);
        let answer = request.header("authorization", &bearer("bank")).json(&7).send().unwrap();
        assert_eq!(answer.json::<u32>().unwrap(), 7);
        drop(partner);
        assert!(matches!(get("https://api.example.com").send(), Err(Error::NotSent(_))));
        assert_eq!(bearer("bank"), "Bearer {{secret:bank}}");
    }
}
