//! What the macros write down of a saga or a TCC: constants and functions, nothing that runs at start.

use serde_json::Value;

use crate::answer::Answer;
use crate::forward::Forward;

/// Calls a function with its arguments, a JSON object.
type Run = fn(&str) -> Answer;
/// Calls one that is told what is known of what was done before.
type Settle = fn(&str, &Forward) -> Answer;

/// A saga.
#[derive(Debug)]
pub struct Saga {
    /// Name, version and description of the crate.
    pub module: (&'static str, &'static str, &'static str),
    /// The saga's name.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Values of the input that it is found by.
    pub labels: &'static [Label],
    /// How it unwinds.
    pub policy: Option<&'static str>,
    /// Of the whole.
    pub deadline_ms: Option<u64>,
    /// Calls in flight at once.
    pub concurrency: Option<u32>,
    /// In the order of the source.
    pub steps: &'static [Step],
}

/// A step.
#[derive(Debug)]
pub struct Step {
    /// Unique in the saga.
    pub id: &'static str,
    /// For people.
    pub description: &'static str,
    /// Steps that end first.
    pub depends_on: &'static [&'static str],
    /// The module that does it, where it is another one.
    pub provider: Option<&'static str>,
    /// What it is called with.
    pub parameters: &'static [Parameter],
    /// The schema of its output.
    pub output: fn() -> Value,
    /// CEL.
    pub condition: Option<&'static str>,
    /// What it fans out over.
    pub each: Option<Source>,
    /// Not repeated after an unknown outcome.
    pub at_most_once: bool,
    /// Time, fuel, memory, retries.
    pub limits: Limits,
    /// Calls the function.
    pub run: Run,
    /// How it is undone.
    pub undo: Option<Undo>,
}

/// A compensation.
#[derive(Debug)]
pub struct Undo {
    /// The function's name.
    pub name: &'static str,
    /// What it is called with.
    pub parameters: &'static [Parameter],
    /// Time, fuel, memory, retries.
    pub limits: Limits,
    /// Opens the circuit when it fails.
    pub critical: bool,
    /// Calls the function.
    pub run: Settle,
}

/// A TCC.
#[derive(Debug)]
pub struct Tcc {
    /// Name, version and description of the crate.
    pub module: (&'static str, &'static str, &'static str),
    /// The TCC's name.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Values of the input that it is found by.
    pub labels: &'static [Label],
    /// Of the tries.
    pub deadline_ms: Option<u64>,
    /// In the order of the source.
    pub participants: &'static [Participant],
}

/// A participant.
#[derive(Debug)]
pub struct Participant {
    /// Unique in the TCC.
    pub id: &'static str,
    /// For people.
    pub description: &'static str,
    /// The module that has its operations, where it is another one.
    pub provider: Option<&'static str>,
    /// Tried and confirmed in rising order.
    pub order: u32,
    /// Whether the transaction goes on without it.
    pub optional: bool,
    /// What all three are called with.
    pub parameters: &'static [Parameter],
    /// Of its try.
    pub try_limits: Limits,
    /// Of its confirm.
    pub confirm_limits: Limits,
    /// Of its cancel.
    pub cancel_limits: Limits,
    /// Calls the function that reserves.
    pub attempt: Run,
    /// Calls the function that makes it final.
    pub confirm: Settle,
    /// Calls the function that frees it.
    pub cancel: Settle,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in the arguments object.
    pub name: &'static str,
    /// Where its value comes from.
    pub source: Source,
    /// Whether there must be one.
    pub required: bool,
    /// The schema of its type.
    pub schema: fn() -> Value,
}

/// Where a value comes from; the texts in options are JSON Pointers.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The input, or a part.
    Input(Option<&'static str>),
    /// A step's output, or a part.
    Step(&'static str, Option<&'static str>),
    /// A variable.
    Variable(&'static str),
    /// A header.
    Header(&'static str),
    /// The element of a fan-out, or a part.
    Item(Option<&'static str>),
    /// The output that is undone, or a part.
    OwnOutput(Option<&'static str>),
    /// What the compensation of a step answered.
    CompensationOf(&'static str),
    /// Why the saga unwinds.
    Cause,
    /// A JSON text.
    Literal(&'static str),
}

/// Time, fuel, memory, retries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of one attempt.
    pub timeout_ms: Option<u64>,
    /// Of all attempts.
    pub total_timeout_ms: Option<u64>,
    /// Of one attempt.
    pub fuel: Option<u64>,
    /// Of one instance.
    pub memory_bytes: Option<u64>,
    /// Attempts and delays.
    pub retry: Option<Retry>,
}

/// Attempts and delays; what is not said is the host's.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// In all.
    pub attempts: Option<u32>,
    /// Before the second.
    pub delay_ms: Option<u64>,
    /// At most.
    pub max_delay_ms: Option<u64>,
    /// Of each to the one before.
    pub multiplier: Option<f64>,
    /// From 0 to 1.
    pub jitter: Option<f64>,
}

/// A value of the input by which transactions are found.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// A JSON Pointer.
    pub at: &'static str,
    /// `integer` or `flag`; a text where it is not said.
    pub kind: Option<&'static str>,
}

/// What `module!` says.
#[derive(Debug)]
pub struct Module {
    /// The module's name.
    pub name: Option<&'static str>,
    /// How many calls one instance may serve.
    pub calls: Option<u32>,
    /// Origins that it calls.
    pub http: &'static [&'static str],
    /// Keys that it reads.
    pub config: &'static [&'static str],
    /// Secrets that it uses.
    pub secrets: &'static [&'static str],
}
