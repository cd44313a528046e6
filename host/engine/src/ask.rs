//! What a driver may be asked, and what it says last.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasaga_core::{Message, MessageId, Report, Transaction};

use crate::Error;

/// Who waits for what came of a word.
pub(crate) type Reply = oneshot::Sender<Result<(), Error>>;

/// Something said to a transaction.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) message: Message,
    /// Its place in the inbox, where it came by way of the journal.
    pub(crate) posted: Option<MessageId>,
    /// Who waits for the answer in this process.
    pub(crate) reply: Option<Reply>,
}

impl Said {
    /// Answers whoever waits in this process.
    pub(crate) fn answer(&mut self, answer: Result<(), Error>) {
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have gone.
            drop(reply.send(answer));
        }
    }
}

/// What a driver may be asked.
#[derive(Debug)]
pub(crate) enum Ask {
    Report(oneshot::Sender<Report>),
    Said(Said),
}

/// How a driver stopped.
#[derive(Clone, Debug)]
pub(crate) enum Stopped {
    /// The transaction has ended, is stuck, or is paused. Reports are made for those who ask.
    AtRest(Arc<Transaction>),
    /// It sleeps in the journal, and is claimed when its time comes.
    Asleep,
    /// The host leaves.
    Draining,
    /// Something is wrong.
    Failed(Arc<Error>),
}
