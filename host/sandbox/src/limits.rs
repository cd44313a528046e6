//! The memory of one instance: all its linear memories together, with a refusal remembered. A
//! refused growth otherwise looks like a panic of the guest.

use wasmtime::ResourceLimiterAsync;

use crate::budget::Share;

/// Elements of all tables of an instance; the pool allows no more either.
const TABLE_ELEMENTS_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// What the call allows.
    pub(crate) memory_bytes_max: usize,
    /// What the instance has now.
    pub(crate) memory_bytes: usize,
    /// What was asked for and refused.
    pub(crate) refused_bytes: Option<usize>,
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
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for Limits {
    async fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if all > self.bytes_max() {
            self.refused_bytes = Some(all);
            return Ok(false);
        }
        if let Some(share) = &mut self.share {
            self.is_waiting = true;
            share.grow(all as u64).await;
            self.is_waiting = false;
        }
        self.memory_bytes = all;
        Ok(true)
    }

    async fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}
