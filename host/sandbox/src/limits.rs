//! The memory of one instance: all its linear memories together, with a refusal remembered. A
//! refused growth otherwise looks like a panic of the guest.

use wasmtime::ResourceLimiter;

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
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if all > self.memory_bytes_max {
            self.refused_bytes = Some(all);
            return Ok(false);
        }
        self.memory_bytes = all;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}
