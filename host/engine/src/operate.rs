//! What operators say to a transaction: wherever it is, here, at another host, or with nobody.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use wasaga_core::{Json, Message, MessageId, Operator, Reply, Seq, TransactionId, Word};
use wasaga_journal::{HostId, PostError};

use crate::ask::{Ask, Said};
use crate::slots::Handle;
use crate::takeover::Taking;
use crate::{Engine, Error};

/// How long another host is waited for. It hears within moments, and writes as fast as its journal does.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How often the reply is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often it is tried whether the other host has gone.
const TRY_EVERY: u32 = 25;
/// Pause before a word is tried again whose driver went before it could answer.
const AGAIN_AFTER: Duration = Duration::from_millis(1);

/// Each answers when the word is durable, and refuses with a reason where it does not fit where the
/// transaction stands ([`Error::Refused`]). A word to a transaction that another living host drives goes through the journal, and
/// is answered by that host ([`Error::Unanswered`] where it does not within 20 s; it is heard when that host goes on).
impl Engine {
    /// Makes a saga unwind, or a TCC cancel. Idempotent.
    ///
    /// # Errors
    /// As above.
    pub async fn cancel(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Cancel).await
    }

    /// Lets calls in flight end and begins no others.
    ///
    /// # Errors
    /// As above.
    pub async fn pause(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Pause).await
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// As above.
    pub async fn resume(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Resume).await
    }

    /// Ends a transaction where it stands; the record names what was not undone, or not settled. It needs no
    /// module, so that also what is held for want of one can be ended.
    ///
    /// # Errors
    /// As above.
    pub async fn terminate(&self, id: TransactionId, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Terminate).await
    }

    /// Tries stuck compensations, confirms or cancels again: that of one step or participant, or all.
    ///
    /// # Errors
    /// As above.
    pub async fn retry(&self, id: TransactionId, node: Option<&str>, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Retry { node: node.map(Into::into) }).await
    }

    /// Gives a stuck compensation, confirm or cancel up.
    ///
    /// # Errors
    /// As above.
    pub async fn skip(&self, id: TransactionId, node: &str, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Skip { node: node.into() }).await
    }

    /// Tries a stuck compensation, confirm or cancel again, with other arguments. An item of a fan-out is named `step[3]`.
    ///
    /// # Errors
    /// As above.
    pub async fn patch(&self, id: TransactionId, node: &str, arguments: Json, by: Operator) -> Result<(), Error> {
        self.say(id, by, Word::Patch { node: node.into(), item: None, arguments }).await
    }

    /// Says something to a transaction, wherever it is.
    async fn say(&self, id: TransactionId, by: Operator, word: Word) -> Result<(), Error> {
        let message = Message::Word { by, word };
        loop {
            if let Some(handle) = self.shared.slots.handle(id) {
                if let Some(answer) = say_here(&handle, &message).await {
                    return answer;
                }
                // Its driver went before it could answer: the transaction is in the journal now.
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
            let said = match self.say_by_hand(id, &message).await {
                Err(Error::Owned { owner, .. }) => self.say_elsewhere(id, message.clone(), owner).await?,
                said => said?,
            };
            if said.is_some() {
                return Ok(());
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// To a transaction that nobody drives: it is taken, and the word comes first. None where it has a driver by now.
    async fn say_by_hand(&self, id: TransactionId, message: &Message) -> Result<Option<()>, Error> {
        let Some(slot) = self.shared.slots.reserve(id) else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        let said = Said { message: message.clone(), posted: None, reply: Some(reply) };
        Taking { shared: self.shared.clone(), slot, said: Some(said), permit: None }.take(id).await?;
        answer.await.unwrap_or(Err(Error::Lost(id))).map(Some)
    }

    /// To a transaction that another living host drives: by way of its inbox. None where it has ended, or may have a
    /// driver here by now: then it is said once more from the beginning.
    async fn say_elsewhere(&self, id: TransactionId, message: Message, owner: HostId) -> Result<Option<()>, Error> {
        let posted = match self.shared.journal.post(id, message.clone()).await {
            Ok(posted) => posted,
            Err(PostError::Unknown(id)) => return Err(Error::UnknownTransaction(id)),
            Err(PostError::Ended(_)) => return Ok(None),
            Err(error) => return Err(Error::Post(error)),
        };
        let end = Instant::now() + ANSWER_WITHIN;
        let mut looks = 0_u32;
        while Instant::now() < end {
            match self.shared.journal.reply(id, posted).await? {
                Some(Reply::Done) => return Ok(Some(())),
                Some(Reply::Refused(reason)) => return Err(Error::Refused { id, reason }),
                None => {}
            }
            looks += 1;
            if looks.is_multiple_of(TRY_EVERY) {
                if self.has_ended(id).await? {
                    // Its host may have ended it without having heard this; then it comes too late.
                    return Ok(None);
                }
                self.hear_if_free(id, posted).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Error::Unanswered { id, owner, seconds: ANSWER_WITHIN.as_secs() })
    }

    async fn has_ended(&self, id: TransactionId) -> Result<bool, Error> {
        let stored = self.shared.journal.read(id, Seq(0), 0).await?;
        Ok(stored.ok_or(Error::UnknownTransaction(id))?.row.status.is_ended())
    }

    /// The other host may have gone in the meantime: then the transaction is taken here, with its inbox.
    async fn hear_if_free(&self, id: TransactionId, posted: MessageId) {
        let Some(slot) = self.shared.slots.reserve(id) else { return };
        let taken = Taking { shared: self.shared.clone(), slot, said: None, permit: None }.take(id).await;
        if let Err(error) = taken {
            tracing::debug!(transaction = %id, message = posted.0, %error, "it is still driven elsewhere");
        }
    }
}

/// To the driver here; none where it stopped before it answered.
async fn say_here(handle: &Handle, message: &Message) -> Option<Result<(), Error>> {
    let (reply, answer) = oneshot::channel();
    let said = Said { message: message.clone(), posted: None, reply: Some(reply) };
    handle.asks.send(Ask::Said(said)).await.ok()?;
    answer.await.ok()
}
