//! The one writer of this process: takes what waits, writes it in one commit, answers all. The
//! disk's flush bounds durable throughput, so appends of all transactions in flight share it. It is
//! a thread of its own, for SQLite blocks, and is told and answers through channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{self, Numbers, Verdict, Write},
    cause::Cause,
};
use crate::{AppendError, Error};

/// What may wait for the writer. Callers beyond it wait themselves, so memory is bounded and the
/// back-pressure reaches whoever starts transactions.
const QUEUE: usize = 4_096;
/// Writes of one commit. Beyond this a larger batch gains nothing and only makes the first wait.
const BATCH_MAX: usize = 1_024;

/// The name of the writer's thread, as the system shows it.
pub const WRITER: &str = "journal-writer";

/// Work on the connection in a transaction of its own.
type Job = Box<dyn FnOnce(&Connection) + Send>;

enum Work {
    Write(Write, oneshot::Sender<Verdict>),
    Job(Job),
    Close(oneshot::Sender<()>),
}

/// A handle on the writer.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Work>,
    flushes: Arc<AtomicU64>,
    location: Arc<str>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Write(..) => "Write",
            Self::Job(_) => "Job",
            Self::Close(_) => "Close",
        })
    }
}

impl Writer {
    /// Starts the writer on this connection.
    pub(super) fn start(connection: Connection, location: Arc<str>) -> Result<Self, Error> {
        let (queue, work) = mpsc::channel(QUEUE);
        let flushes = Arc::new(AtomicU64::new(0));
        let numbers = Numbers::default();
        let task = Task { connection, work, numbers, flushes: flushes.clone(), location: location.clone() };
        let thread = std::thread::Builder::new().name(WRITER.into()).spawn(|| task.run());
        thread.map_err(|error| Error::Failed(Box::new(error)))?;
        Ok(Self { queue, flushes, location })
    }

    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Hands a write in and waits until it is durable or refused.
    pub(super) async fn write(&self, write: Write) -> Verdict {
        let (answer, verdict) = oneshot::channel();
        self.queue.send(Work::Write(write, answer)).await.map_err(|_| Error::Closed)?;
        verdict.await.unwrap_or(Err(AppendError::Journal(Error::Closed)))
    }

    /// Does something else in a transaction of its own.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = oneshot::channel();
        // Whoever asked may have gone; what was done is done.
        let work: Job = Box::new(move |connection| drop(answer.send(alone(connection, job))));
        self.queue.send(Work::Job(work)).await.map_err(|_| Error::Closed)?;
        let result = result.await.map_err(|_| Error::Closed)?;
        result.map_err(|error| Cause::from(error).into_error(&self.location))
    }

    /// Writes what waits and ends; later calls fail.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Work::Close(answer)).await.is_ok() {
            // The thread may have ended already, and then nothing is open either.
            drop(closed.await);
        }
    }
}

fn alone<T>(connection: &Connection, job: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let done = job(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

struct Task {
    connection: Connection,
    work: mpsc::Receiver<Work>,
    numbers: Numbers,
    flushes: Arc<AtomicU64>,
    location: Arc<str>,
}

impl Task {
    fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH_MAX);
        let mut batch = Batch::default();
        let mut closing = None;
        while self.work.blocking_recv_many(&mut waiting, BATCH_MAX) > 0 {
            for work in waiting.drain(..) {
                match work {
                    Work::Write(write, answer) => batch.add(write, answer),
                    Work::Job(job) => {
                        self.commit(&mut batch);
                        job(&self.connection);
                        // It may have removed transactions.
                        self.numbers.forget();
                        self.flushes.fetch_add(1, Ordering::Relaxed);
                    }
                    Work::Close(answer) => {
                        self.work.close();
                        closing = Some(answer);
                    }
                }
            }
            self.commit(&mut batch);
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::debug!(%error, "the writer's connection was not closed in order");
        }
        if let Some(answer) = closing {
            // Whoever closes may have gone.
            let _gone = answer.send(());
        }
    }

    fn commit(&mut self, batch: &mut Batch) {
        if batch.writes.is_empty() {
            return;
        }
        let written = batch::commit(&self.connection, &batch.writes, &mut self.numbers);
        self.flushes.fetch_add(1, Ordering::Relaxed);
        match written {
            Ok(verdicts) => batch.answer(verdicts),
            Err(error) => {
                let cause = Cause::from(error);
                let failed = || Err(AppendError::Journal(cause.clone().into_error(&self.location)));
                batch.answer((0..batch.writes.len()).map(|_| failed()).collect());
            }
        }
    }
}

/// Writes that share a commit.
#[derive(Default)]
struct Batch {
    writes: Vec<Write>,
    answers: Vec<oneshot::Sender<Verdict>>,
}

impl Batch {
    fn add(&mut self, write: Write, answer: oneshot::Sender<Verdict>) {
        self.writes.push(write);
        self.answers.push(answer);
    }

    fn answer(&mut self, verdicts: Vec<Verdict>) {
        for (answer, verdict) in self.answers.drain(..).zip(verdicts) {
            // Whoever asked may have gone; what was written is written.
            drop(answer.send(verdict));
        }
        self.writes.clear();
    }
}
