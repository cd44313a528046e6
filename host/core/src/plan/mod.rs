//! Definitions, validated: a plan that exists is right.

mod check;
mod checked;
mod index;
mod limits;
mod mistakes;
mod provided;
mod saga;
mod suggest;
mod tcc;

pub use checked::Checked;
pub use index::{ParticipantIx, StepIx};
pub use limits::{
    ATTEMPTS_MAX, CONCURRENCY_DEFAULT, Defaults, ITEMS_MAX, Limits, Mistake, NAME_CHARS_MAX, PARAMETERS_MAX, STEPS_MAX,
};
pub use saga::{Compensation, Plan, Step};
pub(crate) use suggest::closest;
pub use tcc::{PARTICIPANTS_MAX, Participant, TccPlan};

#[cfg(test)]
mod tests;
