//! Takes up what nobody drives: at start, from then on, and by hand. A living host's transactions
//! are left alone; the journal sees to that.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use wasaga_core::{Status, TransactionId};
use wasaga_journal::{Claim, ClaimError, Filter, Page};

use crate::builder::Recover;
use crate::drive::{self, Driver, Event, chain};
use crate::engine::{Drain, Inner, Place};
use crate::watch::count;
use crate::{Engine, Error};

/// How often the journal is asked for what nobody drives: the longest that a dead host's
/// transactions wait. An idle question costs two small reads.
const EVERY: Duration = Duration::from_secs(1);
/// Transactions that are taken at once.
const CHUNK: usize = 64;
/// Rows that are read at once. Arbitrary; small enough to be no burden.
const PAGE: usize = 256;
/// How often a module that is missing is looked for.
const MODULE_EVERY: Duration = Duration::from_secs(5);

/// Starts the loop. It ends with the engine.
pub(crate) fn start(inner: &Arc<Inner>, recover: Recover) {
    let (inner, every) = (Arc::downgrade(inner), inner.journal.identity().renew_every);
    tokio::spawn(async move {
        while let Some(engine) = upgrade(&inner) {
            if every.is_some()
                && let Err(error) = engine.journal.renew(&engine.host).await
            {
                tracing::warn!(%error, "the journal cannot be told that this host lives");
            }
            if recover == Recover::All {
                take_free(&engine).await;
                find_strays(&engine).await;
                take_orphans(&engine).await;
            }
            drop(engine);
            tokio::time::sleep(every.map_or(EVERY, |every| every.min(EVERY))).await;
        }
    });
}

fn upgrade(inner: &Weak<Inner>) -> Option<Arc<Inner>> {
    inner.upgrade().filter(|inner| !inner.is_draining())
}

/// Takes chunks until nothing is free, or no place.
async fn take_free(inner: &Arc<Inner>) {
    loop {
        let permits = permits(inner);
        if permits.is_empty() || inner.is_draining() {
            return;
        }
        match inner.journal.claim(&inner.host, permits.len()).await {
            Ok(claims) if claims.is_empty() => return,
            Ok(claims) => take_up(inner, claims, permits),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the journal cannot be asked for work");
                inner.be_unsure();
                return;
            }
        }
    }
}

/// A create or a claim that failed may have taken place, or may yet: then this host has what it does
/// not know of. Nobody else would ever take that, so it is looked up.
async fn find_strays(inner: &Inner) {
    let unsure = inner.unsure_until.lock().is_some_and(|until| Instant::now() <= until);
    if !unsure {
        return;
    }
    let statuses = Status::ALL.into_iter().filter(|status| !status.is_ended()).collect();
    let filter = Filter { statuses, ..Filter::default() };
    let mut below = None;
    loop {
        let Ok(rows) = inner.journal.list(&filter, Page { limit: PAGE, below }).await else { return };
        let ours = rows.iter().filter(|row| row.owner.as_ref().is_some_and(|owner| owner.host == inner.host));
        let strays: Vec<_> = ours.map(|row| row.id).filter(|id| inner.handle(*id).is_none()).collect();
        inner.orphans.lock().extend(strays);
        if rows.len() < PAGE {
            return;
        }
        below = rows.last().map(|row| row.id);
    }
}

fn permits(inner: &Inner) -> Vec<OwnedSemaphorePermit> {
    std::iter::from_fn(|| inner.permits.clone().try_acquire_owned().ok()).take(CHUNK).collect()
}

fn take_up(inner: &Arc<Inner>, claims: Vec<Claim>, permits: Vec<OwnedSemaphorePermit>) {
    for (claim, permit) in claims.into_iter().zip(permits) {
        // It was free in the journal a moment ago, so only a driver that is about to find itself fenced
        // can have its place: this host was taken for dead. It is taken up when that one is gone.
        let Some(place) = inner.reserve(claim.id) else {
            inner.orphans.lock().insert(claim.id);
            continue;
        };
        tokio::spawn(inner.clone().take_patiently(claim, place, permit));
    }
}

