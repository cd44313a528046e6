//! What is known of the operation that is undone, confirmed or cancelled.

use serde::de::DeserializeOwned;

use crate::error::{Error, Failure};

/// What is known of the step that a compensation undoes, or of the try that a cancel frees. A parameter of this type
/// gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forward {
    /// It succeeded with this output, a JSON text.
    Completed(String),
    /// It was started and its outcome is not known: it may have happened.
    Unknown,
    /// It refused.
    Rejected(Failure),
}

impl Forward {
    /// Whether it may have happened without a known output.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// The output, where there is one.
    ///
    /// # Errors
    /// The output is not of this type.
    pub fn output<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Self::Completed(json) = self else { return Ok(None) };
        serde_json::from_str(json).map(Some).map_err(|error| Error::rejected("bad-output", error))
    }
}
