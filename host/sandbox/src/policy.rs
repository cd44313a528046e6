//! What an operator allows: for each module, by its name, what it may reach and how much it may use. What is
//! not granted is refused, whatever a module asks for; and what a module does not ask for is refused, whatever
//! is granted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::http::{Addresses, Origin};

/// Of all modules.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// By a module's name. One without an entry is granted nothing, under the host's own limits.
    pub modules: BTreeMap<String, ModulePolicy>,
    /// Granted to every module that asks for it.
    pub every: Grants,
}

/// Of one module.
#[derive(Clone, Debug, Default)]
pub struct ModulePolicy {
    /// Of one call, at most; none leaves it to the host.
    pub timeout_max: Option<Duration>,
    /// Units of fuel of one call, at most; none leaves it to the host.
    pub fuel_max: Option<u64>,
    /// Linear memory of one instance, at most; none leaves it to the host.
    pub memory_bytes_max: Option<u64>,
    /// How many calls one instance serves, at most; none leaves it to the module.
    pub calls_per_instance_max: Option<u32>,
    /// What it may reach.
    pub grants: Grants,
    /// Values that it may read, by key.
    pub config: BTreeMap<String, String>,
    /// Secrets that it may use in requests, by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// What a module may reach.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Origins that requests may go to.
    pub http: Vec<Origin>,
    /// Addresses that are not public, and that the operator allows.
    pub addresses: Vec<Addresses>,
}

/// A text that is put into requests on their way, and never into a guest's memory, a journal or a log.
#[derive(Clone)]
pub struct Secret {
    /// The text itself.
    pub value: Arc<str>,
    /// Where it may go.
    pub origins: Vec<Origin>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl Grants {
    /// Whether all requests to an origin, which may be a pattern, may go out.
    pub fn allow(&self, origin: &Origin) -> bool {
        self.http.iter().any(|granted| granted.covers(origin))
    }

    /// The origins that are granted of those that a pattern has, where it is not granted whole.
    pub fn parts_of<'g>(&'g self, pattern: &'g Origin) -> impl Iterator<Item = &'g Origin> {
        self.http.iter().filter(|granted| pattern.covers(granted))
    }
}

impl Policy {
    /// What holds for one module.
    pub fn of(&self, module: &str) -> ModulePolicy {
        let mut policy = self.modules.get(module).cloned().unwrap_or_default();
        policy.grants.http.extend(self.every.http.iter().cloned());
        policy.grants.addresses.extend(self.every.addresses.iter().cloned());
        policy
    }
}
