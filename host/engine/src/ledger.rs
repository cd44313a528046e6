//! Appends that survive a failing journal. After an error nobody knows whether the records are
//! there, so the journal is asked before anything is done again.

use std::time::Duration;

use tokio::time::Instant;
use wasaga_core::{Commit, Decision, Epoch, Seq, TransactionId};
use wasaga_journal::{Append, AppendError, ClaimError, Row};

use crate::Error;
use crate::error::chain;
use crate::load::Loaded;
use crate::shared::Shared;
use crate::watch::count;

/// Delays between attempts: from this, doubled, to that.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// What became of an append.
pub(crate) enum Written {
    /// The records are there, and with them the transaction was let go, or not.
    Durable { seq: Seq, released: bool },
    /// They are not; this is the machine as the journal has it.
    Not(Box<Loaded>),
}

/// A journal that has been failing since then.
#[derive(Debug)]
pub(crate) struct Trouble {
    since: Instant,
    delay: Duration,
}

impl Trouble {
    /// It begins now.
    pub(crate) fn begin() -> Self {
        Self { since: Instant::now(), delay: FIRST_DELAY }
    }
}

/// What writes on behalf of one transaction.
pub(crate) struct Ledger<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) id: TransactionId,
    pub(crate) epoch: &'a mut Epoch,
    pub(crate) trouble: &'a mut Option<Trouble>,
}

impl Ledger<'_> {
    /// Appends a decision's records. After a failure it waits and looks what is there. What is not there
    /// may still be on its way, so a new epoch shuts it out before anything else is decided.
    ///
    /// # Errors
    /// Another host has the transaction; or the journal failed for longer than the engine's patience.
    pub(crate) async fn append(&mut self, decision: &mut Decision, release: bool) -> Result<Written, Error> {
        let after = decision.after();
        if decision.commit().is_empty() && !release {
            return Ok(Written::Durable { seq: after, released: false });
        }
        let commit = decision.take_commit();
        let expected = commit.before;
        // An answer alone may be written twice: it is the same.
        let again = commit.records.is_empty().then(|| commit.clone());
        let Some(failed) = self.try_append(commit, release).await? else {
            return Ok(Written::Durable { seq: after, released: release });
        };
        match again {
            Some(commit) => self.insist(commit, release, failed).await,
            None => self.find_out(expected, after, release, failed).await,
        }
    }

    /// One attempt; answers what failed, where it is not certain what is there.
    async fn try_append(&mut self, commit: Commit, release: bool) -> Result<Option<Uncertain>, Error> {
        let records = commit.records.len() as u64;
        match self.shared.journal.append(Append { epoch: *self.epoch, commit, release }).await {
            Ok(_) => {
                count(&self.shared.counters.appends);
                self.shared.counters.records.fetch_add(records, std::sync::atomic::Ordering::Relaxed);
                Ok(None)
            }
            Err(AppendError::Fenced { .. }) => Err(Error::Lost(self.id)),
            // In our epoch nobody else writes: what is there is an append of ours that seemed to fail.
            Err(AppendError::Conflict { .. }) => Ok(Some(Uncertain(None))),
            Err(AppendError::Journal(error)) => Ok(Some(Uncertain(Some(error)))),
        }
    }

    async fn insist(&mut self, commit: Commit, release: bool, failed: Uncertain) -> Result<Written, Error> {
        let after = commit.after();
        let mut failed = Some(failed);
        while let Some(Uncertain(error)) = failed {
            let Some(error) = error else { return Err(Error::Lost(self.id)) };
            self.wait(error).await?;
            failed = self.try_append(commit.clone(), release).await?;
        }
        Ok(Written::Durable { seq: after, released: release })
    }

    async fn find_out(
        &mut self,
        expected: Seq,
        after: Seq,
        release: bool,
        failed: Uncertain,
    ) -> Result<Written, Error> {
        let Uncertain(mut failed) = failed;
        let mut shut_out = false;
        loop {
            if let Some(error) = failed.take() {
                self.wait(error).await?;
            }
            let stored = match self.shared.journal.load(self.id).await {
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
                Ok(None) => return Err(Error::UnknownTransaction(self.id)),
                Ok(Some(stored)) => stored,
            };
            match stored.row.seq {
                _ if stored.row.epoch != *self.epoch && !self.is_ours(&stored.row) => return Err(Error::Lost(self.id)),
                // A claim in between took up what the append had let go.
                seq if seq == after => return Ok(Written::Durable { seq: after, released: release && !shut_out }),
                seq if seq != expected => return Err(Error::Lost(self.id)),
                _ if shut_out && stored.row.epoch == *self.epoch => {
                    let found = self.shared.replay(&stored).await?;
                    return Ok(Written::Not(Box::new(found)));
                }
                _ => {}
            }
            match self.shared.journal.claim_one(&self.shared.host(), self.id).await {
                Ok(claim) => (*self.epoch, shut_out) = (claim.epoch, true),
                Err(ClaimError::Journal(error)) => failed = Some(error),
                // It arrived in between, and was the last.
                Err(ClaimError::Ended(_)) => {}
                Err(
                    ClaimError::Owned { .. }
                    | ClaimError::Unknown(_)
                    | ClaimError::NotJoined(_)
                    | ClaimError::Newer { .. },
                ) => return Err(Error::Lost(self.id)),
            }
        }
    }

    fn is_ours(&self, row: &Row) -> bool {
        row.owner.as_ref().is_some_and(|owner| owner.host == self.shared.host())
    }

    async fn wait(&mut self, error: wasaga_journal::Error) -> Result<(), Error> {
        let id = self.id;
        let trouble = self.trouble.get_or_insert_with(|| {
            tracing::warn!(transaction = %id, error = %chain(&error), "the journal fails; trying again");
            Trouble::begin()
        });
        // What is damaged stays so, and a journal that is closed does not open again.
        if !error.is_transient() || trouble.since.elapsed() >= self.shared.patience {
            return Err(Error::Journal(error));
        }
        tokio::time::sleep(trouble.delay).await;
        trouble.delay = (trouble.delay * 2).min(LONGEST_DELAY);
        Ok(())
    }
}

/// An append after which it is not certain what is there; with the journal's error, where that was the cause.
struct Uncertain(Option<wasaga_journal::Error>);
