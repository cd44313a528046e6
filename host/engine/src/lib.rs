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

mod ask;
mod builder;
mod calls;
pub mod clock;
mod conditions;
mod definitions;
mod drain;
mod driver;
mod engine;
mod error;
mod heart;
mod ledger;
mod load;
mod modules;
mod operate;
pub mod port;
mod recovery;
mod retention;
mod schema;
mod shared;
mod slots;
mod start;
mod takeover;
mod watch;

pub use builder::Builder;
pub use engine::{Drained, Engine};
pub use error::Error;
pub use modules::Module;
pub use recovery::Recover;
pub use start::{HEADER_BYTES_MAX, HEADERS_MAX, INPUT_BYTES_MAX, StartRequest, Started};
pub use watch::{Stats, Watch};
