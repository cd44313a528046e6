//! How many requests may be in flight at once: of a call, of a module, and of the host. Each takes a file descriptor, or
//! two while it connects, and a process has only so many: where one guest takes them all, the journal and all other guests fail.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::fault::{Bound, NotSent};

/// Requests of one call at once. A guest that asks more partners than this waits for the first ones.
pub(crate) const OF_CALL: usize = 32;
/// Requests of a host at once, where file descriptors allow it: a request for each call that the sandbox runs at once.
const OF_HOST: usize = 1_024;
/// Connections of a host that wait for their next request.
const IDLE: usize = 256;

/// The bounds that all modules of a host share.
#[derive(Clone, Debug)]
pub(crate) struct OfHost {
    in_flight: Arc<Semaphore>,
    idle: Arc<Semaphore>,
    in_flight_max: usize,
    idle_max: usize,
}

impl Default for OfHost {
    fn default() -> Self {
        // None is no limit at all.
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Self::new(files.unwrap_or(u64::MAX))
    }
}

impl OfHost {
    /// For a process that may have so many files open. A third of them are requests, which connect by two each at worst,
    /// and a sixteenth waits: the rest is for the journal and everything else.
    pub(crate) fn new(files: u64) -> Self {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let (in_flight_max, idle_max) = ((files / 3).clamp(2, OF_HOST), (files / 16).clamp(1, IDLE));
        let (in_flight, idle) = (Semaphore::new(in_flight_max), Semaphore::new(idle_max));
        Self { in_flight: Arc::new(in_flight), idle: Arc::new(idle), in_flight_max, idle_max }
    }

    pub(crate) fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }
}

/// The bounds of one module: half of the host's requests, so that one module alone never takes all, and a quarter of the
/// connections that wait.
#[derive(Clone, Debug)]
pub(crate) struct OfModule {
    host: OfHost,
    in_flight: Arc<Semaphore>,
    idle: Arc<Semaphore>,
}

impl OfModule {
    pub(crate) fn new(host: OfHost) -> Self {
        let idle = Arc::new(Semaphore::new((host.idle_max / 4).max(1)));
        let in_flight = Arc::new(Semaphore::new(Self::most(&host)));
        Self { host, in_flight, idle }
    }

    fn most(host: &OfHost) -> usize {
        (host.in_flight_max / 2).max(1)
    }

    pub(crate) fn in_flight_max(&self) -> usize {
        Self::most(&self.host)
    }

    pub(crate) fn host(&self) -> &OfHost {
        &self.host
    }

    /// Waits for a request's turn: first among those of its call, then among those of its module, then of the host.
    ///
    /// # Errors
    /// It was not its turn in time.
    pub(crate) async fn take(&self, call: Arc<Semaphore>, by: Instant) -> Result<Slots, NotSent> {
        let call = turn(call, by).await.ok_or(NotSent::Busy(Bound::Call))?;
        let module = turn(self.in_flight.clone(), by).await.ok_or(NotSent::Busy(Bound::Module))?;
        let host = turn(self.host.in_flight.clone(), by).await.ok_or(NotSent::Busy(Bound::Host))?;
        Ok(Slots { _taken: [call, module, host] })
    }

    /// Room for a connection that waits; none where it has to be closed.
    pub(crate) fn idle(&self) -> Option<Idle> {
        let own = self.idle.clone().try_acquire_owned().ok()?;
        let host = self.host.idle.clone().try_acquire_owned().ok()?;
        Some(Idle { _taken: [own, host] })
    }
}

async fn turn(semaphore: Arc<Semaphore>, by: Instant) -> Option<OwnedSemaphorePermit> {
    match semaphore.clone().try_acquire_owned() {
        Ok(permit) => Some(permit),
        Err(_) => tokio::time::timeout_at(by, semaphore.acquire_owned()).await.ok()?.ok(),
    }
}

/// A request's places, until its connection is closed or waits for the next request.
#[derive(Debug)]
pub(crate) struct Slots {
    _taken: [OwnedSemaphorePermit; 3],
}

/// The places of a connection that waits.
#[derive(Debug)]
pub(crate) struct Idle {
    _taken: [OwnedSemaphorePermit; 2],
}
