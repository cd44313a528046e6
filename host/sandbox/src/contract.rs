//! The contract with guests as wasmtime sees it: typed, for untyped values cost a thousand times more.

use wasmtime::component::TypedFunc;

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "wasaga:plugin/saga",
    imports: { default: trappable },
    exports: { default: async },
});

pub(crate) use exports::wasaga::plugin::{compensation, metadata, step};
pub(crate) use wasaga::plugin::{log, transaction, types};

/// An operation of a participant as it is called: the call, the arguments, and for some a third text.
/// Written by hand, for one of them has a name that no field of a generated struct can have, `try`.
pub(crate) type Try = TypedFunc<(types::Call, String), (Said,)>;
pub(crate) type Confirm = TypedFunc<(types::Call, String, String), (Said,)>;
pub(crate) type Cancel = TypedFunc<(types::Call, String, types::Forward), (Said,)>;
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
