//! How an engine is made.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasaga_core::{Defaults, Name, RECORD_VERSION, TransactionId};
use wasaga_journal::{HostId, Journal};

use crate::clock::{Machine, World};
use crate::engine::Engine;
use crate::error::Error;
use crate::port::Guests;
use crate::recovery::{self, Recover};
use crate::shared::{Parts, Shared};
use crate::watch::Watch;
use crate::{heart, retention};

/// Makes an engine.
#[derive(Debug)]
pub struct Builder {
    journal: Arc<dyn Journal>,
    guests: Arc<dyn Guests>,
    world: Arc<dyn World>,
    host: String,
    namespace: Name,
    defaults: Defaults,
    in_flight_max: usize,
    recover: Recover,
    watch: Option<Arc<dyn Watch>>,
    journal_patience: Duration,
    retention: Option<Duration>,
}

impl Builder {
    /// An engine on this journal, with these guests.
    pub fn new(journal: Arc<dyn Journal>, guests: Arc<dyn Guests>) -> Self {
        Self {
            journal,
            guests,
            world: Arc::new(Machine),
            host: "host".into(),
            namespace: "wasaga".into(),
            defaults: Defaults::default(),
            in_flight_max: 1_024,
            recover: Recover::default(),
            watch: None,
            journal_patience: Duration::from_secs(10),
            retention: Some(Duration::from_hours(7 * 24)),
        }
    }

    /// What the host is called in lists; a part that nobody else has is added to it.
    #[must_use]
    pub fn host(self, name: &str) -> Self {
        Self { host: name.into(), ..self }
    }

    /// A part of every idempotency key, so that two installations that call the same partner do not
    /// meet; default `wasaga`. Transactions keep the one they were started with.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// Limits where a definition says nothing, and ceilings.
    #[must_use]
    pub fn defaults(self, defaults: Defaults) -> Self {
        Self { defaults, ..self }
    }

    /// Transactions that are driven at once, default 1,024. A start beyond it waits.
    #[must_use]
    pub fn in_flight_max(self, in_flight_max: usize) -> Self {
        Self { in_flight_max: in_flight_max.clamp(1, Semaphore::MAX_PERMITS), ..self }
    }

    /// What it takes up by itself.
    #[must_use]
    pub fn recover(self, recover: Recover) -> Self {
        Self { recover, ..self }
    }

    /// Who is told of every durable record.
    #[must_use]
    pub fn watch(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Another clock and other randomness, for tests.
    #[must_use]
    pub fn world(self, world: Arc<dyn World>) -> Self {
        Self { world, ..self }
    }

    /// How long a transaction waits for a journal that fails before its driver gives up, default 10 s.
    /// Nothing of it is lost: it is in the journal, and this host tries to take it up again every second, whatever it
    /// recovers otherwise. Who waits for it is told the error.
    #[must_use]
    pub fn journal_patience(self, patience: Duration) -> Self {
        Self { journal_patience: patience, ..self }
    }

    /// How long ended transactions are kept, default 7 days; none keeps them for ever. Unfinished ones are
    /// never removed.
    #[must_use]
    pub fn retention(self, retention: Option<Duration>) -> Self {
        Self { retention, ..self }
    }

    /// Joins the journal and begins.
    ///
    /// # Errors
    /// The journal cannot be joined.
    pub async fn start(self) -> Result<Engine, Error> {
        // The id is made as transactions' are, so no other host has had it.
        let unique = TransactionId::from_parts(self.world.now().unix_ms(), self.world.random());
        let host = HostId(format!("{}-{unique}", self.host).into());
        let joined = tokio::time::Instant::now();
        self.journal.join(&host, RECORD_VERSION).await?;
        let shared = Arc::new(Shared::new(Parts {
            journal: self.journal,
            guests: self.guests,
            world: self.world,
            host,
            namespace: self.namespace,
            defaults: self.defaults,
            watch: self.watch,
            patience: self.journal_patience,
            in_flight_max: self.in_flight_max,
            sleepers_rest: self.recover == Recover::All,
        }));
        recovery::start(&shared, self.recover);
        heart::start(&shared, &self.host, joined);
        if let Some(retention) = self.retention {
            retention::start(&shared, retention);
        }
        Ok(Engine::new(shared))
    }
}
