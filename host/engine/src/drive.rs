//! One transaction, driven: decide, append, perform, feed the outcome back. One task a transaction;
//! the machine is its alone, so nothing is locked.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use wasaga_core::{
    Answer, Call, CallId, Command, Decision, Epoch, Failure, Outcome, Record, Refused, Report, Seq, Status, Timestamp,
    Transaction, TransactionId, UnknownCause, Usage, Writes,
};

use crate::Error;
use crate::engine::{Drain, Ends, Inner, Place};
use crate::ledger::{self, Trouble, Written};
use crate::operate::Order;
use crate::port::Guests;
use crate::watch::count;

/// How long a due time that led to nothing is left alone: what it waits for is room, not time.
const FRUITLESS: Duration = Duration::from_millis(50);

/// What a driver may be asked.
#[derive(Debug)]
pub(crate) enum Ask {
    Report(oneshot::Sender<Report>),
    Order(Order, oneshot::Sender<Result<(), Error>>),
}

/// What a driver says last.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// It ended, is stuck, or is paused. Reports are made for those who ask.
    Rests(Arc<Transaction>),
    /// The host leaves.
    Draining,
    /// Something is wrong.
    Failed(Arc<Error>),
}

impl Told {
    pub(crate) fn into_result(self) -> Result<Report, Error> {
        match self {
            Self::Rests(transaction) => Ok(transaction.report()),
            Self::Draining => Err(Error::Draining),
            Self::Failed(error) => Err(Error::Shared(error)),
        }
    }
}

/// What happens to a transaction.
#[derive(Debug)]
pub(crate) enum Event {
    /// A host found it.
    Found,
    Answered(CallId, Answer),
    Due,
    Ordered(Order, Option<oneshot::Sender<Result<(), Error>>>),
}

/// Why a driver stops.
enum Stop {
    /// There is nothing to do here any more.
    Rest,
    /// The host leaves and no call is in flight, or calls are cut off.
    Left,
    Failed(Arc<Error>),
}

type Answering = Pin<Box<dyn Future<Output = (CallId, Answer)> + Send>>;

pub(crate) struct Driver {
    inner: Arc<Inner>,
    transaction: Transaction,
    id: TransactionId,
    epoch: Epoch,
    asks: mpsc::Receiver<Ask>,
    tell: watch::Sender<Option<Told>>,
    /// How far the drain was when it was looked at last.
    drain: Drain,
    /// A call that is alone runs in this task; it needs no other.
    alone: FuturesUnordered<Answering>,
    /// Calls that run side by side, on all cores. Dropping the set stops them.
    beside: JoinSet<(CallId, Answer)>,
    /// Whether the last due time led to nothing.
    fruitless: bool,
    permit: OwnedSemaphorePermit,
}

impl Driver {
    pub(crate) fn new(
        inner: Arc<Inner>,
        transaction: Transaction,
        epoch: Epoch,
        place: Place,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let Ends { asks, tell } = place.take();
        let (id, drain) = (transaction.id(), inner.drain.now());
        let (alone, beside) = (FuturesUnordered::new(), JoinSet::new());
        Self { inner, transaction, id, epoch, asks, tell, drain, alone, beside, fruitless: false, permit }
    }

    /// Drives a transaction whose first decision is durable.
    pub(crate) fn begin(mut self, decision: Decision, durable: Seq, records: Vec<Record>) {
        count(&self.inner.counters.appends);
        tokio::spawn(async move {
            self.show(&records);
            let begun = self.perform(decision, durable);
            self.run(begun).await;
        });
    }

    /// Drives a transaction that was found, from this event on.
    pub(crate) fn take_up(mut self, event: Event) {
        count(&self.inner.counters.recovered);
        tokio::spawn(async move {
            // Calls that were in flight on another host are lost before anything else happens.
            let mut begun = self.happen(Event::Found).await;
            if begun.is_ok() && !matches!(event, Event::Found) {
                begun = self.happen(event).await;
            }
            self.run(begun).await;
        });
    }

    async fn run(mut self, begun: Result<(), Stop>) {
        let stop = match begun {
            Ok(()) => self.drive().await,
            Err(stop) => stop,
        };
        self.finish(stop).await;
    }