/// Takes what may be ours. It waits for nobody but the journal: a host that has no place left must
/// still say that it lives.
async fn take_orphans(inner: &Arc<Inner>) {
    let orphans = std::mem::take(&mut *inner.orphans.lock());
    for id in orphans {
        let place = inner.permits.clone().try_acquire_owned().ok().zip(inner.reserve(id));
        let Some((permit, place)) = place else {
            inner.orphans.lock().insert(id);
            continue;
        };
        if let Err(error) = inner.clone().try_take(id, place, Event::Found, permit).await {
            tracing::debug!(transaction = %id, error = %chain(&error), "it was not taken");
        }
    }
}

impl Inner {
    /// Claims one transaction and drives it from this event on; gives its place up where that fails.
    pub(crate) async fn take_one(self: Arc<Self>, id: TransactionId, place: Place, event: Event) -> Result<(), Error> {
        match self.permits.clone().acquire_owned().await {
            Ok(permit) => self.try_take(id, place, event, permit).await,
            Err(_) => {
                place.give_up();
                Err(Error::Draining)
            }
        }
    }

    async fn try_take(
        self: &Arc<Self>,
        id: TransactionId,
        place: Place,
        event: Event,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Error> {
        let claim = match self.journal.claim_one(&self.host, id).await {
            Ok(claim) => claim,
            // It may be ours all the same, and is found then.
            Err(ClaimError::Journal(error)) => return Err(Error::Journal(error)),
            Err(ClaimError::Ended(id)) => {
                place.give_up();
                drive::answer_late(self, self.replay(&self.load(id).await?).await?, event);
                return Ok(());
            }
            Err(ClaimError::Unknown(id)) => {
                place.give_up();
                return Err(Error::UnknownTransaction(id));
            }
            Err(ClaimError::Owned { id, owner }) => {
                place.give_up();
                return Err(Error::Owned { id, owner });
            }
        };
        let transaction = match async { self.replay(&self.load(id).await?).await }.await {
            Ok(transaction) => transaction,
            Err(error) => {
                // What cannot be driven here may be driven by another. If not even that can be
                // written down, it is found here again.
                if self.journal.release(id, claim.epoch).await.is_ok() {
                    place.give_up();
                }
                return Err(error);
            }
        };
        Driver::new(self.clone(), transaction, claim.epoch, place, permit).take_up(event);
        Ok(())
    }

    /// Drives a transaction that was claimed. One whose module is missing waits for it: it is never
    /// rolled back for that.
    async fn take_patiently(self: Arc<Self>, claim: Claim, place: Place, permit: OwnedSemaphorePermit) {
        let mut alarmed = false;
        loop {
            match async { self.replay(&self.load(claim.id).await?).await }.await {
                Ok(transaction) => {
                    return Driver::new(self.clone(), transaction, claim.epoch, place, permit).take_up(Event::Found);
                }
                Err(error) if !alarmed => {
                    alarmed = true;
                    count(&self.counters.alarms);
                    tracing::error!(transaction = %claim.id, error = %chain(&error), "a transaction cannot go on and waits");
                }
                Err(_) => {}
            }
            let leaving = tokio::time::timeout(MODULE_EVERY, self.drain.beyond(Drain::No)).await;
            if leaving.is_ok() {
                break;
            }
        }
        place.give_up();
        drop(self.journal.release(claim.id, claim.epoch).await);
    }
}

impl Engine {
    /// Takes everything unfinished that nobody alive drives, and drives it; answers how many. Waits
    /// for places where there are more than may be in flight.
    ///
    /// # Errors
    /// The journal failed.
    pub async fn take_all(&self) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            let first = self.inner.permits.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
            let permits: Vec<_> = std::iter::once(first).chain(permits(&self.inner)).collect();
            let claims = self.inner.journal.claim(&self.inner.host, permits.len()).await;
            let claims = claims.inspect_err(|_| self.inner.be_unsure())?;
            if claims.is_empty() {
                return Ok(taken);
            }
            taken += claims.len();
            take_up(&self.inner, claims, permits);
        }
    }
}
