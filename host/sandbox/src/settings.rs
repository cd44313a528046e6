//! How guests are run.

use std::path::PathBuf;
use std::time::Duration;

use crate::machine;
use crate::policy::Policy;

/// What compiling a module may take: ten times what a Python guest takes.
const COMPILE_CPU_MAX: Duration = Duration::from_secs(300);

/// How guests are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where compiled modules are kept: a directory of this user's alone, 4 GiB at most, of which what was not used for
    /// the longest time goes first. None compiles anew in every process, and so does one that belongs to another user or
    /// that others may write to, which is told once in the log.
    pub cache: Option<PathBuf>,
    /// A program that compiles modules in a process of its own, under the two limits that follow: started with
    /// [`COMPILE_MODULE`](crate::COMPILE_MODULE) it calls [`compile_module`](crate::compile_module). None compiles in this
    /// process, where only what is in the file bounds the time and the memory that compiling takes.
    pub compiler: Option<PathBuf>,
    /// Computing, on all cores together, that compiling one module may take. Default: 300 s, ten times what a Python guest
    /// takes.
    pub compile_cpu_max: Duration,
    /// Memory that compiling one module may take. Default: half of the machine's, from 1 to 4 GiB; a Python guest takes
    /// half a GiB. macOS does not keep this limit.
    pub compile_memory_bytes_max: u64,
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
            compiler: None,
            compile_cpu_max: COMPILE_CPU_MAX,
            compile_memory_bytes_max: (machine::memory_bytes() / 2).clamp(1 << 30, 4 << 30),
            calls_max: 1_024,
            memory_bytes_max: machine::memory_bytes() / 2,
            calls_per_instance_max: u32::MAX,
            policy: Policy::default(),
            tls_roots: None,
        }
    }
}
