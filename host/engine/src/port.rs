//! The port through which the engine reaches guests. The sandbox implements it with wasm; tests
//! implement it with plain functions.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{Answer, Call, Digest, NotMade, definition};

/// A module that can answer calls. Whoever holds it keeps it loaded; letting go is the last drop.
///
/// # Contract
///
/// 1. **Every call ends**: by its deadline and a little, with an outcome. Whatever a guest does
///    (trap, spin, eat memory) is an [`Outcome`](wasaga_core::Outcome) of that call, never an error
///    of the host, and does not disturb other calls (invariant I7).
/// 2. **A call is made at most once for each time it is asked for**; repeating is the engine's task.
/// 3. **A call that was not made says so** with [`NotMade`]: then nothing of what the guest's code may have done remains. A
///    call whose deadline has passed before it began was not made, nor was one that ended for want of a grant before
///    anything left the sandbox.
/// 4. **Cancel safety.** Dropping a call's future stops the guest.
#[async_trait]
pub trait Guest: Send + Sync + fmt::Debug {
    /// The SHA-256 of its bytes.
    fn digest(&self) -> Digest;

    /// What the module says of itself.
    fn description(&self) -> &Arc<definition::Module>;

    /// Makes a call.
    ///
    /// # Errors
    /// The call was not made: the host has no place for it, or something that it needs is missing.
    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade>;
}

/// Makes modules ready to answer calls.
///
/// # Contract
///
/// Loading is idempotent and may take long. Two loads of the same bytes at once compile once. Modules that are loaded answer
/// without waiting for those that are being loaded.
#[async_trait]
pub trait Guests: Send + Sync + fmt::Debug + 'static {
    /// Checks a module, compiles it, and asks it to describe itself under limits.
    ///
    /// # Errors
    /// The module cannot be used; the message names what is wrong with it and what to do.
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError>;
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
