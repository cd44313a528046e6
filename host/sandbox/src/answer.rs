//! What a guest answers, in the words of an outcome, and what it is told of a failure. Deliberately absent: what ended a
//! guest that did not answer (`failure`).

use wasaga_core::{Call, Failure, Forward, Json, Outcome, UnknownCause};

use crate::contract::v0_1::types;
use crate::failure::Ended;
use crate::limits::PAYLOAD_BYTES_MAX;

/// Characters of a failure's code.
const CODE_CHARS_MAX: usize = 128;
/// Bytes of a failure's message, and of its details. It may stand in the journal once for each attempt.
const MESSAGE_BYTES_MAX: usize = 16 << 10;
const DETAILS_BYTES_MAX: usize = 64 << 10;

/// An output.
pub(crate) fn completed(text: String) -> Result<Outcome, Ended> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(Ended::too_large());
    }
    Json::parse_owned(text).map(Outcome::Completed).map_err(|error| Ended::bad_answer(&error.to_string()))
}

/// An error of the contract.
///
/// # Errors
/// It pends with a token that is no JSON, or too large.
pub(crate) fn refused(error: types::Error) -> Result<Outcome, Ended> {
    Ok(match error {
        types::Error::Rejected(why) => Outcome::Rejected(why.into()),
        types::Error::Retryable(types::Retry { failure, after }) => {
            Outcome::Retryable { failure: failure.into(), after }
        }
        types::Error::Unknown(types::Retry { failure, after }) => {
            Outcome::Unknown { cause: UnknownCause::Guest, failure: failure.into(), after }
        }
        types::Error::Pending(types::Pending { poll, token }) => {
            let token = token.map(token_of).transpose()?;
            Outcome::Pending { poll, token }
        }
    })
}

fn token_of(text: String) -> Result<Json, Ended> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(Ended::too_large());
    }
    Json::parse_owned(text).map_err(|error| Ended::bad_answer(&format!("the token of `pending`: {error}")))
}

impl From<types::Failure> for Failure {
    /// Details that are not JSON are kept as a text, and what is too long is cut: the failure itself counts more.
    fn from(failure: types::Failure) -> Self {
        let details = failure.details.filter(|text| text.len() <= DETAILS_BYTES_MAX);
        let details = details.and_then(|text| Json::parse(&text).or_else(|_| Json::of(&text)).ok());
        let code = failure.code.chars().take(CODE_CHARS_MAX).collect();
        let mut message = failure.message;
        if message.len() > MESSAGE_BYTES_MAX {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
            message.push_str("… (cut: a message has 16 KiB at most)");
        }
        Self { code, message, details }
    }
}

impl From<&Failure> for types::Failure {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.clone(),
            message: failure.message.clone(),
            details: failure.details.as_ref().map(|details| details.as_str().to_owned()),
        }
    }
}

/// What is known of what is to be undone or cancelled.
pub(crate) fn forward(call: &Call) -> types::Forward {
    match &call.forward {
        Some(Forward::Completed(output)) => types::Forward::Completed(output.as_str().to_owned()),
        Some(Forward::Rejected(failure)) => types::Forward::Rejected(failure.into()),
        Some(Forward::Unknown) | None => types::Forward::Unknown,
    }
}

/// What is to be confirmed: only what was tried is, so there is an output.
pub(crate) fn tried(call: &Call) -> String {
    match &call.forward {
        Some(Forward::Completed(output)) => output.as_str().to_owned(),
        Some(Forward::Unknown | Forward::Rejected(_)) | None => "null".to_owned(),
    }
}
