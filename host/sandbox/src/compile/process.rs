//! Compiling in a process of its own: the same program, started anew, under limits of time and memory that the operating
//! system keeps. Whatever a module does to the compiler ends that process, and is told as a mistake of the module. It
//! ends with the process that started it. Deliberately absent: what is kept of the result.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmtime::Engine;

use crate::cache::ARTEFACT_BYTES_MAX;
use crate::engine;

/// What a program is started with that shall compile a module and do nothing else.
pub const COMPILE_MODULE: &str = "compile-module";
/// How it ends where the module is at fault, and the last line that it wrote says why.
const REFUSED: u8 = 1;
/// How it ends where the process that started it is gone.
const ALONE: i32 = 3;
/// Between two looks at it. A Rust guest takes a tenth of a second.
const LOOK: Duration = Duration::from_millis(5);
/// Real time for each second of computing: a machine with more to do than it can gives a process less.
const WAIT_FACTOR: u32 = 10;
/// Between its end by the soft limit of time and by the hard one, in seconds.
const GRACE_S: u64 = 5;
/// Bytes of what it says that are read.
const SAID_BYTES_MAX: u64 = 4 << 10;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
/// Linux and macOS have the same numbers for these.
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

/// What one compilation may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of computing, on all cores together.
    pub(crate) cpu: Duration,
    pub(crate) memory_bytes: u64,
}

/// How modules are compiled.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) program: PathBuf,
    pub(crate) limits: Limits,
}

/// Why there is no compiled module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The compiler's own words.
    #[error("{0}")]
    Refused(String),
    #[error("compiling it takes more than {} s of computing", .0.as_secs())]
    Time(Duration),
    #[error("compiling it takes more than {} MiB of memory", .0 >> 20)]
    Memory(u64),
    #[error("its compiled form has more than {} MiB, or than a file may have", ARTEFACT_BYTES_MAX >> 20)]
    Large,
    #[error("the compiler ended by itself with {0}")]
    Crashed(String),
    /// Nobody waits for it any more.
    #[error("it was stopped")]
    Stopped,
    #[error("the process that compiles cannot be run: {0}")]
    Io(#[from] io::Error),
}

/// What the process is told first.
struct Header {
    module_bytes: u64,
    compatibility: u64,
    cpu_s: u64,
    memory_bytes: u64,
}

const NUMBER: usize = size_of::<u64>();

impl Header {
    fn write(&self) -> Vec<u8> {
        [self.module_bytes, self.compatibility, self.cpu_s, self.memory_bytes].map(u64::to_le_bytes).concat()
    }

    fn read(mut from: impl io::Read) -> io::Result<Self> {
        let mut number = || {
            let mut bytes = [0; NUMBER];
            from.read_exact(&mut bytes).map(|()| u64::from_le_bytes(bytes))
        };
        Ok(Self { module_bytes: number()?, compatibility: number()?, cpu_s: number()?, memory_bytes: number()? })
    }
}

impl Process {
    /// Compiles a module for an engine into a file. Ends early where `stop` is set.
    pub(crate) fn compile(&self, engine: &Engine, bytes: &[u8], into: &File, stop: &AtomicBool) -> Result<(), Failed> {
        let header = Header {
            module_bytes: bytes.len() as u64,
            compatibility: engine::compatibility(engine),
            cpu_s: self.limits.cpu.as_secs().max(1),
            memory_bytes: self.limits.memory_bytes,
        };
        let mut said = tempfile::tempfile()?;
        let mut command = Command::new(&self.program);
        // Nothing of this process's environment means anything to it.
        command
            .arg(COMPILE_MODULE)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(into.try_clone()?)
            .stderr(said.try_clone()?);
        // Ctrl-C on a terminal is for the process that waits, which decides what becomes of this one.
        let mut child = command.process_group(0).spawn()?;
        let mut stdin = child.stdin.take().expect("it was asked for");
        let status = std::thread::scope(|scope| {
            let (done, is_done) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                // A process that ended early tells why by its end.
                drop(stdin.write_all(&header.write()).and_then(|()| stdin.write_all(bytes)));
                // It ends when its input does, so the input lasts until it has ended.
                is_done.recv().unwrap_or_default();
            });
            let status = self.wait(&mut child, stop);
            drop(done);
            status
        })?;
        said.rewind()?;
        let mut text = String::new();
        // What is no text is not told.
        drop(said.take(SAID_BYTES_MAX).read_to_string(&mut text));
        self.outcome(status, &text)
    }

    /// Waits for its end, or makes it end.
    fn wait(&self, child: &mut Child, stop: &AtomicBool) -> Result<ExitStatus, Failed> {
        let late = Instant::now() + self.limits.cpu * WAIT_FACTOR;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let is_stopped = stop.load(Ordering::Relaxed);
            if is_stopped || Instant::now() >= late {
                child.kill()?;
                child.wait()?;
                return Err(if is_stopped { Failed::Stopped } else { Failed::Time(self.limits.cpu) });
            }
            std::thread::sleep(LOOK);
        }
    }

    fn outcome(&self, status: ExitStatus, said: &str) -> Result<(), Failed> {
        // The words of Rust, of the operating system for memory and for a thread's stack, and of wasmtime.
        let full = ["memory allocation of", "allocate memory", "Resource temporarily unavailable", "out of memory"];
        let is_full = full.iter().any(|words| said.contains(words));
        let line = said.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            _ if is_full => Err(Failed::Memory(self.limits.memory_bytes)),
            (Some(code), _) if code == i32::from(REFUSED) => Err(Failed::Refused(line.into())),
            (_, Some(SIGXCPU)) => Err(Failed::Time(self.limits.cpu)),
            (_, Some(SIGXFSZ)) => Err(Failed::Large),
            // Killed by the system, which has no more memory, for nobody else kills it; or at its hard limit of time.
            (_, Some(SIGKILL | SIGABRT)) if line.is_empty() => Err(Failed::Memory(self.limits.memory_bytes)),
            _ => Err(Failed::Crashed(format!("{status}: {line}"))),
        }
    }
}

