//! Loads a module: its bytes are looked at, compiled, and asked what the module is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use wasaga_core::definition::{self, Definition};
use wasaga_core::{Digest, document};
use wasaga_engine::port::LoadError;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::budget::Idle;
use crate::cache::Cache;
use crate::common::Common;
use crate::contract::{self, OF_SAGAS, OF_TCCS, PACKAGE, VERSION, full, refuse};
use crate::failure::{Ended, Late, size};
use crate::guest::Exports;
use crate::instance::{self, Bounds};
use crate::limits::MODULE_BYTES_MAX;
use crate::module::{Allowed, Loaded, Parts};
use crate::state::Granted;
use crate::warm::Warm;

/// What `describe` may take: it puts a few tables together. A Python guest starts its interpreter first.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);
const DESCRIBE: Bounds = Bounds { fuel: 20_000_000_000, memory_bytes: 256 << 20 };

fn unfit(error: &wasmtime::Error) -> LoadError {
    let reason = format!("it does not fit the contract {PACKAGE}guest@{VERSION}: {error:#}");
    refuse(reason, "build it with a matching SDK")
}

/// A module that describes what it cannot answer for is told before anything is started.
fn check_definitions(exports: &Exports, description: &definition::Module) -> Result<(), LoadError> {
    for definition in &description.definitions {
        let (kind, there, interface) = match definition {
            Definition::Saga(_) => ("saga", exports.has_steps(), OF_SAGAS[0]),
            Definition::Tcc(_) => ("tcc", exports.has_participants(), OF_TCCS[0]),
        };
        if !there {
            let name = definition.name();
            let reason = format!("it describes {kind} `{name}` and does not export `{}`", full(interface));
            return Err(refuse(reason, "build it anew with the SDK"));
        }
    }
    Ok(())
}

const BUILD: &str = "build it with `cargo build --target wasm32-wasip2`";

pub(crate) async fn load(common: &Common, digest: Digest, bytes: Arc<[u8]>) -> Result<Loaded, LoadError> {
    check_bytes(&bytes)?;
    let component = compile(common, digest, bytes).await?;
    let engine = common.runtime.engine.clone();
    contract::check(&engine, &component)?;
    let pre = common.runtime.linker.instantiate_pre(&component).map_err(|error| unknown_import(&error))?;
    let exports = Arc::new(Exports::new(pre).map_err(|error| unfit(&error))?);
    // The semaphore is never closed, so this waits for its turn and nothing else.
    let turn = common.describing.acquire().await;
    let (description, bytes) = ask(&engine, &exports).await?;
    drop(turn);
    check_definitions(&exports, &description)?;
    let policy = common.settings.policy.of(&description.name);
    let ours = common.settings.calls_per_instance_max;
    let calls_per_instance_max = policy.calls_per_instance_max.unwrap_or(u32::MAX).min(ours).max(1);
    let calls_per_instance = description.calls_per_instance.min(calls_per_instance_max);
    let allowed = Allowed::of(&description, policy, common.tls.clone())
        .map_err(|error| refuse("it asks to send requests to what is not an origin", error.to_string()))?;
    let warm = Arc::new(Warm::new(calls_per_instance, common.idle.clone()));
    let idle: Arc<dyn Idle> = warm.clone();
    common.budget.watch(Arc::downgrade(&idle));
    Ok(Loaded::new(Parts { digest, description, engine, exports, warm, allowed, bytes }))
}

/// The first bytes tell what a file is, before anything is compiled.
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

