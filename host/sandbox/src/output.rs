//! What a guest writes to stdout and stderr: lines in the host's log, capped, and the tail of
//! stderr for the error. A guest that writes without end is neither blocked nor kept.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::lines::{Level, Line, Lines};

/// Bytes of each stream that become log lines in one call.
const LOGGED_BYTES_MAX: usize = 64 << 10;
/// Bytes of stderr that go with an error: a panic's message and a few lines before it.
const TAIL_BYTES: usize = 4 << 10;
/// Bytes of one write; wasmtime's own streams have about as many.
const WRITE_BYTES: usize = 64 << 10;

/// One of the two streams, of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    name: &'static str,
    kept: Arc<Mutex<Kept>>,
    /// Whether the call has written something: most write nothing, and then there is nothing to end.
    is_used: Arc<AtomicBool>,
    lines: Lines,
}

#[derive(Debug, Default)]
struct Kept {
    /// The line that is not finished.
    line: Vec<u8>,
    tail: Vec<u8>,
    logged_bytes: usize,
    dropped_bytes: usize,
}

impl Output {
    pub(crate) fn new(name: &'static str, lines: &Lines) -> Self {
        Self { name, kept: Arc::default(), is_used: Arc::default(), lines: lines.clone() }
    }

    /// The last of what was written.
    pub(crate) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.kept.lock().tail).trim().to_owned()
    }

    /// Ends a call: the unfinished line is written, and counting begins anew.
    pub(crate) fn end(&self) {
        // The guest writes on the thread that ends its call, or one that handed the instance over to it.
        if !self.is_used.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut kept = self.kept.lock();
        let line = std::mem::take(&mut kept.line);
        if !line.is_empty() {
            self.log(&line);
        }
        if kept.dropped_bytes > 0 {
            let text = format!("{} bytes beyond 64 KiB of a call were dropped (write less)", kept.dropped_bytes);
            self.lines.write(Line { level: Level::Warn, stream: Some(self.name), text: &text, fields: &[] });
        }
        *kept = Kept::default();
    }

    fn take(&self, bytes: &[u8]) {
        self.is_used.store(true, Ordering::Relaxed);
        let mut kept = self.kept.lock();
        kept.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let over = kept.tail.len().saturating_sub(TAIL_BYTES);
        kept.tail.drain(..over);
        let room = LOGGED_BYTES_MAX - kept.logged_bytes;
        let (logged, dropped) = bytes.split_at(bytes.len().min(room));
        kept.logged_bytes += logged.len();
        kept.dropped_bytes += dropped.len();
        for part in logged.split_inclusive(|byte| *byte == b'\n') {
            kept.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.log(&kept.line);
                kept.line.clear();
            }
        }
    }

    fn log(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let line = Line { level: Level::Info, stream: Some(self.name), text: text.trim_end(), fields: &[] };
        self.lines.write(line);
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_kept_however_much_comes() {
        let output = Output::new("stderr", &Lines::default());
        for i in 0..100_000 {
            output.take(format!("line {i}\n").as_bytes());
        }
        assert!(output.tail().ends_with("line 99998\nline 99999"));
        assert!(output.tail().len() <= TAIL_BYTES);
        let kept = output.kept.lock();
        assert!(kept.logged_bytes == LOGGED_BYTES_MAX && kept.dropped_bytes > 0 && kept.line.len() < 20);
    }
}
