//! The contract with guests as wasmtime sees it: typed, for untyped values cost a thousand times more.

use std::sync::Arc;

use wasmtime::component::{ComponentType, Lower, TypedFunc};

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "wasaga:plugin/saga",
    imports: { default: trappable },
    exports: { default: async },
});

pub(crate) use exports::wasaga::plugin::metadata;
pub(crate) use wasaga::plugin::{log, transaction, types};

/// What a guest is told of a call, the contract's `call`. Written by hand, as the operations are: texts that
/// the host shares are copied once, into the guest, and one of the operations has a name that nothing
/// generated can have, `try`.
#[derive(Clone, ComponentType, Lower)]
#[component(record)]
pub(crate) struct CallRecord {
    #[component(name = "transaction-id")]
    pub(crate) transaction: String,
    pub(crate) definition: Arc<str>,
    pub(crate) node: Arc<str>,
    pub(crate) item: Option<u32>,
    pub(crate) attempt: u32,
    #[component(name = "idempotency-key")]
    pub(crate) key: String,
    pub(crate) deadline: u64,
    pub(crate) headers: Vec<(Arc<str>, Arc<str>)>,
}

/// An operation as it is called: the call, the arguments, and for some what is known of what was done before.
pub(crate) type Run = TypedFunc<(CallRecord, String), (Said,)>;
pub(crate) type Compensate = TypedFunc<(CallRecord, String, types::Forward), (Said,)>;
pub(crate) type Try = TypedFunc<(CallRecord, String), (Said,)>;
pub(crate) type Confirm = TypedFunc<(CallRecord, String, String), (Said,)>;
pub(crate) type Cancel = TypedFunc<(CallRecord, String, types::Forward), (Said,)>;
/// What a guest answers.
pub(crate) type Said = Result<String, types::Error>;

/// The prefix of every interface of the contract.
pub(crate) const PACKAGE: &str = "wasaga:plugin/";
/// The version that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";
/// What every guest exports.
pub(crate) const METADATA: &str = "metadata";
/// What a guest with sagas exports, all of it or nothing.
pub(crate) const OF_SAGAS: [&str; 2] = ["step", "compensation"];
/// What a guest with TCCs exports.
pub(crate) const OF_TCCS: [&str; 1] = ["participant"];

/// An interface's whole name.
pub(crate) fn full(interface: &str) -> String {
    format!("{PACKAGE}{interface}@{VERSION}")
}
