//! What this process writes, on both streams. Nobody has to read it: a reader that has gone, that stands still, or a full disk
//! behind a stream never stops a transaction, and never changes an exit code. What tells of a transaction while it runs
//! waits in a bounded queue for a thread of its own, and is dropped where the queue is full. Results are written by who
//! has them, at the end. Deliberately absent: what is written; all of it is [`Shown`].

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use indicatif::MultiProgress;
use parking_lot::RwLock;

use crate::shown::{Shown, shown};

/// Texts that wait for the reader of one stream: some seconds of a busy log.
const WAITING_MAX: usize = 8_192;
/// Bytes of these texts; a line of a guest's has up to 64 KiB.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// How long the end of the process waits for a reader of log lines. A terminal takes moments.
const LAST_LINES: Duration = Duration::from_secs(5);

static OUT: LazyLock<Lines> = LazyLock::new(|| Lines::start("stdout", write_out_or_say));
static ERR: LazyLock<Lines> = LazyLock::new(|| Lines::start("stderr", write_err));
/// Set when standard output failed: what follows is dropped.
static OUT_FAILED: AtomicBool = AtomicBool::new(false);
/// The rows of a live view, which everything that is written makes room for. There is one in a process.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Whether rows are still drawn. Writers read it for as long as they write; it is written once, when the rows are left.
static HAS_ROWS: RwLock<bool> = RwLock::new(true);

/// The place where rows are drawn.
pub(crate) fn bars() -> &'static MultiProgress {
    BARS.get_or_init(MultiProgress::new)
}

/// Standard output, while a transaction runs: never waits, and may be dropped.
pub(crate) fn pass(text: &Shown) {
    if !text.is_empty() {
        OUT.pass(text.as_str().to_owned());
    }
}

/// A line on standard error, beside what is on standard output: never waits, and may be dropped.
pub(crate) fn remark(text: &Shown) {
    ERR.pass(format!("{text}\n"));
}

/// What a command was asked for, on standard output. A reader that has gone, such as `head`, has read enough.
///
/// # Errors
/// It cannot be written, as on a full disk.
pub(crate) fn answer(text: &Shown) -> anyhow::Result<()> {
    OUT.flush(None);
    write_out(text.as_str()).map_err(|error| anyhow::anyhow!("standard output cannot be written: {error}"))
}

/// What a transaction came to, on standard output. It is in the journal as well, so what cannot be written is said and is
/// no error: the exit code is the transaction's.
pub(crate) fn last_word(text: &Shown) {
    OUT.flush(None);
    write_out_or_say(text.as_str());
}

/// `warning:`, as it stands before a remark.
pub(crate) fn warning() -> Shown {
    Shown::of("warning:").styled(&console::Style::new().yellow().bold().for_stderr())
}

/// A line of the log, which is made safe by `logs`: never waits, and may be dropped.
pub(crate) fn log(line: String) {
    ERR.pass(line);
}

/// Waits until what was passed on to standard output is written.
pub(crate) fn settle() {
    OUT.flush(None);
}

/// Waits until what was passed on is written; no longer than a reader of it may be waited for.
pub(crate) fn flush() {
    OUT.flush(Some(LAST_LINES));
    ERR.flush(Some(LAST_LINES));
}

/// Lines that were dropped, as the log tells of them; none where the stream has no log.
static DROPPED_NOTE: OnceLock<fn(u64) -> String> = OnceLock::new();

/// How the log tells of lines that were dropped.
pub(crate) fn tell_of_dropped(note: fn(u64) -> String) {
    // The log is begun once.
    let _ = DROPPED_NOTE.set(note);
}

