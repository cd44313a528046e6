//! The one writer of this process: takes what waits, writes it in one commit, answers all. The
//! disk's flush bounds durable throughput, so appends of all transactions in flight share it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{self, Verdict, Write},
    cause::Cause,
};
use crate::{AppendError, Error};

/// What may wait for the writer. Callers beyond it wait themselves, so memory is bounded and the
/// back-pressure reaches whoever starts transactions.
const QUEUE: usize = 4_096;
/// Writes of one commit. Beyond this a larger batch gains nothing and only makes the first wait.
const BATCH_MAX: usize = 1_024;

/// Work on the connection in a transaction of its own.
type Job = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, ()> + Send>;

#[expect(clippy::large_enum_variant, reason = "nearly all work is writes, which would pay for a box")]
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
    pub(super) fn start(connection: SqliteConnection, location: Arc<str>) -> Self {
        let (queue, work) = mpsc::channel(QUEUE);
        let flushes = Arc::new(AtomicU64::new(0));
        let task = Task { connection, work, flushes: flushes.clone(), location: location.clone() };
        tokio::spawn(task.run());
        Self { queue, flushes, location }
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
        job: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = oneshot::channel();
        let work: Job = Box::new(move |connection| {
            Box::pin(async move {
                // Whoever asked may have gone; what was done is done.
                drop(answer.send(alone(connection, job).await));
            })
        });
        self.queue.send(Work::Job(work)).await.map_err(|_| Error::Closed)?;
        let result = result.await.map_err(|_| Error::Closed)?;
        result.map_err(|error| Cause::from(error).into_error(&self.location))
    }

    /// Writes what waits and ends; later calls fail.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Work::Close(answer)).await.is_ok() {
            // The task may be gone with its runtime, and then nothing is open either.
            drop(closed.await);
        }
    }
}

async fn alone<T>(
    connection: &mut SqliteConnection,
    job: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let done = job(&mut transaction).await?;
    transaction.commit().await?;
    Ok(done)
}

struct Task {
    connection: SqliteConnection,
    work: mpsc::Receiver<Work>,
    flushes: Arc<AtomicU64>,
    location: Arc<str>,
}

impl Task {
    async fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH_MAX);
        let mut closing = None;
        while self.work.recv_many(&mut waiting, BATCH_MAX).await > 0 {
            let mut batch = Batch::default();
            for work in waiting.drain(..) {
                match work {
                    Work::Write(write, answer) => {
                        if batch.has(&write) {
                            self.commit(&mut batch).await;
                        }
                        batch.add(write, answer);
                    }
                    Work::Job(job) => {
                        self.commit(&mut batch).await;
                        job(&mut self.connection).await;
                        self.flushes.fetch_add(1, Ordering::Relaxed);
                    }
                    Work::Close(answer) => {
                        self.work.close();
                        closing = Some(answer);
                    }
                }
            }
            self.commit(&mut batch).await;
        }
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the writer's connection was not closed in order");
        }
        if let Some(answer) = closing {
            // Whoever closes may have gone.
            let _gone = answer.send(());
        }
    }

    async fn commit(&mut self, batch: &mut Batch) {
        if batch.writes.is_empty() {
            return;
        }
        let written = batch::commit(&mut self.connection, &batch.writes).await;
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

/// Writes that share a commit: at most one of each transaction.
#[derive(Default)]
struct Batch {
    writes: Vec<Write>,
    answers: Vec<oneshot::Sender<Verdict>>,
    ids: HashSet<wasaga_core::TransactionId>,
}

impl Batch {
    fn has(&self, write: &Write) -> bool {
        self.ids.contains(&write.id())
    }

    fn add(&mut self, write: Write, answer: oneshot::Sender<Verdict>) {
        self.ids.insert(write.id());
        self.writes.push(write);
        self.answers.push(answer);
    }

    fn answer(&mut self, verdicts: Vec<Verdict>) {
        for (answer, verdict) in self.answers.drain(..).zip(verdicts) {
            // Whoever asked may have gone; what was written is written.
            drop(answer.send(verdict));
        }
        self.writes.clear();
        self.ids.clear();
    }
}
