//! How other errors become ours: by what they say of themselves, or by what is said of them on the spot.

use std::error::Error as StdError;

use crate::error::{Error, Result};

/// The code of errors that have none.
const UNTYPED: &str = "error";

/// An error that knows what it means for its operation. With it a type of your own works with `?`, and as the error
/// that a step returns.
///
/// ```
/// use wasaga::{Error, IntoError};
///
/// enum ChargeError {
///     Declined,
///     Busy,
///     LineDead(std::io::Error),
/// }
///
/// impl IntoError for ChargeError {
///     fn into_error(self) -> Error {
///         match self {
///             Self::Declined => Error::rejected("card-declined", "the card was declined"),
///             Self::Busy => Error::retryable("busy", "the bank is busy"),
///             Self::LineDead(error) => Error::unknown("no-answer", error),
///         }
///     }
/// }
///
/// fn charge() -> wasaga::Result<u64> {
///     Err(ChargeError::Declined)?
/// }
///
/// assert_eq!(charge().unwrap_err().kind(), wasaga::Kind::Rejected);
/// ```
///
/// Deliberately absent: an implementation for every [`std::error::Error`]. It would take an error of your own that
/// means no for one whose outcome is not known, without a word.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it means for an operation",
    label = "is it rejected, retryable or unknown? (implement `wasaga::IntoError`, or say `.or_unknown(\"code\")?`)",
    note = "implement `wasaga::IntoError` for an error type of your own",
    note = "for any other, say it on the spot: `.or_rejected(\"code\")?`, `.or_retryable(\"code\")?` or \
            `.or_unknown(\"code\")?` (with `use wasaga::ResultExt`)"
)]
pub trait IntoError {
    /// The error as the host is told.
    fn into_error(self) -> Error;
}

/// So that `?` works.
impl<E: IntoError> From<E> for Error {
    fn from(error: E) -> Self {
        error.into_error()
    }
}

/// Says on the spot what an error means. Its message, and those of its causes, are kept.
///
/// ```
/// use wasaga::ResultExt as _;
///
/// fn cents(text: &str) -> wasaga::Result<u64> {
///     Ok(text.parse().or_rejected("bad-amount")?)
/// }
///
/// assert_eq!(cents("x").unwrap_err().code(), "bad-amount");
/// ```
pub trait ResultExt<T>: Sized {
    /// It means no, and nothing remains done.
    ///
    /// # Errors
    /// Where this is one.
    fn or_rejected(self, code: &str) -> Result<T>;

    /// It means not now, and nothing remains done.
    ///
    /// # Errors
    /// Where this is one.
    fn or_retryable(self, code: &str) -> Result<T>;

    /// It may have happened.
    ///
    /// # Errors
    /// Where this is one.
    fn or_unknown(self, code: &str) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError>>> ResultExt<T> for std::result::Result<T, E> {
    fn or_rejected(self, code: &str) -> Result<T> {
        self.map_err(|error| Error::rejected(code, chain(&*error.into())))
    }

    fn or_retryable(self, code: &str) -> Result<T> {
        self.map_err(|error| Error::retryable(code, chain(&*error.into())))
    }

    fn or_unknown(self, code: &str) -> Result<T> {
        self.map_err(|error| Error::unknown(code, chain(&*error.into())))
    }
}

/// The message and those of its causes.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Errors of which nobody knows what they left behind.
macro_rules! unknown {
    ($($error:ty),* $(,)?) => {
        $(
            impl IntoError for $error {
                fn into_error(self) -> Error {
                    Error::unknown(UNTYPED, chain(&self))
                }
            }
        )*
    };
}

unknown!(
    serde_json::Error,
    std::alloc::LayoutError,
    std::array::TryFromSliceError,
    std::cell::BorrowError,
    std::cell::BorrowMutError,
    std::char::CharTryFromError,
    std::char::DecodeUtf16Error,
    std::char::ParseCharError,
    std::collections::TryReserveError,
    std::convert::Infallible,
    std::env::VarError,
    std::fmt::Error,
    std::io::Error,
    std::net::AddrParseError,
    std::num::ParseFloatError,
    std::num::ParseIntError,
    std::num::TryFromIntError,
    std::str::ParseBoolError,
    std::str::Utf8Error,
    std::string::FromUtf16Error,
    std::string::FromUtf8Error,
    std::time::SystemTimeError,
    std::time::TryFromFloatSecsError,
);

impl IntoError for String {
    fn into_error(self) -> Error {
        Error::unknown(UNTYPED, self)
    }
}

impl IntoError for &str {
    fn into_error(self) -> Error {
        Error::unknown(UNTYPED, self)
    }
}

/// One of ours in a box means what it meant; any other is [`Kind::Unknown`](crate::Kind::Unknown).
impl IntoError for Box<dyn StdError> {
    fn into_error(self) -> Error {
        self.downcast().map_or_else(|other| Error::unknown(UNTYPED, chain(&*other)), |own| *own)
    }
}

/// One of ours in a box means what it meant; any other is [`Kind::Unknown`](crate::Kind::Unknown).
impl IntoError for Box<dyn StdError + Send + Sync> {
    fn into_error(self) -> Error {
        let plain: Box<dyn StdError> = self;
        plain.into_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_is_said_of_an_error_keeps_its_message_and_those_of_its_causes() {
        let outer = || std::io::Error::other("x".parse::<u8>().unwrap_err());
        let told = |result: Result<()>| result.map_err(|error| (error.kind(), error.to_string())).unwrap_err();
        let failed = || Err::<(), _>(outer());
        assert_eq!(told(failed().or_rejected("a")), (Kind::Rejected, format!("`a`: {}", chain(&outer()))));
        assert_eq!(told(failed().or_retryable("b")).0, Kind::Retryable);
        assert_eq!(told(failed().or_unknown("c")).0, Kind::Unknown);
        assert_eq!(told(Err("no".to_owned()).or_rejected("d")), (Kind::Rejected, "`d`: no".into()));
    }

    #[test]
    fn one_of_ours_in_a_box_means_what_it_meant() {
        let boxed = |error: Error| -> Box<dyn StdError + Send + Sync> { Box::new(error) };
        assert_eq!(Error::from(boxed(Error::rejected("no", "no"))).kind(), Kind::Rejected);
        let other: Box<dyn StdError> = "x".parse::<u8>().unwrap_err().into();
        assert_eq!((Error::from(other).kind(), Error::from("x").code()), (Kind::Unknown, "error"));
    }
}