fn write_out(text: &str) -> io::Result<()> {
    if OUT_FAILED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let written = above_bars(|| {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    match written {
        Ok(()) => Ok(()),
        Err(error) => {
            OUT_FAILED.store(true, Ordering::Relaxed);
            if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
        }
    }
}

/// Said once, for nothing is written afterwards.
fn write_out_or_say(text: &str) {
    if let Err(error) = write_out(text) {
        let kept = "what becomes of the transaction is in the journal";
        remark(&shown!("{} standard output cannot be written: {}; {}", warning(), error, kept));
    }
}

fn write_err(text: &str) {
    // There is nobody to tell of a standard error that fails.
    drop(above_bars(|| io::stderr().lock().write_all(text.as_bytes())));
}

fn above_bars<T>(write: impl FnOnce() -> T) -> T {
    let has_rows = HAS_ROWS.read();
    match BARS.get().filter(|_| *has_rows) {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Leaves the rows on the screen as they are: what is written from now on stands below them.
pub(crate) fn leave_rows() {
    let mut has_rows = HAS_ROWS.write();
    *has_rows = false;
    // The last row has no end of line. A terminal that fails misses it.
    drop(io::stderr().lock().write_all(b"\n"));
}

enum Message {
    Text(String),
    /// Answers when all before it is written.
    Flush(SyncSender<()>),
}

/// The queue of one stream, and the thread that writes it.
struct Lines {
    /// None where the machine gives no thread: then it is written at once.
    queue: Option<SyncSender<Message>>,
    write: fn(&str),
    dropped: Arc<AtomicU64>,
    bytes: Arc<AtomicUsize>,
}

impl Lines {
    fn start(name: &str, write: fn(&str)) -> Self {
        let (queue, texts) = sync_channel(WAITING_MAX);
        let (dropped, bytes) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
        let (lost, waiting) = (dropped.clone(), bytes.clone());
        let work = move || write_all(&texts, write, &lost, &waiting);
        let thread = std::thread::Builder::new().name(name.into()).spawn(work);
        Self { queue: thread.is_ok().then_some(queue), write, dropped, bytes }
    }

    /// Never waits.
    fn pass(&self, text: String) {
        let Some(queue) = &self.queue else { return (self.write)(&text) };
        let length = text.len();
        let waiting = self.bytes.fetch_add(length, Ordering::Relaxed);
        let is_full = waiting + length > WAITING_BYTES_MAX && waiting > 0;
        if is_full || queue.try_send(Message::Text(text)).is_err() {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all is written, or for this long.
    fn flush(&self, patience: Option<Duration>) {
        let Some(queue) = &self.queue else { return };
        let (done, wait) = sync_channel(1);
        let mut message = Message::Flush(done);
        let end = patience.map(|patience| std::time::Instant::now() + patience);
        let is_late = || end.is_some_and(|end| std::time::Instant::now() >= end);
        // A bounded queue has no send with a time.
        while let Err(error) = queue.try_send(message) {
            let TrySendError::Full(back) = error else { return };
            if is_late() {
                return;
            }
            message = back;
            std::thread::sleep(Duration::from_millis(5));
        }
        // A writer that has gone has written what it could.
        let _ = match end {
            Some(end) => wait.recv_timeout(end.saturating_duration_since(std::time::Instant::now())).is_ok(),
            None => wait.recv().is_ok(),
        };
    }
}

fn write_all(texts: &Receiver<Message>, write: fn(&str), dropped: &AtomicU64, bytes: &AtomicUsize) {
    for message in texts {
        match message {
            Message::Text(text) => {
                write(&text);
                bytes.fetch_sub(text.len(), Ordering::Relaxed);
            }
            // Whoever waits may have gone.
            Message::Flush(done) => drop(done.send(())),
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if let Some(note) = DROPPED_NOTE.get().filter(|_| lost > 0) {
            write(&note(lost));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    static GATE: Mutex<()> = Mutex::new(());

    /// S11: a reader that stands still stops nobody who passes lines on.
    #[test]
    fn a_reader_that_stands_still_costs_lines_and_no_time() {
        let lines = Lines::start("test", |text| {
            drop(GATE.lock());
            SEEN.lock().unwrap().push(text.to_owned());
        });
        let closed = GATE.lock();
        let began = std::time::Instant::now();
        for number in 0..WAITING_MAX * 2 {
            lines.pass(format!("{number}\n"));
        }
        lines.flush(Some(Duration::from_millis(50)));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let dropped = lines.dropped.load(Ordering::Relaxed);
        assert!(dropped >= WAITING_MAX as u64 - 1, "{dropped}");
        drop(closed);
        lines.flush(None);
        let seen = SEEN.lock().unwrap();
        assert_eq!(seen[..3], ["0\n", "1\n", "2\n"], "what waited is written in its turn");
        assert_eq!(lines.bytes.load(Ordering::Relaxed), 0);
        drop(seen);
        lines.pass("x".repeat(WAITING_BYTES_MAX + 1));
        lines.flush(None);
        assert_eq!(SEEN.lock().unwrap().last().unwrap().len(), WAITING_BYTES_MAX + 1, "one alone is always taken");
    }
}
