//! One transaction, driven: decide, append, perform, feed the outcome back. One task a transaction;
//! the machine is its alone, so nothing is locked.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::OwnedSemaphorePermit;
use wasaga_core::{
    Command, Decision, Epoch, MessageId, Moment, Record, Refused, Reply, Seq, Taken, Timestamp, Transaction,
    TransactionId, Wake,
};
use wasaga_journal::{Held, Inbox, Posted, Rest};

use crate::Error;
use crate::ask::{Ask, Said, Stopped};
use crate::calls::{Answers, Calls};
use crate::drain::Level;
use crate::error::chain;
use crate::ledger::{Ledger, Trouble, Written};
use crate::load::Loaded;
use crate::shared::Shared;
use crate::slots::Slot;
use crate::watch::count;

/// Pause after a due time that produced no records: the machine waits for a free place, and not for time.
const FRUITLESS: Duration = Duration::from_millis(50);
/// A transaction that sleeps longer than this rests in the journal. To wake it costs a claim and a replay, some
/// hundred microseconds; to keep it costs its memory.
const REST_AFTER: Duration = Duration::from_secs(2);
/// Messages that are read at once. As many as an inbox holds.
const MESSAGES: usize = wasaga_journal::INBOX_MAX;

/// What happens to a transaction.
#[derive(Debug)]
enum Event {
    /// A host found it.
    Found,
    Answered(Answers),
    Due,
    Said(Said),
    /// The host was taken for dead.
    Cut,
}

/// Why a driver stops.
enum Stop {
    /// There is nothing to do here any more.
    Rest,
    /// The host leaves and no call is in flight, or calls are cut off.
    Left,
    /// A word that was refused begins nothing: the transaction is left as it was found.
    AsFound(Rest),
    Failed(Arc<Error>),
}

/// How a driver begins.
pub(crate) enum Begin {
    /// With a first decision, which is durable; its records are for whoever watches.
    Created(Decision, Seq, Vec<Record>),
    /// With a transaction that was found, and what is said to it. `as_found` is how it goes on resting where all
    /// that is said is refused.
    Found { said: Option<Said>, as_found: Rest },
}

