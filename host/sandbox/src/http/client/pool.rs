//! Connections that are in use, and those that wait for their next request. A connection's own task ends with it, so
//! that no partner keeps one open by not reading.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::slots::{Idle, OfModule, Slots};
use super::target::Target;
use super::wire::Wire;

/// Connections to one target that wait for their next request.
const IDLE_MAX: usize = 32;
/// How long they wait. Servers close theirs after a minute or so, and a request on a connection that is being closed fails.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection may take to be ready again after an answer: until the rest of its request has left.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection<B> {
    pub(crate) sender: SendRequest<B>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) _task: Task,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Task(pub(crate) JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The connections of one module that wait.
#[derive(Debug)]
pub(crate) struct Pool<B> {
    slots: OfModule,
    waiting: Mutex<Waiting<B>>,
}

#[derive(Debug)]
struct Waiting<B> {
    by_target: HashMap<Target, Vec<Rested<B>>>,
    /// Whether a task closes those that have waited for long. It ends where none waits.
    is_swept: bool,
}

#[derive(Debug)]
struct Rested<B> {
    connection: Connection<B>,
    until: Instant,
    _places: Idle,
}

impl<B> Rested<B> {
    fn is_good(&self, now: Instant) -> bool {
        now < self.until && self.connection.sender.is_ready() && !self.connection.sender.is_closed()
    }
}

impl<B: Send + 'static> Pool<B> {
    pub(crate) fn new(slots: OfModule) -> Arc<Self> {
        let waiting = Waiting { by_target: HashMap::new(), is_swept: false };
        Arc::new(Self { slots, waiting: Mutex::new(waiting) })
    }

    /// One that waits, the latest first.
    pub(crate) fn take(&self, target: &Target) -> Option<Connection<B>> {
        let mut waiting = self.waiting.lock();
        let rested = waiting.by_target.get_mut(target)?;
        let now = Instant::now();
        let found = std::iter::from_fn(|| rested.pop()).find(|rested| rested.is_good(now));
        if rested.is_empty() {
            waiting.by_target.remove(target);
        }
        found.map(|rested| rested.connection)
    }

    /// Keeps a connection whose answer has come whole, once it is ready for its next request.
    pub(crate) fn give_back(self: &Arc<Self>, lease: Lease<B>) {
        // Without a runtime nobody can wait, and it is closed.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if lease.connection.sender.is_ready() {
            return self.put(lease);
        }
        let pool = self.clone();
        runtime.spawn(async move {
            let mut lease = lease;
            let ready = tokio::time::timeout(READY_TIMEOUT, lease.connection.sender.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                pool.put(lease);
            }
        });
    }

    /// How many wait and may be used.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        let now = Instant::now();
        self.waiting.lock().by_target.values().flatten().filter(|rested| rested.is_good(now)).count()
    }

    fn put(self: &Arc<Self>, lease: Lease<B>) {
        let Some(places) = self.slots.idle() else { return };
        let mut waiting = self.waiting.lock();
        let rested = waiting.by_target.entry(lease.target).or_default();
        if rested.len() < IDLE_MAX {
            rested.push(Rested { connection: lease.connection, until: Instant::now() + IDLE_TIMEOUT, _places: places });
        }
        if !std::mem::replace(&mut waiting.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }
}

/// Closes connections that have waited for long or that partners have closed, as long as one waits.
async fn sweep<B: Send + 'static>(pool: std::sync::Weak<Pool<B>>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 4).await;
        let Some(pool) = pool.upgrade() else { return };
        let now = Instant::now();
        let mut waiting = pool.waiting.lock();
        waiting.by_target.retain(|_, rested| {
            rested.retain(|rested| rested.is_good(now));
            !rested.is_empty()
        });
        if waiting.by_target.is_empty() {
            waiting.is_swept = false;
            return;
        }
    }
}

/// A connection in use, with its request's places.
#[derive(Debug)]
pub(crate) struct Lease<B> {
    pub(crate) connection: Connection<B>,
    pub(crate) target: Target,
    pub(crate) slots: Slots,
}
