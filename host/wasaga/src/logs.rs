//! Log lines go to standard error, so that results alone are on standard output. Each is one line whatever is in it, and
//! is passed on to be written: a reader that stands still stops nobody who logs.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::options::{LogFormat, Speech};
use crate::{out, shown};

/// Begins to write log lines. Whose filter cannot be read gets the usual one and is told.
pub(crate) fn start(speech: &Speech, usual: &'static str) {
    let given = speech.log.as_deref().unwrap_or(match (speech.quiet, speech.verbose) {
        (true, _) => "error",
        (false, 0) => usual,
        (false, 1) => "info",
        (false, _) => "debug",
    });
    let (filter, wrong) = match EnvFilter::try_new(given) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(usual), Some(error)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(false);
    match speech.log_format {
        LogFormat::Text => lines.with_writer(Lines(text)).init(),
        LogFormat::Json => lines.json().with_writer(Lines(json)).init(),
    }
    out::tell_of_dropped(match speech.log_format {
        LogFormat::Text => |lines| format!("{lines} log lines were dropped: nobody read them in time\n"),
        LogFormat::Json => |lines| {
            let message = "log lines were dropped: nobody read them in time";
            format!("{{\"level\":\"WARN\",\"fields\":{{\"message\":\"{message}\",\"lines\":{lines}}}}}\n")
        },
    });
    if let Some(error) = wrong {
        tracing::warn!("log filter `{given}` cannot be read: {error} (write `info` or `warn,wasaga::guest=debug`)");
    }
}

/// How the bytes of one event become its line.
#[derive(Clone, Copy)]
struct Lines(fn(&str) -> String);

struct Line {
    bytes: Vec<u8>,
    made: fn(&str) -> String,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line { bytes: Vec::new(), made: self.0 }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let event = String::from_utf8_lossy(&self.bytes);
        out::log((self.made)(event.trim_end_matches('\n')));
    }
}

/// `2026-11-28T02:17:49Z  WARN …`: everything in it is escaped, and the level has its colour.
fn text(event: &str) -> String {
    let safe = shown::escaped(event);
    let level = safe.split_whitespace().nth(1).and_then(|level| {
        let style = console::Style::new().for_stderr();
        let style = match level {
            "ERROR" => style.red(),
            "WARN" => style.yellow(),
            "INFO" => style.green(),
            "DEBUG" => style.blue(),
            "TRACE" => style.magenta(),
            _ => return None,
        };
        Some((level, style))
    });
    match level {
        Some((level, style)) => format!("{}\n", safe.replacen(level, &style.apply_to(level).to_string(), 1)),
        None => format!("{safe}\n"),
    }
}

fn json(event: &str) -> String {
    format!("{}\n", shown::escaped_json(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S19: a line end in a message forges no line, and nothing in it steers the terminal.
    #[test]
    fn an_event_is_one_line() {
        let event = "2026-11-28T02:17:49Z  WARN hello\n2026-11-28T02:17:50Z ERROR forged\u{1b}]52;c;eA==\u{7}";
        let line = text(event);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(line.ends_with("hello\\n2026-11-28T02:17:50Z ERROR forged\\u{1b}]52;c;eA==\\u{7}\n"), "{line}");
        assert_eq!(json("{\"a\":\"\u{9b}2J\"}"), "{\"a\":\"\\u009b2J\"}\n");
    }
}
