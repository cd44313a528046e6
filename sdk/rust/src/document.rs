//! The document that `describe` answers, `wit/0.1/module.schema.json`. What was not said is left out.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::in_order;

type Name = &'static str;

#[derive(Serialize)]
pub(crate) struct Document {
    pub(crate) wasaga: Name,
    pub(crate) module: Module,
    pub(crate) sdk: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instances: Option<Instances>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asks: Option<Asks>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sagas: Vec<Saga>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tccs: Vec<Tcc>,
}

#[derive(Serialize)]
pub(crate) struct Module {
    pub(crate) name: Name,
    pub(crate) version: Name,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: Name,
}

#[derive(Serialize)]
pub(crate) struct Instances {
    pub(crate) calls: u32,
}

#[derive(Serialize)]
pub(crate) struct Asks {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) http: &'static [Name],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) config: &'static [Name],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) secrets: &'static [Name],
}

#[derive(Serialize)]
pub(crate) struct Label {
    pub(crate) at: Name,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Name>,
}

#[derive(Serialize)]
pub(crate) struct Saga {
    pub(crate) name: Name,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub(crate) labels: Vec<(Name, Label)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deadline_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) concurrency: Option<u32>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Serialize)]
pub(crate) struct Step {
    pub(crate) id: Name,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: Name,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) after: &'static [Name],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provided: Option<Name>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub(crate) arguments: Vec<(Name, Argument)>,
    pub(crate) output: Value,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<Argument>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) at_most_once: bool,
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub(crate) limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compensation: Option<Compensation>,
}

#[derive(Serialize)]
pub(crate) struct Compensation {
    pub(crate) name: Name,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub(crate) arguments: Vec<(Name, Argument)>,
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub(crate) limits: Limits,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) critical: bool,
}

#[derive(Serialize)]
pub(crate) struct Tcc {
    pub(crate) name: Name,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub(crate) labels: Vec<(Name, Label)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) participants: Vec<Participant>,
}

#[derive(Serialize)]
pub(crate) struct Participant {
    pub(crate) id: Name,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provided: Option<Name>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) order: u32,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) optional: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub(crate) arguments: Vec<(Name, Argument)>,
    #[serde(rename = "try", skip_serializing_if = "Operation::is_empty")]
    pub(crate) attempt: Operation,
    #[serde(skip_serializing_if = "Operation::is_empty")]
    pub(crate) confirm: Operation,
    #[serde(skip_serializing_if = "Operation::is_empty")]
    pub(crate) cancel: Operation,
}

#[derive(Serialize)]
pub(crate) struct Operation {
    pub(crate) limits: Limits,
}

/// An argument, or the source of a fan-out. One of the sources is there.
#[derive(Default, Serialize)]
pub(crate) struct Argument {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) participant: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variable: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compensation: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) literal: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<Value>,
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry: Option<Retry>,
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Retry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multiplier: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jitter: Option<f64>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        let Self { timeout_ms, total_timeout_ms, fuel, memory_bytes, retry } = self;
        timeout_ms.or(*total_timeout_ms).or(*fuel).or(*memory_bytes).is_none() && retry.is_none()
    }
}

impl Operation {
    fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }
}

// serde hands these what they look at by reference.
fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(order: &u32) -> bool {
    *order == 0
}
