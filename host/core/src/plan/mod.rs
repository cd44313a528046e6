//! A definition, validated: a [`Plan`] that exists is right. Everything a machine looks up while it
//! decides is resolved here once: dependencies by index, layers, limits under the host's ceilings.

mod check;
mod mistakes;
mod provided;
mod suggest;
mod tcc;

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    definition::{self, Action, CompensationPolicy, Label, Parameter, Source},
    id::Name,
    json::Json,
    record::Created,
    retry::RetryPolicy,
    time::Milliseconds,
};

pub(crate) use provided::check as check_providers;
pub(crate) use suggest::closest;
pub use tcc::{PARTICIPANTS_MAX, Participant, ParticipantIx, TccPlan};

/// Steps of one saga. Each has a few hundred bytes of state and one record per change; a graph
/// beyond this is a program that belongs into steps.
pub const STEPS_MAX: usize = 1_000;
/// Parameters of one operation. Arbitrary, far above what a function is readable with.
pub const PARAMETERS_MAX: usize = 64;
/// Items of one fan-out; each is a call with its own records. A larger set belongs into batches.
pub const ITEMS_MAX: usize = 10_000;
/// Calls of one saga in flight at once where it says nothing: enough for a fan-out to keep a host busy, and few enough
/// that their arguments and instances fit into its memory.
pub const CONCURRENCY_DEFAULT: usize = 256;
/// Characters of a name; names stand in every record.
pub const NAME_CHARS_MAX: usize = 128;
/// Attempts of one operation. At the default delays this is ten months.
pub const ATTEMPTS_MAX: u32 = 1_000_000;

/// Attempts of a confirm or a cancel before a person is needed: semantics.md, "Retries and time".
const SETTLE_ATTEMPTS: u32 = 70;

/// The index of a step, in the order of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIx(pub(crate) usize);

/// A saga that is right.
#[derive(Debug)]
pub struct Plan {
    /// The saga's name.
    pub name: Name,
    /// For people.
    pub description: String,
    /// JSON Schema of the start input.
    pub input_schema: Option<Json>,
    /// How it unwinds unless its start says otherwise.
    pub policy: CompensationPolicy,
    /// For the whole saga.
    pub deadline: Option<Milliseconds>,
    /// Calls in flight at once.
    pub concurrency: usize,
    /// Values of the start input by which its transactions are found.
    pub labels: Vec<Label>,
    /// What is allowed and yet likely to hurt, as sentences.
    pub warnings: Vec<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) by_id: BTreeMap<Name, StepIx>,
}

/// A step that is right.
#[derive(Debug)]
pub struct Step {
    /// Unique in the saga.
    pub id: Name,
    /// For people.
    pub description: String,
    /// Steps that end first, declared or by a binding.
    pub depends_on: Vec<StepIx>,
    /// The module that does it, where it is another one.
    pub provider: Option<Name>,
    /// The longest way from a root: 0 for a root.
    pub layer: usize,
    /// What it is called with.
    pub parameters: Vec<Parameter>,
    /// JSON Schema of the output.
    pub output_schema: Option<Json>,
    /// A CEL expression; false skips the step.
    pub condition: Option<String>,
    /// The array that it fans out over.
    pub each: Option<Source>,
    /// An attempt whose outcome is unknown is not repeated.
    pub at_most_once: bool,
    /// Time, fuel, memory and retries.
    pub limits: Limits,
    /// How it is undone.
    pub compensation: Option<Compensation>,
}

/// How a step is undone.
#[derive(Debug)]
pub struct Compensation {
    /// What people call it.
    pub name: String,
    /// What it is called with.
    pub parameters: Vec<Parameter>,
    /// Time, fuel and memory; its retries are `retry`.
    pub limits: Limits,
    /// The retry policy that it declares.
    pub retry: Option<RetryPolicy>,
    /// When it fails under `circuit-breaker`, the circuit opens.
    pub critical: bool,
}

/// What bounds an operation, with defaults and ceilings applied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Of one attempt.
    pub timeout: Milliseconds,
    /// Of all attempts and the delays between them.
    pub total_timeout: Option<Milliseconds>,
    /// Units of fuel of one attempt.
    pub fuel: u64,
    /// Linear memory of one instance.
    pub memory_bytes: u64,
    /// Attempts and delays.
    pub retry: RetryPolicy,
}

/// What the host says where a definition says nothing, and what it allows at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults {
    /// Where a definition says nothing.
    pub limits: Limits,
    /// At most, of one attempt.
    pub timeout_max: Milliseconds,
    /// At most, of one attempt.
    pub fuel_max: u64,
    /// At most, of one instance.
    pub memory_bytes_max: u64,
    /// Where neither the definition nor the start names one.
    pub policy: CompensationPolicy,
    /// Of confirm and cancel where a participant declares nothing. Its attempts are the most that
    /// either has before it is stuck: the host's budget.
    pub settle: RetryPolicy,
}

