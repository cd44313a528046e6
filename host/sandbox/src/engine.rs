//! wasmtime, set up: which features, how instances are made, what stops a guest that does not stop.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::contract::v0_1;
use crate::limits::{
    CORE_INSTANCES_MAX, MEMORIES_MAX, MEMORY_BYTES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX, WASM_STACK_BYTES,
};
use crate::requests;
use crate::state::State;

/// How often a running guest is looked at. A guest that spins is stopped this much late at most,
/// and a shorter tick costs more than it gives.
const TICK: Duration = Duration::from_millis(10);
/// Stack that a guest and the host functions it calls run on.
const STACK_BYTES: usize = 2 << 20;
/// Kept resident between two uses of a pooled memory or table, of what was written: enough for what a Python guest
/// writes, whose fresh calls cost a fifth less than with 64 KiB. A Rust guest writes less, and costs the same.
const KEEP_RESIDENT_BYTES: usize = 1 << 20;
/// Memory images up to this size are mapped rather than written.
const DENSE_IMAGE_BYTES: u64 = 64 << 20;
/// Frames of a backtrace that are shown: enough to see where it happened.
const FRAMES_MAX: usize = 24;

/// The engine and the linker, which all modules share.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pooling: bool,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("pooling", &self.pooling).finish_non_exhaustive()
    }
}

impl Runtime {
    pub(crate) fn new(instances: u32) -> wasmtime::Result<Self> {
        let (engine, pooling) = engine(instances)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        requests::add_to_linker(&mut linker)?;
        v0_1::Saga::add_to_linker::<_, wasmtime::component::HasSelf<State>>(&mut linker, |state| state)?;
        start_ticking(&engine)?;
        Ok(Self { engine, linker, pooling })
    }

    pub(crate) fn is_pooling(&self) -> bool {
        self.pooling
    }
}

/// An engine that compiles and runs nothing: what it makes fits an engine with a pool and one without.
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// What a compiled module must have in common with an engine, as a number.
pub(crate) fn compatibility(engine: &Engine) -> u64 {
    // The default hasher has fixed keys, so one build of wasaga finds again what it wrote. What else counts is checked by
    // wasmtime itself when it maps the file.
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// A pool where its address space can be had; otherwise instances are mapped one by one.
fn engine(instances: u32) -> wasmtime::Result<(Engine, bool)> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    match Engine::new(&config) {
        Ok(engine) => Ok((engine, true)),
        Err(error) => {
            tracing::info!(%error, "no pool of instances; each will be mapped when it is needed");
            Engine::new(&self::config()).map(|engine| (engine, false))
        }
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(STACK_BYTES)
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(DENSE_IMAGE_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES_MAX))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// Room for so many instances, each with all that one may have: then a component that takes much
/// leaves no less to its neighbours. What is not used costs address space and nothing else.
fn pool(instances: u32) -> PoolingAllocationConfig {
    let all = |each: usize| instances.saturating_mul(each as u32);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_memories(all(MEMORIES_MAX))
        .total_tables(all(TABLES_MAX))
        .total_core_instances(all(CORE_INSTANCES_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_MAX as u32)
        .max_memories_per_module(MEMORIES_MAX as u32)
        .max_tables_per_module(TABLES_MAX as u32)
        .max_memories_per_component(MEMORIES_MAX as u32)
        .max_tables_per_component(TABLES_MAX as u32)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Moves the epoch on until the engine is gone. The thread holds it weakly, so it ends by itself.
fn start_ticking(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("wasaga-epoch".into()).spawn(tick)?;
    Ok(())
}
