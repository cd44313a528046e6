//! What is handed to a journal to be written, and what came of it.

use wasaga_core::{Commit, Digest, Epoch, MessageId, Seq, TransactionId, Wake};

use crate::row::HostId;

/// A new transaction. The commit's first record says the rest: definition, module, providers, key, labels, input.
#[derive(Clone, Debug)]
pub struct Create {
    /// Who owns it, in epoch 1.
    pub host: HostId,
    /// Its first records.
    pub commit: Commit,
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
        /// The digest of that one's input ([`wasaga_core::Json::digest`]).
        input: Digest,
    },
    /// Its key was used by transactions that were removed since, and nothing was written: the create is to be made
    /// anew with this generation, for the calls of another transaction have other idempotency keys.
    Used {
        /// How many transactions had the key before.
        generation: u32,
    },
}

/// More of a transaction.
#[derive(Clone, Debug)]
pub struct Append {
    /// The writer's epoch.
    pub epoch: Epoch,
    /// What is written.
    pub commit: Commit,
    /// Whether the writer gives the transaction up with this write, to be claimed when its wake time has come. One
    /// that has ended has no owner in any case.
    pub release: bool,
}

/// How a transaction is left by an owner that writes no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When it may be claimed.
    pub wake: Wake,
    /// What it waits for, where something is missing.
    pub held: Option<Held>,
}

/// What a transaction waits for that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// In words for people: what is missing, and what to do.
    pub cause: std::sync::Arc<str>,
    /// The module that is missing or cannot be used: [`Modules::put`](crate::Modules::put) of it wakes the transaction.
    pub module: Option<Digest>,
}

/// What a claim found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// What was taken.
    pub taken: Vec<Claim>,
    /// When the next free transaction wakes; none where none does.
    pub next: Option<wasaga_core::Timestamp>,
}

/// A right to drive a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The transaction.
    pub id: TransactionId,
    /// The epoch to append with.
    pub epoch: Epoch,
}

/// A message in an inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Whom it is for.
    pub transaction: TransactionId,
    /// Its place in that one's inbox.
    pub id: MessageId,
    /// What it says.
    pub message: wasaga_core::Message,
}

/// Whose messages.
#[derive(Clone, Copy, Debug)]
pub enum Inbox<'a> {
    /// Those of one transaction.
    Of(TransactionId),
    /// Those of all transactions that the host owns.
    Host(&'a HostId),
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Transactions.
    pub transactions: usize,
    /// Their records.
    pub records: usize,
    /// Whether there may be more to remove.
    pub more: bool,
}
