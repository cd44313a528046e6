//! Takes a transaction out of the journal and drives it, or says why it cannot be. What cannot be driven here is held: it
//! costs no place, and no look at it but now and then.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasaga_core::{Commit, Message, Reply, Report, Summary, Taken, TransactionId, Wake, Word, terminate_blind};
use wasaga_journal::{Append, Claim, ClaimError, Held, INBOX_MAX, Inbox, Rest, Row, Stored};

use crate::Error;
use crate::ask::Said;
use crate::driver::{Begin, Driver, answer_late, said_by};
use crate::error::chain;
use crate::shared::{PANICS_MAX, Shared};
use crate::slots::Slot;
use crate::watch::count;

/// How a transaction is taken.
pub(crate) struct Taking {
    pub(crate) shared: Arc<Shared>,
    pub(crate) slot: Slot,
    /// What is said to it, before anything else happens.
    pub(crate) said: Option<Said>,
    /// The place that its driver holds. A word by hand needs none.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

impl Taking {
    /// Claims a transaction and drives it.
    ///
    /// # Errors
    /// Another living host has it; or it cannot be driven, and is held.
    pub(crate) async fn take(self, id: TransactionId) -> Result<(), Error> {
        match self.shared.journal.claim_one(&self.shared.host(), id).await {
            Ok(claim) => self.claimed(claim).await,
            // It may be ours, and is found then.
            Err(ClaimError::Journal(error)) => Err(Error::Journal(error)),
            Err(ClaimError::Ended(id)) => {
                self.slot.give_up();
                if let Some(said) = self.said {
                    let stored = self.shared.load(id).await?;
                    answer_late(&self.shared, self.shared.replay(&stored).await?.transaction, said);
                }
                Ok(())
            }
            Err(ClaimError::Unknown(id)) => {
                self.slot.give_up();
                Err(Error::UnknownTransaction(id))
            }
            Err(ClaimError::Owned { id, owner }) => {
                self.slot.give_up();
                Err(Error::Owned { id, owner })
            }
            Err(ClaimError::NotJoined(_)) => {
                self.slot.give_up();
                Err(Error::Lost(id))
            }
            Err(ClaimError::Newer { id, version }) => {
                self.slot.give_up();
                Err(Error::Journal(wasaga_journal::Error::Newer { what: format!("transaction {id}"), version }))
            }
        }
    }

    /// Drives a transaction that was claimed.
    ///
    /// # Errors
    /// It cannot be driven, and is held.
    pub(crate) async fn claimed(self, claim: Claim) -> Result<(), Error> {
        let stored = match self.shared.load(claim.id).await {
            Ok(stored) => stored,
            Err(error) => return self.leave(claim, None, error).await,
        };
        let panics = self.shared.panics(claim.id);
        if panics >= PANICS_MAX && self.said.is_none() {
            let error = Error::Panicked { id: claim.id, times: panics };
            return self.leave(claim, Some(&stored.row), error).await;
        }
        match self.shared.replay(&stored).await {
            Ok(loaded) => {
                let as_found = as_found(&stored.row);
                let Self { shared, slot, said, permit } = self;
                let driver = Driver::new(shared, loaded, claim.epoch, slot);
                let driver = match permit {
                    Some(permit) => driver.holding(permit),
                    None => driver,
                };
                driver.spawn(Begin::Found { said, as_found });
                Ok(())
            }
            Err(error) if self.shared.rest_of(&error, stored.row.updated).is_none() => {
                self.leave(claim, Some(&stored.row), error).await
            }
            Err(error) => self.answer_blind(claim, stored, error).await,
        }
    }

