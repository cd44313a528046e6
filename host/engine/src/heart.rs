//! Says to the journal that this host lives, where that tells the living by a lease. A task of its own: it waits for
//! nothing else, and beats also while the host loads, compiles and drains.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;
use wasaga_core::{RECORD_VERSION, TransactionId};
use wasaga_journal::{HostId, Lease};

use crate::error::chain;
use crate::shared::Shared;

/// Beats for each lease: one that fails leaves time for another.
const BEATS: u32 = 3;
/// Pause before a renewal that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The part of a lease that is left unused at its end: others may count from a little earlier, and calls take a moment
/// to stop.
const MARGIN: u32 = 6;

/// Starts the heart, where the journal wants one; the host began to join at this moment. It ends with the engine.
pub(crate) fn start(shared: &Arc<Shared>, name: &str, joined: Instant) {
    let Some(lease) = shared.journal.identity().lease else { return };
    let heart = Heart { shared: Arc::downgrade(shared), name: name.into(), lease, kept: joined };
    tokio::spawn(heart.beat());
}

struct Heart {
    shared: Weak<Shared>,
    name: String,
    lease: Duration,
    /// When the journal said last that the host lives.
    kept: Instant,
}

impl Heart {
    async fn beat(mut self) {
        loop {
            tokio::time::sleep(self.lease / BEATS).await;
            let Some(shared) = self.shared.upgrade() else { return };
            let (host, asked) = (shared.host(), Instant::now());
            // An answer that does not come must not keep the host past its lease.
            let end = self.kept + self.lease - self.lease / MARGIN;
            let beat_end = (asked + self.lease / BEATS).min(end);
            match tokio::time::timeout_at(beat_end, shared.journal.renew(&host)).await {
                Ok(Ok(Lease::Kept)) => self.kept = asked,
                Ok(Ok(Lease::Lost)) => self.lost(&shared, &host, "the journal took this host for dead").await,
                Ok(Err(error)) => {
                    tracing::warn!(error = %chain(&error), "the journal cannot be told that this host lives");
                }
                Err(_) => tracing::warn!("the journal does not answer that this host lives"),
            }
            // The next beat would come too late.
            if Instant::now() + self.lease / BEATS > self.kept + self.lease - self.lease / MARGIN {
                self.last_chance(&shared, &host).await;
            }
        }
    }

    /// Asks over and over for what is left of the lease, and lets go at its end.
    async fn last_chance(&mut self, shared: &Arc<Shared>, host: &HostId) {
        let end = self.kept + self.lease - self.lease / MARGIN;
        while Instant::now() < end {
            let asked = Instant::now();
            match tokio::time::timeout_at(end, shared.journal.renew(host)).await {
                Ok(Ok(Lease::Kept)) => {
                    self.kept = asked;
                    return;
                }
                Ok(Ok(Lease::Lost)) => break,
                Ok(Err(_)) => tokio::time::sleep(AGAIN_AFTER.min(end - Instant::now())).await,
                Err(_) => {}
            }
        }
        self.lost(shared, host, "the journal has not answered for the lease of this host").await;
    }

    /// What the host drives may be another's: its calls stop at once, and it joins anew under another id.
    async fn lost(&mut self, shared: &Arc<Shared>, host: &HostId, why: &str) {
        tracing::error!(%host, why, "the host lets go of all that it drives, and joins anew");
        shared.slots.cut();
        shared.slots.empty().await;
        let unique = TransactionId::from_parts(shared.world.now().unix_ms(), shared.world.random());
        let new = HostId(format!("{}-{unique}", self.name).into());
        let mut told = false;
        while !shared.drain.is_under_way() {
            let asked = Instant::now();
            match shared.journal.join(&new, RECORD_VERSION).await {
                Ok(()) => {
                    shared.rename_host(new);
                    self.kept = asked;
                    shared.slots.open();
                    return;
                }
                Err(error) if !std::mem::replace(&mut told, true) => {
                    tracing::warn!(error = %chain(&error), "the journal cannot be joined anew; trying again");
                }
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}
