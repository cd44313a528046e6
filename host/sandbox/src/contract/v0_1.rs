//! Version 0.1 of the contract as wasmtime sees it: typed, for untyped values cost a thousand times more.

use std::sync::Arc;

use wasmtime::component::TypedFunc;

// The world `saga` is taken and not `guest`: nothing that is generated can have the name `try`.
wasmtime::component::bindgen!({
    path: "../../wit/0.1",
    world: "wasaga:guest/saga",
    imports: { default: trappable },
    exports: { default: async },
});

pub(crate) use exports::wasaga::guest::metadata;
pub(crate) use wasaga::guest::{call, config, log, transaction, types};

/// An operation as it is called: the definition, the node, the arguments, and for some what is known of what was done
/// before. Names are shared, and copied once, into the guest.
pub(crate) type Run = TypedFunc<(Arc<str>, Arc<str>, String), (GuestAnswer,)>;
pub(crate) type Compensate = TypedFunc<(Arc<str>, Arc<str>, String, types::Forward), (GuestAnswer,)>;
pub(crate) type Try = TypedFunc<(Arc<str>, Arc<str>, String), (GuestAnswer,)>;
pub(crate) type Confirm = TypedFunc<(Arc<str>, Arc<str>, String, String), (GuestAnswer,)>;
pub(crate) type Cancel = TypedFunc<(Arc<str>, Arc<str>, String, types::Forward), (GuestAnswer,)>;
/// What a guest answers.
pub(crate) type GuestAnswer = Result<String, types::Error>;
