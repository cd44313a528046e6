//! The journal of one host's life: the one in memory that all share, behind everything that can go
//! wrong on the way to it. What it lets through is in the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use wasaga_core::{Digest, Epoch, Message, MessageId, Name, Reply, Seq, Timestamp, TransactionId};
use wasaga_journal::memory::Memory;
use wasaga_journal::{
    Append, AppendError, Claim, ClaimError, Claims, Create, Created, Error, Filter, HostId, Identity, Inbox, Journal,
    Lease, Modules, Page, PostError, Posted, Pruned, Rest, Row, Stored,
};

use crate::log::{What, Written};
use crate::scenario::{Class, FaultKind, How, Lack, When};
use crate::stage::{Living, Stage};

#[derive(Debug)]
pub(crate) struct Unreliable {
    pub(crate) memory: Memory,
    pub(crate) stage: Arc<Stage>,
    pub(crate) life: Arc<Living>,
}

fn broken() -> Error {
    Error::Failed("the journal is out of reach".into())
}

/// What goes wrong with one operation, once it is let through.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Answer(u64),
    Reply,
}

impl Unreliable {
    fn note(&self, what: What) {
        self.stage.note(what);
    }

    fn fault(&self, what: &str) {
        self.note(What::Fault(self.life.number, what.into()));
    }

    /// The fault of the next operation of this class, while there are any.
    fn next_fault(&self, class: Class) -> Option<FaultKind> {
        let nth = self.stage.operations[class as usize].fetch_add(1, Ordering::Relaxed);
        if self.stage.is_calm() {
            return None;
        }
        let now_ms = self.stage.elapsed().as_millis() as u64;
        if self.stage.scenario.outages.iter().any(|(from, to)| (*from..*to).contains(&now_ms)) {
            return Some(FaultKind::Fails);
        }
        let fault = self.stage.scenario.faults.iter().find(|fault| fault.class == class && fault.nth == nth);
        fault.map(|fault| fault.kind)
    }

    /// The way to the journal: an error where it is not reached.
    async fn way_in(&self, class: Class, name: &str) -> Result<Wrong, Error> {
        self.life.gate().await;
        let wrong = match self.next_fault(class) {
            None => Wrong::Nothing,
            Some(FaultKind::Fails | FaultKind::AppliesLate(_)) => {
                self.fault(&format!("{name} fails"));
                return Err(broken());
            }
            Some(FaultKind::Delays(ms)) => {
                self.fault(&format!("{name} is delayed by {ms} ms"));
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Wrong::Nothing
            }
            Some(FaultKind::AnswersLate(ms)) => Wrong::Answer(ms),
            Some(FaultKind::LosesReply) => Wrong::Reply,
        };
        self.life.gate().await;
        Ok(wrong)
    }

    /// The way back.
    async fn way_back(&self, wrong: Wrong, name: &str) -> Result<(), Error> {
        match wrong {
            Wrong::Nothing => {}
            Wrong::Answer(ms) => {
                self.fault(&format!("{name} is answered {ms} ms late"));
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            Wrong::Reply => {
                self.fault(&format!("the reply to {name} is lost"));
                return Err(broken());
            }
        }
        self.life.gate().await;
        Ok(())
    }

    /// Whether the life ends with this append: before it, or after.
    fn ends_with_append(&self) -> Option<bool> {
        let nth = self.life.appends.fetch_add(1, Ordering::Relaxed);
        let end = self.life.end.filter(|_| !self.stage.is_calm())?;
        match end.when {
            When::Append { nth: at, written } if at == nth => Some(written),
            _ => None,
        }
    }

    /// Ends this life here. One that is taken for dead or drains goes on with what it does.
    async fn end(&self) {
        let dies = self.life.end.is_some_and(|end| end.how == How::Dies);
        if dies && self.life.die() {
            self.note(What::Died(self.life.number));
        }
        self.life.ends_now();
        self.life.gate().await;
    }

    async fn write(&self, append: Append) -> Result<Seq, AppendError> {
        let (epoch, commit, release) = (append.epoch, append.commit.clone(), append.release);
        let (id, expected, records) = (commit.transaction, commit.before, commit.records);
        let answer = self.memory.append(append).await;
        let number = self.life.number;
        match &answer {
            Ok(_) => {
                // An answer to a message is no record.
                if !records.is_empty() {
                    self.note(What::Appended(number, Written { id, epoch, expected, records }));
                }
                if release {
                    self.note(What::Released(number, id, epoch));
                }
            }
            Err(error) => self.note(What::Refused(number, id, error.to_string())),
        }
        answer
    }

    async fn write_new(&self, create: Create) -> Result<Created, AppendError> {
        let (id, records, host) = (create.commit.transaction, create.commit.records.clone(), create.host.clone());
        let answer = self.memory.create(create).await;
        if matches!(answer, Ok(Created::New(_))) {
            self.note_under(&host);
            self.note(What::Created(self.life.number, id, records));
        }
        answer
    }

    /// Notes that something is given to a name which the host has no longer.
    fn note_under(&self, host: &HostId) {
        if self.life.host.lock().as_ref() != Some(host) {
            let joined = self.life.joined.load(Ordering::Relaxed);
            self.note(What::Under(self.life.number, joined.saturating_sub(1)));
        }
    }

    /// What a host had under its name before goes when that lease runs out.
    async fn expire(self, host: HostId, joined: u64, end: Instant) {
        tokio::time::sleep_until(end).await;
        self.memory.lose(&host);
        self.note(What::Expired(self.life.number, joined));
    }

    fn another(&self) -> Self {
        Self { memory: self.memory.clone(), stage: self.stage.clone(), life: self.life.clone() }
    }
}

#[async_trait]
impl Journal for Unreliable {
    fn identity(&self) -> Identity {
        Identity { lease: self.stage.scenario.lease_ms.map(Duration::from_millis), ..self.memory.identity() }
    }

