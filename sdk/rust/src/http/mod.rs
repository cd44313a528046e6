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
//! retryable, or rejected where it is not allowed or cannot be sent; one that was sent and not answered is unknown, for it may
//! have happened. [`Response::ok`] does the same for statuses.
//!
//! Deliberately absent: redirects, for each is a request that has to be allowed; and decompression.

#[cfg(not(target_family = "wasm"))]
mod native;
mod request;
mod response;
mod url;
#[cfg(target_family = "wasm")]
mod wasi;

use std::fmt;

use crate::error::Error as OperationError;

#[cfg(not(target_family = "wasm"))]
pub use native::fake;
#[cfg(not(target_family = "wasm"))]
use native::send;
pub use request::Request;
pub use response::Response;
#[cfg(target_family = "wasm")]
use wasi::send;

/// The header that partners know a repeated request by (IETF draft `idempotency-key-header`).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Bytes of a request's body; the host takes no more.
const BODY_BYTES_MAX: usize = 8 << 20;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// It may not go there; the host's log, and the transaction's record, say what has to be granted.
    Denied(String),
    /// It cannot be sent to anybody: the URL is wrong, or a header, the method or the body is.
    Invalid(String),
    /// It was not sent: nobody is there, or too many requests are in flight at once.
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

/// Changes a part.
pub fn patch(url: &str) -> Request {
    Request::new("PATCH", url)
}

/// Reads the headers alone.
pub fn head(url: &str) -> Request {
    Request::new("HEAD", url)
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(why) => write!(f, "the request is not allowed: {why}"),
            Self::Invalid(why) => write!(f, "the request cannot be sent: {why}"),
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
            Error::Invalid(_) => Self::rejected("http-invalid", error),
            Error::NotSent(_) => Self::retryable("http-not-sent", error),
            Error::NoAnswer(_) => Self::unknown("http-no-answer", error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::call::Call;
    use crate::error::Kind;

    #[test]
    fn what_was_not_sent_did_not_happen() {
        let kind = |error: Error| OperationError::from(error).kind();
        assert_eq!(kind(Error::Denied("x".into())), Kind::Rejected);
        assert_eq!(kind(Error::Invalid("x".into())), Kind::Rejected);
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

    fn sent(request: Request) -> Result<Request, Error> {
        let seen = Rc::new(RefCell::new(None));
        let kept = seen.clone();
        let partner = fake(move |request| {
            kept.replace(Some(request.clone()));
            Ok(Response { status: 204, headers: Vec::new(), body: Vec::new() })
        });
        let answered = request.send();
        drop(partner);
        answered.map(|_| seen.take().unwrap())
    }

    /// U16: an own content type went out beside that of JSON.
    #[test]
    fn one_content_type_goes_out() {
        let types = |request: Request| {
            let headers = sent(request).unwrap().headers.into_iter();
            headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, of)| of).collect::<Vec<_>>()
        };
        let (url, own) = ("https://a.example", "application/ld+json");
        assert_eq!(types(post(url).json(&7)), ["application/json"]);
        assert_eq!(types(post(url).header("Content-Type", own).json(&7)), [own]);
        assert_eq!(types(post(url).json(&7).header("content-type", own)), [own]);
        assert_eq!(types(post(url).json(&7).body("x")), [""; 0]);
    }

    #[test]
    fn queries_and_forms_are_encoded() {
        let request =
            patch("https://a.example/x?a=1").query("q", "x y").query("n", 2).form([("b", "c d"), ("e", "f&g")]);
        let request = sent(request).unwrap();
        assert_eq!((&*request.method, &*request.url), ("PATCH", "https://a.example/x?a=1&q=x%20y&n=2"));
        assert_eq!(request.body, b"b=c+d&e=f%26g");
        assert!(request.headers.contains(&("content-type".into(), "application/x-www-form-urlencoded".into())));
        assert_eq!(sent(head("https://a.example")).unwrap().url, "https://a.example/");
    }

    /// U16: what can never be sent is not tried again.
    #[test]
    fn what_cannot_be_sent_is_refused_for_good() {
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        let large = vec![0; BODY_BYTES_MAX + 1];
        let wrong = [get("https://a b/"), post("https://a").json(&unwritable), post("https://a").body(large)];
        for request in wrong {
            let error = OperationError::from(sent(request).unwrap_err());
            assert_eq!((error.kind(), error.code()), (Kind::Rejected, "http-invalid"));
        }
    }
}
