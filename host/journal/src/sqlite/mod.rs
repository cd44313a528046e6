//! A journal in one SQLite file, which several processes of one machine may use at once.
//!
//! A writer thread shares commits between all transactions in flight; reads go on connections of
//! their own, which WAL keeps from waiting. Who lives is told by lock files (`hosts`). Deliberately
//! absent: journals on network file systems, where neither WAL nor locks can be relied on.

mod batch;
mod cause;
mod hosts;
mod open;
mod read;
mod rows;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{Digest, Epoch, Name, Seq, Timestamp, TransactionId};

use crate::{
    Append, AppendError, Claim, ClaimError, Create, Created, Error, Filter, HostId, Identity, Journal, Page, Row,
    Stored,
};
use batch::Write;
use hosts::Hosts;
use read::Readers;
use writer::Writer;

pub use open::{Options, Synchronous};
pub use writer::WRITER;

/// A journal in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    options: Options,
    writer: Writer,
    readers: Arc<Readers>,
    hosts: Arc<Hosts>,
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
            let (options, location) = (options.clone(), location.clone());
            move || open::open(&options, &location)
        });
        let opened = opening.await.map_err(|error| Error::Failed(Box::new(error)))??;
        Ok(Self {
            writer: Writer::start(opened.writer, location.clone())?,
            readers: Readers::new(options.clone(), location),
            hosts: Arc::new(opened.hosts),
            options,
        })
    }

    /// Makes rows again for transactions that have records and no row; answers how many. The
    /// journal's records are the truth, and rows are only their summaries (invariant I3).
    ///
    /// # Errors
    /// As any write.
    pub async fn rebuild_rows(&self) -> Result<usize, Error> {
        self.writer.run(rows::rebuild).await?
    }

    /// Hosts that joined and are gone.
    async fn dead(&self) -> Result<Vec<HostId>, Error> {
        let joined = self.readers.read(read::joined).await?.into_iter();
        Ok(joined.filter(|host| !self.hosts.is_alive(host)).collect())
    }
}

fn unwritable(error: serde_json::Error) -> AppendError {
    AppendError::Journal(Error::Failed(Box::new(error)))
}

#[async_trait]
impl Journal for Sqlite {
    fn identity(&self) -> Identity {
        Identity {
            kind: "sqlite",
            location: format!("sqlite:{}", self.options.path.display()),
            durability: self.options.synchronous.durability(),
            renew_every: None,
        }
    }

    async fn join(&self, host: &HostId) -> Result<(), Error> {
        self.hosts.hold(host).map_err(|error| cause::of_lock_file(&self.identity().location, &error))?;
        let host = host.clone();
        self.writer.run(move |connection| rows::join(connection, &host)).await
    }

    async fn renew(&self, _: &HostId) -> Result<(), Error> {
        Ok(())
    }

    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        let gone = vec![host.clone()];
        let left = self.writer.run(move |connection| rows::free(connection, &gone)).await;
        // The lock goes in any case: without it others take over by themselves.
        self.hosts.let_go(host);
        left
    }

    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        self.writer.write(Write::create(create).map_err(unwritable)?).await
    }

    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        let write = Write::append(&append).map_err(unwritable)?;
        drop(append);
        match self.writer.write(write).await? {
            Created::New(seq) => Ok(seq),
            Created::Exists { id, .. } => Err(AppendError::Conflict { id, expected: Seq(0), actual: None }),
        }
    }

    async fn load(&self, id: TransactionId) -> Result<Option<Stored>, Error> {
        let hosts = self.hosts.clone();
        self.readers.read(move |connection| read::load(connection, &hosts, id)).await
    }

    async fn claim(&self, host: &HostId, limit: usize) -> Result<Vec<Claim>, Error> {
        let dead = self.dead().await?;
        if dead.is_empty() && !self.readers.read(read::any_free).await? {
            return Ok(Vec::new());
        }
        let (host, gone) = (host.clone(), dead.clone());
        let claimed = self.writer.run(move |connection| {
            rows::free(connection, &gone)?;
            rows::claim(connection, &host, limit)
        });
        let claimed = claimed.await?;
        for host in &dead {
            self.hosts.forget(host);
        }
        Ok(claimed)
    }

    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let (host, hosts) = (host.clone(), self.hosts.clone());
        let claimed = self.writer.run(move |connection| rows::claim_one(connection, &hosts, &host, id)).await;
        claimed.map_err(ClaimError::Journal)?
    }

    async fn release(&self, id: TransactionId, epoch: Epoch) -> Result<(), Error> {
        self.writer.run(move |connection| rows::release(connection, id, epoch)).await
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        let (hosts, filter) = (self.hosts.clone(), filter.clone());
        self.readers.read(move |connection| read::list(connection, &hosts, &filter, page)).await
    }

    async fn put_module(&self, digest: Digest, name: &Name, bytes: Arc<[u8]>) -> Result<(), Error> {
        let name = name.to_string();
        self.writer.run(move |connection| rows::put_module(connection, digest, &name, &bytes)).await
    }

    async fn module(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error> {
        self.readers.read(move |connection| read::module(connection, digest)).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.writer.run(move |connection| rows::prune(connection, before, limit)).await
    }

    async fn check(&self) -> Result<(), Error> {
        self.writer.run(rows::touch).await
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
