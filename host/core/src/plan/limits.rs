//! What bounds a definition: how many of each, what the host says where a definition says nothing, and what it allows at
//! most; and how it is told what is wrong.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    definition::{self, CompensationPolicy},
    retry::RetryPolicy,
    time::Milliseconds,
};

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
/// Participants of one TCC. Arbitrary: each is a reservation that others wait for, and a transaction
/// with more of them holds too much for too long.
pub const PARTICIPANTS_MAX: usize = 256;
/// Bytes of a JSON Pointer. Arbitrary, far above what a binding is readable with.
pub(super) const POINTER_BYTES_MAX: usize = 1_024;
/// Bytes of one JSON Schema: some ten thousand fields, each with its description.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;
/// The longest time that a definition may name, a hundred years: in microseconds, and added to any moment that a clock
/// tells, it stays within 64 bits.
pub const TIME_MS_MAX: Milliseconds = 100 * 365 * 24 * 60 * 60 * 1_000;
/// Mistakes that are told of one module; the others are counted. A person mends the first ones and looks again.
pub const MISTAKES_MAX: usize = 20;
/// Attempts of one operation. At the default delays this is ten months.
pub const ATTEMPTS_MAX: u32 = 1_000_000;

/// Attempts of a confirm or a cancel before a person is needed: semantics.md, "Retries and time".
const SETTLE_ATTEMPTS: u32 = 70;

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

/// What is wrong with a definition, or with all of a module: the first [`MISTAKES_MAX`], and how many more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    listed: Vec<Mistake>,
    more: usize,
}

impl Mistakes {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// How many there are, with those that are only counted.
    pub fn count(&self) -> usize {
        self.listed.len() + self.more
    }

    /// Those that are told.
    pub fn iter(&self) -> core::slice::Iter<'_, Mistake> {
        self.listed.iter()
    }

    /// Adds one, or counts it.
    pub fn push(&mut self, mistake: Mistake) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.listed.push(mistake);
        }
    }

    /// Adds those of another definition.
    pub fn append(&mut self, others: Self) {
        self.more += others.more;
        for mistake in others.listed {
            self.push(mistake);
        }
    }

    /// Whether further ones are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.listed.len() >= MISTAKES_MAX
    }
}

/// ``2 mistakes``, and a line for each.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        write!(f, "{count} {}", if count == 1 { "mistake" } else { "mistakes" })?;
        for mistake in &self.listed {
            write!(f, "\n  {mistake}")?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more", self.more)?;
        }
        Ok(())
    }
}

impl Limits {
    pub(super) fn new(asked: &definition::Limits, defaults: &Defaults) -> Self {
        let usual = &defaults.limits;
        Self {
            timeout: asked.timeout.unwrap_or(usual.timeout).min(defaults.timeout_max),
            total_timeout: asked.total_timeout.or(usual.total_timeout),
            fuel: asked.fuel.unwrap_or(usual.fuel).min(defaults.fuel_max),
            memory_bytes: asked.memory_bytes.unwrap_or(usual.memory_bytes).min(defaults.memory_bytes_max),
            retry: asked.retry.map_or(usual.retry, |retry| retry.over(usual.retry)),
        }
    }
}
