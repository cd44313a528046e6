//! Three participants that do nothing, to measure the host by: one instance serves many calls.

wasaga::module! { name = "noop-tcc", instances(calls = 10_000) }

/// Three participants, one after the other.
#[wasaga::tcc]
pub mod noop {
    /// Reserves nothing.
    #[participant(order = 1)]
    pub fn first() {}

    /// Makes nothing final.
    #[confirm(of = first)]
    pub fn confirm_first() {}

    /// Frees nothing.
    #[cancel(of = first)]
    pub fn cancel_first() {}

    /// Reserves nothing, after `first`.
    #[participant(order = 2)]
    pub fn second() {}

    /// Makes nothing final.
    #[confirm(of = second)]
    pub fn confirm_second() {}

    /// Frees nothing.
    #[cancel(of = second)]
    pub fn cancel_second() {}

    /// Reserves nothing, after `second`.
    #[participant(order = 3)]
    pub fn third() {}

    /// Makes nothing final.
    #[confirm(of = third)]
    pub fn confirm_third() {}

    /// Frees nothing.
    #[cancel(of = third)]
    pub fn cancel_third() {}
}
