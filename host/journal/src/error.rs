//! What can go wrong, by what the caller can do about it.

use wasaga_core::{Epoch, Seq, TransactionId};

use crate::row::HostId;

/// A cause from a driver.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached or opened at all.
    #[error("journal `{location}` cannot be opened: {reason} ({remedy})")]
    Open {
        /// Where.
        location: String,
        /// Why.
        reason: String,
        /// What to do.
        remedy: String,
        /// The driver's error.
        #[source]
        source: Option<Source>,
    },
    /// It, or something in it, was written by a later version of wasaga.
    #[error("{what} is of version {version}, which this wasaga does not know (update wasaga, or name another journal)")]
    Newer {
        /// What.
        what: String,
        /// Its version.
        version: u32,
    },
    /// Something in it cannot be read back.
    #[error("{what} is damaged (restore the journal from a backup; nothing was changed)")]
    Damaged {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// No room is left.
    #[error("journal `{location}` cannot be written: the disk is full (make room; what was answered before is kept)")]
    Full {
        /// Where.
        location: String,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// It may be read and not written.
    #[error(
        "journal `{location}` cannot be written: it is read-only (change its permissions, or name another journal)"
    )]
    ReadOnly {
        /// Where.
        location: String,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// It is busy for longer than the writer waits.
    #[error("journal `{location}` is locked by another process (end what holds it, or try again)")]
    Locked {
        /// Where.
        location: String,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// The disk, or the file system on it, failed.
    #[error(
        "journal `{location}` cannot be read or written: the disk reports an error (look at the disk, its quota and the \
         limit on the size of files; what was answered before is kept)"
    )]
    Disk {
        /// Where.
        location: String,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// It was closed.
    #[error("the journal is closed")]
    Closed,
    /// The driver failed in another way; trying again may help.
    #[error("the journal failed")]
    Failed(#[source] Source),
}

impl Error {
    /// Whether trying again may help: the journal cannot be reached or written now. What is damaged, or was written by
    /// a later version, stays so.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Newer { .. } | Self::Damaged { .. } | Self::Closed)
    }
}

/// An append did not take place, or is not known to have.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another host has the transaction now. Nothing was written.
    #[error("transaction {id} has a new owner since epoch {epoch}")]
    Fenced {
        /// The transaction.
        id: TransactionId,
        /// The epoch of the append.
        epoch: Epoch,
    },
    /// The journal has other records than the writer knows of. Nothing was written.
    #[error("transaction {id} has {actual:?} records where {expected} were expected")]
    Conflict {
        /// The transaction.
        id: TransactionId,
        /// What the append expected.
        expected: Seq,
        /// What there is; none where the transaction is unknown or this was not found out.
        actual: Option<Seq>,
    },
    /// It may or may not have been written.
    #[error(transparent)]
    Journal(#[from] Error),
}

/// A transaction could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// There is none of this id.
    #[error("transaction {0} is not in this journal")]
    Unknown(TransactionId),
    /// It has ended, and nobody drives it any more.
    #[error("transaction {0} has ended")]
    Ended(TransactionId),
    /// A living host has it.
    #[error("transaction {id} is driven by host `{owner}`, which is alive")]
    Owned {
        /// The transaction.
        id: TransactionId,
        /// Its owner.
        owner: HostId,
    },
    /// Its records are of a later version than the host reads.
    #[error("transaction {id} has records of version {version}, which this wasaga does not know (update wasaga)")]
    Newer {
        /// The transaction.
        id: TransactionId,
        /// The latest version of its records.
        version: u32,
    },
    /// The host that asks has not joined, or was taken for dead since.
    #[error("host `{0}` is not known to the journal (it was taken for dead, or has left)")]
    NotJoined(HostId),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] Error),
}

/// A message was not posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// There is none of this id.
    #[error("transaction {0} is not in this journal")]
    Unknown(TransactionId),
    /// It has ended, and nobody hears anything for it any more.
    #[error("transaction {0} has ended")]
    Ended(TransactionId),
    /// Too many messages wait.
    #[error("the inbox of transaction {0} is full (look whether the host that drives it still works)")]
    Full(TransactionId),
    /// The journal failed; the message may be there or not.
    #[error(transparent)]
    Journal(#[from] Error),
}
