//! Makes a component of bytes: finds it compiled, or compiles it within bounds. A module that is compiled already never
//! waits for another's compilation; processes that share a directory compile a module once between them. Deliberately absent: what the component is (`load`).

mod process;
mod survey;

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use wasaga_core::Digest;
use wasaga_engine::port::LoadError;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::{Cache, Compiling};
use crate::contract::refuse;
use crate::failure::size;
use crate::limits::MODULE_BYTES_MAX;

pub use process::COMPILE_MODULE;
use process::{Failed, first_line};
pub(crate) use process::{Limits, Process};
use survey::{Refused, survey};

/// Between two looks at whether another process has compiled a module.
const LOOK: Duration = Duration::from_millis(20);
const BUILD: &str = "build it with `cargo build --target wasm32-wasip2`";
const SPLIT: &str = "split it into several modules, or build it optimised";

/// Compiles what standard input has, for a sandbox in another process: what a program does that is named by
/// [`Settings::compiler`](crate::Settings::compiler) when its first argument is [`COMPILE_MODULE`]. It sets limits on this
/// process, so nothing else may run in it.
pub fn compile_module() -> ExitCode {
    process::main()
}

/// Compiles modules and keeps them.
#[derive(Debug)]
pub(crate) struct Compiler {
    engine: Engine,
    directory: Option<PathBuf>,
    process: Option<Process>,
    /// One compilation at a time: each takes all cores and, for Python, half a gigabyte. The permit goes with the work
    /// and not with whoever waits for it.
    turn: Arc<Semaphore>,
    compiled: AtomicU64,
    /// Whether it was told that the directory cannot be used: once is enough.
    is_told: AtomicBool,
}

impl Compiler {
    pub(crate) fn new(engine: Engine, directory: Option<PathBuf>, process: Option<Process>) -> Self {
        Self {
            engine,
            directory,
            process,
            turn: Arc::new(Semaphore::new(1)),
            compiled: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
        }
    }

    /// Modules that were compiled, rather than found.
    pub(crate) fn compiled(&self) -> u64 {
        self.compiled.load(Ordering::Relaxed)
    }

    /// The component of these bytes. Whoever asks twice at once makes two of them, unless there is a directory.
    ///
    /// # Errors
    /// They are no component, or one that goes beyond a bound.
    pub(crate) async fn component(&self, digest: Digest, bytes: Arc<[u8]>) -> Result<Component, LoadError> {
        check_bytes(&bytes)?;
        let stop = Stop::default();
        let work = Work {
            engine: self.engine.clone(),
            cache: self.open_cache().map(Arc::new),
            process: self.process.clone(),
            digest,
            bytes,
            stop: stop.0.clone(),
        };
        if let Some(cache) = work.cache.clone() {
            let engine = self.engine.clone();
            if let Some(found) = blocking(move || cache.find(&engine, digest)).await? {
                return Ok(found);
            }
        }
        // The semaphore is never closed, so this waits for its turn and nothing else.
        let turn = self.turn.clone().acquire_owned().await;
        let (component, is_new) = blocking(move || {
            let _turn = turn;
            work.run()
        })
        .await??;
        if is_new {
            self.compiled.fetch_add(1, Ordering::Relaxed);
        }
        Ok(component)
    }

    fn open_cache(&self) -> Option<Cache> {
        let directory = self.directory.as_deref()?;
        match Cache::open(directory) {
            Ok(cache) => Some(cache),
            Err(error) => {
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    let directory = directory.display();
                    tracing::warn!(%directory, %error, "compiled modules are neither kept nor taken from here");
                }
                None
            }
        }
    }
}

/// Tells a compilation that nobody waits for it any more.
#[derive(Debug, Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| refuse(format!("compiling it failed: {error}"), "report this, with the file"))
}

/// One compilation.
struct Work {
    engine: Engine,
    cache: Option<Arc<Cache>>,
    process: Option<Process>,
    digest: Digest,
    bytes: Arc<[u8]>,
    stop: Arc<AtomicBool>,
}

