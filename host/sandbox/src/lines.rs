//! What a guest writes to the host's log, wherever it comes from: the import `log`, stdout, stderr, requests that are
//! refused. The lines of a call are counted together, so none of the ways is a flood.

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::Mutex;
use wasaga_core::Call;

use crate::http::Reach;

/// Lines of one call, of every origin; what comes after is dropped and counted.
pub(crate) const LINES_MAX: u32 = 1_000;
/// Bytes of one line, and of its fields.
const LINE_BYTES_MAX: usize = 16 << 10;
/// What a line ends with that was longer.
const CUT: &str = "… (cut: a line has 16 KiB at most)";

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// The log of one instance, which its streams share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    of: Arc<Mutex<Of>>,
    /// Knows the secrets of the module, which no line may have.
    reach: Option<Arc<Reach>>,
}

#[derive(Debug, Default)]
struct Of {
    /// None while the guest describes itself.
    call: Option<Arc<Call>>,
    written: u32,
    dropped: u32,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'l> {
    pub(crate) level: Level,
    /// `stdout` or `stderr`; none for the import.
    pub(crate) stream: Option<&'static str>,
    pub(crate) text: &'l str,
    /// What the guest gives beside the text.
    pub(crate) fields: &'l [(String, String)],
}

/// A line at a constant level, which tracing wants.
macro_rules! write_at {
    ($level:ident, $of:expr, $line:expr, $text:expr, $fields:expr) => {
        tracing::$level!(
            target: "wasaga::guest",
            transaction = $of.call.as_ref().map(|call| tracing::field::display(call.transaction)),
            call = $of.call.as_ref().map(|call| tracing::field::display(&call.id)),
            stream = $line.stream,
            fields = $fields.as_ref().map(tracing::field::display),
            "{}", $text
        )
    };
}

impl Lines {
    pub(crate) fn new(reach: Option<Arc<Reach>>) -> Self {
        Self { of: Arc::default(), reach }
    }

    /// Begins a call.
    pub(crate) fn begin(&self, call: Arc<Call>) {
        *self.of.lock() = Of { call: Some(call), written: 0, dropped: 0 };
    }

    /// Ends a call, and says what was dropped.
    pub(crate) fn end(&self) {
        let dropped = self.of.lock().dropped;
        if dropped > 0 {
            let text = format!("{dropped} more log lines of this call were dropped (log less)");
            self.pass(Line { level: Level::Warn, stream: None, text: &text, fields: &[] });
        }
        // An instance that waits for its next call does not keep this one's payloads.
        *self.of.lock() = Of::default();
    }

    /// Writes one line, unless the call has written enough.
    pub(crate) fn write(&self, line: Line<'_>) {
        let mut of = self.of.lock();
        if of.written >= LINES_MAX {
            of.dropped = of.dropped.saturating_add(1);
            return;
        }
        of.written += 1;
        drop(of);
        self.pass(line);
    }

    fn pass(&self, line: Line<'_>) {
        let of = self.of.lock();
        let blot = |text| self.reach.as_ref().map_or(Cow::Borrowed(text), |reach| reach.blot(text));
        let text = cut(line.text);
        let text = blot(&text);
        let fields = (!line.fields.is_empty()).then(|| fields(line.fields));
        let fields = fields.as_deref().map(blot);
        match line.level {
            Level::Trace => write_at!(trace, of, line, text, fields),
            Level::Debug => write_at!(debug, of, line, text, fields),
            Level::Info => write_at!(info, of, line, text, fields),
            Level::Warn => write_at!(warn, of, line, text, fields),
            Level::Error => write_at!(error, of, line, text, fields),
        }
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= LINE_BYTES_MAX {
        return text.into();
    }
    format!("{}{CUT}", &text[..text.floor_char_boundary(LINE_BYTES_MAX)]).into()
}

/// The fields as one JSON object, so that no value can pass for another field. What does not fit is left out.
fn fields(all: &[(String, String)]) -> String {
    let mut bytes = 0;
    let fitting = all.iter().take_while(|(name, value)| {
        bytes += name.len() + value.len();
        bytes <= LINE_BYTES_MAX
    });
    let object = fitting.map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str())));
    serde_json::Value::Object(object.collect()).to_string()
}