    async fn drive(&mut self) -> Stop {
        loop {
            if let Some(stop) = self.rest() {
                return stop;
            }
            let next = self.next().await;
            let happened = match next {
                Some(event) => self.happen(event).await,
                None => Ok(()),
            };
            if let Err(stop) = happened {
                return stop;
            }
        }
    }

    fn is_calling(&self) -> bool {
        !self.alone.is_empty() || !self.beside.is_empty()
    }

    fn rest(&self) -> Option<Stop> {
        let summary = self.transaction.summary();
        let drain = self.drain;
        if summary.status.is_ended() {
            return Some(Stop::Rest);
        }
        if drain == Drain::Cut {
            return Some(Stop::Left);
        }
        if self.is_calling() {
            return None;
        }
        if summary.status == Status::Stuck || summary.paused {
            return Some(Stop::Rest);
        }
        (drain == Drain::Calls).then_some(Stop::Left)
    }

    /// Waits for what happens next; none where only the drain went on.
    async fn next(&mut self) -> Option<Event> {
        let due = self.transaction.due().map(|due| self.until(due));
        tokio::select! {
            // In this order and not at random, so that one schedule gives one run and a simulator can
            // repeat it. None keeps the others waiting for good: a drain changes twice, a call answers
            // once, a due time is over when it was seen to, and who asks waits for the answer.
            biased;
            drain = self.inner.drain.beyond(self.drain) => {
                self.drain = drain;
                None
            }
            Some((call, answer)) = self.alone.next() => Some(Event::Answered(call, answer)),
            Some(joined) = self.beside.join_next() => match joined {
                Ok((call, answer)) => Some(Event::Answered(call, answer)),
                // Panics are caught inside, and nothing else aborts a call but the end of this task.
                Err(_) => None,
            },
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => Some(Event::Due),
            Some(ask) = self.asks.recv() => match ask {
                Ask::Report(reply) => {
                    // Whoever asked may have gone.
                    drop(reply.send(self.transaction.report()));
                    None
                }
                Ask::Order(order, reply) => Some(Event::Ordered(order, Some(reply))),
            },
        }
    }

    fn until(&self, due: Timestamp) -> Duration {
        let left = due.since(self.inner.world.now());
        if self.fruitless { left.max(FRUITLESS) } else { left }
    }

    /// Takes an event in: decides, appends, performs. Where the journal fails, the machine is thrown
    /// away and folded anew from what is there, and the event is taken in again.
    async fn happen(&mut self, mut event: Event) -> Result<(), Stop> {
        let mut trouble = None;
        loop {
            let decision = match self.decide(&event) {
                Ok(decision) => decision,
                Err(refused) => {
                    reply(&mut event, Err(Error::Refused { id: self.id, reason: refused.0 }));
                    return Ok(());
                }
            };
            self.fruitless = matches!(event, Event::Due) && decision.records().is_empty();
            let written = self.write(decision, &mut trouble).await;
            if let (Err(Stop::Failed(error)), Some(_)) = (&written, &trouble) {
                // It may be written. Who asked must not ask for it twice without knowing.
                reply(&mut event, Err(Error::Shared(error.clone())));
            }
            match written? {
                Some((decision, durable)) => {
                    reply(&mut event, Ok(()));
                    return self.perform(decision, durable);
                }
                // It was not written: once more, on the machine that the journal gives.
                None => continue,
            }
        }
    }

    fn decide(&mut self, event: &Event) -> Result<Decision, Refused> {
        let moment = self.inner.moment();
        match event {
            Event::Found => Ok(self.transaction.recover(&moment)),
            Event::Answered(call, answer) => Ok(self.transaction.handle_answer(call, answer.clone(), &moment)),
            Event::Due => Ok(self.transaction.handle_due(&moment)),
            Event::Ordered(order, _) => order.decide(&mut self.transaction, &moment),
        }
    }

    /// Makes a decision durable; none where it was not written and the machine is folded anew.
    async fn write(
        &mut self,
        decision: Decision,
        trouble: &mut Option<Trouble>,
    ) -> Result<Option<(Decision, Seq)>, Stop> {
        let mut decision = decision;
        let seen = self.inner.watch.is_some().then(|| decision.records().to_vec());
        let written = ledger::append(&self.inner, self.id, &mut self.epoch, &mut decision, trouble).await;
        match written.map_err(|error| Stop::Failed(Arc::new(error)))? {
            Written::Durable(seq) => {
                self.show(&seen.unwrap_or_default());
                Ok(Some((decision, seq)))
            }
            Written::Not(transaction) => {
                self.transaction = *transaction;
                Ok(None)
            }
        }
    }

