//! Definitions, validated: a plan that exists is right.

mod check;
mod checked;
mod index;
mod limits;
mod mistakes;
mod order;
mod provided;
mod saga;
mod sizes;
mod suggest;
mod tcc;

pub use checked::Checked;
pub use index::{ParticipantIx, StepIx};
pub use limits::{
    ATTEMPTS_MAX, CONCURRENCY_DEFAULT, Defaults, ITEMS_MAX, Limits, MISTAKES_MAX, Mistake, Mistakes, NAME_CHARS_MAX,
    PARAMETERS_MAX, PARTICIPANTS_MAX, SCHEMA_BYTES_MAX, STEPS_MAX, TIME_MS_MAX,
};
pub use mistakes::bad_name;
pub use saga::{Compensation, Plan, Step};
pub(crate) use suggest::closest;
pub use tcc::{Participant, TccPlan};

#[cfg(test)]
mod tests;
