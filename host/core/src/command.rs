//! What to do next, and the decision that carries it. Commands come out of a [`Decision`] only
//! against proof that its records are durable (invariant I2).

use alloc::{sync::Arc, vec::Vec};

use crate::{
    arguments::Arguments,
    commit::Commit,
    id::{Digest, IdempotencyKey, Name, Seq, TransactionId},
    json::{Headers, Json, Variables},
    message::Taken,
    outcome::{Failure, Forward},
    record::{CallId, Record},
    summary::Summary,
    time::Timestamp,
};

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Make this call and hand its answer back.
    Call(Arc<Call>),
    /// Tell the operators: the transaction is stuck, or on the way there.
    Alarm,
}

/// All that a guest is told, and what bounds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which call it is.
    pub id: CallId,
    /// The transaction.
    pub transaction: TransactionId,
    /// The saga's or TCC's name.
    pub definition: Name,
    /// The module that answers.
    pub module: Digest,
    /// The same over attempts, restarts and hosts.
    pub key: IdempotencyKey,
    /// When the host stops it, if it begins at once. Where it waits for a place first, it is stopped as much later; where it
    /// has found none by then, it is not made.
    pub deadline: Timestamp,
    /// When it is stopped in any case: the end of the time for all attempts.
    pub until: Option<Timestamp>,
    /// Units of fuel.
    pub fuel: u64,
    /// Linear memory of the instance.
    pub memory_bytes: u64,
    /// The arguments.
    pub arguments: Arguments,
    /// For a compensation, a confirm and a cancel: what is known of what was done before.
    pub forward: Option<Forward>,
    /// The transaction's headers.
    pub headers: Headers,
    /// The transaction's variables.
    pub variables: Variables,
    /// What the last `pending` of this attempt left.
    pub token: Option<Json>,
    /// Why the attempt before this one failed.
    pub last_failure: Option<Failure>,
}

/// Records to append in one piece, and what to do once they are durable.
#[derive(Debug)]
#[must_use = "records that are not appended are lost"]
pub struct Decision {
    pub(crate) commit: Commit,
    pub(crate) commands: Vec<Command>,
}

/// The journal is not where the decision's append would have brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal holds {durable} records of this transaction, and the decision ends at {needed}")]
pub struct NotDurable {
    /// Where the journal is.
    pub durable: Seq,
    /// Where it has to be.
    pub needed: Seq,
}

impl Decision {
    /// What it makes durable.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// How many records the transaction has after it.
    pub fn after(&self) -> Seq {
        self.commit.after()
    }

    /// The records, in order. Empty when nothing follows.
    pub fn records(&self) -> &[Record] {
        &self.commit.records
    }

    /// Notes that this decision is the answer to a message: the inbox loses it in the same write.
    pub fn take(&mut self, message: Taken) {
        self.commit.taken.push(message);
    }

    /// Takes the commit out, for the journal to own. The decision still knows where it ends.
    pub fn take_commit(&mut self) -> Commit {
        let summary = self.commit.summary.clone();
        let rest =
            Commit { before: self.commit.after(), records: Vec::new(), taken: Vec::new(), summary, ..self.commit };
        core::mem::replace(&mut self.commit, rest)
    }

    /// Whether calls are among its commands.
    pub fn begins_calls(&self) -> bool {
        self.commands.iter().any(|command| matches!(command, Command::Call(_)))
    }

    /// Where the transaction stands after it.
    pub fn summary(&self) -> &Summary {
        &self.commit.summary
    }

    /// The commands, given what the journal says is durable.
    ///
    /// # Errors
    /// The records of this decision are not durable yet.
    pub fn release(self, durable: Seq) -> Result<Vec<Command>, NotDurable> {
        let needed = self.after();
        if durable == needed { Ok(self.commands) } else { Err(NotDurable { durable, needed }) }
    }
}
