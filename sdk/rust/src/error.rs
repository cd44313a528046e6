//! Why an operation did not succeed, in the words that decide what the host does next.

use std::fmt::{self, Display};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json;

/// What a step, or any function of a guest, answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// For programs a code, for people a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// A stable word such as `card-declined`.
    pub code: String,
    /// For people.
    pub message: String,
    /// A JSON text; [`Failure::details`] reads it.
    pub details: Option<String>,
}

impl Failure {
    /// One without details.
    pub fn new(code: impl Into<String>, message: impl Display) -> Self {
        Self { code: code.into(), message: message.to_string(), details: None }
    }

    /// The details, where there are some of this type.
    pub fn details<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.details.as_deref()?).ok()
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.code, self.message)
    }
}

/// Which of the four it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Refused for good, and nothing remains done: the saga unwinds.
    Rejected,
    /// Failed for now, nothing remains done: it is tried again.
    Retryable,
    /// Failed, and it may have happened: it is tried again, and undone if attempts end.
    Unknown,
    /// Accepted and not finished: it is called again after a while, which costs no attempt.
    Pending,
}

/// What an operation answers when it does not succeed.
///
/// `?` turns an error into one: an error type of your own says by [`IntoError`](crate::IntoError) which of the four it
/// is, errors of the standard library and of `serde_json` are [`Kind::Unknown`], for the host cannot know what they
/// left behind, and for any other error [`ResultExt`](crate::ResultExt) says it on the spot.
///
/// A parameter that cannot be read is rejected with the code `bad-argument` before the function is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    failure: Failure,
    after: Option<Duration>,
    token: Option<String>,
}

impl Error {
    /// Refused for good, and nothing remains done.
    pub fn rejected(code: impl Into<String>, message: impl Display) -> Self {
        Self::new(Kind::Rejected, code, message)
    }

    /// Failed for now, nothing remains done, and it may be tried again.
    pub fn retryable(code: impl Into<String>, message: impl Display) -> Self {
        Self::new(Kind::Retryable, code, message)
    }

    /// Failed, and it may have happened.
    pub fn unknown(code: impl Into<String>, message: impl Display) -> Self {
        Self::new(Kind::Unknown, code, message)
    }

    /// Accepted and not finished: call again after this long. The host polls every 10 ms at most, and more rarely the
    /// longer it takes.
    pub fn pending(poll: Duration) -> Self {
        Self { after: Some(poll), ..Self::new(Kind::Pending, "pending", "it is not finished") }
    }

    fn new(kind: Kind, code: impl Into<String>, message: impl Display) -> Self {
        Self { kind, failure: Failure::new(code, message), after: None, token: None }
    }

    /// Not before this long from now. It lengthens the delay of the retry policy and never shortens it.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self { after: Some(pause), ..self }
    }

    /// Whatever else helps programs. A value that cannot be written as JSON is left out.
    #[must_use]
    pub fn with_details(mut self, details: &(impl Serialize + ?Sized)) -> Self {
        self.failure.details = json::write(details).ok();
        self
    }

    /// What the next call of a pending attempt is given, such as the id of a job: [`Call::token`](crate::Call::token)
    /// reads it. A token that cannot be written as JSON makes this [`Kind::Unknown`] with the code `bad-token`, for
    /// without it the next call would begin anew.
    #[must_use]
    pub fn with_token(self, token: &(impl Serialize + ?Sized)) -> Self {
        match json::write(token) {
            Ok(token) => Self { token: Some(token), ..self },
            Err(error) => Self::unknown("bad-token", error),
        }
    }

    /// Which of the four it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// For programs.
    pub fn code(&self) -> &str {
        &self.failure.code
    }

    /// For people.
    pub fn message(&self) -> &str {
        &self.failure.message
    }

    /// Code, message and details.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Code, message and details, taken out.
    pub fn into_failure(self) -> Failure {
        self.failure
    }

    /// How long to wait at least.
    pub fn pause(&self) -> Option<Duration> {
        self.after
    }

    /// What a pending attempt leaves for its next call, a JSON text.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_answer_without_its_token_would_begin_anew() {
        let pending = Error::pending(Duration::from_secs(1));
        assert_eq!(pending.clone().with_token(&[1, 2]).token(), Some("[1,2]"));
        let lost = pending.with_token(&f64::NAN);
        assert_eq!((lost.kind(), lost.code()), (Kind::Unknown, "bad-token"));
    }

    #[test]
    fn details_are_read_as_they_were_given() {
        let error = Error::rejected("no", "it is not allowed").with_details(&[1, 2]);
        assert_eq!(error.failure().details::<Vec<u8>>(), Some(vec![1, 2]));
        assert_eq!((error.to_string(), error.failure().details::<u8>()), ("`no`: it is not allowed".into(), None));
    }
}
