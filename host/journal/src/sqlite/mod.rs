//! A journal in one SQLite file, which several processes of one machine may use at once.
//!
//! A writer task shares commits between all transactions in flight; reads go on connections of
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
use sqlx::SqlitePool;
use wasaga_core::{Digest, Epoch, Name, Seq, Timestamp, TransactionId};

use crate::{
    Append, AppendError, Claim, ClaimError, Create, Created, Error, Filter, HostId, Identity, Journal, Page, Row,
    Stored,
};
use batch::Write;
use cause::Cause;
use hosts::Hosts;
use read::Unread;
use writer::Writer;

pub use open::{Options, Synchronous};

/// A journal in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    options: Options,
    location: Arc<str>,
    writer: Writer,
    readers: SqlitePool,
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
        let opened = open::open(&options, &location).await?;
        Ok(Self {
            writer: Writer::start(opened.writer, location.clone()),
            readers: opened.readers,
            hosts: Arc::new(opened.hosts),
            location,
            options,
        })
    }

    /// Makes rows again for transactions that have records and no row; answers how many. The
    /// journal's records are the truth, and rows are only their summaries (invariant I3).
    ///
    /// # Errors
    /// As any write.
    pub async fn rebuild_rows(&self) -> Result<usize, Error> {
        self.writer.run(|connection| Box::pin(rows::rebuild(connection))).await?
    }

    fn driver(&self, error: sqlx::Error) -> Error {
        Cause::from(error).into_error(&self.location)
    }

    fn unread(&self, unread: Unread) -> Error {
        match unread {
            Unread::Driver(error) => self.driver(error),
            Unread::Content(error) => error,
        }
    }

    /// Hosts that joined and are gone.
    async fn dead(&self) -> Result<Vec<HostId>, Error> {
        let joined = sqlx::query_scalar("SELECT id FROM hosts").fetch_all(&self.readers).await;
        let joined: Vec<String> = joined.map_err(|error| self.driver(error))?;
        let joined = joined.into_iter().map(|id| HostId(id.into()));
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
            location: self.location.to_string(),
            durability: self.options.synchronous.durability(),
            renew_every: None,
        }
    }

    async fn join(&self, host: &HostId) -> Result<(), Error> {
        self.hosts.hold(host).map_err(|error| Error::Failed(Box::new(error)))?;
        let host = host.clone();
        self.writer.run(move |connection| Box::pin(rows::join(connection, host))).await
    }

    async fn renew(&self, _: &HostId) -> Result<(), Error> {
        Ok(())
    }

    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        let gone = vec![host.clone()];
        let left = self.writer.run(move |connection| Box::pin(rows::free(connection, gone))).await;
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
        read::load(&self.readers, &self.hosts, id).await.map_err(|unread| self.unread(unread))
    }

    async fn claim(&self, host: &HostId, limit: usize) -> Result<Vec<Claim>, Error> {
        let dead = self.dead().await?;
        let free = sqlx::query_scalar::<_, i64>(rows::ANY_FREE).fetch_optional(&self.readers).await;
        if dead.is_empty() && free.map_err(|error| self.driver(error))?.is_none() {
            return Ok(Vec::new());
        }
        let (host, gone) = (host.clone(), dead.clone());
        let claimed = self
            .writer
            .run(move |connection| {
                Box::pin(async move {
                    rows::free(connection, gone).await?;
                    rows::claim(connection, &host, limit).await
                })
            })
            .await?;
        for host in &dead {
            self.hosts.forget(host);
        }
        claimed
    }

    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let (host, hosts) = (host.clone(), self.hosts.clone());
        let claimed = self.writer.run(move |connection| Box::pin(rows::claim_one(connection, hosts, host, id))).await;
        claimed.map_err(ClaimError::Journal)?
    }

    async fn release(&self, id: TransactionId, epoch: Epoch) -> Result<(), Error> {
        self.writer.run(move |connection| Box::pin(rows::release(connection, id, epoch))).await
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        read::list(&self.readers, &self.hosts, filter, page).await.map_err(|unread| self.unread(unread))
    }

    async fn put_module(&self, digest: Digest, name: &Name, bytes: Arc<[u8]>) -> Result<(), Error> {
        let name = name.to_string();
        self.writer.run(move |connection| Box::pin(rows::put_module(connection, digest, name, bytes))).await
    }

    async fn module(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error> {
        let query = sqlx::query_scalar("SELECT bytes FROM modules WHERE digest = ?").bind(digest.to_string());
        let bytes: Option<Vec<u8>> = query.fetch_optional(&self.readers).await.map_err(|error| self.driver(error))?;
        Ok(bytes.map(Arc::from))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.writer.run(move |connection| Box::pin(rows::prune(connection, before, limit))).await
    }

    async fn check(&self) -> Result<(), Error> {
        self.writer.run(|connection| Box::pin(rows::touch(connection))).await
    }

    fn flushes(&self) -> u64 {
        self.writer.flushes()
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
        self.hosts.let_all_go();
    }
}

#[cfg(test)]
mod tests;
