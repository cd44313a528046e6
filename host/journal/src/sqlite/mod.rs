//! A journal in one SQLite file, which several processes of one machine may use at once.
//!
//! A writer thread shares commits between all transactions in flight; reads go on connections of
//! their own, which WAL keeps from waiting. Who lives is told by lock files (`hosts`). Deliberately
//! absent: journals on network file systems, where neither WAL nor locks can be relied on.

mod batch;
mod cause;
mod column;
mod hosts;
mod ids;
mod inbox;
mod keys;
mod modules;
mod news;
mod open;
mod presence;
mod prune;
mod read;
mod rebuild;
mod rows;
mod store;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wasaga_core::{Epoch, Message, MessageId, Reply, Seq, Timestamp, TransactionId};

use crate::grouped::Grouped;
use crate::write::Write;
use crate::{
    Append, AppendError, Claim, ClaimError, Claims, Create, Created, Error, Filter, HostId, Identity, Inbox, Journal,
    Lease, Modules, Page, PostError, Posted, Pruned, Rest, Row, Stored,
};
use hosts::{Hosts, Life};
use news::News;
use read::{Part, Readers};
use store::Tables;

pub use crate::grouped::WRITER;
pub use open::{Options, Synchronous};

/// A journal in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    location: Arc<str>,
    options: Options,
    writer: Grouped<Tables>,
    readers: Arc<Readers>,
    hosts: Arc<Hosts>,
    news: News,
}

impl Sqlite {
    /// Opens the file, or makes it, and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Open`] where it cannot be, [`Error::Newer`] where a later wasaga wrote it, and
    /// [`Error::ReadOnly`], [`Error::Locked`], [`Error::Full`] as they say. A file that is not a
    /// journal is not changed.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let location: Arc<str> = format!("sqlite:{}", options.path.display()).into();
        let opening = tokio::task::spawn_blocking({
            let location = location.clone();
            move || open::open(&options, &location)
        });
        let opened = opening.await.map_err(|error| Error::Failed(Box::new(error)))??;
        let readers = Readers::new(opened.options.clone(), location.clone());
        Ok(Self {
            writer: Grouped::start(Tables::new(opened.writer, location.clone()))?,
            news: News::new(readers.clone()),
            readers,
            hosts: Arc::new(opened.hosts),
            options: opened.options,
            location,
        })
    }

    /// Makes rows again for transactions that have records and no row; answers how many. The
    /// journal's records are the truth, and rows are only their summaries (invariant I3).
    ///
    /// # Errors
    /// As any write.
    pub async fn rebuild_rows(&self) -> Result<usize, Error> {
        self.writer.alone(rebuild::rebuild).await?
    }

    /// Hosts that joined and are certainly gone. What cannot be found out of one host is told, and keeps nobody from
    /// the transactions of the others.
    async fn dead(&self) -> Result<Vec<HostId>, Error> {
        let joined = self.readers.read(read::joined).await?;
        let mut dead = Vec::new();
        for (host, locks) in joined {
            match self.hosts.life(&host, &locks) {
                Ok(Life::Dead) => dead.push(host),
                Ok(Life::Lives) => {}
                Err(error) => tracing::warn!(%host, %error, "a host cannot be looked at, and keeps what it owns"),
            }
        }
        Ok(dead)
    }
}

#[async_trait]
impl Journal for Sqlite {
    fn identity(&self) -> Identity {
        Identity {
            kind: "sqlite",
            location: self.location.to_string(),
            durability: self.options.synchronous.durability(),
            lease: None,
        }
    }

    async fn join(&self, host: &HostId, reads: u32) -> Result<(), Error> {
        self.hosts.hold(host).map_err(|error| cause::of_lock_file(&self.location, &error))?;
        let (host, locks) = (host.clone(), self.hosts.name().to_owned());
        self.writer.alone(move |connection| rows::join(connection, &host, &locks, reads)).await
    }

