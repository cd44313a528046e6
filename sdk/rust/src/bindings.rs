//! The contract with the host, as wit-bindgen reads it. In a component alone: natively there is no host.

pub(crate) mod generated {
    wit_bindgen::generate!({
        path: "wit",
        world: "wasaga:guest/guest",
        default_bindings_module: "crate::bindings::generated",
    });
}

pub(crate) use generated::exports::wasaga::guest as exports;
pub(crate) use generated::wasaga::guest::{call, config, log, transaction, types};

use crate::error::Failure;

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        let types::Failure { code, message, details } = failure;
        Self { code, message, details }
    }
}
