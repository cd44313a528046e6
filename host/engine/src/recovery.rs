//! Takes up what nobody drives: at start, from then on, and by hand. A living host's transactions
//! are left alone; the journal sees to that.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use wasaga_core::TransactionId;
use wasaga_journal::{Claim, ClaimError};

use crate::builder::Recover;
use crate::drive::{Driver, Event, chain};
use crate::engine::{Drain, Inner, Place};
use crate::watch::count;
use crate::{Engine, Error};

/// How often the journal is asked for what nobody drives: the longest that a dead host's
/// transactions wait. An idle question costs two small reads.
const EVERY: Duration = Duration::from_secs(1);
/// Transactions that are taken at once.
const CHUNK: usize = 64;
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
                return;
            }
        }
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
            inner.orphans.lock().push(claim.id);
            continue;
        };
        tokio::spawn(inner.clone().take_patiently(claim, place, permit));
    }
}

async fn take_orphans(inner: &Arc<Inner>) {
    let orphans = std::mem::take(&mut *inner.orphans.lock());
    for id in orphans {
        let again = match inner.reserve(id) {
            Some(place) => matches!(inner.clone().take_one(id, place, Event::Found).await, Err(Error::Journal(_))),
            None => true,
        };
        if again {
            inner.orphans.lock().push(id);
        }
    }
}

impl Inner {
    /// Claims one transaction and drives it from this event on; gives its place up where that fails.
    pub(crate) async fn take_one(self: Arc<Self>, id: TransactionId, place: Place, event: Event) -> Result<(), Error> {
        let taken = self.try_take(id, place, event).await;
        if taken.is_err() {
            self.let_go(id);
        }
        taken
    }

    async fn try_take(self: &Arc<Self>, id: TransactionId, place: Place, event: Event) -> Result<(), Error> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
        let claim = self.journal.claim_one(&self.host, id).await.map_err(|error| match error {
            ClaimError::Unknown(id) => Error::UnknownTransaction(id),
            ClaimError::Owned { id, owner } => Error::Owned { id, owner },
            ClaimError::Journal(error) => Error::Journal(error),
        })?;
        let saga = match async { self.replay(&self.load(id).await?).await }.await {
            Ok(saga) => saga,
            Err(error) => {
                // What cannot be driven here may be driven by another.
                drop(self.journal.release(id, claim.epoch).await);
                return Err(error);
            }
        };
        Driver::new(self.clone(), saga, claim.epoch, place, permit).take_up(event);
        Ok(())
    }

    /// Drives a transaction that was claimed. One whose module is missing waits for it: it is never
    /// rolled back for that.
    async fn take_patiently(self: Arc<Self>, claim: Claim, place: Place, permit: OwnedSemaphorePermit) {
        let mut drain = self.drain.subscribe();
        let mut alarmed = false;
        loop {
            match async { self.replay(&self.load(claim.id).await?).await }.await {
                Ok(saga) => {
                    return Driver::new(self.clone(), saga, claim.epoch, place, permit).take_up(Event::Found);
                }
                Err(error) if !alarmed => {
                    alarmed = true;
                    count(&self.counters.alarms);
                    tracing::error!(transaction = %claim.id, error = %chain(&error), "a transaction cannot go on and waits");
                }
                Err(_) => {}
            }
            let leaving = tokio::time::timeout(MODULE_EVERY, drain.wait_for(|drain| *drain > Drain::No)).await;
            if leaving.is_ok() {
                break;
            }
        }
        self.let_go(claim.id);
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
            let claims = self.inner.journal.claim(&self.inner.host, permits.len()).await?;
            if claims.is_empty() {
                return Ok(taken);
            }
            taken += claims.len();
            take_up(&self.inner, claims, permits);
        }
    }
}