    async fn renew(&self, _: &HostId) -> Result<Lease, Error> {
        Ok(Lease::Kept)
    }

    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        let gone = vec![host.clone()];
        let left = self.writer.alone(move |connection| rows::forget_hosts(connection, &gone)).await;
        // The lock goes in any case: without it others take over by themselves.
        self.hosts.let_go(host);
        left
    }

    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        self.writer.write(Write::create(create)?).await
    }

    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        let (id, expected, released) = (append.commit.transaction, append.commit.before, append.release);
        let verdict = self.writer.write(Write::append(append)?).await?;
        if released {
            self.news.tell();
        }
        match verdict {
            Created::New(seq) => Ok(seq),
            Created::Exists { .. } | Created::Used { .. } => Err(AppendError::Conflict { id, expected, actual: None }),
        }
    }

    async fn read(&self, id: TransactionId, after: Seq, limit: usize) -> Result<Option<Stored>, Error> {
        let (hosts, part) = (self.hosts.clone(), Part { after, limit });
        self.readers.read(move |connection| read::read(connection, &hosts, id, part)).await
    }

    async fn claim(&self, host: &HostId, now: Timestamp, limit: usize) -> Result<Claims, Error> {
        let dead = self.dead().await?;
        let asking = host.clone();
        let next = self.readers.read(move |connection| Ok(rows::next_wake(connection, &asking)?)).await?;
        if dead.is_empty() && next.is_none_or(|next| next > now) {
            return Ok(Claims { taken: Vec::new(), next });
        }
        let (host, gone) = (host.clone(), dead.clone());
        let claimed = self.writer.alone(move |connection| {
            rows::forget_hosts(connection, &gone)?;
            rows::claim(connection, &host, now, limit)
        });
        let claimed = claimed.await?;
        for host in &dead {
            self.hosts.forget(host);
        }
        Ok(claimed)
    }

    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let (host, hosts) = (host.clone(), self.hosts.clone());
        let claimed = self.writer.alone(move |connection| rows::claim_one(connection, &hosts, &host, id)).await;
        claimed.map_err(ClaimError::Journal)?
    }

    async fn release(&self, id: TransactionId, epoch: Epoch, rest: Rest) -> Result<(), Error> {
        let released = self.writer.alone(move |connection| rows::release(connection, id, epoch, &rest)).await;
        self.news.tell();
        released
    }

    async fn idle(&self, _: &HostId, at_most: Duration) -> Result<(), Error> {
        self.news.wait(at_most).await
    }

    async fn post(&self, id: TransactionId, message: Message) -> Result<MessageId, PostError> {
        let text = serde_json::to_string(&message).map_err(|error| Error::Failed(Box::new(error)))?;
        let posted = self.writer.alone(move |connection| inbox::post(connection, id, &text)).await;
        self.news.tell();
        posted.map_err(PostError::Journal)?
    }

    async fn inbox(&self, of: Inbox<'_>, limit: usize) -> Result<Vec<Posted>, Error> {
        match of {
            Inbox::Of(id) => self.readers.read(move |connection| inbox::inbox(connection, Inbox::Of(id), limit)).await,
            Inbox::Host(host) => {
                let host = host.clone();
                self.readers.read(move |connection| inbox::inbox(connection, Inbox::Host(&host), limit)).await
            }
        }
    }

    async fn reply(&self, id: TransactionId, message: MessageId) -> Result<Option<Reply>, Error> {
        self.readers.read(move |connection| inbox::reply(connection, id, message)).await
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        let (hosts, filter) = (self.hosts.clone(), filter.clone());
        self.readers.read(move |connection| read::list(connection, &hosts, &filter, page)).await
    }

    fn modules(&self) -> &dyn Modules {
        self
    }

    async fn prune(&self, before: Timestamp, records: usize) -> Result<Pruned, Error> {
        self.writer.alone(move |connection| prune::prune(connection, before, records)).await
    }

    async fn check(&self) -> Result<(), Error> {
        self.writer.alone(rows::touch).await
    }

    fn flushes(&self) -> u64 {
        self.writer.flushes()
    }

    async fn close(&self) {
        // The writer last: the last connection of all takes what is in the log into the file.
        self.readers.close().await;
        self.writer.close().await;
        self.hosts.let_all_go();
    }
}

#[cfg(test)]
mod tests;