    /// Does what a durable decision asks for.
    fn perform(&mut self, decision: Decision, durable: Seq) -> Result<(), Stop> {
        // Programmer error: `durable` is where this very decision was appended (invariant I2).
        let commands = decision.release(durable).unwrap_or_else(|not| panic!("{not}"));
        let calls = commands.iter().filter(|command| matches!(command, Command::Call(_))).count();
        let alone = calls == 1 && !self.is_calling();
        for command in commands {
            match command {
                Command::Call(call) => self.call(*call, alone),
                Command::Alarm => {
                    count(&self.inner.counters.alarms);
                    let status = self.transaction.summary().status;
                    tracing::error!(transaction = %self.id, definition = %self.transaction.created().definition, %status, "somebody should look at this transaction");
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, call: Call, alone: bool) {
        count(&self.inner.counters.calls);
        let answering = answer(self.inner.guests.clone(), call);
        if alone {
            self.alone.push(Box::pin(answering));
        } else {
            self.beside.spawn(answering);
        }
    }

    fn show(&self, records: &[Record]) {
        if let Some(watch) = self.inner.watch.as_ref().filter(|_| !records.is_empty()) {
            watch.recorded(self.id, &|| self.transaction.report(), records);
        }
    }

    /// Gives the transaction up and says how it stands. Others may take it before anyone here is told.
    async fn finish(mut self, stop: Stop) {
        self.beside.abort_all();
        self.alone.clear();
        self.inner.let_go(self.id);
        let told = match stop {
            Stop::Rest => {
                let status = self.transaction.summary().status;
                self.inner.counters.came_to(status);
                if !status.is_ended() {
                    release(&self.inner, self.id, self.epoch).await;
                }
                Told::Rests(Arc::new(self.transaction))
            }
            Stop::Left => {
                release(&self.inner, self.id, self.epoch).await;
                Told::Draining
            }
            Stop::Failed(error) => {
                tracing::error!(transaction = %self.id, error = %chain(&*error), "a transaction was let go; it is kept in the journal");
                // Lost may also be to a claim of our own that seemed to fail.
                if matches!(*error, Error::Journal(_) | Error::Lost(_)) {
                    self.inner.orphans.lock().insert(self.id);
                }
                Told::Failed(error)
            }
        };
        // Places are free before anyone hears of it, so that who heard finds one.
        drop(self.permit);
        self.tell.send_replace(Some(told));
    }
}

async fn release(inner: &Inner, id: TransactionId, epoch: Epoch) {
    if let Err(error) = inner.journal.release(id, epoch).await {
        tracing::warn!(transaction = %id, %error, "ownership was not given up; it is taken once more, and given up then");
        inner.orphans.lock().insert(id);
    }
}

/// The message of an error and of its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Answers a word to a transaction that has ended: it comes too late, or changes nothing.
pub(crate) fn answer_late(inner: &Inner, mut transaction: Transaction, mut event: Event) {
    let Event::Ordered(order, _) = &event else { return };
    let id = transaction.id();
    let answer = order.decide(&mut transaction, &inner.moment()).map(drop);
    reply(&mut event, answer.map_err(|refused| Error::Refused { id, reason: refused.0 }));
}

fn reply(event: &mut Event, answer: Result<(), Error>) {
    if let Event::Ordered(_, reply) = event
        && let Some(reply) = reply.take()
    {
        // Whoever asked may have gone.
        drop(reply.send(answer));
    }
}

/// A call and its answer. What panics in the host's part of it is an outcome, too.
async fn answer(guests: Arc<dyn Guests>, call: Call) -> (CallId, Answer) {
    let answer = AssertUnwindSafe(guests.call(&call)).catch_unwind().await;
    let answer = answer.unwrap_or_else(|_| {
        let failure = Failure::new("host-panic", "the host failed while it made the call (this is a bug of wasaga)");
        let outcome = Outcome::Unknown { cause: UnknownCause::Trap, failure, after: None };
        Answer { outcome, writes: Writes::default(), usage: Usage::default() }
    });
    (call.id, answer)
}
