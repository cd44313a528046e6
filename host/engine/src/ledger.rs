//! Appends that bear a journal that fails. After an error nobody knows whether the records are
//! there, so the journal is asked before anything is done again.

use std::time::Duration;

use tokio::time::Instant;
use wasaga_core::{Decision, Epoch, Seq, Transaction, TransactionId};
use wasaga_journal::{Append, AppendError, ClaimError};

use crate::Error;
use crate::engine::Inner;
use crate::watch::count;

/// Delays between attempts: from this, doubled, to that.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// What became of an append.
pub(crate) enum Written {
    /// The records are there.
    Durable(Seq),
    /// They are not; this is the machine as the journal has it.
    Not(Box<Transaction>),
}

/// A journal that has been failing since then.
#[derive(Debug)]
pub(crate) struct Trouble {
    since: Instant,
    delay: Duration,
}

/// Appends a decision's records. After a failure it waits and looks what is there. What is not there
/// may still be on its way, so a new epoch shuts it out before anything else is decided.
///
/// # Errors
/// Another host has the transaction; or the journal failed for longer than the engine's patience.
pub(crate) async fn append(
    inner: &Inner,
    id: TransactionId,
    epoch: &mut Epoch,
    decision: &mut Decision,
    trouble: &mut Option<Trouble>,
) -> Result<Written, Error> {
    let after = decision.after();
    if decision.records().is_empty() {
        return Ok(Written::Durable(after));
    }
    let summary = decision.summary();
    let (expected, records) = decision.take_records();
    let counted = records.len() as u64;
    let mut failed = match inner.journal.append(Append { id, epoch: *epoch, expected, records, summary }).await {
        Ok(seq) => {
            count(&inner.counters.appends);
            inner.counters.records.fetch_add(counted, std::sync::atomic::Ordering::Relaxed);
            return Ok(Written::Durable(seq));
        }
        Err(AppendError::Fenced { .. }) => return Err(Error::Lost(id)),
        // In our epoch nobody else writes: what is there is an append of ours that seemed to fail.
        Err(AppendError::Conflict { .. }) => None,
        Err(AppendError::Journal(error)) => Some(error),
    };
    let mut shut_out = false;
    loop {
        if let Some(error) = failed.take() {
            wait(inner, id, error, trouble).await?;
        }
        let stored = match inner.journal.load(id).await {
            Err(error) => {
                failed = Some(error);
                continue;
            }
            Ok(None) => return Err(Error::UnknownTransaction(id)),
            Ok(Some(stored)) => stored,
        };
        let ours = stored.row.owner.as_ref().is_some_and(|owner| owner.host == inner.host);
        match stored.row.seq {
            _ if stored.row.epoch != *epoch && !ours => return Err(Error::Lost(id)),
            seq if seq == after => return Ok(Written::Durable(after)),
            seq if seq != expected => return Err(Error::Lost(id)),
            _ if shut_out && stored.row.epoch == *epoch => {
                return inner.replay(&stored).await.map(|found| Written::Not(Box::new(found)));
            }
            _ => {}
        }
        match inner.journal.claim_one(&inner.host, id).await {
            Ok(claim) => (*epoch, shut_out) = (claim.epoch, true),
            Err(ClaimError::Journal(error)) => failed = Some(error),
            // It arrived in between, and was the last.
            Err(ClaimError::Ended(_)) => {}
            Err(ClaimError::Owned { .. } | ClaimError::Unknown(_)) => return Err(Error::Lost(id)),
        }
    }
}

async fn wait(
    inner: &Inner,
    id: TransactionId,
    error: wasaga_journal::Error,
    trouble: &mut Option<Trouble>,
) -> Result<(), Error> {
    let trouble = trouble.get_or_insert_with(|| {
        tracing::warn!(transaction = %id, error = %crate::drive::chain(&error), "the journal fails; trying again");
        Trouble { since: Instant::now(), delay: FIRST_DELAY }
    });
    if matches!(error, wasaga_journal::Error::Closed) || trouble.since.elapsed() >= inner.patience {
        return Err(Error::Journal(error));
    }
    tokio::time::sleep(trouble.delay).await;
    trouble.delay = (trouble.delay * 2).min(LONGEST_DELAY);
    Ok(())
}
