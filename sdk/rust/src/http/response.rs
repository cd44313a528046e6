//! An answer, and what its status says of what was done.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use super::url::shown;
use crate::error::Error as OperationError;

/// Bytes of an answer that are shown in an error.
const SHOWN_BYTES: usize = 500;
/// What a partner says instead of doing anything.
const REFUSED: [u16; 2] = [425, 429];
/// What a gateway may say after the partner was reached; with `retry-after` the partner itself has put it off.
const MAYBE: [u16; 2] = [408, 503];
/// Redirects that say: nothing was done here, send the same there. The others may follow what was done.
const ELSEWHERE: [u16; 2] = [307, 308];
/// The longest wait that a host takes from a guest.
const AFTER_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);

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

    /// The answer where its status is 2xx.
    ///
    /// # Errors
    /// By what the status says of what was done (RFC 9110):
    ///
    /// - retryable: 425 and 429; 408 and 503 with a `retry-after`. It is not tried before that, and 30 days are the most.
    /// - rejected: the other 4xx; 307 and 308, which say that it is to be sent elsewhere.
    /// - unknown: everything else. A gateway says 503 also where the partner was reached, and a partner may answer what
    ///   it did by 303.
    pub fn ok(self) -> Result<Self, OperationError> {
        self.ok_with_nothing_done(&[])
    }

    /// As [`Response::ok`], where this partner has done nothing for certain with these statuses, such as 503: they are
    /// retryable.
    ///
    /// # Errors
    /// As of [`Response::ok`].
    pub fn ok_with_nothing_done(self, statuses: &[u16]) -> Result<Self, OperationError> {
        let status = self.status;
        if (200..300).contains(&status) {
            return Ok(self);
        }
        let (code, message) = (format!("http-{status}"), self.failure());
        let after = self.header("retry-after").and_then(retry_after);
        let is_refused = REFUSED.contains(&status) || statuses.contains(&status);
        if is_refused || (MAYBE.contains(&status) && after.is_some()) {
            let error = OperationError::retryable(code, message);
            return Err(after.into_iter().fold(error, OperationError::after));
        }
        if ELSEWHERE.contains(&status) || ((400..500).contains(&status) && !MAYBE.contains(&status)) {
            return Err(OperationError::rejected(code, message));
        }
        let error = OperationError::unknown(code, message);
        Err(after.into_iter().fold(error, OperationError::after))
    }

    fn failure(&self) -> String {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN_BYTES)]).into_owned();
        let mut message = format!("the answer was {} {body}", self.status).trim_end().to_owned();
        if let Some(elsewhere) = self.header("location").filter(|_| (300..400).contains(&self.status)) {
            message.push_str(&format!(", a redirect to `{}`, which is not followed", shown(elsewhere)));
        }
        message
    }
}

/// A `retry-after`: seconds, or a date (RFC 9110, 10.2.3). Whatever a partner says, it is 30 days at most.
fn retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(AFTER_MAX));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    Some(then.duration_since(SystemTime::now()).unwrap_or_default().min(AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: b"{\"id\":7}".to_vec() }
    }

    /// S3: 2xx alone is success. S4: what a gateway may say is unknown.
    #[test]
    fn a_status_says_what_was_done() {
        assert_eq!(answer(204, &[]).ok().unwrap().status, 204);
        let rejected = [307, 308, 400, 404, 409, 499].map(|status| (status, Kind::Rejected));
        let retryable = [425, 429].map(|status| (status, Kind::Retryable));
        let unknown =
            [101, 199, 300, 302, 303, 304, 408, 500, 503, 504, 600, 999].map(|status| (status, Kind::Unknown));
        for (status, kind) in rejected.into_iter().chain(retryable).chain(unknown) {
            let error = answer(status, &[]).ok().unwrap_err();
            assert_eq!((error.kind(), error.code()), (kind, &*format!("http-{status}")));
            assert_eq!(error.pause(), None);
        }
        assert_eq!(answer(409, &[]).ok().unwrap_err().message(), "the answer was 409 {\"id\":7}");
    }

    /// S4: with `retry-after`, or by the guest's word, nothing was done.
    #[test]
    fn a_partner_puts_it_off() {
        for status in [408, 425, 429, 503] {
            let later = answer(status, &[("Retry-After", " 7 ")]).ok().unwrap_err();
            assert_eq!((later.kind(), later.pause()), (Kind::Retryable, Some(Duration::from_secs(7))));
            let sure = answer(status, &[]).ok_with_nothing_done(&[408, 503]).unwrap_err();
            assert_eq!((sure.kind(), sure.pause()), (Kind::Retryable, None));
        }
        let error = answer(500, &[("retry-after", "7")]).ok().unwrap_err();
        assert_eq!((error.kind(), error.pause()), (Kind::Unknown, Some(Duration::from_secs(7))));
    }

    /// U10: no number of a partner's overflows.
    #[test]
    fn a_retry_after_of_any_kind_has_a_bound() {
        let nines = "9".repeat(400);
        let cases = [
            (nines.as_str(), Some(AFTER_MAX)),
            ("99999999999999999999", Some(AFTER_MAX)),
            ("2592001", Some(AFTER_MAX)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(Duration::ZERO)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(AFTER_MAX)),
            ("Fri, 31 Dec 99999 23:59:59 GMT", None),
            ("soon", None),
            ("-1", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(answer(429, &[("retry-after", text)]).ok().unwrap_err().pause(), expected, "{text}");
        }
    }

    /// S3: a `POST http://…` that is sent on to `https://` is no success; and what the new URL hides is not told.
    #[test]
    fn where_a_redirect_leads_is_told() {
        let error = answer(308, &[("Location", "https://u:p@a.example/t0ken?k=v")]).ok().unwrap_err();
        assert!(error.message().ends_with(", a redirect to `https://a.example`, which is not followed"), "{error:?}");
    }
}
