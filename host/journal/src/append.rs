//! What is handed to a journal to be written.

use wasaga_core::{Digest, Epoch, Name, Record, Seq, Summary, TransactionId};

use crate::row::HostId;

/// A new transaction and its first records.
#[derive(Clone, Debug)]
pub struct Create {
    /// Its id.
    pub id: TransactionId,
    /// The definition it runs.
    pub definition: Name,
    /// The module it is pinned to.
    pub module: Digest,
    /// The modules that provide some of its steps or participants; their bytes are kept for it, too.
    pub providers: Vec<Digest>,
    /// The caller's key, unique within the definition.
    pub key: Option<Name>,
    /// A digest of the input, to tell a repeated start from a conflicting one.
    pub input: Digest,
    /// Who owns it, in epoch 1.
    pub host: HostId,
    /// Its first records.
    pub records: Vec<Record>,
    /// Where it stands after them.
    pub summary: Summary,
}

/// What became of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there, with this many records, in epoch 1.
    New(Seq),
    /// Its key was used before, and nothing was written.
    Exists {
        /// The transaction that has the key.
        id: TransactionId,
        /// The digest of that one's input.
        input: Digest,
    },
}

/// More records of a transaction.
#[derive(Clone, Debug)]
pub struct Append {
    /// The transaction.
    pub id: TransactionId,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// How many records the writer knows of.
    pub expected: Seq,
    /// What comes after them; at least one.
    pub records: Vec<Record>,
    /// Where the transaction stands then.
    pub summary: Summary,
}
