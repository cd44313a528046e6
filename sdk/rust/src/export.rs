//! What a component exports: the registry, in the words of the contract.

use crate::bindings::exports::{compensation, metadata, participant, step};
use crate::bindings::types;
use crate::error::{Error, Failure, Kind};
use crate::forward::Forward;
use crate::registry;

/// What is there before the first call.
fn begin() {
    #[cfg(feature = "log")]
    crate::logger::install();
}

struct Guest;

#[expect(unsafe_code, reason = "wit-bindgen writes this")]
mod exported {
    use super::Guest;
    crate::bindings::generated::export!(Guest);
}

impl metadata::Guest for Guest {
    fn describe() -> Result<String, String> {
        registry::describe()
    }
}

impl step::Guest for Guest {
    fn run(definition: String, step: String, arguments: String) -> Result<String, types::Error> {
        begin();
        registry::run(&definition, &step, &arguments).map_err(Into::into)
    }
}

impl compensation::Guest for Guest {
    fn compensate(
        definition: String,
        step: String,
        arguments: String,
        forward: types::Forward,
    ) -> Result<String, types::Error> {
        begin();
        registry::compensate(&definition, &step, &arguments, &forward.into()).map_err(Into::into)
    }
}

impl participant::Guest for Guest {
    fn try_(definition: String, participant: String, arguments: String) -> Result<String, types::Error> {
        begin();
        registry::attempt(&definition, &participant, &arguments).map_err(Into::into)
    }

    fn confirm(
        definition: String,
        participant: String,
        arguments: String,
        tried: String,
    ) -> Result<String, types::Error> {
        begin();
        registry::confirm(&definition, &participant, &arguments, tried).map_err(Into::into)
    }

    fn cancel(
        definition: String,
        participant: String,
        arguments: String,
        tried: types::Forward,
    ) -> Result<String, types::Error> {
        begin();
        registry::cancel(&definition, &participant, &arguments, &tried.into()).map_err(Into::into)
    }
}

impl From<types::Forward> for Forward {
    fn from(forward: types::Forward) -> Self {
        match forward {
            types::Forward::Completed(output) => Self::Completed(output),
            types::Forward::Unknown => Self::Unknown,
            types::Forward::Rejected(failure) => Self::Rejected(failure.into()),
        }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let after = error.pause().map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        let (kind, token) = (error.kind(), error.token().map(Into::into));
        let Failure { code, message, details } = error.into_failure();
        let failure = types::Failure { code, message, details };
        match kind {
            Kind::Rejected => Self::Rejected(failure),
            Kind::Retryable => Self::Retryable(types::Retry { failure, after }),
            Kind::Unknown => Self::Unknown(types::Retry { failure, after }),
            Kind::Pending => Self::Pending(types::Pending { poll: after.unwrap_or_default(), token }),
        }
    }
}
