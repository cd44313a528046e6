//! Log lines go to standard error, so that results alone are on standard output. On a terminal with
//! a live view they are written above it.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::options::{LogFormat, Speech};

/// The live view, which every line of the log makes room for. There is one in a process.
static VIEW: std::sync::OnceLock<MultiProgress> = std::sync::OnceLock::new();

/// The place where rows are drawn.
pub(crate) fn view() -> &'static MultiProgress {
    VIEW.get_or_init(MultiProgress::new)
}

/// Begins to write log lines. Whose filter cannot be read gets the default and is told.
pub(crate) fn start(speech: &Speech) {
    let given = speech.log.as_deref().unwrap_or("warn");
    let (filter, wrong) = match EnvFilter::try_new(given) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("warn"), Some(error)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Above).with_target(false);
    match speech.log_format {
        LogFormat::Text => lines.with_ansi(console::colors_enabled_stderr()).init(),
        LogFormat::Json => lines.json().init(),
    }
    if let Some(error) = wrong {
        tracing::warn!("log filter `{}` cannot be read: {error} (write `info` or `warn,wasaga::guest=debug`)", given);
    }
}

struct Above;

struct Line(Vec<u8>);

impl<'a> MakeWriter<'a> for Above {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let write = || io::stderr().lock().write_all(&self.0);
        // A closed standard error is no reason to stop.
        drop(VIEW.get().map_or_else(write, |view| view.suspend(write)));
    }
}
