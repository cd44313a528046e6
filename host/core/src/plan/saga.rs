//! A saga, validated: a [`Plan`] that exists is right. Everything that the machine looks up while it decides is resolved
//! here once: dependencies by index, layers, limits under the host's ceilings.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    check,
    index::StepIx,
    limits::{CONCURRENCY_DEFAULT, Defaults, Limits, Mistakes},
};
use crate::{
    definition::{self, Action, CompensationPolicy, Label, Parameter, Source},
    id::Name,
    json::Json,
    record::Created,
    retry::RetryPolicy,
    time::Milliseconds,
};

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
    /// For each step those that wait for it.
    pub(crate) dependents: Vec<Vec<StepIx>>,
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

impl Plan {
    /// Checks a definition and resolves it.
    ///
    /// # Errors
    /// Everything that is wrong with it at once, each with its place.
    pub fn new(saga: &definition::Saga, defaults: &Defaults) -> Result<Self, Mistakes> {
        let graph = check::check(saga)?;
        let warnings = check::warnings(saga);
        let steps: Vec<Step> = saga
            .steps
            .iter()
            .zip(graph.depends_on.into_iter().zip(graph.layers))
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
            dependents: dependents(&steps),
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
        self.dependents.iter().enumerate().filter(|(_, dependents)| dependents.is_empty()).map(|(i, _)| StepIx(i))
    }
}

fn dependents(steps: &[Step]) -> Vec<Vec<StepIx>> {
    let mut dependents = alloc::vec![Vec::new(); steps.len()];
    for (i, step) in steps.iter().enumerate() {
        for dependency in &step.depends_on {
            dependents[dependency.0].push(StepIx(i));
        }
    }
    dependents
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
                retry: undo.limits.retry.map(|retry| retry.over(defaults.limits.retry)),
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
            // Tried once; the delays are those of attempts that are lost with their host.
            (None, StrictSequential | GroupedParallel) => RetryPolicy { max_attempts: 1, ..RetryPolicy::default() },
            (None, _) => self.limits.retry,
        }
    }
}
