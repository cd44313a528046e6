//! Why an operation did not succeed, in the words that decide what the host does next.

use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;

/// For programs a code, for people a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable word such as `card-declined`.
    pub code: String,
    /// For people.
    pub message: String,
    /// A JSON text.
    pub details: Option<String>,
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
/// Any other error becomes [`Kind::Unknown`], for the host cannot know what it left behind: `?` does
/// it for everything that is a [`std::error::Error`], and a function may also return a `Result` with
/// any error that can be shown.
///
/// A parameter that cannot be read is rejected with the code `bad-argument` before the function is
/// called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    failure: Failure,
    after: Option<Duration>,
}

impl Error {
    /// Refused for good, and nothing remains done.
    pub fn rejected(code: impl Into<String>, message: impl Display) -> Self {
        Self::new(Kind::Rejected, code.into(), message)
    }

    /// Failed for now, nothing remains done, and it may be tried again.
    pub fn retryable(code: impl Into<String>, message: impl Display) -> Self {
        Self::new(Kind::Retryable, code.into(), message)
    }

    /// Failed, and it may have happened.
    pub fn unknown(code: impl Into<String>, message: impl Display) -> Self {
        Self::new(Kind::Unknown, code.into(), message)
    }

    /// Accepted and not finished: call again after this long. The host polls every 10 ms at most.
    pub fn pending(poll: Duration) -> Self {
        Self { after: Some(poll), ..Self::new(Kind::Pending, "pending".into(), "it is not finished") }
    }

    fn new(kind: Kind, code: String, message: impl Display) -> Self {
        Self { kind, failure: Failure { code, message: message.to_string(), details: None }, after: None }
    }

    /// Not before this long from now. It lengthens the delay of the retry policy and never shortens it.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self { after: Some(pause), ..self }
    }

    /// Whatever else helps programs. A value that cannot be written as JSON is left out.
    #[must_use]
    pub fn with_details(mut self, details: &impl Serialize) -> Self {
        self.failure.details = serde_json::to_string(details).ok();
        self
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

    /// How long to wait at least.
    pub fn pause(&self) -> Option<Duration> {
        self.after
    }
}

/// The code of errors that are not typed.
const UNTYPED: &str = "error";

/// So that `?` works on any error; it may have happened, so it is unknown.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self::unknown(UNTYPED, chain(&error))
    }
}

/// The message and those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What a function of a saga may fail with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a saga's function",
    note = "return `wasaga::Error`, or an error that implements `Display`, which counts as unknown"
)]
pub trait IntoError {
    /// The error as the host is told.
    fn into_error(self) -> Error;
}

impl IntoError for Error {
    fn into_error(self) -> Error {
        self
    }
}

impl<E: Display> IntoError for E {
    fn into_error(self) -> Error {
        Error::unknown(UNTYPED, self)
    }
}
