//! Why something was not written.

use std::fmt;

use crate::convert::IntoError;
use crate::error::Error;

/// Why a variable, a header or an event was not written. The call goes on. With `?` it ends, and its outcome is unknown:
/// work may have been done by then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A limit was reached: which one, how much it allows, and what to do.
    TooMuch(String),
    /// Not a JSON text, or not a valid name: which, and why.
    Invalid(String),
}

impl WriteError {
    /// For programs: `too-much` or `invalid`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMuch(_) => "too-much",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMuch(why) | Self::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for WriteError {}

impl IntoError for WriteError {
    fn into_error(self) -> Error {
        Error::unknown(self.code(), self)
    }
}