impl Work {
    /// The component, and whether it was compiled.
    fn run(self) -> Result<(Component, bool), LoadError> {
        let _lock = match &self.cache {
            Some(cache) => self.lock(cache)?,
            None => None,
        };
        // Another process, or the turn before this one, may have compiled it.
        let found = self.cache.as_ref().and_then(|cache| cache.find(&self.engine, self.digest));
        if let Some(found) = found {
            return Ok((found, false));
        }
        survey(&self.bytes).map_err(beyond)?;
        let compiled = match &self.process {
            Some(process) => self.in_process(process),
            None => self.here(),
        };
        Ok((compiled?, true))
    }

    /// The right to compile among processes; none where the file system has no locks.
    fn lock(&self, cache: &Cache) -> Result<Option<Compiling>, LoadError> {
        loop {
            match cache.try_lock(&self.engine, self.digest) {
                Ok(Some(lock)) => return Ok(Some(lock)),
                Ok(None) if self.stop.load(Ordering::Relaxed) => return Err(failed(&Failed::Stopped)),
                Ok(None) => std::thread::sleep(LOOK),
                Err(error) => {
                    tracing::debug!(%error, "a module is compiled without a lock");
                    return Ok(None);
                }
            }
        }
    }

    /// In a process of its own.
    fn in_process(&self, process: &Process) -> Result<Component, LoadError> {
        let compile =
            |into: &File| process.compile(&self.engine, &self.bytes, into, &self.stop).map_err(|error| failed(&error));
        let of_file = |error: std::io::Error| failed(&Failed::Io(error));
        if let Some((cache, file)) = self.begin() {
            compile(file.as_file())?;
            match cache.keep(&self.engine, self.digest, file) {
                Ok(component) => return Ok(component),
                Err(error) => not_kept(&error),
            }
        }
        let mut file = tempfile::tempfile().map_err(of_file)?;
        compile(&file)?;
        let mut compiled = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut compiled)).map_err(of_file)?;
        self.take(&compiled)
    }

    /// In this process, where no program is named that compiles: bounded by the survey alone.
    fn here(&self) -> Result<Component, LoadError> {
        let Some((cache, mut file)) = self.begin() else {
            return Component::new(&self.engine, &self.bytes).map_err(|error| invalid(&first_line(&error)));
        };
        let compiled = self.engine.precompile_component(&self.bytes).map_err(|error| invalid(&first_line(&error)))?;
        let written = file.write_all(&compiled).map_err(wasmtime::Error::from);
        match written.and_then(|()| cache.keep(&self.engine, self.digest, file)) {
            Ok(component) => Ok(component),
            Err(error) => {
                not_kept(&error);
                self.take(&compiled)
            }
        }
    }

    /// A file in the directory, where there is one that can be written to.
    fn begin(&self) -> Option<(&Cache, tempfile::NamedTempFile)> {
        let cache = self.cache.as_deref()?;
        match cache.begin() {
            Ok(file) => Some((cache, file)),
            Err(error) => {
                not_kept(&error);
                None
            }
        }
    }

    #[expect(unsafe_code, reason = "what was compiled a moment ago is run as native code")]
    fn take(&self, compiled: &[u8]) -> Result<Component, LoadError> {
        // SAFETY: this program, or its process that compiles, made these bytes a moment ago, and nobody else saw them.
        unsafe { Component::deserialize(&self.engine, compiled) }.map_err(|error| invalid(&first_line(&error)))
    }
}

fn not_kept(error: &dyn std::fmt::Display) {
    tracing::warn!(%error, "a compiled module could not be kept; it will be compiled anew next time");
}

fn beyond(refused: Refused) -> LoadError {
    match refused {
        Refused::Invalid(why) => invalid(&why),
        other => refuse(format!("it is not compiled: {other}"), SPLIT),
    }
}

fn failed(failed: &Failed) -> LoadError {
    match failed {
        Failed::Refused(why) => invalid(why),
        Failed::Time(_) | Failed::Memory(_) => refuse(failed.to_string(), SPLIT),
        Failed::Large => refuse(failed.to_string(), format!("{SPLIT}, or raise `ulimit -f`")),
        Failed::Crashed(_) => refuse(failed.to_string(), "report this, with the file"),
        Failed::Stopped => refuse("compiling it was stopped", "load it again"),
        Failed::Io(_) => refuse(failed.to_string(), "make room for processes and temporary files"),
    }
}

