//! How guests are run.

use std::path::PathBuf;

use crate::machine;
use crate::policy::Policy;

/// How guests are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where compiled modules are kept, mode 0700; none compiles anew in every process.
    pub cache: Option<PathBuf>,
    /// Calls in flight at once, at least 1; more wait for a place until their deadline. Each has an
    /// instance with its stack and memory, and address space is set aside for all of them at start.
    pub calls_max: u32,
    /// Bytes of memory that all instances may have together. A call that does not fit waits until its
    /// deadline; one instance alone may have no more either. What a module has while it is loaded comes
    /// on top. Default: half of the machine's memory, or of what its control group may have.
    pub memory_bytes_max: u64,
    /// How many calls one instance may serve at most, whatever a module declares.
    pub calls_per_instance_max: u32,
    /// What modules may reach, and how much they may use.
    pub policy: Policy,
    /// Certificates, in PEM, that are trusted instead of the system's when a guest calls `https`.
    pub tls_roots: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: None,
            calls_max: 1_024,
            memory_bytes_max: machine::memory_bytes() / 2,
            calls_per_instance_max: u32::MAX,
            policy: Policy::default(),
            tls_roots: None,
        }
    }
}
