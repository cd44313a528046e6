//! What ended a call that did not answer, in the words of an outcome.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use wasaga_core::{Answer, Digest, Failure, Json, Outcome, UnknownCause, Usage, Writes};
use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::limits::{Limits, PAYLOAD_BYTES_MAX, Refused, TABLE_ELEMENTS_MAX, WASM_STACK_BYTES};

/// wasmtime's word where a payload is larger than `set_hostcall_fuel` allows; the error has no public type.
const PAYLOAD_REFUSED: &str = "fuel allocated for hostcalls has been exhausted";

/// What to do about a payload that is too large.
pub(crate) const LARGE_DATA: &str = "keep large data in a store, and pass its key";

/// The guest still ran when its deadline had passed.
#[derive(Debug, thiserror::Error)]
#[error("the deadline has passed")]
pub(crate) struct Late;

/// Python lets nested values go by recursion, so it need not be a function.
const TOO_DEEP: &str = "it called itself too deeply, or has values that are nested too deeply";

/// Why a call came to nothing that is known.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) cause: UnknownCause,
    pub(crate) failure: Failure,
    /// What its author, or the operator, can do about it; empty where the message says it all.
    remedy: &'static str,
}

impl Ended {
    fn new(cause: UnknownCause, code: &str, message: impl Into<String>) -> Self {
        Self { cause, failure: Failure::new(code, message), remedy: "" }
    }

    fn with(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// The deadline passed.
    pub(crate) fn late(after: Duration, limits: &Limits) -> Self {
        let waited = if limits.is_waiting { ", while it waited for memory that other calls have" } else { "" };
        let message = format!("it was stopped at its deadline, after {} ms{waited}", after.as_millis());
        let ended = Self::new(UnknownCause::Deadline, "timed-out", message);
        ended.with("allow the step more with `timeout`, or let it do less")
    }

    /// What it answers is larger than a record may be.
    pub(crate) fn too_large() -> Self {
        let message = format!("what it passed to the host is larger than {}", size(PAYLOAD_BYTES_MAX));
        Self::new(UnknownCause::Answer, "too-large", message).with(LARGE_DATA)
    }

    /// The answer is no JSON.
    pub(crate) fn bad_answer(why: &str) -> Self {
        Self::new(UnknownCause::Answer, "bad-answer", format!("its answer is not JSON: {why}"))
    }

    /// wasmtime ended it. `stderr` is the last of what the guest wrote there.
    pub(crate) fn of(error: &Error, limits: &Limits, stderr: &str) -> Self {
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        let mut ended = classify(error, limits, stderr);
        // A Rust guest keeps its locals in linear memory, below which there is nothing.
        if let (Some(Trap::MemoryOutOfBounds), Some(name)) = (error.downcast_ref(), recursive(&backtrace)) {
            ended.failure = Failure::new("stack-overflow", format!("it called itself too deeply: `{name}`"));
            ended.remedy = "use a loop, or recurse less deeply; its linker set the size of this stack";
        }
        if !(stderr.is_empty() && backtrace.is_empty()) {
            let details = json!({ "stderr": stderr, "backtrace": backtrace });
            ended.failure.details = Json::of(&details).ok();
        }
        ended
    }

    /// The outcome of the call, its message with the remedy.
    pub(crate) fn into_outcome(self) -> Outcome {
        let Self { cause, mut failure, remedy } = self;
        if !remedy.is_empty() {
            failure.message = format!("{} ({remedy})", failure.message);
        }
        Outcome::Unknown { cause, failure, after: None }
    }
}

/// Whether there was no place for an instance, so that nothing of the guest has run.
pub(crate) fn is_pool_full(error: &Error) -> bool {
    error.is::<PoolConcurrencyLimitError>()
}

/// A limit that the instance ran into: what comes after it mostly follows from it.
fn refused(limits: &Limits) -> Option<Ended> {
    let ended = match limits.refused? {
        Refused::Memory(asked) => {
            let (asked, limit) = (size(asked), size(limits.bytes_max()));
            let message = format!("it asked for {asked} of memory where {limit} are allowed");
            let ended = Ended::new(UnknownCause::Memory, "out-of-memory", message);
            ended.with("allow the step more with `memory`, or let it hold less at once")
        }
        Refused::Table(asked) => {
            let message = format!("it asked for {asked} elements of tables where {TABLE_ELEMENTS_MAX} are allowed");
            let ended = Ended::new(UnknownCause::Trap, "table-too-large", message);
            ended.with("split it into several modules: this limit is the host's own")
        }
    };
    Some(ended)
}

fn classify(error: &Error, limits: &Limits, stderr: &str) -> Ended {
    if let Some(Trap::OutOfFuel) = error.downcast_ref() {
        let message = format!("it used up its fuel of {} units", limits.fuel);
        let ended = Ended::new(UnknownCause::Fuel, "out-of-fuel", message);
        return ended.with("allow the step more with `fuel`, or let it do less");
    }
    if let Some(refused) = refused(limits) {
        return refused;
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return Ended::new(UnknownCause::Trap, "exited", exited(*status));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            let stack = size(WASM_STACK_BYTES);
            let message = format!("{TOO_DEEP}: its stack of {stack} is used up");
            Ended::new(UnknownCause::Trap, "stack-overflow", message).with("use a loop, or recurse less deeply")
        }
        Some(Trap::UnreachableCodeReached) => {
            let said = panic_message(stderr).or_else(|| fatal_message(stderr));
            Ended::new(UnknownCause::Trap, "trap", said.unwrap_or_else(|| "it aborted (`unreachable`)".into()))
        }
        Some(trap) => Ended::new(UnknownCause::Trap, "trap", trap.to_string()),
        None => {
            // What comes before the cause is the backtrace, which goes into the details.
            let cause = error.root_cause().to_string();
            if cause.contains(PAYLOAD_REFUSED) {
                return Ended::too_large();
            }
            Ended::new(UnknownCause::Trap, "trap", cause)
        }
    }
}

