//! Places in a plan.

/// The index of a step, in the order of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIx(pub(crate) usize);

/// The index of a participant, in the order of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantIx(pub(crate) usize);

impl StepIx {
    /// Its place in [`Plan::steps`](super::Plan::steps).
    pub fn place(self) -> usize {
        self.0
    }
}
