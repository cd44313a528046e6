//! A module that is loaded: its exports, what it says of itself, and what it is allowed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasaga_core::definition::{self, Capability};
use wasaga_core::{Call, Digest};
use wasmtime::{Engine, Store};

use crate::budget::Share;
use crate::guest::Exports;
use crate::http::{InvalidOrigin, Reach, TlsRoots};
use crate::instance::{self, Bounds};
use crate::policy::{Ceilings, ModulePolicy};
use crate::state::{Granted, State};
use crate::warm::Warm;

/// A module that can answer.
pub(crate) struct Loaded {
    pub(crate) digest: Digest,
    pub(crate) description: Arc<definition::Module>,
    pub(crate) engine: Engine,
    pub(crate) exports: Arc<Exports>,
    pub(crate) warm: Arc<Warm>,
    pub(crate) allowed: Allowed,
    /// What its instances had of memory, of late.
    usual_bytes: AtomicU64,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// What a module is made of when it is loaded.
pub(crate) struct Parts {
    pub(crate) digest: Digest,
    pub(crate) description: definition::Module,
    pub(crate) engine: Engine,
    pub(crate) exports: Arc<Exports>,
    pub(crate) warm: Arc<Warm>,
    pub(crate) allowed: Allowed,
    /// The memory that it had while it described itself.
    pub(crate) bytes: u64,
}

impl Loaded {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { digest, description, engine, exports, warm, allowed, bytes } = parts;
        let (description, usual_bytes) = (Arc::new(description), AtomicU64::new(bytes));
        Self { digest, description, engine, exports, warm, allowed, usual_bytes }
    }

    /// A store under limits.
    pub(crate) fn store(&self, bounds: Bounds, share: Share) -> wasmtime::Result<Store<State>> {
        instance::store(&self.engine, bounds, Some(share), self.allowed.granted.clone())
    }

    /// What a call may use: what its step asks for, under the operator's ceilings.
    pub(crate) fn bounds(&self, call: &Call) -> Bounds {
        let Allowed { fuel, memory_bytes, .. } = self.allowed;
        Bounds { fuel: call.fuel.min(fuel), memory_bytes: call.memory_bytes.min(memory_bytes) }
    }

    /// The memory that an instance is likely to need.
    pub(crate) fn usual_bytes(&self) -> u64 {
        self.usual_bytes.load(Ordering::Relaxed)
    }

    /// Learns from one: more at once, less little by little.
    pub(crate) fn learn_bytes(&self, bytes: u64) {
        let usual = self.usual_bytes();
        let next = if bytes >= usual { bytes } else { usual - (usual - bytes) / 8 };
        if next != usual {
            // Of two at the same time one is lost, which the next call makes good.
            self.usual_bytes.store(next, Ordering::Relaxed);
        }
    }
}

/// What the operator allows a module, of what it asks for.
pub(crate) struct Allowed {
    /// Of one call.
    pub(crate) timeout: Duration,
    /// Of one call.
    pub(crate) fuel: u64,
    /// Of one instance.
    pub(crate) memory_bytes: u64,
    /// Origins, addresses, secrets, values.
    pub(crate) granted: Granted,
}

impl Allowed {
    /// # Errors
    /// The module asks to send requests to what is no origin.
    pub(crate) fn of(
        description: &definition::Module,
        policy: ModulePolicy,
        tls: Arc<TlsRoots>,
    ) -> Result<Self, InvalidOrigin> {
        let asked = |key: &String| description.capabilities.contains(&Capability::Config(key.clone()));
        let config = policy.config.iter().filter(|(key, _)| asked(key));
        let config: BTreeMap<_, _> = config.map(|(key, value)| (key.clone(), value.clone())).collect();
        let Ceilings { timeout_max, fuel_max, memory_bytes_max, .. } = policy.ceilings;
        let reach = Reach::new(&description.name, &description.capabilities, policy, tls)?;
        Ok(Self {
            timeout: timeout_max.unwrap_or(Duration::MAX),
            fuel: fuel_max.unwrap_or(u64::MAX),
            memory_bytes: memory_bytes_max.unwrap_or(u64::MAX),
            granted: Granted { reach: Some(Arc::new(reach)), config: Arc::new(config) },
        })
    }
}
