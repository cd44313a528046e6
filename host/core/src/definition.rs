//! What a module says of itself, as plain data in the words of the guest contract. Nothing here is
//! checked; [`Plan`](crate::Plan) is the checked form.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{json::Json, retry::RetryPolicy, time::Milliseconds};

/// A module: its name, its definitions, and what it asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// The module's name.
    pub name: String,
    /// Semantic version of the business logic.
    pub version: String,
    /// For people.
    pub description: String,
    /// Its sagas and TCCs.
    pub definitions: Vec<Definition>,
    /// What it asks to reach.
    pub capabilities: Vec<Capability>,
    /// How many calls one instance may serve; 1 means a fresh one for every call.
    pub calls_per_instance: u32,
    /// What made the description, for people.
    #[serde(default)]
    pub sdk: String,
    /// What the host passed over in the description, as sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Something a module asks to reach; the operator grants it or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// An origin to send HTTP requests to.
    OutgoingHttp(String),
    /// A configuration key to read.
    Config(String),
    /// A secret to use in requests, by name.
    Secret(String),
}

/// A saga or a TCC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Definition {
    /// A saga.
    Saga(Saga),
    /// A TCC.
    Tcc(Tcc),
}

impl Definition {
    /// The definition's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Saga(saga) => &saga.name,
            Self::Tcc(tcc) => &tcc.name,
        }
    }
}

impl From<Saga> for Definition {
    fn from(saga: Saga) -> Self {
        Self::Saga(saga)
    }
}

impl From<Tcc> for Definition {
    fn from(tcc: Tcc) -> Self {
        Self::Tcc(tcc)
    }
}

/// A saga: steps and how they are undone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Saga {
    /// The saga's name.
    pub name: String,
    /// For people.
    pub description: String,
    /// JSON Schema (2020-12) of the start input.
    pub input_schema: Option<Json>,
    /// Its steps; the order breaks ties when several may start.
    pub steps: Vec<Step>,
    /// How it unwinds; none leaves it to the host.
    pub compensation_policy: Option<CompensationPolicy>,
    /// For the whole saga; when it passes, compensation starts.
    pub deadline: Option<Milliseconds>,
    /// Calls in flight at once; none means no limit.
    pub concurrency: Option<u32>,
    /// Values of the input by which its transactions are found.
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// The order in which steps are undone, and what follows when undoing fails for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompensationPolicy {
    /// One at a time, in reverse order of completion; a failure is stuck, at that step.
    #[default]
    StrictSequential,
    /// Reverse layers of the graph, a layer at once; a failure lets the layer end, then is stuck.
    GroupedParallel,
    /// As strict-sequential, with the compensation's own retry policy or else the step's.
    RetryWithBackoff,
    /// As retry-with-backoff; a failure goes on unless it is critical, then the rest is left, stuck.
    CircuitBreaker,
    /// All at once; a failure goes on, stuck at the end.
    BestEffortParallel,
}

impl CompensationPolicy {
    /// Every policy, in the order of semantics.md.
    pub const ALL: [Self; 5] = [
        Self::StrictSequential,
        Self::GroupedParallel,
        Self::RetryWithBackoff,
        Self::CircuitBreaker,
        Self::BestEffortParallel,
    ];

    /// The policy's name, as it is typed and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StrictSequential => "strict-sequential",
            Self::GroupedParallel => "grouped-parallel",
            Self::RetryWithBackoff => "retry-with-backoff",
            Self::CircuitBreaker => "circuit-breaker",
            Self::BestEffortParallel => "best-effort-parallel",
        }
    }
}

/// A typed value of the start input by which a transaction is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Where in the start input it stands, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What it must be.
    pub kind: LabelKind,
}

/// The type of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// A text.
    #[default]
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// True or false.
    Flag,
}

/// A node of a saga.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the saga.
    pub id: String,
    /// For people.
    pub description: String,
    /// Steps that end first. A parameter taken from a step's output makes it one of these.
    pub depends_on: Vec<String>,
    /// Which module does it.
    pub action: Action,
    /// What it is called with.
    pub parameters: Vec<Parameter>,
    /// JSON Schema of the output.
    pub output_schema: Option<Json>,
    /// A CEL expression; false skips the step.
    pub condition: Option<String>,
    /// Runs the step once for each element of this array.
    pub each: Option<Source>,
    /// An attempt whose outcome is unknown is not repeated.
    pub at_most_once: bool,
    /// Time, fuel, memory and retries.
    pub limits: Limits,
    /// How it is undone.
    pub compensation: Option<Compensation>,
}

/// Which module does a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The module that describes the saga.
    #[default]
    Here,
    /// Another module, by its name.
    Provided(String),
}