/// Compiles what standard input has and writes it to standard output: the other side of [`Process`].
pub(crate) fn main() -> ExitCode {
    match compile() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The process that waits reads it; where it is gone, nobody does.
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::from(REFUSED)
        }
    }
}

fn compile() -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let mut input = io::stdin().lock();
    let header = Header::read(&mut input).map_err(|error| told(&error))?;
    let mut bytes = Vec::new();
    (&mut input).take(header.module_bytes).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    drop(input);
    let end_with_parent = || {
        // Nothing comes any more but the end.
        drop(io::stdin().lock().read(&mut [0]));
        std::process::exit(ALONE);
    };
    std::thread::Builder::new().spawn(end_with_parent).map_err(|error| told(&error))?;
    limit(&header).map_err(|error| told(&error))?;
    let engine = engine::compiling().map_err(|error| first_line(&error))?;
    if engine::compatibility(&engine) != header.compatibility {
        return Err("the program that compiles is another version, or made for another machine".into());
    }
    let compiled = engine.precompile_component(&bytes).map_err(|error| first_line(&error))?;
    io::stdout().write_all(&compiled).map_err(|error| told(&error))
}

fn limit(header: &Header) -> io::Result<()> {
    lower(Resource::Cpu, header.cpu_s, GRACE_S)?;
    // What it has of its own, and not what it maps of files.
    lower(Resource::Data, header.memory_bytes, 0)?;
    lower(Resource::Fsize, ARTEFACT_BYTES_MAX, 0)?;
    lower(Resource::Core, 0, 0)
}

/// Lowers a limit; one that is lower already stays.
fn lower(resource: Resource, to: u64, grace: u64) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(resource);
    let maximum = (to + grace).min(maximum.unwrap_or(u64::MAX));
    let current = to.min(current.unwrap_or(u64::MAX)).min(maximum);
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}

/// The first line of what wasmtime says: the rest is where it was.
pub(crate) fn first_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A program that does something else than to compile.
    pub(in crate::compile) fn script(folder: &std::path::Path, text: &str) -> Process {
        let program = folder.join("compiler");
        let text = format!("#!/bin/sh\n{text}");
        // Written by another process: a file that one thread has open for writing cannot be run by the child of another.
        let write = r#"printf '%s\n' "$1" > "$0" && chmod 700 "$0""#;
        let written = Command::new("/bin/sh").args(["-c", write]).arg(&program).arg(text).status().unwrap();
        assert!(written.success());
        Process { program, limits: Limits { cpu: Duration::from_secs(600), memory_bytes: 64 << 20 } }
    }

    fn told(text: &str, stop: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let process = script(folder.path(), text);
        let (engine, into) = (engine::compiling().unwrap(), tempfile::tempfile().unwrap());
        // More than a pipe takes, and nobody reads it.
        let bytes = vec![0; 1 << 20];
        process.compile(&engine, &bytes, &into, &AtomicBool::new(stop)).unwrap_err().to_string()
    }

    /// However it ends, it is told; and a hang would be one of this test.
    #[test]
    fn each_end_has_its_words() {
        let memory = "compiling it takes more than 64 MiB of memory";
        assert_eq!(told("echo no component >&2; exit 1", false), "no component");
        assert_eq!(told("kill -XCPU $$", false), "compiling it takes more than 600 s of computing");
        assert_eq!(told("kill -KILL $$", false), memory);
        assert_eq!(told("echo memory allocation of 8 bytes failed >&2; kill -ABRT $$", false), memory);
        assert_eq!(told("kill -XFSZ $$", false), "its compiled form has more than 1024 MiB, or than a file may have");
        let crash = "the compiler ended by itself with signal: 11 (SIGSEGV)";
        assert!(told("kill -SEGV $$", false).starts_with(crash));
        assert_eq!(told("exec sleep 600", true), "it was stopped");
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let process = Process { program: "/nowhere".into(), ..script(tempfile::tempdir().unwrap().path(), "") };
        let (engine, into) = (engine::compiling().unwrap(), tempfile::tempfile().unwrap());
        let failed = process.compile(&engine, &[], &into, &AtomicBool::new(false)).unwrap_err();
        assert!(failed.to_string().starts_with("the process that compiles cannot be run: No such file"), "{failed}");
    }
}
