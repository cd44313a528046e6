//! Makes a module ready to answer: looks at its bytes, compiles it or finds it compiled, compares
//! it with the contract, and asks what it is. Everything that can be wrong has its own message.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use wasaga_core::definition::{Capability, Definition};
use wasaga_core::{Digest, definition};
use wasaga_engine::port::LoadError;
use wasmtime::component::Component;
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::budget::Share;
use crate::cache::Cache;
use crate::contract::{METADATA, OF_SAGAS, OF_TCCS, PACKAGE, VERSION, full};
use crate::failure::{Ended, Late, size};
use crate::guest::Exports;
use crate::http::{Reach, TlsRoots};
use crate::policy::ModulePolicy;
use crate::state::{Granted, State};
use crate::warm::Warm;
use crate::{MODULE_BYTES_MAX, Sandbox, call, describe, engine};

/// What `describe` may take: it puts a few tables together. A Python guest starts its interpreter first.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);
const DESCRIBE_FUEL: u64 = 20_000_000_000;
const DESCRIBE_MEMORY_BYTES: u64 = 256 << 20;

/// A module that can answer.
pub(crate) struct Loaded {
    digest: Digest,
    description: Arc<definition::Module>,
    engine: Engine,
    pub(crate) exports: Arc<Exports>,
    pub(crate) warm: Arc<Warm>,
    granted: Granted,
    ceilings: Ceilings,
    /// What its instances had of memory, of late.
    usual_bytes: AtomicU64,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Loaded {
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn description(&self) -> Arc<definition::Module> {
        self.description.clone()
    }

    /// A store under limits.
    pub(crate) fn store(&self, fuel: u64, memory_bytes: u64, share: Share) -> wasmtime::Result<Store<State>> {
        store(&self.engine, fuel, memory_bytes, Some(share), self.granted.clone())
    }

    /// What a call may use at most.
    pub(crate) fn ceilings(&self) -> &Ceilings {
        &self.ceilings
    }

    /// The memory that an instance is likely to need.
    pub(crate) fn usual_bytes(&self) -> u64 {
        self.usual_bytes.load(Ordering::Relaxed)
    }

    /// Learns from one: more at once, less little by little.
    pub(crate) fn learn_bytes(&self, bytes: u64) {
        let usual = self.usual_bytes();
        let next = if bytes >= usual { bytes } else { usual - (usual - bytes) / 8 };
        if next != usual {
            // Of two at the same time one is lost, which the next call makes good.
            self.usual_bytes.store(next, Ordering::Relaxed);
        }
    }
}

/// What is allowed of what was asked for: the pool has no more.
pub(crate) fn memory_bytes_max(asked: u64) -> usize {
    usize::try_from(asked).unwrap_or(usize::MAX).min(engine::MEMORY_BYTES_MAX)
}

fn store(
    engine: &Engine,
    fuel: u64,
    memory_bytes: u64,
    share: Option<Share>,
    granted: Granted,
) -> wasmtime::Result<Store<State>> {
    let mut state = State::new(memory_bytes_max(memory_bytes), share, granted);
    state.limits.fuel = fuel;
    let mut store = Store::new(engine, state);
    store.limiter_async(|state| &mut state.limits);
    store.set_fuel(fuel)?;
    // At every tick a guest gives the thread back, unless its deadline has passed. A runtime whose threads
    // all run guests looks at its timers too rarely to be relied on for that.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| match context.data().deadline {
        Some(deadline) if Instant::now() >= deadline => Err(Late.into()),
        _ => Ok(UpdateDeadline::Yield(1)),
    });
    call::bound_payloads(&mut store);
    Ok(store)
}

fn refuse(reason: impl Into<String>, remedy: impl Into<String>) -> LoadError {
    LoadError { reason: reason.into(), remedy: remedy.into() }
}

fn unfit(error: &wasmtime::Error) -> LoadError {
    let reason = format!("it does not fit the contract {PACKAGE}plugin@{VERSION}: {error:#}");
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
            let reason = format!("it describes {kind} `{name}` and does not export `{PACKAGE}{interface}@{VERSION}`");
            return Err(refuse(reason, "build it anew with the SDK"));
        }
    }
    Ok(())
}

const BUILD: &str = "build it with `cargo build --target wasm32-wasip2`";

pub(crate) async fn load(sandbox: &Sandbox, digest: Digest, bytes: Arc<[u8]>) -> Result<Loaded, LoadError> {
    check_bytes(&bytes)?;
    let component = compile(sandbox, digest, bytes).await?;
    check_contract(&sandbox.runtime.engine, &component)?;
    let pre = sandbox.runtime.linker.instantiate_pre(&component).map_err(|error| unknown_import(&error))?;
    let exports = Arc::new(Exports::new(pre).map_err(|error| unfit(&error))?);
    // The semaphore is never closed, so this waits for its turn and nothing else.
    let turn = sandbox.describing.acquire().await;
    let (description, bytes) = ask(&sandbox.runtime.engine, &exports).await?;
    drop(turn);
    check_definitions(&exports, &description)?;
    let policy = sandbox.settings.policy.of(&description.name, &description.capabilities, digest)?;
    let calls_per_instance_max =
        policy.calls_per_instance_max.unwrap_or(u32::MAX).min(sandbox.settings.calls_per_instance_max);
    let calls_per_instance = description.calls_per_instance.min(calls_per_instance_max.max(1));
    let ceilings = Ceilings::of(&policy);
    let granted = granted(&description, policy, sandbox.tls.clone())?;
    let warm = Arc::new(Warm::new(calls_per_instance, sandbox.idle.clone()));
    sandbox.budget.watch(&warm);
    let engine = sandbox.runtime.engine.clone();
    Ok(Loaded {
        digest,
        description: Arc::new(description),
        engine,
        exports,
        warm,
        granted,
        ceilings,
        usual_bytes: AtomicU64::new(bytes),
    })
}

