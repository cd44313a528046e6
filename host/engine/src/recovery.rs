//! Takes up what nobody drives, and hands out what the inbox has: at start and from then on. A living host's transactions
//! are left alone; the journal sees to that.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use wasaga_core::{Status, Timestamp, TransactionId};
use wasaga_journal::{Claim, Filter, Inbox, Page};

use crate::Error;
use crate::ask::Ask;
use crate::driver::said_by;
use crate::error::chain;
use crate::shared::Shared;
use crate::takeover::Taking;

/// How long the journal is left alone at most: the longest that a dead host's
/// transactions wait. An idle question costs two small reads.
const EVERY: Duration = Duration::from_secs(1);
/// How long it is left alone at least, so that a wake time that nobody can follow does not make a loop of questions.
const AT_LEAST: Duration = Duration::from_millis(10);
/// Transactions that are taken at once.
const CHUNK: usize = 64;
/// Rows that are read at once. Arbitrary; small enough to be no burden.
const PAGE: usize = 256;
/// Messages that are handed out in one round; what is left waits for the next.
const MESSAGES: usize = 256;

/// What an engine takes up by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recover {
    /// Everything unfinished that no living host drives, at start and from then on.
    #[default]
    All,
    /// Nothing: only what is started or taken by hand.
    Nothing,
}

/// Starts the loop. It ends with the engine.
pub(crate) fn start(shared: &Arc<Shared>, recover: Recover) {
    let (weak, journal) = (Arc::downgrade(shared), shared.journal.clone());
    tokio::spawn(async move {
        while let Some(shared) = upgrade(&weak) {
            let next = if recover == Recover::All { take_free(&shared).await } else { None };
            find_strays(&shared).await;
            take_strays(&shared);
            hand_out(&shared).await;
            let (host, now) = (shared.host(), shared.world.now());
            drop(shared);
            let at_most = next.map_or(EVERY, |next| next.since(now).clamp(AT_LEAST, EVERY));
            if journal.idle(&host, at_most).await.is_err() {
                tokio::time::sleep(EVERY).await;
            }
        }
    });
}

fn upgrade(shared: &Weak<Shared>) -> Option<Arc<Shared>> {
    shared.upgrade().filter(|shared| !shared.drain.is_under_way())
}

/// Takes chunks until nothing is free that is awake, or no place is; answers when the next one wakes.
async fn take_free(shared: &Arc<Shared>) -> Option<Timestamp> {
    loop {
        let permits = permits(shared);
        if permits.is_empty() || shared.drain.is_under_way() {
            return None;
        }
        let lease = shared.slots.lease();
        match shared.journal.claim(&shared.host(), shared.world.now(), permits.len()).await {
            Ok(claims) if claims.taken.is_empty() => return claims.next,
            Ok(claims) => take_up(shared, claims.taken, permits, lease),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the journal cannot be asked for work");
                shared.slots.be_unsure();
                return None;
            }
        }
    }
}

/// A create or claim that returned an error may still be applied; this host then owns a transaction that it does not
/// know. Nobody else would ever take that, so it is looked up.
async fn find_strays(shared: &Shared) {
    if !shared.slots.is_unsure() {
        return;
    }
    let statuses = Status::ALL.into_iter().filter(|status| !status.is_ended()).collect();
    let filter = Filter { statuses, ..Filter::default() };
    let (mut below, host) = (None, shared.host());
    loop {
        let Ok(rows) = shared.journal.list(&filter, Page { limit: PAGE, below }).await else { return };
        let ours = rows.iter().filter(|row| row.owner.as_ref().is_some_and(|owner| owner.host == host));
        let strays: Vec<_> = ours.map(|row| row.id).filter(|id| shared.slots.handle(*id).is_none()).collect();
        shared.strays.lock().extend(strays);
        if rows.len() < PAGE {
            return;
        }
        below = rows.last().map(|row| row.id);
    }
}

fn permits(shared: &Shared) -> Vec<OwnedSemaphorePermit> {
    std::iter::from_fn(|| shared.taking.clone().try_acquire_owned().ok()).take(CHUNK).collect()
}

fn take_up(shared: &Arc<Shared>, claims: Vec<Claim>, permits: Vec<OwnedSemaphorePermit>, lease: u64) {
    for (claim, permit) in claims.into_iter().zip(permits) {
        // It was free in the journal a moment ago, so only a driver that is about to find itself fenced
        // can have its slot: this host was taken for dead. It is taken up when that one is gone.
        let Some(slot) = shared.slots.reserve_since(claim.id, lease) else {
            shared.strays.lock().insert(claim.id);
            continue;
        };
        let taking = Taking { shared: shared.clone(), slot, said: None, permit: Some(permit) };
        tokio::spawn(async move {
            // Why it is held was told where that was found.
            drop(taking.claimed(claim).await);
        });
    }
}

/// Takes what may be ours. The loop waits for none of them: a host that has no place left must still hear messages.
fn take_strays(shared: &Arc<Shared>) {
    let strays = std::mem::take(&mut *shared.strays.lock());
    for id in strays {
        let place = shared.taking.clone().try_acquire_owned().ok().zip(shared.slots.reserve(id));
        let Some((permit, slot)) = place else {
            shared.strays.lock().insert(id);
            continue;
        };
        let taking = Taking { shared: shared.clone(), slot, said: None, permit: Some(permit) };
        tokio::spawn(async move {
            if let Err(error) = taking.take(id).await {
                tracing::debug!(transaction = %id, error = %chain(&error), "it was not taken");
            }
        });
    }
}

/// Hands the messages of the inbox to the drivers here. One whose driver does not take it now is handed in again.
async fn hand_out(shared: &Shared) {
    let posted = match shared.journal.inbox(Inbox::Host(&shared.host()), MESSAGES).await {
        Ok(posted) => posted,
        Err(error) => {
            tracing::debug!(error = %chain(&error), "the inbox cannot be read");
            return;
        }
    };
    for posted in posted {
        match shared.slots.handle(posted.transaction) {
            // A full queue is tried again in the next round.
            Some(handle) => drop(handle.asks.try_send(Ask::Said(said_by(posted)))),
            None => drop(shared.strays.lock().insert(posted.transaction)),
        }
    }
}

/// Takes everything unfinished that is awake and that nobody alive drives; answers how many. Waits
/// for places where there are more than may be in flight.
///
/// # Errors
/// The journal failed, or the host leaves.
pub(crate) async fn take_all(shared: &Arc<Shared>, now: Timestamp) -> Result<usize, Error> {
    let mut taken = 0;
    loop {
        let first = shared.taking.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
        let permits: Vec<_> = std::iter::once(first).chain(permits(shared)).collect();
        let lease = shared.slots.lease();
        let claims = shared.journal.claim(&shared.host(), now, permits.len()).await;
        let claims = claims.inspect_err(|_| shared.slots.be_unsure())?;
        if claims.taken.is_empty() {
            return Ok(taken);
        }
        taken += claims.taken.len();
        take_up(shared, claims.taken, permits, lease);
    }
}

/// Takes one transaction by hand.
///
/// # Errors
/// As [`Taking::take`].
pub(crate) async fn take_one(shared: &Arc<Shared>, id: TransactionId) -> Result<(), Error> {
    let Some(slot) = shared.slots.reserve(id) else { return Ok(()) };
    shared.forget_panics(id);
    Taking { shared: shared.clone(), slot, said: None, permit: None }.take(id).await
}
