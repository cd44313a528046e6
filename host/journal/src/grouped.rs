//! Group commit: what waits is written in one commit, and all are answered. The disk's flush bounds durable throughput, so
//! the appends of all transactions in flight share it. A store of its own kind says how a commit is made; the queue, the
//! thread and the answers are the same for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::error::{AppendError, Error};
use crate::write::{Verdict, Write};

/// What may wait for the writer. Callers beyond it wait themselves, so memory is bounded and the
/// back-pressure reaches whoever starts transactions.
const QUEUE: usize = 4_096;
/// Writes of one commit. Beyond this a larger batch gains nothing and only makes the first wait.
const BATCH_MAX: usize = 1_024;

/// The name of the writer's thread, as the system shows it.
pub const WRITER: &str = "journal-writer";

/// What makes commits. It is used by one thread, and may block.
pub(crate) trait Store: Send + Sized + 'static {
    /// What failed, for many callers.
    type Failed: Clone + Into<Error>;

    /// Writes a batch in one commit, in its order, and says of each write what became of it. A refused one does not hold
    /// up its neighbours.
    ///
    /// # Errors
    /// Nothing was written, or nobody knows: the same for all of the batch.
    fn commit(&mut self, writes: &[Write]) -> Result<Vec<Verdict>, Self::Failed>;

    /// Ends it in order.
    fn close(self);
}

/// Work on a store in a commit of its own.
type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

enum Work<S> {
    Write(Write, oneshot::Sender<Verdict>),
    Job(Job<S>),
    Close(oneshot::Sender<()>),
}

/// A handle on the one writer of this process.
pub(crate) struct Grouped<S> {
    queue: mpsc::Sender<Work<S>>,
    flushes: Arc<AtomicU64>,
}

impl<S> std::fmt::Debug for Grouped<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grouped")
    }
}

impl<S: Store> Grouped<S> {
    /// Starts the writer.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(store: S) -> Result<Self, Error> {
        let (queue, work) = mpsc::channel(QUEUE);
        let flushes = Arc::new(AtomicU64::new(0));
        let writer = Writer { store, work, flushes: flushes.clone() };
        let thread = std::thread::Builder::new().name(WRITER.into()).spawn(|| writer.run());
        thread.map_err(|error| Error::Failed(Box::new(error)))?;
        Ok(Self { queue, flushes })
    }

    /// Commits so far.
    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Hands a write in and waits until it is durable or refused.
    pub(crate) async fn write(&self, write: Write) -> Verdict {
        let (answer, verdict) = oneshot::channel();
        self.queue.send(Work::Write(write, answer)).await.map_err(|_| Error::Closed)?;
        verdict.await.unwrap_or(Err(AppendError::Journal(Error::Closed)))
    }

    /// Does something else, between two commits.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T, S::Failed> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = oneshot::channel();
        // Whoever asked may have gone; what was done is done.
        let work: Job<S> = Box::new(move |store| drop(answer.send(job(store).map_err(Into::into))));
        self.queue.send(Work::Job(work)).await.map_err(|_| Error::Closed)?;
        result.await.map_err(|_| Error::Closed)?
    }

    /// Writes what waits and ends; later calls fail.
    pub(crate) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Work::Close(answer)).await.is_ok() {
            // The thread may have ended already, and then nothing is open either.
            drop(closed.await);
        }
    }
}

struct Writer<S> {
    store: S,
    work: mpsc::Receiver<Work<S>>,
    flushes: Arc<AtomicU64>,
}

impl<S: Store> Writer<S> {
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
                        job(&mut self.store);
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
        self.store.close();
        if let Some(answer) = closing {
            // Whoever closes may have gone.
            let _gone = answer.send(());
        }
    }

    fn commit(&mut self, batch: &mut Batch) {
        if batch.writes.is_empty() {
            return;
        }
        let written = self.store.commit(&batch.writes);
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let verdicts = written.unwrap_or_else(|failed| {
            let one = || Err(AppendError::Journal(failed.clone().into()));
            batch.writes.iter().map(|_| one()).collect()
        });
        batch.answer(verdicts);
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
