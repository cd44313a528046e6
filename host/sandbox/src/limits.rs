//! What one instance may take: all its linear memories together, all its tables together, and how
//! many of each. A refusal is remembered, for a refused growth otherwise looks like a panic of the guest.

use wasmtime::ResourceLimiterAsync;

use crate::budget::Share;

/// Bytes of one JSON text that passes between host and guest, in either direction. What is larger
/// belongs into a store, with its key in the transaction.
pub const PAYLOAD_BYTES_MAX: usize = 8 << 20;
/// Bytes of a module. A Python guest has 18.5 MB, and five times that is still read in a moment.
pub const MODULE_BYTES_MAX: usize = 128 << 20;
/// Bytes of all that one call writes to its transaction: it goes into one record.
pub(crate) const WRITTEN_BYTES_MAX: usize = 1 << 20;
/// Stack of a guest. Deep recursion ends here, as an outcome.
pub(crate) const WASM_STACK_BYTES: usize = 1 << 20;
/// The most memory that one instance of the pool may have. A limit above it is cut to it.
pub(crate) const MEMORY_BYTES_MAX: usize = 1 << 30;
/// Handles of the host that one instance may hold: requests, answers, bodies, streams, timers. A request has some eight.
/// With the next two, and the bounds of a request's texts, they come to some tens of MiB of the host's memory.
pub(crate) const RESOURCES_MAX: usize = 1_024;
/// Bytes of the headers of one request, as the guest puts them together: as much as servers take.
pub(crate) const FIELDS_BYTES_MAX: usize = 32 << 10;
/// Random bytes of one question: it is answered without giving the thread back.
pub(crate) const RANDOM_BYTES_MAX: u64 = 1 << 20;
/// Core modules of one component. Rust guests have four, Python ones some thirty.
pub(crate) const CORE_INSTANCES_MAX: usize = 100;
/// Linear memories of one component. Guests have one; a second is left for what a toolchain may add.
pub(crate) const MEMORIES_MAX: usize = 2;
/// Tables of one component. Guests have two: their own, and one of what makes a component of a module.
pub(crate) const TABLES_MAX: usize = 4;
/// Elements of all tables of one instance. Python guests have some 20,000.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;

/// What was asked for and not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// This many bytes of memory in all.
    Memory(usize),
    /// This many elements of tables in all.
    Table(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Units of fuel that the call allows, for the message.
    pub(crate) fuel: u64,
    /// What the call allows.
    pub(crate) memory_bytes_max: usize,
    /// What the instance has now.
    pub(crate) memory_bytes: usize,
    /// What the instance has now.
    pub(crate) table_elements: usize,
    /// The first refusal: what comes after it follows from it.
    pub(crate) refused: Option<Refused>,
    /// Its part of what all guests have; none while it describes itself, which is once and soon over.
    pub(crate) share: Option<Share>,
    /// Whether it waits for a larger part.
    pub(crate) is_waiting: bool,
    /// What it had before the growth that was granted last, which may still fail.
    pub(crate) before: usize,
}

impl Limits {
    /// The most that it may have: its own limit, or all that there is.
    pub(crate) fn bytes_max(&self) -> usize {
        let all = self.share.as_ref().map_or(u64::MAX, Share::bytes_max);
        self.memory_bytes_max.min(usize::try_from(all).unwrap_or(usize::MAX))
    }

    fn refuse(&mut self, refused: Refused) -> bool {
        self.refused.get_or_insert(refused);
        false
    }
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for Limits {
    async fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if all > self.bytes_max() {
            return Ok(self.refuse(Refused::Memory(all)));
        }
        if let Some(share) = &mut self.share {
            self.is_waiting = true;
            share.grow(all as u64).await;
            self.is_waiting = false;
        }
        self.before = std::mem::replace(&mut self.memory_bytes, all);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes = self.before;
        Ok(())
    }

    async fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.table_elements.saturating_add(desired.saturating_sub(current));
        if all > TABLE_ELEMENTS_MAX {
            return Ok(self.refuse(Refused::Table(all)));
        }
        self.table_elements = all;
        Ok(true)
    }

    // The pool refuses more when a module is loaded. These hold where there is no pool.
    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }
}
