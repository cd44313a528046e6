//! A definition that was checked: the plan of a saga or of a TCC, behind one door.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};

use super::{saga::Plan, tcc::TccPlan};
use crate::{id::Name, json::Json, label, record::LabelValue, status::Kind, time::Milliseconds};

/// A definition that was checked and is right.
#[derive(Clone, Debug)]
pub enum Checked {
    /// A saga.
    Saga(Arc<Plan>),
    /// A TCC.
    Tcc(Arc<TccPlan>),
}

macro_rules! either {
    ($of:expr, $one:ident => $does:expr) => {
        match $of {
            Self::Saga($one) => $does,
            Self::Tcc($one) => $does,
        }
    };
}

impl Checked {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Saga(_) => Kind::Saga,
            Self::Tcc(_) => Kind::Tcc,
        }
    }

    /// The saga, where it is one.
    pub fn saga(&self) -> Option<&Arc<Plan>> {
        match self {
            Self::Saga(plan) => Some(plan),
            Self::Tcc(_) => None,
        }
    }

    /// The TCC, where it is one.
    pub fn tcc(&self) -> Option<&Arc<TccPlan>> {
        match self {
            Self::Tcc(plan) => Some(plan),
            Self::Saga(_) => None,
        }
    }

    /// The definition's name.
    pub fn name(&self) -> &Name {
        either!(self, plan => &plan.name)
    }

    /// For people.
    pub fn description(&self) -> &str {
        either!(self, plan => &plan.description)
    }

    /// JSON Schema of the start input.
    pub fn input_schema(&self) -> Option<&Json> {
        either!(self, plan => plan.input_schema.as_ref())
    }

    /// For a whole saga, or the try phase of a TCC.
    pub fn deadline(&self) -> Option<Milliseconds> {
        either!(self, plan => plan.deadline)
    }

    /// The ids of its steps or participants, in the order of declaration.
    pub fn nodes(&self) -> Vec<&Name> {
        match self {
            Self::Saga(plan) => plan.steps().iter().map(|step| &step.id).collect(),
            Self::Tcc(plan) => plan.participants().iter().map(|participant| &participant.id).collect(),
        }
    }

    /// The names of the other modules that provide its steps or participants.
    pub fn providers(&self) -> BTreeSet<&Name> {
        match self {
            Self::Saga(plan) => plan.steps().iter().filter_map(|step| step.provider.as_ref()).collect(),
            Self::Tcc(plan) => plan.participants().iter().filter_map(|one| one.provider.as_ref()).collect(),
        }
    }

    /// The values of a start input by which its transaction is found.
    ///
    /// # Errors
    /// A value has not the type that its label says, as a sentence with its place. One that is not there is no label.
    pub fn labels(&self, input: &Json) -> Result<BTreeMap<Name, LabelValue>, String> {
        label::of(either!(self, plan => &plan.labels), input)
    }

    /// What is allowed and yet likely to hurt, as sentences.
    pub fn warnings(&self) -> &[String] {
        either!(self, plan => &plan.warnings)
    }
}
