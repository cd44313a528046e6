//! Drives transactions: decide, append, perform, feed the outcome back. Embeddable.
//!
//! ```no_run
//! # async fn example(journal: std::sync::Arc<dyn wasaga_journal::Journal>,
//! #     guests: std::sync::Arc<dyn wasaga_engine::port::Guests>) -> Result<(), Box<dyn std::error::Error>> {
//! use wasaga_engine::{Builder, StartRequest};
//!
//! let engine = Builder::new(journal, guests).start().await?;
//! let module = engine.add_module(std::fs::read("shop.wasm")?.into()).await?;
//! let input = wasaga_core::Json::parse(r#"{"sku":"tea"}"#)?;
//! let started = engine.start(StartRequest::new(module.digest, "order".into(), input)).await?;
//! let report = engine.wait(started.id).await?;
//! println!("{}", report.status);
//! # Ok(()) }
//! ```
//!
//! Calls run only after their decision's records are durable (invariant I2); recovery is the same
//! loop, begun from a stored journal (invariant I4). Deliberately absent: wasm, databases, HTTP; they
//! come through [`port::Guests`] and [`wasaga_journal::Journal`].

mod builder;
pub mod clock;
mod conditions;
mod definitions;
mod drive;
mod engine;
mod error;
mod ledger;
mod modules;
mod operate;
pub mod port;
mod recovery;
mod retention;
mod schema;
mod watch;

pub use builder::{Builder, Recover};
pub use engine::{Drained, Engine, StartRequest, Started};
pub use error::Error;
pub use watch::{Stats, Watch};

/// Bytes of a start input. What is larger belongs into a store, with its key in the input.
pub const INPUT_BYTES_MAX: usize = 4 << 20;
/// Headers of a start, and bytes of all of them: they are in every call.
pub const HEADERS_MAX: usize = 64;
/// Bytes of all headers of a start.
pub const HEADER_BYTES_MAX: usize = 16 << 10;
