//! What one instance may take: all its linear memories together, all its tables together, and how
//! many of each. A refusal is remembered, for a refused growth otherwise looks like a panic of the guest.

use wasmtime::ResourceLimiterAsync;

use crate::budget::Share;

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
        self.memory_bytes = all;
        Ok(true)
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
