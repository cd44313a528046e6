//! What an operation is told of its call.

use serde::de::DeserializeOwned;

use crate::error::{Error, Failure};

/// One call of one operation. A parameter of this type gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(crate) transaction_id: String,
    pub(crate) definition: String,
    pub(crate) node: String,
    pub(crate) item: Option<u32>,
    pub(crate) attempt: u32,
    pub(crate) idempotency_key: String,
    pub(crate) deadline: u64,
    pub(crate) headers: Vec<(String, String)>,
}

impl Call {
    /// A call for tests: the first attempt of step `step` of saga `sample`, with the key `sample-key`.
    pub fn sample() -> Self {
        Self {
            transaction_id: "00000000000000000000000000".into(),
            definition: "sample".into(),
            node: "step".into(),
            item: None,
            attempt: 1,
            idempotency_key: "sample-key".into(),
            deadline: u64::MAX,
            headers: Vec::new(),
        }
    }

    /// The same call as another attempt, for tests.
    #[must_use]
    pub fn with_attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// The same call with one more header, for tests.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The transaction: one run of one saga.
    pub fn transaction_id(&self) -> &str {
        &self.transaction_id
    }

    /// The saga's name.
    pub fn definition(&self) -> &str {
        &self.definition
    }

    /// The step's id.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The position in a fan-out, from 0.
    pub fn item(&self) -> Option<u32> {
        self.item
    }

    /// The attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same over all attempts, restarts and hosts: pass it to whatever you call, so that what
    /// is called twice takes effect once.
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }

    /// When the host stops this call, in milliseconds since the Unix epoch.
    pub fn deadline_unix_ms(&self) -> u64 {
        self.deadline
    }

    /// A header given at the start, or set by an earlier step.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// What is known of the step that a compensation undoes. A parameter of this type gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forward {
    /// It succeeded with this output, a JSON text.
    Completed(String),
    /// It was started and its outcome is not known: it may have happened.
    Unknown,
    /// It refused.
    Rejected(Failure),
}

impl Forward {
    /// Whether it may have happened without a known output.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// The output, where there is one.
    ///
    /// # Errors
    /// The output is not of this type.
    pub fn output<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Self::Completed(json) = self else { return Ok(None) };
        serde_json::from_str(json).map(Some).map_err(|error| Error::rejected("bad-output", error))
    }
}
