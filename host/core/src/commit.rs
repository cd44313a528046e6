//! What one decision makes durable: one value, from the decision to the backend, so that what is added to it
//! later changes no signature. Deliberately absent: what to do once it is durable (`command`).

use alloc::vec::Vec;

use crate::{
    id::{Seq, TransactionId},
    message::Taken,
    record::{Created, Fact, Record},
    summary::Summary,
};

/// Records of one transaction that become durable together, with what belongs to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The transaction.
    pub transaction: TransactionId,
    /// How many records it has before; 0 creates it.
    pub before: Seq,
    /// What comes after them. Empty only where messages are taken and nothing follows from them.
    pub records: Vec<Record>,
    /// Messages of its inbox that this commit answers: they are taken out of it in the same write.
    pub taken: Vec<Taken>,
    /// Where the transaction stands then.
    pub summary: Summary,
}

impl Commit {
    /// How many records the transaction has after it.
    pub fn after(&self) -> Seq {
        Seq(self.before.0 + self.records.len() as u64)
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.taken.is_empty()
    }

    /// The transaction's first record, where this commit creates it.
    pub fn created(&self) -> Option<&Created> {
        match self.records.first().map(|record| &record.fact) {
            Some(Fact::Created(created)) => Some(created),
            _ => None,
        }
    }
}
