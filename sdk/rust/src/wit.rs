//! The contract with the host: its types everywhere, its exports in a component alone.

mod bindings {
    #![expect(missing_docs, reason = "wit-bindgen writes this")]
    #![cfg_attr(target_family = "wasm", expect(unsafe_code, reason = "wit-bindgen writes this"))]
    wit_bindgen::generate!({ path: "wit", world: "wasaga:plugin/plugin" });

    #[cfg(target_family = "wasm")]
    export!(Guest);
    #[cfg(target_family = "wasm")]
    use super::guest::Guest;
}

pub use bindings::exports::wasaga::plugin::metadata;
#[cfg(target_family = "wasm")]
pub(crate) use bindings::wasaga::plugin::{log, transaction};

#[cfg(target_family = "wasm")]
mod guest {
    use super::bindings::exports::wasaga::plugin::{compensation, metadata, participant, step};
    use super::bindings::wasaga::plugin::types;
    use crate::call::{Call, Forward};
    use crate::error::{Error, Failure, Kind};
    use crate::registry;

    pub(super) struct Guest;

    impl metadata::Guest for Guest {
        fn describe() -> Result<metadata::Module, String> {
            registry::describe()
        }
    }

    impl step::Guest for Guest {
        fn run(call: types::Call, arguments: String) -> Result<String, types::Error> {
            registry::run(&call.into(), &arguments).map_err(Into::into)
        }
    }

    impl compensation::Guest for Guest {
        fn compensate(call: types::Call, arguments: String, forward: types::Forward) -> Result<String, types::Error> {
            registry::compensate(&call.into(), &arguments, &forward.into()).map_err(Into::into)
        }
    }

    impl participant::Guest for Guest {
        fn try_(call: types::Call, arguments: String) -> Result<String, types::Error> {
            registry::attempt(&call.into(), &arguments).map_err(Into::into)
        }

        fn confirm(call: types::Call, arguments: String, tried: String) -> Result<String, types::Error> {
            registry::confirm(&call.into(), &arguments, tried).map_err(Into::into)
        }

        fn cancel(call: types::Call, arguments: String, tried: types::Forward) -> Result<String, types::Error> {
            registry::cancel(&call.into(), &arguments, &tried.into()).map_err(Into::into)
        }
    }

    impl From<types::Call> for Call {
        fn from(call: types::Call) -> Self {
            Self {
                transaction_id: call.transaction_id,
                definition: call.definition,
                node: call.node,
                item: call.item,
                attempt: call.attempt,
                idempotency_key: call.idempotency_key,
                deadline: call.deadline,
                headers: call.headers,
            }
        }
    }

    impl From<types::Forward> for Forward {
        fn from(forward: types::Forward) -> Self {
            match forward {
                types::Forward::Completed(output) => Self::Completed(output),
                types::Forward::Unknown => Self::Unknown,
                types::Forward::Rejected(failure) => {
                    let types::Failure { code, message, details } = failure;
                    Self::Rejected(Failure { code, message, details })
                }
            }
        }
    }

    impl From<Error> for types::Error {
        fn from(error: Error) -> Self {
            let after = error.pause().map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            let Failure { code, message, details } = error.failure().clone();
            let failure = types::Failure { code, message, details };
            match error.kind() {
                Kind::Rejected => Self::Rejected(failure),
                Kind::Retryable => Self::Retryable(types::Retry { failure, after }),
                Kind::Unknown => Self::Unknown(types::Retry { failure, after }),
                Kind::Pending => Self::Pending(after.unwrap_or_default()),
            }
        }
    }
}