    async fn join(&self, host: &HostId, reads: u32) -> Result<(), Error> {
        let before = self.life.host.lock().clone();
        if before.is_some() {
            // A host that begins keeps trying in any case; one that joins anew sees what is wrong.
            self.way_in(Class::Other, "join").await?;
        }
        self.memory.join(host, reads).await?;
        *self.life.host.lock() = Some(host.clone());
        let beat = std::mem::replace(&mut *self.life.beat.lock(), Instant::now());
        let joined = self.life.joined.fetch_add(1, Ordering::Relaxed);
        self.note(What::Joined(self.life.number));
        if let (Some(before), Some(lease)) = (before, self.identity().lease) {
            tokio::spawn(self.another().expire(before, joined, beat + lease));
        }
        Ok(())
    }

    async fn renew(&self, host: &HostId) -> Result<Lease, Error> {
        let wrong = self.way_in(Class::Other, "renewal").await?;
        let lease = self.memory.renew(host).await?;
        if lease == Lease::Kept {
            *self.life.beat.lock() = Instant::now();
        }
        self.way_back(wrong, "renewal").await?;
        Ok(lease)
    }

    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        let wrong = self.way_in(Class::Other, "leave").await?;
        self.memory.leave(host).await?;
        self.note(What::Left(self.life.number));
        self.way_back(wrong, "leave").await
    }

    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        let end = self.ends_with_append();
        if end == Some(false) {
            self.end().await;
        }
        self.life.gate().await;
        if let Some(FaultKind::AppliesLate(ms)) = self.peek_late() {
            self.next_fault(Class::Write);
            self.fault(&format!("create fails, and takes place {ms} ms later"));
            let (late, create) = (self.another(), create.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                late.write_new(create).await
            });
            return Err(broken().into());
        }
        let wrong = self.way_in(Class::Write, "create").await?;
        let answer = self.write_new(create).await;
        if end == Some(true) {
            self.end().await;
        }
        self.way_back(wrong, "create").await?;
        answer
    }

    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        let end = self.ends_with_append();
        if end == Some(false) {
            self.end().await;
        }
        self.life.gate().await;
        if let Some(FaultKind::AppliesLate(ms)) = self.peek_late() {
            self.next_fault(Class::Write);
            self.fault(&format!("append fails, and takes place {ms} ms later"));
            let (late, append) = (self.another(), append.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                late.write(append).await
            });
            return Err(broken().into());
        }
        let wrong = self.way_in(Class::Write, "append").await?;
        let answer = self.write(append).await;
        if end == Some(true) {
            self.end().await;
        }
        self.way_back(wrong, "append").await?;
        answer
    }

    async fn read(&self, id: TransactionId, after: Seq, limit: usize) -> Result<Option<Stored>, Error> {
        let wrong = self.way_in(Class::Other, "load").await?;
        let answer = self.memory.read(id, after, limit).await;
        self.way_back(wrong, "load").await?;
        answer
    }

    async fn claim(&self, host: &HostId, now: Timestamp, limit: usize) -> Result<Claims, Error> {
        let wrong = self.way_in(Class::Other, "claim").await?;
        let claims = self.memory.claim(host, now, limit).await?;
        for claim in &claims.taken {
            self.note_under(host);
            self.note(What::Claimed(self.life.number, claim.id, claim.epoch));
        }
        self.way_back(wrong, "claim").await?;
        Ok(claims)
    }

    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let wrong = self.way_in(Class::Other, "claim of one").await?;
        let claim = self.memory.claim_one(host, id).await?;
        self.note_under(host);
        self.note(What::Claimed(self.life.number, claim.id, claim.epoch));
        self.way_back(wrong, "claim of one").await?;
        Ok(claim)
    }

    async fn release(&self, id: TransactionId, epoch: Epoch, rest: Rest) -> Result<(), Error> {
        let wrong = self.way_in(Class::Other, "release").await?;
        self.memory.release(id, epoch, rest).await?;
        self.note(What::Released(self.life.number, id, epoch));
        self.way_back(wrong, "release").await
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        let wrong = self.way_in(Class::Other, "list").await?;
        let answer = self.memory.list(filter, page).await;
        self.way_back(wrong, "list").await?;
        answer
    }

    async fn idle(&self, host: &HostId, at_most: Duration) -> Result<(), Error> {
        self.life.gate().await;
        self.memory.idle(host, at_most).await?;
        self.life.gate().await;
        Ok(())
    }

    async fn post(&self, id: TransactionId, message: Message) -> Result<MessageId, PostError> {
        let wrong = self.way_in(Class::Other, "message").await?;
        let answer = self.memory.post(id, message).await;
        self.way_back(wrong, "message").await?;
        answer
    }

    async fn inbox(&self, of: Inbox<'_>, limit: usize) -> Result<Vec<Posted>, Error> {
        let wrong = self.way_in(Class::Other, "inbox").await?;
        let answer = self.memory.inbox(of, limit).await;
        self.way_back(wrong, "inbox").await?;
        answer
    }

    async fn reply(&self, id: TransactionId, message: MessageId) -> Result<Option<Reply>, Error> {
        let wrong = self.way_in(Class::Other, "reply").await?;
        let answer = self.memory.reply(id, message).await;
        self.way_back(wrong, "reply").await?;
        answer
    }

    fn modules(&self) -> &dyn Modules {
        self
    }

    async fn prune(&self, before: Timestamp, records: usize) -> Result<Pruned, Error> {
        self.memory.prune(before, records).await
    }

    async fn check(&self) -> Result<(), Error> {
        self.memory.check().await
    }

    fn flushes(&self) -> u64 {
        self.memory.flushes()
    }

    async fn close(&self) {
        self.life.gate().await;
    }
}

