//! One step that does nothing, once for each element of a list, to measure fan-outs by.

wasaga::module! { name = "noop-each", instances(calls = 10_000) }

/// A fan-out over a list.
#[wasaga::saga]
pub mod each {
    /// Gives one element back as it is.
    #[step(each = items)]
    pub fn nothing(item: u64) -> u64 {
        item
    }
}
