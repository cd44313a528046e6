//! What operators ask of a transaction: wherever it is, here, in the journal, or nowhere.

use tokio::sync::oneshot;
use wasaga_core::{Decision, Json, Moment, Operator, Refused, Transaction, TransactionId};

use crate::drive::{Ask, Event};
use crate::engine::Handle;
use crate::{Engine, Error};

/// An operator's word.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    what: What,
    by: Operator,
}

#[derive(Clone, Debug)]
enum What {
    Cancel,
    Pause,
    Resume,
    Terminate,
    Retry(Option<String>),
    Skip(String),
    Patch { node: String, item: Option<u32>, arguments: Json },
}

impl Order {
    pub(crate) fn decide(&self, transaction: &mut Transaction, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let by = self.by.clone();
        match &self.what {
            What::Cancel => transaction.cancel(by, moment),
            What::Pause => transaction.pause(by, moment),
            What::Resume => transaction.resume(by, moment),
            What::Terminate => transaction.terminate(by, moment),
            What::Retry(node) => transaction.retry(node.as_deref(), by, moment),
            What::Skip(node) => transaction.skip(node, by, moment),
            What::Patch { node, item, arguments } => transaction.patch(node, *item, arguments.clone(), by, moment),
        }
    }
}

/// Each answers when the word is durable, and refuses with a reason where it does not fit where the
/// transaction stands ([`Error::Refused`]), or where another living host has it ([`Error::Owned`]).
impl Engine {
    /// Makes a saga unwind, or a TCC cancel. Idempotent.
    ///
    /// # Errors
    /// As above.
    pub async fn cancel(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.order(id, Order { what: What::Cancel, by }).await
    }

    /// Lets calls in flight end and begins no others.
    ///
    /// # Errors
    /// As above.
    pub async fn pause(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.order(id, Order { what: What::Pause, by }).await
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// As above.
    pub async fn resume(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.order(id, Order { what: What::Resume, by }).await
    }

    /// Ends a transaction where it stands; the record names what was not undone, or not settled.
    ///
    /// # Errors
    /// As above.
    pub async fn terminate(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.order(id, Order { what: What::Terminate, by }).await
    }

    /// Tries stuck compensations, confirms or cancels again: that of one step or participant, or all.
    ///
    /// # Errors
    /// As above.
    pub async fn retry(&self, id: TransactionId, node: Option<&str>, by: Operator) -> Result<(), Error> {
        self.order(id, Order { what: What::Retry(node.map(Into::into)), by }).await
    }

    /// Gives a stuck compensation, confirm or cancel up.
    ///
    /// # Errors
    /// As above.
    pub async fn skip(&self, id: TransactionId, node: &str, by: Operator) -> Result<(), Error> {
        self.order(id, Order { what: What::Skip(node.into()), by }).await
    }

    /// Tries a stuck compensation, confirm or cancel again, with other arguments.
    ///
    /// # Errors
    /// As above.
    pub async fn patch(
        &self,
        id: TransactionId,
        node: &str,
        item: Option<u32>,
        arguments: Json,
        by: Operator,
    ) -> Result<(), Error> {
        self.order(id, Order { what: What::Patch { node: node.into(), item, arguments }, by }).await
    }

    /// Takes a transaction that nobody alive drives, and drives it. Nothing happens where it is driven
    /// here already, or has ended.
    ///
    /// # Errors
    /// [`Error::Owned`], [`Error::UnknownTransaction`], [`Error::ModuleMissing`].
    pub async fn take(&self, id: TransactionId) -> Result<(), Error> {
        if self.inner.load(id).await?.row.status.is_ended() {
            return Ok(());
        }
        match self.inner.reserve(id) {
            Some(place) => self.inner.clone().take_one(id, place, Event::Found).await,
            None => Ok(()),
        }
    }

    async fn order(&self, id: TransactionId, order: Order) -> Result<(), Error> {
        loop {
            let (reply, answer) = oneshot::channel();
            if let Some(Handle { asks, .. }) = self.inner.handle(id) {
                let asked = asks.send(Ask::Order(order.clone(), reply)).await;
                if asked.is_ok()
                    && let Ok(answer) = answer.await
                {
                    return answer;
                }
                // Its driver went before it could answer: it is in the journal now.
                tokio::task::yield_now().await;
                continue;
            }
            let Some(place) = self.inner.reserve(id) else { continue };
            self.inner.clone().take_one(id, place, Event::Ordered(order.clone(), Some(reply))).await?;
            return answer.await.unwrap_or(Err(Error::Lost(id)));
        }
    }
}