/// What the first bytes tell, before anything is compiled.
fn check_bytes(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > MODULE_BYTES_MAX {
        let reason = format!("it has {} bytes, and {} are the most", bytes.len(), size(MODULE_BYTES_MAX));
        return Err(refuse(reason, "strip it, or leave large data outside"));
    }
    match bytes {
        [] => Err(refuse("it is empty", "was it copied whole?")),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(refuse(
            "it is a core WebAssembly module, not a component",
            format!("{BUILD}, not `wasm32-wasip1` or `wasm32-unknown-unknown`"),
        )),
        [0, b'a', b's', b'm', ..] => Err(refuse("it is WebAssembly of a version that this host does not know", BUILD)),
        [0x7f, b'E', b'L', b'F', ..] => Err(refuse(
            "it is native code, perhaps a precompiled component, which is never taken",
            "give the `.wasm` itself; wasaga compiles it and keeps the result",
        )),
        _ => Err(refuse("it is not WebAssembly", format!("give a component, a `.wasm` file; {BUILD}"))),
    }
}

/// Why wasmtime does not take it. What it needs too much of has no type of its own there.
fn invalid(why: &str) -> LoadError {
    if why.contains("exceeds the") {
        return refuse(format!("it needs more than one instance is given: {why}"), "split it into several modules");
    }
    refuse(format!("it is not a valid component: {why}"), "was it copied whole? build it anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str) -> (Digest, Arc<[u8]>) {
        let bytes = wat::parse_str(format!("(component (core module ${name}))")).unwrap();
        (Digest::of(&bytes), bytes.into())
    }

    fn compiler(directory: Option<&std::path::Path>) -> Arc<Compiler> {
        let engine = crate::engine::compiling().unwrap();
        Arc::new(Compiler::new(engine, directory.map(Into::into), None))
    }

    async fn all_load(compilers: &[Arc<Compiler>]) {
        let (digest, bytes) = module("same");
        let load = |compiler: &Arc<Compiler>| {
            let (compiler, bytes) = (compiler.clone(), bytes.clone());
            tokio::spawn(async move { compiler.component(digest, bytes).await.map(drop) })
        };
        for task in compilers.iter().map(load).collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
    }

    /// Forty processes that share a directory compiled a module forty times. Locks of files are of whoever opened them, so
    /// compilers in one process are as good as processes here.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_module_is_compiled_once_by_all_that_share_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let compilers: Vec<_> = (0..8).map(|_| compiler(Some(directory.path()))).collect();
        all_load(&compilers).await;
        assert_eq!(compilers.iter().map(|compiler| compiler.compiled()).sum::<u64>(), 1);
    }

    /// S12: and the turn goes with the work.
    #[tokio::test]
    async fn what_is_compiled_does_not_wait_for_what_is_being_compiled() {
        let directory = tempfile::tempdir().unwrap();
        let compiler = compiler(Some(directory.path()));
        let ((known, known_bytes), (other, other_bytes)) = (module("known"), module("other"));
        compiler.component(known, known_bytes.clone()).await.unwrap();
        let turn = compiler.turn.clone().acquire_owned().await.unwrap();
        compiler.component(known, known_bytes).await.unwrap();
        let mut waits = Box::pin(compiler.component(other, other_bytes));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        drop(turn);
        waits.await.unwrap();
        assert_eq!(compiler.compiled(), 2);
    }

    /// S12: the turn goes with the work, and the work ends when nobody waits for it.
    #[tokio::test]
    async fn what_nobody_waits_for_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let process = process::tests::script(folder.path(), "exec sleep 600");
        let compiler = Compiler::new(crate::engine::compiling().unwrap(), None, Some(process));
        let (digest, bytes) = module("endless");
        let mut waits = Box::pin(compiler.component(digest, bytes));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert_eq!(compiler.turn.available_permits(), 0, "it has begun");
        drop(waits);
        let turn = tokio::time::timeout(Duration::from_secs(60), compiler.turn.acquire()).await;
        assert!(turn.is_ok(), "it goes on");
    }

    /// X9: root with another user's directory is the same case, which a test of one user cannot make.
    #[tokio::test]
    async fn a_directory_that_others_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let (digest, bytes) = module("any");
        compiler(Some(directory.path())).component(digest, bytes.clone()).await.unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let compiler = compiler(Some(directory.path()));
        compiler.component(digest, bytes).await.unwrap();
        assert_eq!(compiler.compiled(), 1, "it was not taken from there");
    }
}
