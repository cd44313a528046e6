//! The members of the document, as they are written. What each means stands in `module.schema.json`.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::{
    definition::{CompensationPolicy, LabelKind},
    json::Json,
};

#[derive(Deserialize)]
pub(super) struct Document {
    /// Read before, as `needs` was.
    #[serde(rename = "wasaga")]
    _version: String,
    #[serde(default, rename = "needs")]
    _needs: Vec<String>,
    pub(super) module: About,
    #[serde(default)]
    pub(super) sdk: String,
    #[serde(default)]
    pub(super) instances: Instances,
    #[serde(default)]
    pub(super) asks: Asks,
    #[serde(default)]
    pub(super) sagas: Vec<Saga>,
    #[serde(default)]
    pub(super) tccs: Vec<Tcc>,
}

#[derive(Deserialize)]
pub(super) struct About {
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Instances {
    pub(super) calls: Option<u32>,
}

#[derive(Default, Deserialize)]
pub(super) struct Asks {
    #[serde(default)]
    pub(super) http: Vec<String>,
    #[serde(default)]
    pub(super) config: Vec<String>,
    #[serde(default)]
    pub(super) secrets: Vec<String>,
}

/// A member that has a meaning for later hosts alone.
pub(super) type Reserved = Option<IgnoredAny>;

#[derive(Deserialize)]
pub(super) struct Saga {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) input: Option<Json>,
    pub(super) output: Reserved,
    #[serde(default)]
    pub(super) labels: Named<Label>,
    pub(super) policy: Option<CompensationPolicy>,
    pub(super) deadline_ms: Option<u64>,
    pub(super) concurrency: Option<u32>,
    pub(super) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) at: String,
    #[serde(default, rename = "type")]
    pub(super) kind: LabelKind,
}

#[derive(Deserialize)]
pub(super) struct Step {
    pub(super) id: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) after: Vec<String>,
    pub(super) provided: Option<String>,
    pub(super) child: Reserved,
    pub(super) timer: Reserved,
    pub(super) signal: Reserved,
    #[serde(default)]
    pub(super) arguments: Named<Argument>,
    pub(super) output: Option<Json>,
    pub(super) errors: Reserved,
    #[serde(rename = "if")]
    pub(super) condition: Option<String>,
    pub(super) each: Option<Argument>,
    #[serde(default)]
    pub(super) at_most_once: bool,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) compensation: Option<Compensation>,
    pub(super) events: Reserved,
}

#[derive(Deserialize)]
pub(super) struct Compensation {
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: Named<Argument>,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) critical: bool,
}

#[derive(Deserialize)]
pub(super) struct Tcc {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) input: Option<Json>,
    pub(super) output: Reserved,
    #[serde(default)]
    pub(super) labels: Named<Label>,
    pub(super) deadline_ms: Option<u64>,
    pub(super) participants: Vec<Participant>,
}

#[derive(Deserialize)]
pub(super) struct Participant {
    pub(super) id: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) provided: Option<String>,
    #[serde(default)]
    pub(super) order: u32,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) arguments: Named<Argument>,
    pub(super) errors: Reserved,
    #[serde(default, rename = "try")]
    pub(super) attempt: Operation,
    #[serde(default)]
    pub(super) confirm: Operation,
    #[serde(default)]
    pub(super) cancel: Operation,
    pub(super) events: Reserved,
}

#[derive(Default, Deserialize)]
pub(super) struct Operation {
    #[serde(default)]
    pub(super) limits: Limits,
}

/// An argument, and the source of a fan-out, which is one without a name.
#[derive(Default, Deserialize)]
pub(super) struct Argument {
    pub(super) input: Option<String>,
    pub(super) step: Option<String>,
    pub(super) participant: Option<String>,
    pub(super) at: Option<String>,
    pub(super) variable: Option<String>,
    pub(super) header: Option<String>,
    pub(super) item: Option<String>,
    pub(super) own: Option<String>,
    pub(super) compensation: Option<String>,
    pub(super) cause: Option<String>,
    #[serde(default, deserialize_with = "with_null")]
    pub(super) literal: Option<Json>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) schema: Option<Json>,
}

/// A literal may be null, which is a value.
fn with_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(from).map(Some)
}

#[derive(Default, Deserialize)]
pub(super) struct Limits {
    pub(super) timeout_ms: Option<u64>,
    pub(super) total_timeout_ms: Option<u64>,
    pub(super) fuel: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) retry: Option<Retry>,
}

#[derive(Default, Deserialize)]
pub(super) struct Retry {
    pub(super) attempts: Option<u32>,
    pub(super) delay_ms: Option<u64>,
    pub(super) max_delay_ms: Option<u64>,
    pub(super) multiplier: Option<f64>,
    pub(super) jitter: Option<f64>,
}

/// Members by name in the order in which they are written, each once.
pub(super) struct Named<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Named<T>, A::Error> {
        let mut all = Vec::new();
        let mut seen = BTreeMap::new();
        while let Some((name, value)) = members.next_entry::<String, T>()? {
            if seen.insert(name.clone(), ()).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
            all.push((name, value));
        }
        Ok(Named(all))
    }
}
