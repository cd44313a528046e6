//! Clauses of the suite: messages, and what comes of them.

use std::time::Duration;

use wasaga_core::{Epoch, Message, MessageId, Operator, Reply, Seq, Status, Summary, Taken, TransactionId, Wake, Word};

use super::{Suite, append_of, id, record, rest, running, with_status};
use crate::{HostId, INBOX_MAX, Inbox, PostError};

fn word(why: &str) -> Message {
    Message::Word { by: Operator { who: "ada".into(), why: why.into() }, word: Word::Cancel }
}

impl Suite<'_> {
    async fn waiting(&self, of: Inbox<'_>) -> Vec<(TransactionId, MessageId)> {
        self.journal.inbox(of, 99).await.unwrap().into_iter().map(|posted| (posted.transaction, posted.id)).collect()
    }

    pub(super) async fn messages_are_answered_once(&self) {
        let one = self.created(300).await;
        let other = self.backend.open().await;
        let (first, second) = (other.post(one, word("a")).await.unwrap(), other.post(one, word("b")).await.unwrap());
        assert!(first < second);
        let posted = self.journal.inbox(Inbox::Of(one), 1).await.unwrap();
        assert_eq!((posted[0].id, &posted[0].message), (first, &word("a")));
        assert_eq!(other.reply(one, first).await.unwrap(), None);
        // A word that is refused changes nothing, and still gets its answer.
        let taken = |message, reply| Taken { message, reply };
        let mut refuses = append_of(one, (1, 2), Vec::new(), running());
        refuses.commit.taken = vec![taken(first, Reply::Refused("no".into()))];
        assert_eq!(self.journal.append(refuses).await.unwrap(), Seq(2));
        let mut stale = append_of(one, (1, 7), vec![record(9)], running());
        stale.commit.taken = vec![taken(second, Reply::Done)];
        assert!(self.journal.append(stale).await.is_err());
        assert_eq!(self.waiting(Inbox::Of(one)).await, [(one, second)], "a refused append takes nothing");
        let mut does = append_of(one, (1, 2), vec![record(9)], running());
        does.commit.taken = vec![taken(second, Reply::Done)];
        assert_eq!(self.journal.append(does).await.unwrap(), Seq(3));
        assert_eq!(other.reply(one, first).await.unwrap(), Some(Reply::Refused("no".into())));
        assert_eq!(other.reply(one, second).await.unwrap(), Some(Reply::Done));
        assert_eq!(self.waiting(Inbox::Of(one)).await, []);
    }

    pub(super) async fn messages_wake_and_reach_their_owner(&self) {
        let one = self.created(301).await;
        let other = self.backend.open().await;
        let (waits, posted) = tokio::join!(self.journal.idle(&self.host, Duration::from_secs(60)), async {
            // The wait must have begun; a yield lets it.
            tokio::time::sleep(Duration::from_millis(20)).await;
            other.post(one, word("c")).await.unwrap()
        });
        waits.unwrap();
        assert_eq!(self.waiting(Inbox::Host(&self.host)).await, [(one, posted)]);
        assert_eq!(self.waiting(Inbox::Host(&HostId("nobody".into()))).await, []);
        // Let go unheard it is awake, whatever it waits for.
        let mut append = append_of(one, (1, 2), vec![record(3)], Summary { wake: Wake::Never, ..running() });
        append.release = true;
        self.journal.append(append).await.unwrap();
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await.len(), 1);
        self.journal.release(one, Epoch(2), rest(Wake::Never)).await.unwrap();
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await.len(), 1);
        let mut hears = append_of(one, (3, 3), Vec::new(), running());
        hears.commit.taken = vec![Taken { message: posted, reply: Reply::Done }];
        self.journal.append(hears).await.unwrap();
        self.journal.release(one, Epoch(3), rest(Wake::Never)).await.unwrap();
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await, [], "nothing is left to be heard");
        other.post(one, word("d")).await.unwrap();
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await.len(), 1, "a message wakes what nobody owns");
    }

    pub(super) async fn an_inbox_has_an_end(&self) {
        let one = self.created(302).await;
        for _ in 0..INBOX_MAX {
            self.journal.post(one, word("again")).await.unwrap();
        }
        assert!(matches!(self.journal.post(one, word("more")).await, Err(PostError::Full(full)) if full == one));
        self.append(one, 1, 2, with_status(Status::Terminated, 9)).await.unwrap();
        assert!(matches!(self.journal.post(one, word("late")).await, Err(PostError::Ended(ended)) if ended == one));
        assert!(matches!(self.journal.post(id(996), word("whom")).await, Err(PostError::Unknown(_))));
    }
}