impl Default for Defaults {
    /// 30 s, ten thousand million units of fuel (some ten seconds of computing) and 256 MiB a call;
    /// ceilings of an hour, a hundred times the fuel, and 1 GiB. Confirm and cancel: 70 attempts,
    /// which are half an hour at the longest delay.
    fn default() -> Self {
        Self {
            limits: Limits {
                timeout: 30_000,
                total_timeout: None,
                fuel: 10_000_000_000,
                memory_bytes: 256 << 20,
                retry: RetryPolicy::default(),
            },
            timeout_max: 3_600_000,
            fuel_max: 1_000_000_000_000,
            memory_bytes_max: 1 << 30,
            policy: CompensationPolicy::StrictSequential,
            settle: RetryPolicy { max_attempts: SETTLE_ATTEMPTS, ..RetryPolicy::default() },
        }
    }
}

/// One thing that is wrong with a definition, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Such as ``saga `order`, step `charge` ``.
    pub place: String,
    /// What is wrong, with the remedy.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Plan {
    /// Checks a definition and resolves it.
    ///
    /// # Errors
    /// Everything that is wrong with it at once, each with its place.
    pub fn new(saga: &definition::Saga, defaults: &Defaults) -> Result<Self, Vec<Mistake>> {
        let graph = check::check(saga)?;
        let layers = graph.layers();
        let warnings = check::warnings(saga);
        let steps: Vec<Step> = saga
            .steps
            .iter()
            .zip(graph.depends_on.into_iter().zip(layers))
            .map(|(step, (depends_on, layer))| Step::new(step, depends_on, layer, defaults))
            .collect();
        Ok(Self {
            name: saga.name.as_str().into(),
            description: saga.description.clone(),
            input_schema: saga.input_schema.clone(),
            policy: saga.compensation_policy.unwrap_or(defaults.policy),
            deadline: saga.deadline,
            concurrency: saga.concurrency.map_or(CONCURRENCY_DEFAULT, |c| c as usize),
            labels: saga.labels.clone(),
            warnings,
            by_id: steps.iter().enumerate().map(|(i, s)| (s.id.clone(), StepIx(i))).collect(),
            steps,
        })
    }

    /// The steps, in the order of declaration.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A step by its index.
    pub fn step(&self, ix: StepIx) -> &Step {
        &self.steps[ix.0]
    }

    /// A provider that the transaction has no module for.
    pub(crate) fn missing_provider(&self, created: &Created) -> Option<&Name> {
        let mut providers = self.steps.iter().filter_map(|step| step.provider.as_ref());
        providers.find(|name| !created.providers.contains_key(*name))
    }

    /// A step by its id.
    pub fn find(&self, id: &str) -> Option<StepIx> {
        self.by_id.get(id).copied()
    }

    /// Steps that nothing depends on: their outputs are the saga's output.
    pub fn leaves(&self) -> impl Iterator<Item = StepIx> {
        let mut needed = alloc::vec![false; self.steps.len()];
        for dependency in self.steps.iter().flat_map(|s| &s.depends_on) {
            needed[dependency.0] = true;
        }
        (0..self.steps.len()).filter(move |i| !needed[*i]).map(StepIx)
    }
}

impl Step {
    fn new(step: &definition::Step, depends_on: Vec<StepIx>, layer: usize, defaults: &Defaults) -> Self {
        let limits = Limits::new(&step.limits, defaults);
        Self {
            id: step.id.as_str().into(),
            description: step.description.clone(),
            depends_on,
            provider: match &step.action {
                Action::Here => None,
                Action::Provided(module) => Some(module.as_str().into()),
            },
            layer,
            parameters: step.parameters.clone(),
            output_schema: step.output_schema.clone(),
            condition: step.condition.clone(),
            each: step.each.clone(),
            at_most_once: step.at_most_once,
            limits,
            compensation: step.compensation.as_ref().map(|undo| Compensation {
                name: undo.name.clone(),
                parameters: undo.parameters.clone(),
                limits: Limits::new(&undo.limits, defaults),
                retry: undo.limits.retry,
                critical: undo.critical,
            }),
        }
    }

    /// How often this step's compensation is tried. strict-sequential and grouped-parallel try once
    /// unless the compensation declares a retry policy; the others take its own or else the step's.
    pub fn undo_retry(&self, policy: CompensationPolicy) -> RetryPolicy {
        use CompensationPolicy::{GroupedParallel, StrictSequential};
        let declared = self.compensation.as_ref().and_then(|undo| undo.retry);
        match (declared, policy) {
            (Some(own), _) => own,
            (None, StrictSequential | GroupedParallel) => RetryPolicy::ONCE,
            (None, _) => self.limits.retry,
        }
    }
}

impl Limits {
    fn new(asked: &definition::Limits, defaults: &Defaults) -> Self {
        let usual = &defaults.limits;
        Self {
            timeout: asked.timeout.unwrap_or(usual.timeout).min(defaults.timeout_max),
            total_timeout: asked.total_timeout.or(usual.total_timeout),
            fuel: asked.fuel.unwrap_or(usual.fuel).min(defaults.fuel_max),
            memory_bytes: asked.memory_bytes.unwrap_or(usual.memory_bytes).min(defaults.memory_bytes_max),
            retry: asked.retry.unwrap_or(usual.retry),
        }
    }
}

#[cfg(test)]
mod tests;
