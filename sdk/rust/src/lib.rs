//! Write sagas and TCCs in Rust: attribute macros on plain functions.
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
//! A TCC is written in the same manner. Each participant has a try, which reserves; a confirm, which
//! makes that final; and a cancel, which frees it and must accept that nothing was reserved.
//!
//! ```
//! # use schemars::JsonSchema;
//! # use serde::{Deserialize, Serialize};
//! use wasaga::{Call, Error, tcc};
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! pub struct Hold {
//!     pub hold: String,
//! }
//!
//! /// Moves money from one account to another, or none at all.
//! #[tcc(deadline = "30s")]
//! pub mod transfer {
//!     use super::*;
//!
//!     /// Holds the money.
//!     #[participant(order = 1, timeout = "2s")]
//!     pub fn debit(from: String, cents: u64, call: &Call) -> Result<Hold, Error> {
//!         if cents > 1_000 {
//!             return Err(Error::rejected("insufficient-funds", format!("{from} has no {cents}")));
//!         }
//!         Ok(Hold { hold: call.idempotency_key().into() })
//!     }
//!
//!     /// Takes what is held.
//!     #[confirm(of = debit)]
//!     pub fn take(output: Hold) -> Result<(), Error> {
//!         Ok(())
//!     }
//!
//!     /// Lets it go; without an output it may not have been held.
//!     #[cancel(of = debit)]
//!     pub fn release(output: Option<Hold>) -> Result<(), Error> {
//!         Ok(())
//!     }
//! }
//!
//! # fn main() {
//! let refused = transfer::debit("ada".into(), 5_000, &Call::sample()).err().unwrap();
//! assert_eq!(refused.code(), "insufficient-funds");
//! # }
//! ```
//!
//! A guest's crate is a `cdylib`, built with `cargo build --target wasm32-wasip2`; this crate does the
//! exporting. [`macro@saga`] and [`macro@tcc`] have the settings and the rule of arguments. What a call may do besides
//! its work, writing variables and log lines, is in [`context`] and [`log`].
//!
//! What a guest asks to reach, [`http`] origins, [`config`] values and secrets, stands in [`module!`]; the operator
//! grants it or not. Deliberately absent: any other IO.

mod answer;
mod arguments;
#[cfg(target_family = "wasm")]
mod bindings;
mod call;
pub mod config;
pub mod context;
mod convert;
mod describe;
mod document;
mod error;
#[cfg(target_family = "wasm")]
mod export;
mod finite;
mod forward;
pub mod http;
mod json;
pub mod log;
#[cfg(feature = "log")]
pub mod logger;
mod marks;
mod registry;
mod table;

pub use call::Call;
pub use convert::{IntoError, ResultExt};
pub use error::{Error, Failure, Kind, Result};
pub use forward::Forward;
pub use wasaga_macros::{cancel, compensation, confirm, module, participant, saga, step, tcc};

/// What the macros write against. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::answer::{Answer, Given, Plain, PlainSchema, gives, schema};
    pub use crate::arguments::{Slot, read, tried};
    pub use crate::marks::{is_call, is_forward};
    pub use crate::registry::{
        Entry, ModuleEntry, TccEntry, attempt, cancel, compensate, confirm, describe, describe_as, elsewhere, run,
        settled_elsewhere,
    };
    pub use crate::table::{Label, Limits, Module, Parameter, Participant, Retry, Saga, Source, Step, Tcc, Undo};
    pub use inventory;
}
