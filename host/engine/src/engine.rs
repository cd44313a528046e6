//! The handle on a running engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use wasaga_core::{Checked, Digest, Name, Report, TransactionId};
use wasaga_journal::Journal;

use crate::ask::{Ask, Stopped};
use crate::definitions::Definitions;
use crate::drain::Level;
use crate::modules::Module;
use crate::shared::Shared;
use crate::start::{self, StartRequest, Started};
use crate::{Error, Stats, recovery, takeover};

/// How often a transaction that is not driven here is looked at by who waits for it: from this, doubled, to that.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What became of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Transactions whose calls were cut off; another host finds them started and not answered.
    pub cut: usize,
}

/// A handle on a running engine. Clones are cheap and share it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

impl Engine {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Loads a module, checks all its definitions, and keeps its bytes in the journal, so that any
    /// host can go on with its transactions. It is the module that its name stands for from then on. Idempotent.
    ///
    /// # Errors
    /// [`Error::Load`] and [`Error::Mistakes`]; the latter has all of them.
    pub async fn add_module(&self, bytes: Arc<[u8]>) -> Result<Module, Error> {
        let guest = self.shared.guests.load(bytes.clone()).await?;
        let definitions = Arc::new(Definitions::check(guest, &self.shared.defaults).await?);
        // Stored first, and startable then: a transaction never names bytes that are not kept.
        self.shared.journal.modules().put(&self.shared.host(), definitions.digest(), bytes).await?;
        Ok(self.shared.modules.add(definitions))
    }

    /// The names of a module's definitions.
    ///
    /// # Errors
    /// [`Error::UnknownModule`].
    pub fn definitions(&self, module: Digest) -> Result<Vec<Name>, Error> {
        Ok(self.known(module)?.names())
    }

    /// A definition, checked.
    ///
    /// # Errors
    /// [`Error::UnknownModule`] and [`Error::UnknownDefinition`].
    pub fn plan(&self, module: Digest, definition: &str) -> Result<Checked, Error> {
        Ok(self.known(module)?.find(definition)?.plan.clone())
    }

    /// The modules that provide steps or participants of a definition, by name: the active ones.
    ///
    /// # Errors
    /// [`Error::ProvidersMissing`] where one was not added; [`Error::Mistakes`] where one does not offer
    /// what is asked of it; and what [`Engine::plan`] refuses.
    pub fn providers(&self, module: Digest, definition: &str) -> Result<BTreeMap<Name, Digest>, Error> {
        let known = self.known(module)?;
        self.shared.modules.providers(&known.find(definition)?.plan, known.name())
    }

    fn known(&self, module: Digest) -> Result<Arc<Definitions>, Error> {
        self.shared.modules.find(module).ok_or(Error::UnknownModule(module))
    }

    /// Starts a transaction. The answer comes when it is durable; then it happens, whatever becomes
    /// of this process. Waits while too many are in flight.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::KeyConflict`], [`Error::Draining`], and what [`Engine::plan`] refuses.
    pub async fn start(&self, request: StartRequest) -> Result<Started, Error> {
        start::start(&self.shared, request).await
    }

    /// Waits until a transaction has ended, is stuck or paused, and tells how it stands. Also for
    /// those of the past, and those that other hosts drive. Dropping the future changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownTransaction`], [`Error::Lost`]; [`Error::Draining`] where this host leaves first;
    /// [`Error::Held`] where it waits for something that is missing and this host takes nothing up by itself;
    /// [`Error::Journal`] where the journal failed for too long.
    pub async fn wait(&self, id: TransactionId) -> Result<Report, Error> {
        let mut look = FIRST_LOOK;
        loop {
            // A driver may give its slot up without a word: then it never got the transaction.
            if let Some(mut handle) = self.shared.slots.handle(id)
                && let Ok(stopped) = handle.stopped.wait_for(Option::is_some).await.map(|stopped| stopped.clone())
            {
                match stopped {
                    Some(Stopped::AtRest(transaction)) => return Ok(transaction.report()),
                    Some(Stopped::Draining) => return Err(Error::Draining),
                    Some(Stopped::Failed(error)) => return Err(Error::Shared(error)),
                    Some(Stopped::Asleep) | None => look = FIRST_LOOK,
                }
            }
            let stored = self.shared.journal.read(id, wasaga_core::Seq(0), 0).await?;
            let row = stored.ok_or(Error::UnknownTransaction(id))?.row;
            let waits = row.paused || row.status == wasaga_core::Status::Stuck;
            if row.status.is_ended() || (waits && row.owner.is_none()) {
                return takeover::look(&self.shared, id).await;
            }
            if let Some(cause) = row.held.filter(|_| row.owner.is_none() && !self.shared.sleepers_rest) {
                return Err(Error::Held { id, cause });
            }
            tokio::time::sleep(look).await;
            look = (look * 2).min(LAST_LOOK);
        }
    }

    /// How a transaction stands now. Where its module cannot be had, the records alone tell it, and [`Report::held`] says
    /// why.
    ///
    /// # Errors
    /// [`Error::UnknownTransaction`]; [`Error::Journal`].
    pub async fn result(&self, id: TransactionId) -> Result<Report, Error> {
        if let Some(handle) = self.shared.slots.handle(id) {
            let (reply, report) = oneshot::channel();
            if handle.asks.send(Ask::Report(reply)).await.is_ok()
                && let Ok(report) = report.await
            {
                return Ok(report);
            }
        }
        takeover::look(&self.shared, id).await
    }

    /// Takes a transaction that nobody alive drives, and drives it. Nothing happens where it is driven
    /// here already, or has ended.
    ///
    /// # Errors
    /// [`Error::Owned`], [`Error::UnknownTransaction`], [`Error::ModuleMissing`].
    pub async fn take(&self, id: TransactionId) -> Result<(), Error> {
        recovery::take_one(&self.shared, id).await
    }

    /// Takes everything unfinished that nobody alive drives, what sleeps included, and drives it; answers how many. Waits
    /// for places where there are more than may be in flight. What cannot be driven is held, and passed over.
    ///
    /// # Errors
    /// The journal failed.
    pub async fn take_all(&self) -> Result<usize, Error> {
        recovery::take_all(&self.shared, wasaga_core::Timestamp::from_unix_us(i64::MAX as u64)).await
    }

    /// Waits until nothing is driven here.
    pub async fn idle(&self) {
        self.shared.slots.empty().await;
    }

    /// Leaves: nothing new begins, calls in flight end or are cut off after `patience`, ownership is
    /// given up. Call it before the process ends, so that others need not find out.
    pub async fn drain(&self, patience: Duration) -> Drained {
        let shared = &self.shared;
        shared.drain.go_on(Level::Calls);
        shared.starting.close();
        shared.taking.close();
        let cut = if tokio::time::timeout(patience, self.idle()).await.is_ok() {
            0
        } else {
            let cut = shared.slots.len();
            shared.drain.go_on(Level::Cut);
            self.idle().await;
            cut
        };
        if let Err(error) = shared.journal.leave(&shared.host()).await {
            tracing::warn!(%error, "the journal was not left in order; others will find out");
        }
        Drained { cut }
    }

    /// Counts since it began.
    pub fn stats(&self) -> Stats {
        self.shared.counters.stats(self.shared.slots.len() as u64)
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.shared.journal
    }
}