/// What a Rust panic printed: the line after `panicked at …:`.
fn panic_message(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().skip_while(|line| !line.contains("panicked at"));
    let place = lines.next()?.split("panicked at ").nth(1)?.trim_end_matches(':');
    let message = lines.next()?.trim();
    Some(format!("it panicked: {message} ({place})"))
}

/// What Python printed before it gave up.
fn fatal_message(stderr: &str) -> Option<String> {
    let message = stderr.lines().find_map(|line| line.split("Fatal Python error: ").nth(1))?;
    Some(format!("Python gave up: {}", message.trim()))
}

/// WASI 0.2 tells of a failure, and not which status it was.
fn exited(status: i32) -> String {
    let how = if status == 0 { "a success" } else { "a failure" };
    format!("it left its process, as {how} (an operation ends by answering)")
}

/// The function that fills the innermost frames, where it is one alone.
fn recursive(backtrace: &[String]) -> Option<&str> {
    const FRAMES: usize = 8;
    let mut names = backtrace.iter().take(FRAMES).map(|frame| frame.split(" +").next().unwrap_or(frame));
    let first = names.next()?;
    (backtrace.len() >= FRAMES && names.all(|name| name == first)).then_some(first)
}

/// Innermost first, without the machinery of a panic.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| {
        let symbols: Vec<_> = frame.symbols().iter().filter_map(|symbol| symbol.name()).collect();
        let mut line = match (symbols.first(), frame.func_name()) {
            (Some(name), _) => (*name).to_owned(),
            (None, Some(name)) => demangle(name),
            (None, None) => format!("function {}", frame.func_index()),
        };
        if let Some(offset) = frame.func_offset() {
            // Writing to a text cannot fail.
            let _infallible = write!(line, " +{offset:#x}");
        }
        line
    };
    let frames: Vec<String> = backtrace.frames().iter().map(name).collect();
    let is_machinery =
        |frame: &&String| ["abort ", "std::", "core::", "__rustc::"].iter().any(|start| frame.starts_with(start));
    let machinery = frames.iter().take_while(is_machinery).count();
    if machinery < frames.len() { frames[machinery..].to_vec() } else { frames }
}

fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        0..=0xf_ffff => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}

/// A call of a module that is not here.
pub(crate) fn not_loaded(digest: Digest) -> Answer {
    let failure = Failure::new("module-missing", format!("module {digest} is not loaded"));
    let outcome = Outcome::Unknown { cause: UnknownCause::Trap, failure, after: None };
    Answer { outcome, writes: Writes::default(), usage: Usage::default() }
}