pub(crate) struct Driver {
    shared: Arc<Shared>,
    transaction: Transaction,
    id: TransactionId,
    epoch: Epoch,
    slot: Slot,
    /// How far the drain was when it was looked at last.
    drain: Level,
    calls: Calls,
    /// The last message that it heard: one that is handed in twice is heard once.
    heard: Option<MessageId>,
    /// Whether the last due time led to nothing.
    fruitless: bool,
    /// Whether it was found and has not yet gone on: what is said to it then begins no call, for those that another
    /// host left in flight are not yet known to be lost.
    found: bool,
    /// Whether its last append gave the transaction up.
    released: bool,
    permit: Option<OwnedSemaphorePermit>,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, loaded: Loaded, epoch: Epoch, slot: Slot) -> Self {
        let Loaded { transaction, answering } = loaded;
        let (id, drain) = (transaction.id(), shared.drain.level());
        let calls = Calls::new(answering);
        let (heard, fruitless, found, released, permit) = (None, false, false, false, None);
        Self { shared, transaction, id, epoch, slot, drain, calls, heard, fruitless, found, released, permit }
    }

    /// The place that it holds until its end.
    pub(crate) fn holding(self, permit: OwnedSemaphorePermit) -> Self {
        Self { permit: Some(permit), ..self }
    }

    /// Drives it, in a task of its own. A panic frees the slot, and the transaction goes on from the journal.
    pub(crate) fn spawn(self, begin: Begin) {
        let (shared, id) = (self.shared.clone(), self.id);
        // Apart, for a task is moved a few times before it runs.
        let run = Box::pin(self.run(begin));
        tokio::spawn(async move {
            if AssertUnwindSafe(run).catch_unwind().await.is_err() {
                tracing::error!(transaction = %id, "driving a transaction failed (this is a bug of wasaga); it goes on from the journal");
                shared.note_panic(id);
            }
        });
    }

    async fn run(mut self, begin: Begin) {
        let begun = match begin {
            Begin::Created(decision, durable, records) => {
                count(&self.shared.counters.appends);
                self.show(&records);
                self.perform(decision, durable)
            }
            Begin::Found { said, as_found } => self.found(said, as_found).await,
        };
        let stop = match begun {
            Ok(()) => self.drive().await,
            Err(stop) => stop,
        };
        self.finish(stop).await;
    }

    /// A word comes first: it is decided on the state as the journal has it, before any call begins.
    async fn found(&mut self, said: Option<Said>, as_found: Rest) -> Result<(), Stop> {
        count(&self.shared.counters.recovered);
        self.found = true;
        let by_hand = said.is_some();
        let mut refused = true;
        if let Some(said) = said {
            refused &= !self.happen(Event::Said(said)).await?;
        }
        // What the journal cannot tell now is handed in by the inbox later.
        let posted = self.shared.journal.inbox(Inbox::Of(self.id), MESSAGES).await.unwrap_or_default();
        for posted in posted {
            refused &= !self.happen(Event::Said(said_by(posted))).await?;
        }
        if by_hand && refused {
            return Err(Stop::AsFound(as_found));
        }
        self.found = false;
        self.happen(Event::Found).await.map(drop)
    }

    async fn drive(&mut self) -> Stop {
        loop {
            if let Some(stop) = self.rests() {
                return stop;
            }
            let happened = match self.next().await {
                Some(Event::Cut) => return Stop::Failed(Arc::new(Error::Lost(self.id))),
                Some(event) => self.happen(event).await,
                None => Ok(true),
            };
            if let Err(stop) = happened {
                return stop;
            }
        }
    }

    fn rests(&self) -> Option<Stop> {
        let summary = self.transaction.summary();
        if summary.status.is_ended() || self.released {
            return Some(Stop::Rest);
        }
        if self.drain == Level::Cut {
            return Some(Stop::Left);
        }
        if self.calls.any() {
            return None;
        }
        if summary.wake == Wake::Never {
            return Some(Stop::Rest);
        }
        (self.drain == Level::Calls).then_some(Stop::Left)
    }

    /// Waits for what happens next; none where only the drain went on, or a report was asked for.
    async fn next(&mut self) -> Option<Event> {
        let due = self.transaction.due().map(|due| self.until(due));
        tokio::select! {
            // In this order and not at random, so that one schedule gives one run and a simulator can
            // repeat it. Who asks is heard before the next answer, so that a word does not wait for the end of a
            // fan-out. None keeps the others waiting for good: a drain changes twice, questions are bounded and
            // each waits for its answer, a call answers once, a due time is over when it was seen to.
            biased;
            drain = self.shared.drain.beyond(self.drain) => {
                self.drain = drain;
                None
            }
            Some(()) = self.slot.is_cut.recv() => Some(Event::Cut),
            Some(ask) = self.slot.asks.recv() => match ask {
                Ask::Report(reply) => {
                    // Whoever asked may have gone.
                    drop(reply.send(self.transaction.report()));
                    None
                }
                Ask::Said(said) => Some(Event::Said(said)),
            },
            answers = self.calls.next(), if self.calls.any() => Some(Event::Answered(answers)),
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => Some(Event::Due),
        }
    }

    fn until(&self, due: Timestamp) -> Duration {
        let left = due.since(self.shared.world.now());
        if self.fruitless { left.max(FRUITLESS) } else { left }
    }

    /// Takes an event in: decides, appends, performs. Where the journal fails, the machine is thrown
    /// away and folded anew from what is there, and the event is taken in again. Answers whether it was taken, and not
    /// refused.
    async fn happen(&mut self, mut event: Event) -> Result<bool, Stop> {
        if self.is_heard(&event) {
            return Ok(true);
        }
        let mut trouble = None;
        loop {
            let (decision, refused) = self.decide(&mut event);
            if let Some(refused) = &refused
                && !matches!(&event, Event::Said(Said { posted: Some(_), .. }))
            {
                answer(&mut event, Err(Error::Refused { id: self.id, reason: refused.0.clone() }));
                return Ok(false);
            }
            self.fruitless = matches!(event, Event::Due) && decision.records().is_empty();
            let written = self.write(decision, &mut trouble).await;
            if let (Err(Stop::Failed(error)), Some(_)) = (&written, &trouble) {
                // It may be written. Who asked must not ask for it twice without knowing.
                answer(&mut event, Err(Error::Shared(error.clone())));
            }
            match written? {
                Some((decision, durable)) => {
                    self.note_heard(&event);
                    let taken = refused.is_none();
                    answer(&mut event, Ok(()));
                    self.perform(decision, durable)?;
                    return Ok(taken);
                }
                // It was not written: once more, on the machine that the journal gives.
                None => continue,
            }
        }
    }

    fn is_heard(&self, event: &Event) -> bool {
        matches!(event, Event::Said(Said { posted: Some(posted), .. }) if self.heard.is_some_and(|heard| *posted <= heard))
    }

    fn note_heard(&mut self, event: &Event) {
        if let Event::Said(Said { posted: Some(posted), .. }) = event {
            self.heard = Some(*posted);
        }
    }

    /// What follows from an event; with the reason where it is a word that the state does not allow.
    fn decide(&mut self, event: &mut Event) -> (Decision, Option<Refused>) {
        let now = self.shared.moment();
        let moment = Moment { hold: now.hold || self.found, ..now };
        match event {
            Event::Found => (self.transaction.recover(&moment), None),
            // It is taken in again where the machine is folded anew; then its calls are not in flight, and it changes nothing.
            Event::Answered(answers) => (self.transaction.handle_answers(answers.clone(), &moment), None),
            Event::Due => (self.transaction.handle_due(&moment), None),
            // It ends the driver, and is not decided upon.
            Event::Cut => (self.transaction.nothing(&moment), None),
            Event::Said(said) => {
                let heard = self.transaction.hear(said.message.clone(), &moment);
                let (mut decision, refused) = match heard {
                    Ok(decision) => (decision, None),
                    Err(refused) => (self.transaction.nothing(&moment), Some(refused)),
                };
                if let Some(message) = said.posted {
                    let reply = refused.as_ref().map_or(Reply::Done, |refused| Reply::Refused(refused.0.clone()));
                    decision.take(Taken { message, reply });
                }
                (decision, refused)
            }
        }
    }

    /// Makes a decision durable; none where it was not written and the machine is folded anew.
    async fn write(
        &mut self,
        mut decision: Decision,
        trouble: &mut Option<Trouble>,
    ) -> Result<Option<(Decision, Seq)>, Stop> {
        let seen = self.shared.watch.is_some().then(|| decision.records().to_vec());
        let release = self.releases(&decision);
        let mut ledger = Ledger { shared: &self.shared, id: self.id, epoch: &mut self.epoch, trouble };
        // A call in flight is polled meanwhile: an append must not stop it.
        let written = tokio::select! {
            biased;
            Some(()) = self.slot.is_cut.recv() => {
                // The append may be there already, or still arrive.
                trouble.get_or_insert_with(Trouble::begin);
                return Err(Stop::Failed(Arc::new(Error::Lost(self.id))));
            }
            written = self.calls.beside(ledger.append(&mut decision, release)) => written,
        };
        match written.map_err(|error| Stop::Failed(Arc::new(error)))? {
            Written::Durable { seq, released } => {
                self.released = released;
                self.show(&seen.unwrap_or_default());
                Ok(Some((decision, seq)))
            }
            Written::Not(found) => {
                self.transaction = found.transaction;
                Ok(None)
            }
        }
    }

    /// Whether the transaction is let go with this decision: nothing of it is in flight, and it waits for a person, for what
    /// is missing, or for a time that is far. Where nothing is written, nothing is let go either.
    fn releases(&self, decision: &Decision) -> bool {
        let summary = decision.summary();
        if self.found
            || decision.commit().is_empty()
            || summary.status.is_ended()
            || self.calls.any()
            || decision.begins_calls()
        {
            return false;
        }
        match summary.wake {
            Wake::Never => true,
            // What is missing may never come, so whoever waits for the transaction is told.
            Wake::At(at) => {
                (self.shared.sleepers_rest || summary.held.is_some()) && at.since(self.shared.world.now()) > REST_AFTER
            }
            Wake::Now => false,
        }
    }

    /// Does what a durable decision asks for.
    fn perform(&mut self, decision: Decision, durable: Seq) -> Result<(), Stop> {
        // Programmer error: `durable` is where this very decision was appended (invariant I2).
        let commands = decision.release(durable).unwrap_or_else(|not| panic!("{not}"));
        let calls = commands.iter().filter(|command| matches!(command, Command::Call(_))).count();
        if calls > 0 && !self.slot.may_call() {
            return Err(Stop::Failed(Arc::new(Error::Lost(self.id))));
        }
        for command in commands {
            match command {
                Command::Call(call) => {
                    count(&self.shared.counters.calls);
                    self.calls.begin(call, calls);
                }
                Command::Alarm => self.alarm(),
            }
        }
        Ok(())
    }

    fn alarm(&self) {
        count(&self.shared.counters.alarms);
        let summary = self.transaction.summary();
        let definition = &self.transaction.created().definition;
        match summary.held {
            Some(held) => {
                tracing::error!(transaction = %self.id, %definition, %held, "a transaction is held, and goes on by itself");
            }
            None => {
                tracing::error!(transaction = %self.id, %definition, status = %summary.status, "somebody should look at this transaction");
            }
        }
    }

    fn show(&self, records: &[Record]) {
        if let Some(watch) = self.shared.watch.as_ref().filter(|_| !records.is_empty()) {
            watch.recorded(&self.transaction, records);
        }
    }

    /// Gives the transaction up and says how it stands. Its calls have stopped before anyone else may take it.
    async fn finish(mut self, stop: Stop) {
        self.calls.stop().await;
        let stopped = match stop {
            Stop::Rest => {
                let summary = self.transaction.summary();
                self.shared.counters.came_to(summary.status);
                if summary.status.is_ended() {
                    self.shared.forget_panics(self.id);
                } else if !self.released {
                    self.release(rest(summary.wake, summary.held)).await;
                }
                match summary.wake {
                    Wake::Never => Stopped::AtRest(Arc::new(self.transaction)),
                    _ => Stopped::Asleep,
                }
            }
            Stop::Left => {
                let summary = self.transaction.summary();
                let wake = if summary.wake == Wake::Never { Wake::Never } else { Wake::Now };
                self.release(rest(wake, summary.held)).await;
                Stopped::Draining
            }
            Stop::AsFound(rest) => {
                self.release(rest).await;
                Stopped::Asleep
            }
            Stop::Failed(error) => {
                tracing::error!(transaction = %self.id, error = %chain(&*error), "a transaction was let go; it is kept in the journal");
                // It may be ours, also where it is lost: to a claim of our own that seemed to fail.
                self.shared.strays.lock().insert(self.id);
                Stopped::Failed(error)
            }
        };
        // Places are free before anyone hears of it, so that whoever hears finds one.
        drop(self.permit);
        self.slot.stop(stopped);
    }

    async fn release(&mut self, rest: Rest) {
        if let Err(error) = self.shared.journal.release(self.id, self.epoch, rest).await {
            tracing::warn!(transaction = %self.id, %error, "ownership was not given up; it is taken once more, and given up then");
            self.shared.strays.lock().insert(self.id);
        }
    }
}

fn rest(wake: Wake, held: Option<Arc<str>>) -> Rest {
    Rest { wake, held: held.map(|cause| Held { cause, module: None }) }
}

/// A message of the inbox, as something that is said.
pub(crate) fn said_by(posted: Posted) -> Said {
    Said { message: posted.message, posted: Some(posted.id), reply: None }
}

/// Answers a word to a transaction that has ended: it comes too late, or changes nothing.
pub(crate) fn answer_late(shared: &Shared, mut transaction: Transaction, mut said: Said) {
    let id = transaction.id();
    let heard = transaction.hear(said.message.clone(), &shared.moment()).map(drop);
    said.answer(heard.map_err(|refused| Error::Refused { id, reason: refused.0 }));
}

fn answer(event: &mut Event, result: Result<(), Error>) {
    if let Event::Said(said) = event {
        said.answer(result);
    }
}
