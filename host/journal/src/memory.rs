//! A journal in memory: the reference for what the contract means, for tests, and for work that may
//! be lost with the process. Deliberately absent: durability.

mod kept;
mod modules;
mod state;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use wasaga_core::{Epoch, Message, MessageId, Reply, Seq, Timestamp, TransactionId};

use crate::{
    Append, AppendError, Claim, ClaimError, Claims, Create, Created, Durability, Error, Filter, HostId, Identity,
    Inbox, Journal, Lease, Modules, Page, PostError, Posted, Pruned, Rest, Row, Stored,
};
use state::State;

/// A journal that lives as long as the process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// One lock for all: every operation is a few map accesses, and none awaits while it holds it.
    state: Arc<Mutex<State>>,
    /// Told when a transaction may be free, or has a message.
    news: Arc<Notify>,
}

impl Memory {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Behaves as if the host had died: nothing is released, and others may take what it owns.
    pub fn lose(&self, host: &HostId) {
        self.state.lock().lose(host);
        self.news.notify_waiters();
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if state.closed { Err(Error::Closed) } else { Ok(state) }
    }
}

#[async_trait]
impl Journal for Memory {
    fn identity(&self) -> Identity {
        Identity { kind: "memory", location: "memory:".into(), durability: Durability::Memory, lease: None }
    }

    async fn join(&self, host: &HostId, reads: u32) -> Result<(), Error> {
        self.state()?.hosts.insert(host.clone(), reads);
        Ok(())
    }

    async fn renew(&self, host: &HostId) -> Result<Lease, Error> {
        Ok(if self.state()?.hosts.contains_key(host) { Lease::Kept } else { Lease::Lost })
    }

    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        self.check().await?;
        self.lose(host);
        Ok(())
    }

    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        self.state()?.create(create)
    }

    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        let released = append.release;
        let seq = self.state()?.append(append)?;
        if released {
            self.news.notify_waiters();
        }
        Ok(seq)
    }

    async fn read(&self, id: TransactionId, after: Seq, limit: usize) -> Result<Option<Stored>, Error> {
        let state = self.state()?;
        let stored = |kept: &kept::Kept| {
            let records = kept.records.iter().skip(after.0 as usize).take(limit).cloned().collect();
            Stored { row: state.row(kept), records }
        };
        Ok(state.transactions.get(&id).map(stored))
    }

    async fn claim(&self, host: &HostId, now: Timestamp, limit: usize) -> Result<Claims, Error> {
        Ok(self.state()?.claim(host, now, limit))
    }

    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        self.state()?.claim_one(host, id)
    }

    async fn release(&self, id: TransactionId, epoch: Epoch, rest: Rest) -> Result<(), Error> {
        self.state()?.release(id, epoch, rest);
        self.news.notify_waiters();
        Ok(())
    }

    async fn idle(&self, _: &HostId, at_most: Duration) -> Result<(), Error> {
        // What came before this call was there to be found; only what comes after it needs the notice.
        let news = self.news.notified();
        drop(self.state()?);
        // Whether it was news or the time is the same to the caller.
        drop(tokio::time::timeout(at_most, news).await);
        Ok(())
    }

    async fn post(&self, id: TransactionId, message: Message) -> Result<MessageId, PostError> {
        let posted = self.state()?.post(id, message)?;
        self.news.notify_waiters();
        Ok(posted)
    }

    async fn inbox(&self, of: Inbox<'_>, limit: usize) -> Result<Vec<Posted>, Error> {
        Ok(self.state()?.inbox(of, limit))
    }

    async fn reply(&self, id: TransactionId, message: MessageId) -> Result<Option<Reply>, Error> {
        Ok(self.state()?.transactions.get(&id).and_then(|kept| kept.replies.get(&message).cloned()))
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        let state = self.state()?;
        let newest_first = state.transactions.values().rev();
        let fitting = newest_first
            .filter(|kept| page.below.is_none_or(|below| kept.row.id < below) && kept::fits(filter, &kept.row));
        Ok(fitting.take(page.limit).map(|kept| state.row(kept)).collect())
    }

    fn modules(&self) -> &dyn Modules {
        self
    }

    async fn prune(&self, before: Timestamp, records: usize) -> Result<Pruned, Error> {
        Ok(self.state()?.prune(before, records))
    }

    async fn check(&self) -> Result<(), Error> {
        self.state().map(drop)
    }

    fn flushes(&self) -> u64 {
        0
    }

    async fn close(&self) {
        self.state.lock().closed = true;
        self.news.notify_waiters();
    }
}
