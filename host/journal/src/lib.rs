//! Keeps the records of transactions: the trait [`Journal`], its written contract, and the backends.
//!
//! Deliberately absent: what records mean (`wasaga-core`), and when to append them (`wasaga-engine`).
//! A backend of your own implements [`Journal`].

mod append;
pub mod conformance;
pub mod error;
mod grouped;
pub mod memory;
mod row;
pub mod sqlite;
mod stored;
mod write;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wasaga_core::{Digest, Epoch, Message, MessageId, Name, Reply, Seq, Timestamp, TransactionId};

pub use append::{Append, Claim, Claims, Create, Created, Held, Inbox, Posted, Pruned, Rest};
pub use error::{AppendError, ClaimError, Error, PostError};
pub use row::{Durability, Filter, HostId, Identity, Lease, Owner, Page, Row, Stored};
pub use stored::{Reading, Written, write_records};

/// The epoch in which a transaction is created.
pub const FIRST_EPOCH: Epoch = Epoch(1);

/// Messages that may wait in the inbox of one transaction. A driver takes them within moments; more of them than
/// this means that somebody posts in a loop, or that nobody drives.
pub const INBOX_MAX: usize = 64;

/// Where transactions are kept.
///
/// # Contract
///
/// 1. **Append is all or nothing, and conditional.** An [`Append`] names the epoch of its writer and
///    the sequence it expects. When both fit, its records, the messages it takes and the row's new summary become
///    durable together, and the answer is the new sequence. When one does not, nothing is written
///    and the answer is [`AppendError::Fenced`] or [`AppendError::Conflict`]. Of any number of
///    writers that expect the same sequence, one succeeds (invariant I5).
/// 2. **An answer means durable.** `Ok` comes after the records would survive what
///    [`Identity::durability`] states. After an error other than `Fenced` and `Conflict` the records
///    may or may not be there: the caller reads before it goes on.
/// 3. **Sequences have no gaps.** Record `n` of a transaction is the `n`-th that was appended, from 1.
///    [`Journal::read`] gives them in order, with the row as it was at the same moment.
/// 4. **One owner.** A transaction has at most one owner, which has joined. Only a claim gives it an owner, and each
///    claim raises the epoch. A living host's transactions are never given to another host; a dead
///    one's are given to the first that asks once their wake time has come. A backend tells living from dead by a lease
///    that is renewed, or by a lock that the operating system lets go. For leases only the backend's own clock counts. What
///    cannot be found out is an error of the question, and never an answer: a host is dead only where that is certain.
/// 5. **Reads never wait behind the writer**, and see every append that was answered before they began.
/// 6. **A caller's key is unique** for a definition of a module name. A second create with it changes nothing and
///    answers the first transaction. A memory of the key outlives the transaction ([`Created::Used`]).
/// 7. **Unfinished transactions are never removed**, and one that has ended has no owner.
/// 8. **A message is answered once**, by the commit that takes it, and its reply is kept as long as the transaction.
/// 9. **Records come back as they were appended**, also those with large payloads, which a backend keeps once for a
///    transaction ([`write_records`], [`Reading`]).
/// 10. **Cancel safety.** Dropping a call's future may or may not leave its effect; never half of it.
#[async_trait]
pub trait Journal: Send + Sync + std::fmt::Debug + 'static {
    /// What it is, where, and what it survives.
    fn identity(&self) -> Identity;

    /// Makes a host known, so that it can own transactions. A host joins once, before its first claim
    /// or create; what it owns is free for others once it has left or died. `reads` is the latest version of records
    /// that it reads ([`wasaga_core::RECORD_VERSION`]): what has later ones is left to newer hosts.
    async fn join(&self, host: &HostId, reads: u32) -> Result<(), Error>;

    /// Says that the host still lives; called at a third of [`Identity::lease`] where that is some.
    async fn renew(&self, host: &HostId) -> Result<Lease, Error>;

    /// Gives up all that the host owns. The opposite of [`Journal::join`].
    async fn leave(&self, host: &HostId) -> Result<(), Error>;

    /// Creates a transaction, owned by its creator in epoch 1. The records are its first append.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] where the id is taken; [`AppendError::Fenced`] where the host has not joined, or was
    /// taken for dead since.
    async fn create(&self, create: Create) -> Result<Created, AppendError>;

    /// Appends to a transaction.
    async fn append(&self, append: Append) -> Result<Seq, AppendError>;

    /// A transaction's row, and up to `limit` of its records after `after`; none where it is unknown. The row and the
    /// records are of one moment. With a limit of 0 it reads the row alone.
    async fn read(&self, id: TransactionId, after: Seq, limit: usize) -> Result<Option<Stored>, Error>;

    /// A transaction's row and all its records.
    async fn load(&self, id: TransactionId) -> Result<Option<Stored>, Error> {
        self.read(id, Seq(0), usize::MAX).await
    }

    /// Takes up to `limit` unfinished transactions that nobody alive owns and whose wake time has come, in the order of
    /// wake times. `now` is the caller's clock, for hosts wrote the wake times by theirs. Those whose records are of a
    /// later version than the host reads are passed over, as if they were not there. A host that has not
    /// joined, or was taken for dead since, gets none.
    async fn claim(&self, host: &HostId, now: Timestamp, limit: usize) -> Result<Claims, Error>;

    /// Takes one transaction, whatever its status and its wake time, unless it has ended. A host that owns it already
    /// gets a new epoch.
    ///
    /// # Errors
    /// [`ClaimError::Unknown`]; [`ClaimError::Ended`]; [`ClaimError::Owned`] where a living host has it;
    /// [`ClaimError::NotJoined`]; [`ClaimError::Newer`] where the host does not read its records.
    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError>;

    /// Lets a transaction go without a record; nothing happens where the epoch is no longer the current one.
    async fn release(&self, id: TransactionId, epoch: Epoch, rest: Rest) -> Result<(), Error>;

    /// Waits until there may be something for this host (a message, a transaction that is free now), or until the time
    /// is over. It may also return for nothing.
    async fn idle(&self, host: &HostId, at_most: Duration) -> Result<(), Error>;

    /// Puts a message into the inbox of a transaction. Where nobody owns it, it wakes at once.
    ///
    /// # Errors
    /// [`PostError::Unknown`], [`PostError::Ended`]; [`PostError::Full`] where [`INBOX_MAX`] messages wait.
    async fn post(&self, id: TransactionId, message: Message) -> Result<MessageId, PostError>;

    /// Messages that no commit has taken yet, in the order of arrival for each transaction, `limit` at most.
    async fn inbox(&self, of: Inbox<'_>, limit: usize) -> Result<Vec<Posted>, Error>;

    /// What came of a message; none where no commit has taken it yet, or it is unknown.
    async fn reply(&self, id: TransactionId, message: MessageId) -> Result<Option<Reply>, Error>;

    /// Rows that fit the filter, newest first, `page.limit` at most.
    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error>;

    /// Where the modules of its transactions are kept.
    fn modules(&self) -> &dyn Modules;

    /// Removes transactions that ended before this moment, with their records, until about `records` records are
    /// removed. It may also remove modules that no transaction names and no living host holds.
    async fn prune(&self, before: Timestamp, records: usize) -> Result<Pruned, Error>;

    /// Asks the backend for an answer that proves it can be written to.
    async fn check(&self) -> Result<(), Error>;

    /// How many times records were flushed to durable storage since it was opened, for measurements.
    fn flushes(&self) -> u64;

    /// Finishes what is under way and lets go of files and connections. Later calls fail.
    async fn close(&self);
}

/// Where the bytes of modules are kept, so that any host can go on with any transaction. A store of its own, for
/// modules are large and few; a backend may keep them beside its transactions.
///
/// # Contract
///
/// 1. Bytes are known by their digest, and are compared with it when they are read: damaged ones are an error.
/// 2. What an unfinished or kept transaction names, what is active and what a living host holds is not removed.
#[async_trait]
pub trait Modules: Send + Sync + std::fmt::Debug {
    /// Keeps a module's bytes, held by this host from now on. Idempotent. Transactions that are held for want of it wake.
    async fn put(&self, host: &HostId, digest: Digest, bytes: Arc<[u8]>) -> Result<(), Error>;

    /// A module's bytes; none where it was never put, or was removed.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the bytes are not those of the digest.
    async fn get(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error>;

    /// Makes a module the one that starts by this name go to; the last one stays until then.
    async fn activate(&self, name: &Name, digest: Digest) -> Result<(), Error>;

    /// Which module each name stands for.
    async fn active(&self) -> Result<Vec<(Name, Digest)>, Error>;

    /// The host needs this module no longer; transactions may.
    async fn let_go(&self, host: &HostId, digest: Digest) -> Result<(), Error>;
}