/// How a step is undone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// What people call it.
    pub name: String,
    /// What it is called with.
    pub parameters: Vec<Parameter>,
    /// Time, fuel, memory and retries.
    pub limits: Limits,
    /// When it fails under `circuit-breaker`, the circuit opens.
    pub critical: bool,
}

/// One named argument; together they are one JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name in the object.
    pub name: String,
    /// Where the value comes from.
    pub source: Source,
    /// Whether its absence is a mistake; otherwise it is null.
    pub required: bool,
    /// JSON Schema of the value.
    pub schema: Option<Json>,
}

/// Where a value comes from. Pointers are JSON Pointers (RFC 6901).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The start input, or a part of it.
    Input(Option<String>),
    /// The output of an earlier step, or a part of it.
    StepOutput {
        /// The step.
        step: String,
        /// The part; none is the whole.
        pointer: Option<String>,
    },
    /// A variable.
    Variable(String),
    /// A header.
    Header(String),
    /// The element of a fan-out, or a part of it.
    Item(Option<String>),
    /// In a compensation: the output of the step that is undone, or a part of it.
    OwnOutput(Option<String>),
    /// In a compensation: what the compensation of this step answered.
    CompensationOutput(String),
    /// In a compensation: why the saga unwinds.
    Cause,
    /// A fixed value.
    Literal(Json),
}

/// Time, fuel, memory and retries of an operation; what is none takes the host's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Of one attempt.
    pub timeout: Option<Milliseconds>,
    /// Of all attempts and the delays between them; none means no limit.
    pub total_timeout: Option<Milliseconds>,
    /// Units of wasmtime's fuel for one attempt.
    pub fuel: Option<u64>,
    /// Linear memory of one instance.
    pub memory_bytes: Option<u64>,
    /// Attempts and delays.
    pub retry: Option<Retry>,
}

/// What an operation says of its attempts; what is none is taken from the policy that the host has for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, so 1 never retries.
    pub max_attempts: Option<u32>,
    /// Delay after the first attempt.
    pub initial_delay: Option<Milliseconds>,
    /// No delay is longer.
    pub max_delay: Option<Milliseconds>,
    /// Each delay is this times the one before; at least 1.
    pub multiplier: Option<f64>,
    /// 0 for none, 1 for the full delay at random.
    pub jitter: Option<f64>,
}

impl Retry {
    /// This policy, where it says something, over the host's. A host's longest delay does not cut a first delay that
    /// the operation itself asks for.
    pub fn over(&self, usual: RetryPolicy) -> RetryPolicy {
        let initial_delay = self.initial_delay.unwrap_or(usual.initial_delay);
        let longest = self.initial_delay.map_or(usual.max_delay, |first| usual.max_delay.max(first));
        let max_delay = self.max_delay.unwrap_or(longest);
        RetryPolicy {
            max_attempts: self.max_attempts.unwrap_or(usual.max_attempts),
            // The host's first delay gives way to the longest one that the operation asks for.
            initial_delay: if self.initial_delay.is_none() { initial_delay.min(max_delay) } else { initial_delay },
            max_delay,
            multiplier: self.multiplier.unwrap_or(usual.multiplier),
            jitter: self.jitter.unwrap_or(usual.jitter),
        }
    }
}

impl From<RetryPolicy> for Retry {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            max_attempts: Some(policy.max_attempts),
            initial_delay: Some(policy.initial_delay),
            max_delay: Some(policy.max_delay),
            multiplier: Some(policy.multiplier),
            jitter: Some(policy.jitter),
        }
    }
}

/// Participants that are tried, then confirmed or cancelled together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tcc {
    /// The TCC's name.
    pub name: String,
    /// For people.
    pub description: String,
    /// JSON Schema (2020-12) of the start input.
    pub input_schema: Option<Json>,
    /// Its members.
    pub participants: Vec<Participant>,
    /// For the try phase; when it passes, cancellation starts.
    pub deadline: Option<Milliseconds>,
    /// Values of the input by which its transactions are found.
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// A member of a TCC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Unique in the TCC.
    pub id: String,
    /// For people.
    pub description: String,
    /// The module that exports it; none means the one that describes the TCC.
    pub provider: Option<String>,
    /// Tried and confirmed in rising order, cancelled in falling; equal ones together.
    pub order: u32,
    /// The transaction goes on without it when its try fails for good.
    pub optional: bool,
    /// What its three operations are called with.
    pub parameters: Vec<Parameter>,
    /// Time, fuel, memory and retries of its try.
    pub try_limits: Limits,
    /// Those of its confirm.
    pub confirm_limits: Limits,
    /// Those of its cancel.
    pub cancel_limits: Limits,
}
