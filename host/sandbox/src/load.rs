//! Makes a module ready to answer: takes its component (`compile`), compares it with the contract (`contract`), and asks
//! what it is. Everything that can be wrong has its own message.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasaga_core::definition::{self, Definition};
use wasaga_core::{Digest, document};
use wasaga_engine::port::LoadError;
use wasmtime::Engine;

use crate::budget::Idle;
use crate::common::Common;
use crate::contract::{self, OF_SAGAS, OF_TCCS, PACKAGE, VERSION, full, refuse};
use crate::failure::{Ended, Late};
use crate::guest::Exports;
use crate::instance::{self, Bounds};
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

pub(crate) async fn load(common: &Common, digest: Digest, bytes: Arc<[u8]>) -> Result<Loaded, LoadError> {
    let component = common.compiler.component(digest, bytes).await?;
    let engine = common.runtime.engine.clone();
    contract::check(&engine, &component)?;
    let pre = common.runtime.linker.instantiate_pre(&component).map_err(|error| unknown_import(&error))?;
    let exports = Arc::new(Exports::new(pre).map_err(|error| unfit(&error))?);
    // The semaphore is never closed, so this waits for its turn and nothing else.
    let turn = common.describing.acquire().await;
    let (description, bytes) = ask(&engine, &exports).await?;
    drop(turn);
    check_definitions(&exports, &description)?;
    let policy = common.settings.policy.of(&description.name, &description.capabilities, digest)?;
    let ours = common.settings.calls_per_instance_max;
    let calls_per_instance_max = policy.ceilings.calls_per_instance_max.unwrap_or(u32::MAX).min(ours).max(1);
    let calls_per_instance = description.calls_per_instance.min(calls_per_instance_max);
    let allowed = Allowed::of(&description, policy, common.tls.clone())
        .map_err(|error| refuse("it asks to send requests to what is not an origin", error.to_string()))?;
    let warm = Arc::new(Warm::new(calls_per_instance, common.idle.clone()));
    let idle: Arc<dyn Idle> = warm.clone();
    common.budget.watch(Arc::downgrade(&idle));
    Ok(Loaded::new(Parts { digest, description, engine, exports, warm, allowed, bytes }))
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