impl Unreliable {
    /// Whether the next write fails and takes place later.
    fn peek_late(&self) -> Option<FaultKind> {
        if self.stage.is_calm() {
            return None;
        }
        let nth = self.stage.operations[Class::Write as usize].load(Ordering::Relaxed);
        let faults = &self.stage.scenario.faults;
        let fault = faults.iter().find(|fault| fault.class == Class::Write && fault.nth == nth)?;
        matches!(fault.kind, FaultKind::AppliesLate(_)).then_some(fault.kind)
    }
}

#[async_trait]
impl Modules for Unreliable {
    async fn put(&self, host: &HostId, digest: Digest, bytes: Arc<[u8]>) -> Result<(), Error> {
        let wrong = self.way_in(Class::Other, "module").await?;
        self.memory.modules().put(host, digest, bytes).await?;
        self.way_back(wrong, "module").await
    }

    async fn get(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error> {
        let wrong = self.way_in(Class::Other, "module").await?;
        let answer = if self.stage.lacks(Lack::Missing) { Ok(None) } else { self.memory.modules().get(digest).await };
        self.way_back(wrong, "module").await?;
        answer
    }

    async fn activate(&self, name: &Name, digest: Digest) -> Result<(), Error> {
        self.memory.modules().activate(name, digest).await
    }

    async fn active(&self) -> Result<Vec<(Name, Digest)>, Error> {
        self.memory.modules().active().await
    }

    async fn let_go(&self, host: &HostId, digest: Digest) -> Result<(), Error> {
        self.memory.modules().let_go(host, digest).await
    }
}
