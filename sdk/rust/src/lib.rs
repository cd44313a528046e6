//! Write sagas in Rust: attribute macros on plain functions.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use wasaga::{Error, saga};
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! pub struct Payment {
//!     pub receipt: String,
//! }
//!
//! /// Charges, or leaves nothing behind.
//! #[saga(deadline = "2m")]
//! pub mod checkout {
//!     use super::*;
//!
//!     /// Takes the money.
//!     #[step(timeout = "2s", retry(attempts = 3, delay = "200ms"))]
//!     pub fn charge(card: String) -> Result<Payment, Error> {
//!         if card == "declined" {
//!             return Err(Error::rejected("card-declined", "the card was declined"));
//!         }
//!         Ok(Payment { receipt: "r-1".into() })
//!     }
//!
//!     /// Gives it back.
//!     #[compensation(of = charge, critical)]
//!     pub fn refund(card: String, output: Option<Payment>) -> Result<(), Error> {
//!         Ok(())
//!     }
//! }
//!
//! // The functions stay plain, so a test calls them as they are.
//! # fn main() {
//! let refused = checkout::charge("declined".into()).err().unwrap();
//! assert_eq!(refused.code(), "card-declined");
//! # }
//! ```
//!
//! A guest's crate is a `cdylib`, built with `cargo build --target wasm32-wasip2`; this crate does the
//! exporting. [`macro@saga`] has the settings and the rule of arguments. What a call may do besides
//! its work, writing variables and log lines, is in [`context`] and [`log`].
//!
//! Deliberately absent: IO. A guest reaches the world through what the operator grants it.

mod arguments;
mod call;
pub mod context;
mod error;
pub mod log;
mod registry;
mod table;
mod wit;

pub use call::{Call, Forward};
pub use error::{Error, Failure, Kind};
pub use wasaga_macros::{compensation, saga, step};

/// Says of the whole module what its sagas do not: its name, and how many calls one instance may
/// serve. More than one is faster, and then what a call leaves in memory is there for the next.
///
/// ```
/// wasaga::module! { name = "shop", calls_per_instance = 1_000 }
/// ```
#[macro_export]
macro_rules! module {
    ($(name = $name:expr,)? calls_per_instance = $calls:expr $(,)?) => {
        const _: () = {
            static MODULE: $crate::__private::Module = $crate::__private::Module {
                name: $crate::__first!($($name,)? env!("CARGO_PKG_NAME")),
                calls_per_instance: $calls,
            };
            $crate::__private::inventory::submit! { $crate::__private::ModuleEntry(&MODULE) }
        };
    };
    (name = $name:expr $(,)?) => {
        $crate::module! { name = $name, calls_per_instance = 1 }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

/// What the macros write against. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::{Answer, Arguments, answer, plain, schema};
    pub use crate::registry::{Entry, ModuleEntry, compensate, describe, run};
    pub use crate::table::{Limits, Module, Parameter, Retry, Saga, Source, Step, Undo};
    pub use crate::wit::metadata;
    pub use inventory;
}
