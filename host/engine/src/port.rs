//! The port through which the engine reaches guests. The sandbox implements it with wasm; tests
//! implement it with plain functions.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{Answer, Call, Digest, definition};

/// A module that can answer calls.
#[derive(Clone, Debug)]
pub struct Module {
    /// Who it is: the SHA-256 of its bytes.
    pub digest: Digest,
    /// What it says of itself.
    pub description: Arc<definition::Module>,
}

/// Answers calls.
///
/// # Contract
///
/// 1. **Every call ends**: by its deadline and a little, with an outcome. Whatever a guest does
///    (trap, spin, eat memory) is an [`Outcome`](wasaga_core::Outcome) of that call, never an error
///    of the host, and does not disturb other calls (invariant I7).
/// 2. **A call is made at most once for each time it is asked for**; repeating is the engine's affair.
/// 3. **Loading is idempotent** and may take long; a module that is loaded answers without waiting for others.
/// 4. **Cancel safety.** Dropping a call's future stops the guest.
#[async_trait]
pub trait Guests: Send + Sync + fmt::Debug + 'static {
    /// Makes a module ready to answer: checks it, compiles it, asks it to describe itself under limits.
    ///
    /// # Errors
    /// The module cannot be used; the message names what is wrong with it and what to do.
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Module, LoadError>;

    /// A module that was loaded; none where it was not, or was let go.
    fn module(&self, digest: Digest) -> Option<Module>;

    /// Makes a call. The module must have been loaded; otherwise the outcome is unknown with the
    /// cause `trap` and nothing was called.
    async fn call(&self, call: &Call) -> Answer;
}

/// A module cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({remedy})")]
pub struct LoadError {
    /// What is wrong with it: a lowercase fragment.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}
