//! The calls of one transaction that are in flight.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::JoinSet;
use wasaga_core::{Answer, Call, CallId, Failure, NotMade, Outcome, UnknownCause, Usage, Writes};

use crate::load::Answering;
use crate::port::Guest;

/// What became of a call.
pub(crate) type Answered = (CallId, Result<Answer, NotMade>);
/// What became of several.
pub(crate) type Answers = Vec<Answered>;

type InFlight = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// Answers that go into one decision. A larger append gains nothing.
const ANSWERS_MAX: usize = 256;

pub(crate) struct Calls {
    answering: Answering,
    /// A call that is the only one runs in the driver's task; it needs no other.
    only: FuturesUnordered<InFlight>,
    /// Calls that run side by side, on all cores. Dropping the set stops them.
    beside: JoinSet<Answered>,
    /// Answers that came while something else was waited for.
    come: Answers,
}

impl Calls {
    pub(crate) fn new(answering: Answering) -> Self {
        Self { answering, only: FuturesUnordered::new(), beside: JoinSet::new(), come: Vec::new() }
    }

    /// Whether any is in flight, or has an answer that was not taken in.
    pub(crate) fn any(&self) -> bool {
        !self.only.is_empty() || !self.beside.is_empty() || !self.come.is_empty()
    }

    /// Begins a call, one of as many that begin together.
    pub(crate) fn begin(&mut self, call: Arc<Call>, together: usize) {
        let only = together == 1 && !self.any();
        let guest = self.answering.get(&call.module).map(|module| module.guest.clone());
        let answering = answer(guest, call);
        if only {
            self.only.push(Box::pin(answering));
        } else {
            self.beside.spawn(answering);
        }
    }

    /// Waits for an answer, and takes with it all that are there by then. Nothing is lost where the future is dropped.
    pub(crate) async fn next(&mut self) -> Answers {
        if self.come.is_empty() {
            let first = tokio::select! {
                biased;
                Some(answered) = self.only.next() => Some(answered),
                Some(joined) = self.beside.join_next() => joined.ok(),
                else => None,
            };
            self.come.extend(first);
        }
        while self.come.len() < ANSWERS_MAX
            && let Some(joined) = self.beside.try_join_next()
        {
            // Panics are caught inside, and nothing else aborts a call but the end of its driver.
            self.come.extend(joined.ok());
        }
        std::mem::take(&mut self.come)
    }

    /// Waits for something else, while the only call goes on.
    pub(crate) async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                biased;
                done = &mut other => return done,
                Some(answered) = self.only.next() => self.come.push(answered),
            }
        }
    }

    /// Stops all that are in flight, and waits until they have stopped.
    pub(crate) async fn stop(&mut self) {
        self.only.clear();
        self.beside.shutdown().await;
        self.come.clear();
    }
}

/// A call and its answer. What panics in the host's part of it is an outcome, too.
async fn answer(guest: Option<Arc<dyn Guest>>, call: Arc<Call>) -> Answered {
    let Some(guest) = guest else {
        // Programmer error: a driver holds every module that its records name.
        return (call.id.clone(), Ok(host_failed("the module is not among those of the transaction")));
    };
    let answer = AssertUnwindSafe(guest.call(call.clone())).catch_unwind().await;
    let answer = answer.unwrap_or_else(|_| Ok(host_failed("the host failed while it made the call")));
    (call.id.clone(), answer)
}

fn host_failed(what: &str) -> Answer {
    let failure = Failure::new("host-panic", format!("{what} (this is a bug of wasaga)"));
    let outcome = Outcome::Unknown { cause: UnknownCause::Trap, failure, after: None };
    Answer { outcome, writes: Writes::default(), usage: Usage::default() }
}
