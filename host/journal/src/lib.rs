//! Keeps the records of transactions: the trait [`Journal`], its written contract, and the backends.
//!
//! Deliberately absent: what records mean (`wasaga-core`), and when to append them (`wasaga-engine`).
//! A backend of your own implements [`Journal`].

mod append;
pub mod conformance;
pub mod error;
pub mod memory;
mod row;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{Digest, Epoch, Name, Record, Seq, Timestamp, TransactionId};

pub use append::{Append, Create, Created};
pub use error::{AppendError, ClaimError, Error};
pub use row::{Claim, Durability, Filter, HostId, Identity, Owner, Page, Row, Stored};

/// The epoch in which a transaction is created.
pub const FIRST_EPOCH: Epoch = Epoch(1);

/// Where transactions are kept.
///
/// # Contract
///
/// 1. **Append is all or nothing, and conditional.** An [`Append`] names the epoch of its writer and
///    the sequence it expects. When both fit, all its records and the row's new summary become
///    durable together, and the answer is the new sequence. When one does not, nothing is written
///    and the answer is [`AppendError::Fenced`] or [`AppendError::Conflict`]. Of any number of
///    writers that expect the same sequence, one succeeds (invariant I5).
/// 2. **An answer means durable.** `Ok` comes after the records would survive what
///    [`Identity::durability`] states. After an error other than `Fenced` and `Conflict` the records
///    may or may not be there: the caller loads before it goes on.
/// 3. **Sequences have no gaps.** Record `n` of a transaction is the `n`-th that was appended, from 1.
///    [`Journal::load`] gives them in order, with the row as it was at the same moment.
/// 4. **One owner.** A transaction has at most one owner. Only a claim changes the owner, and each
///    claim raises the epoch. A living owner's transactions are never given to another host; a dead
///    one's are given to the first that asks. How a backend tells living from dead is its own
///    affair: a lease that is renewed, or a lock that the operating system lets go.
/// 5. **Reads never wait behind the writer**, and see every append that was answered before they began.
/// 6. **A caller's key is unique within a definition.** A second create with it changes nothing and
///    answers the first transaction.
/// 7. **Unfinished transactions are never removed**, and one that has ended has no owner.
/// 8. **Cancel safety.** Dropping a call's future may or may not leave its effect; never half of it.
#[async_trait]
pub trait Journal: Send + Sync + std::fmt::Debug + 'static {
    /// What it is, where, and what it survives.
    fn identity(&self) -> Identity;

    /// Makes a host known, so that it can own transactions. A host joins once, before its first claim
    /// or create; what it owns is free for others once it has left or died.
    async fn join(&self, host: &HostId) -> Result<(), Error>;

    /// Says that the host still lives; called every [`Identity::renew_every`] where that is some.
    async fn renew(&self, host: &HostId) -> Result<(), Error>;

    /// Gives up all that the host owns. The opposite of [`Journal::join`].
    async fn leave(&self, host: &HostId) -> Result<(), Error>;

    /// Creates a transaction, owned by its creator in epoch 1. The records are its first append.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] where the id is taken.
    async fn create(&self, create: Create) -> Result<Created, AppendError>;

    /// Appends records to a transaction.
    async fn append(&self, append: Append) -> Result<Seq, AppendError>;

    /// A transaction's row and records; none where it is unknown. The row and the records are of one moment.
    async fn load(&self, id: TransactionId) -> Result<Option<Stored>, Error>;

    /// Takes up to `limit` unfinished transactions that nobody alive owns, oldest first. Stuck and
    /// paused ones are left where they are, for they wait for a person. A host that has not
    /// joined, or was taken for dead since, gets none.
    async fn claim(&self, host: &HostId, limit: usize) -> Result<Vec<Claim>, Error>;

    /// Takes one transaction, whatever its status, unless it has ended. A host that owns it already gets
    /// a new epoch.
    ///
    /// # Errors
    /// [`ClaimError::Unknown`]; [`ClaimError::Ended`]; [`ClaimError::Owned`] where a living host has it.
    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError>;

    /// Lets a transaction go; nothing happens where the epoch is no longer the current one.
    async fn release(&self, id: TransactionId, epoch: Epoch) -> Result<(), Error>;

    /// Rows that fit the filter, newest first, `page.limit` at most.
    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error>;

    /// Keeps a module's bytes, so that any host can go on with its transactions. Idempotent.
    async fn put_module(&self, digest: Digest, name: &Name, bytes: Arc<[u8]>) -> Result<(), Error>;

    /// A module's bytes; none where it was never put.
    async fn module(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error>;

    /// Removes up to `limit` transactions that ended before this moment, with their records; answers
    /// how many. It may also remove modules that no transaction names any more, unless they were put
    /// since that moment.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, Error>;

    /// Asks the backend for an answer that proves it can be written to.
    async fn check(&self) -> Result<(), Error>;

    /// How many times records were flushed to durable storage since it was opened, for measurements.
    fn flushes(&self) -> u64;

    /// Finishes what is under way and lets go of files and connections. Later calls fail.
    async fn close(&self);
}

/// Reads a stored record back; used by backends that keep records as JSON texts.
///
/// # Errors
/// The record is of a later version, or is damaged.
pub fn read_record(id: TransactionId, seq: Seq, version: u32, text: &str) -> Result<Record, Error> {
    if version > wasaga_core::RECORD_VERSION {
        return Err(Error::Newer { what: format!("record {seq} of {id}"), version });
    }
    serde_json::from_str(text)
        .map_err(|source| Error::Damaged { what: format!("record {seq} of {id}"), source: Box::new(source) })
}
