//! The contract with guests as wasmtime sees it: typed, for untyped values cost a thousand times more.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "wasaga:plugin/saga",
    imports: { default: trappable },
    exports: { default: async },
});

pub(crate) use exports::wasaga::plugin::metadata;
pub(crate) use wasaga::plugin::{log, transaction, types};

/// The prefix of every interface of the contract.
pub(crate) const PACKAGE: &str = "wasaga:plugin/";
/// The version that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";
/// What a guest must export.
pub(crate) const EXPORTS: [&str; 3] = ["metadata", "step", "compensation"];
