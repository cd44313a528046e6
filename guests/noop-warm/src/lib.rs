//! Three steps that do nothing, to measure the host by: one instance serves many calls.

wasaga::module! { name = "noop-warm", instances(calls = 10_000) }

/// Three steps in a row.
#[wasaga::saga]
pub mod noop {
    /// Does nothing.
    #[step]
    pub fn first() {}

    /// Does nothing, after `first`.
    #[step(depends_on = [first])]
    pub fn second() {}

    /// Does nothing, after `second`.
    #[step(depends_on = [second])]
    pub fn third() {}
}