async fn compile(common: &Common, digest: Digest, bytes: Arc<[u8]>) -> Result<Component, LoadError> {
    // The semaphore is never closed, so this waits for its turn and nothing else.
    let _turn = common.compiling.acquire().await;
    let (engine, directory) = (common.runtime.engine.clone(), common.settings.cache.clone());
    let work = move || {
        let cache = directory.as_deref().and_then(open_cache);
        if let Some(found) = cache.as_ref().and_then(|cache| cache.find(&engine, digest)) {
            return Ok((found, false));
        }
        let compiled = engine.precompile_component(&bytes)?;
        let kept = cache.as_ref().and_then(|cache| match cache.keep(&engine, digest, &compiled) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%error, "a compiled module could not be kept; it will be compiled anew next time");
                None
            }
        });
        kept.map_or_else(|| Component::new(&engine, &bytes), Ok).map(|component| (component, true))
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| refuse(format!("compiling it failed: {error}"), "report this, with the file"))?;
    let (component, compiled) = done.map_err(|error: wasmtime::Error| invalid(&first_line(&error)))?;
    if compiled {
        common.counters.compiled.fetch_add(1, Ordering::Relaxed);
    }
    Ok(component)
}

/// Why wasmtime does not take it. What it needs too much of has no type of its own there.
fn invalid(why: &str) -> LoadError {
    if why.contains("exceeds the") {
        return refuse(format!("it needs more than one instance is given: {why}"), "split it into several modules");
    }
    refuse(format!("it is not a valid component: {why}"), "was it copied whole? build it anew")
}

fn open_cache(directory: &std::path::Path) -> Option<Cache> {
    match Cache::open(directory) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::warn!(directory = %directory.display(), %error, "compiled modules cannot be kept");
            None
        }
    }
}

fn first_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

fn unknown_import(error: &wasmtime::Error) -> LoadError {
    let text = format!("{error:#}");
    let name = text.split('`').nth(1).unwrap_or("?");
    if let Some(later) = contract::later_than_this(name) {
        return later;
    }
    let remedy = "the host offers `wasi:cli` and what it needs, outgoing `wasi:http`, and `wasaga:guest`; remove what needs more";
    refuse(format!("it imports `{name}`, which this host does not offer"), remedy)
}

/// What it says of itself, and the memory that it had to say it.
async fn ask(engine: &Engine, exports: &Arc<Exports>) -> Result<(definition::Module, u64), LoadError> {
    let failed = |why: String| refuse(why, "find out with its own tests: `describe` needs no host");
    let mut store = instance::store(engine, DESCRIBE, None, Granted::default())
        .map_err(|error| failed(format!("it cannot be asked what it is: {error:#}")))?;
    let deadline = Instant::now() + DESCRIBE_TIMEOUT;
    store.data_mut().deadline = Some(deadline);
    let asked = async {
        let mut guest = exports.instantiate(&mut store).await?;
        if let Err(error) = guest.check(&mut store) {
            return Ok(Err(error));
        }
        let metadata = guest.metadata(&mut store)?;
        Ok(Ok(metadata.call_describe(&mut store).await?))
    };
    let answered: Result<wasmtime::Result<_>, _> = tokio::time::timeout_at(deadline, asked).await;
    let stderr = store.data().stderr.tail();
    store.data_mut().end();
    let state = store.data();
    match answered {
        Err(_) => Err(failed(late())),
        Ok(Err(error)) if error.is::<Late>() => Err(failed(late())),
        Ok(Err(error)) => {
            let Ended { failure, .. } = Ended::of(&error, &state.limits, &stderr);
            let trace = failure.details.map(|details| format!("; {details}")).unwrap_or_default();
            let trace: String = trace.chars().take(400).collect();
            Err(failed(format!("it failed to say what it is: `{}`: {}{trace}", failure.code, failure.message)))
        }
        Ok(Ok(Err(error))) => Err(unfit(&error)),
        Ok(Ok(Ok(Err(why)))) => {
            let why: String = why.chars().take(SAID_CHARS_MAX).collect();
            Err(failed(format!("it says that it cannot be used: {why}")))
        }
        Ok(Ok(Ok(Ok(text)))) => document::read(&text)
            .map(|module| (module, state.limits.memory_bytes as u64))
            .map_err(|why| refuse(format!("what it says of itself cannot be used: {why}"), why.remedy())),
    }
}

/// Characters that are shown of what a module says against its use.
const SAID_CHARS_MAX: usize = 2_000;

fn late() -> String {
    let limit = DESCRIBE_TIMEOUT.as_secs();
    format!("it did not say what it is within {limit} s: `describe`, or its initialisation, never ends")
}