    /// What is said to a transaction that cannot be driven is answered: it can be ended, which needs its records
    /// alone, and everything else is refused with the cause. A message that nobody answered would wake it for ever.
    async fn answer_blind(mut self, claim: Claim, stored: Stored, error: Error) -> Result<(), Error> {
        let posted = match self.shared.journal.inbox(Inbox::Of(claim.id), INBOX_MAX).await {
            Ok(posted) => posted,
            Err(failed) => return self.leave(claim, Some(&stored.row), Error::Journal(failed)).await,
        };
        let mut all: Vec<Said> = self.said.take().into_iter().chain(posted.into_iter().map(said_by)).collect();
        let Some(commit) = self.answers(&stored, &all, &error) else {
            return self.leave(claim, Some(&stored.row), error).await;
        };
        let ended = commit.summary.status.is_ended();
        if let Err(failed) = self.shared.journal.append(Append { epoch: claim.epoch, commit, release: false }).await {
            let failed = match failed {
                wasaga_journal::AppendError::Journal(failed) => Error::Journal(failed),
                _ => Error::Lost(claim.id),
            };
            return self.leave(claim, Some(&stored.row), failed).await;
        }
        if ended {
            let mut first = true;
            for said in all.iter_mut().filter(|said| is_terminate(said)) {
                let late = Error::Refused { id: claim.id, reason: TOO_LATE.into() };
                said.answer(if std::mem::take(&mut first) { Ok(()) } else { Err(late) });
            }
            self.slot.give_up();
            return Ok(());
        }
        self.leave(claim, Some(&stored.row), error).await
    }

    /// The commit that answers all messages; none where there is nothing to write.
    fn answers(&self, stored: &Stored, all: &[Said], error: &Error) -> Option<Commit> {
        let first = all.iter().position(is_terminate);
        let end = first.and_then(|first| {
            let Message::Word { by, .. } = all[first].message.clone() else { return None };
            terminate_blind(stored.row.id, &stored.records, by, self.shared.world.now()).ok()
        });
        let ends = end.is_some();
        let reply = |(place, said): (usize, &Said)| {
            let reply = match first {
                Some(first) if ends && place == first => Reply::Done,
                Some(_) if ends => Reply::Refused(TOO_LATE.into()),
                _ => Reply::Refused(chain(error.root())),
            };
            said.posted.map(|message| Taken { message, reply })
        };
        let taken: Vec<Taken> = all.iter().enumerate().filter_map(reply).collect();
        let commit = end.unwrap_or_else(|| Commit {
            transaction: stored.row.id,
            before: stored.row.seq,
            records: Vec::new(),
            taken: Vec::new(),
            summary: Summary::of(&stored.records),
        });
        Some(Commit { taken, ..commit }).filter(|commit| !commit.is_empty())
    }

    /// Leaves what cannot be driven here: held, with its cause, or for another try where the journal failed.
    async fn leave(self, claim: Claim, row: Option<&Row>, error: Error) -> Result<(), Error> {
        let last = row.map_or_else(|| self.shared.world.now(), |row| row.updated);
        let Some(rest) = self.shared.rest_of(&error, last) else {
            self.shared.strays.lock().insert(claim.id);
            self.slot.give_up();
            return Err(error);
        };
        if row.is_none_or(|row| row.held.is_none()) {
            count(&self.shared.counters.alarms);
            tracing::error!(transaction = %claim.id, error = %chain(&error), "a transaction cannot go on and is held");
        }
        // What waits for a person, or has panicked, does not wake by itself.
        let never = matches!(error, Error::Panicked { .. }) || row.is_some_and(|row| row.wake == Wake::Never);
        let rest = if never { Rest { wake: Wake::Never, ..rest } } else { rest };
        match self.shared.journal.release(claim.id, claim.epoch, rest).await {
            Ok(()) => self.slot.give_up(),
            // It is ours and nobody drives it: it is found here again.
            Err(_) => drop(self.shared.strays.lock().insert(claim.id)),
        }
        Err(error)
    }
}

/// What is said beside a word that ends a transaction.
const TOO_LATE: &str = "it is terminated, by a word before this one";

fn is_terminate(said: &Said) -> bool {
    matches!(said.message, Message::Word { word: Word::Terminate, .. })
}

fn as_found(row: &Row) -> Rest {
    Rest { wake: row.wake, held: row.held.clone().map(|cause| Held { cause, module: None }) }
}

/// How a transaction stands that is not driven here: by its definition, or where that cannot be had, by its records alone
/// with the reason.
pub(crate) async fn look(shared: &Shared, id: TransactionId) -> Result<Report, Error> {
    let stored = shared.load(id).await?;
    let error = match shared.replay(&stored).await {
        Ok(loaded) => return Ok(loaded.transaction.report()),
        Err(error) => error,
    };
    match Report::of_records(&stored.records) {
        Some(report) if shared.rest_of(&error, stored.row.updated).is_some() => {
            Ok(Report { held: Some(chain(error.root())), ..report })
        }
        _ => Err(error),
    }
}