/// What each call of a module may use at most, by the operator's policy.
#[derive(Debug)]
pub(crate) struct Ceilings {
    pub(crate) timeout: Duration,
    pub(crate) fuel: u64,
    pub(crate) memory_bytes: u64,
}

impl Ceilings {
    fn of(policy: &ModulePolicy) -> Self {
        Self {
            timeout: policy.timeout_max.unwrap_or(Duration::MAX),
            fuel: policy.fuel_max.unwrap_or(u64::MAX),
            memory_bytes: policy.memory_bytes_max.unwrap_or(u64::MAX),
        }
    }
}

/// What a module gets: of what it asks for, that which the operator grants.
fn granted(description: &definition::Module, policy: ModulePolicy, tls: Arc<TlsRoots>) -> Result<Granted, LoadError> {
    let asked = |key: &String| description.capabilities.contains(&Capability::Config(key.clone()));
    let config = policy.config.iter().filter(|(key, _)| asked(key)).map(|(key, value)| (&**key, &**value));
    let config = Arc::new(config.collect());
    let reach = Reach::new(&description.name, &description.capabilities, policy, tls)
        .map_err(|error| refuse("it asks to send requests to what is not an origin", error.to_string()))?;
    Ok(Granted { reach: Some(Arc::new(reach)), config })
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

async fn compile(sandbox: &Sandbox, digest: Digest, bytes: Arc<[u8]>) -> Result<Component, LoadError> {
    // The semaphore is never closed, so this waits for its turn and nothing else.
    let _turn = sandbox.compiling.acquire().await;
    let (engine, directory) = (sandbox.runtime.engine.clone(), sandbox.settings.cache.clone());
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
        sandbox.counters.compiled.fetch_add(1, Ordering::Relaxed);
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

/// Another version, or another world, is told before wasmtime's own words are needed.
fn check_contract(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    let names: Vec<String> = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned());
    for name in names.iter().cloned().chain(imports) {
        let Some((_, version)) = name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) else { continue };
        if version != VERSION {
            let reason =
                format!("it speaks version {version} of the contract `wasaga:plugin`, and this host {VERSION}");
            return Err(refuse(reason, "build it with the SDK of this host's version, or update the host"));
        }
    }
    let there = |interface: &&str| names.contains(&full(interface));
    let offered = |all: &[&str]| all.iter().any(there);
    if !there(&METADATA) && !offered(&OF_SAGAS) && !offered(&OF_TCCS) {
        let reason = format!("it is a component and neither saga nor TCC: it does not export `{}`", full(METADATA));
        return Err(refuse(
            reason,
            "write it with the SDK: a crate of type `cdylib` with a `#[saga]` or `#[tcc]` in it",
        ));
    }
    // `step` and `compensation` are exported together. Where neither is there, the saga's is reported.
    let needed: &[&str] = if offered(&OF_SAGAS) || !offered(&OF_TCCS) { &OF_SAGAS } else { &OF_TCCS };
    match std::iter::once(&METADATA).chain(needed).find(|interface| !there(interface)) {
        None => Ok(()),
        Some(missing) => Err(refuse(format!("it does not export `{}`", full(missing)), "build it anew with the SDK")),
    }
}

fn unknown_import(error: &wasmtime::Error) -> LoadError {
    let text = format!("{error:#}");
    let name = text.split('`').nth(1).unwrap_or("?");
    let remedy = "the host offers `wasi:cli` and what it needs, outgoing `wasi:http`, `wasi:config` and `wasaga:plugin`; remove what needs \
                  more";
    refuse(format!("it imports `{name}`, which this host does not offer"), remedy)
}

/// What it says of itself, and the memory that it had to say it.
async fn ask(engine: &Engine, exports: &Arc<Exports>) -> Result<(definition::Module, u64), LoadError> {
    let failed = |why: String| refuse(why, "find out with its own tests: `describe` needs no host");
    let mut store = store(engine, DESCRIBE_FUEL, DESCRIBE_MEMORY_BYTES, None, Granted::default())
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
    let said: Result<wasmtime::Result<_>, _> = tokio::time::timeout_at(deadline, asked).await;
    let late = || {
        let limit = DESCRIBE_TIMEOUT.as_secs();
        format!("it did not say what it is within {limit} s: `describe`, or its initialisation, never ends")
    };
    let state = store.data();
    match said {
        Err(_) => Err(failed(late())),
        Ok(Err(error)) if error.is::<Late>() => Err(failed(late())),
        Ok(Err(error)) => {
            let Ended { failure, .. } = Ended::of(&error, state);
            let trace = failure.details.map(|details| format!("; {details}")).unwrap_or_default();
            let trace: String = trace.chars().take(400).collect();
            Err(failed(format!("it failed to say what it is: `{}`: {}{trace}", failure.code, failure.message)))
        }
        Ok(Ok(Err(error))) => Err(unfit(&error)),
        Ok(Ok(Ok(Err(said)))) => Err(failed(format!("it says that it cannot be used: {said}"))),
        Ok(Ok(Ok(Ok(module)))) => describe::module(module)
            .map(|module| (module, state.limits.memory_bytes as u64))
            .map_err(|what| refuse(format!("what it says of itself makes no sense: {what}"), "update its SDK")),
    }
}
