//! What a guest may ask of the host during a call: its transaction and the log. Writes are kept
//! beside the call and go into the record of its success, or nowhere.

use std::sync::Arc;

use wasaga_core::{Json, NAME_CHARS_MAX, Name, Published};
use wasaga_engine::{HEADER_BYTES_MAX, HEADERS_MAX};

use crate::PAYLOAD_BYTES_MAX;
use crate::contract::{log, transaction, types};
use crate::failure::{LARGE_DATA, size};
use crate::state::{Serving, State, guest_line};

/// Bytes of all that one call writes: it goes into one record.
const WRITTEN_BYTES_MAX: usize = 1 << 20;
/// Bytes of a transaction's variables as a call sees them, with what it writes: they are in memory for as
/// long as it runs, and every condition reads them. As much as one payload.
const VARIABLE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX;
/// Lines that one call logs; what comes after is dropped and counted.
const LINES_MAX: usize = 1_000;
/// Bytes of one line with its fields.
const LINE_BYTES_MAX: usize = 16 << 10;
/// What a line ends with that was longer.
const CUT: &str = "… (cut: a line has 16 KiB at most)";

impl State {
    fn serving(&mut self, import: &str) -> wasmtime::Result<&mut Serving> {
        match &mut self.serving {
            Some(serving) => Ok(serving),
            None => Err(wasmtime::Error::msg(format!("`{import}` cannot be used in `describe`"))),
        }
    }

    /// Takes a name and counts what is written; the call ends where that is too much.
    fn admit(&mut self, import: &str, name: &str, bytes: usize) -> wasmtime::Result<(&mut Serving, Name)> {
        let serving = self.serving(import)?;
        serving.written_bytes = serving.written_bytes.saturating_add(name.len() + bytes);
        let breach = if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            Some(format!("`{import}`: a name has 1 to {NAME_CHARS_MAX} characters"))
        } else if serving.written_bytes > WRITTEN_BYTES_MAX {
            Some(format!("`{import}`: one call writes {} KiB at most ({LARGE_DATA})", WRITTEN_BYTES_MAX >> 10))
        } else {
            None
        };
        match breach {
            Some(breach) => self.end(breach),
            None => Ok((self.serving(import)?, name.into())),
        }
    }

    fn end<T>(&mut self, breach: String) -> wasmtime::Result<T> {
        self.breach = Some(breach.clone());
        Err(wasmtime::Error::msg(breach))
    }

    fn json(&mut self, import: &str, text: &str) -> wasmtime::Result<Json> {
        Json::parse(text).or_else(|error| self.end(format!("`{import}`: the value is not JSON: {error}")))
    }
}

impl types::Host for State {}

impl transaction::Host for State {
    fn variable(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let serving = self.serving("variable")?;
        let written = serving.writes.variables.iter().rev().find(|(known, _)| **known == *name);
        let value = written.map(|(_, value)| value).or_else(|| serving.variables.get(&*name));
        Ok(value.map(|value| value.as_str().to_owned()))
    }

    fn set_variable(&mut self, name: String, value: String) -> wasmtime::Result<()> {
        let value = self.json("set-variable", &value)?;
        let (serving, name) = self.admit("set-variable", &name, value.as_str().len())?;
        serving.writes.variables.push((name, value));
        if serving.variable_bytes() > VARIABLE_BYTES_MAX {
            let limit = size(VARIABLE_BYTES_MAX);
            return self.end(format!("`set-variable`: a transaction has {limit} of variables at most ({LARGE_DATA})"));
        }
        Ok(())
    }

    fn set_header(&mut self, name: String, value: String) -> wasmtime::Result<()> {
        let (serving, name) = self.admit("set-header", &name, value.len())?;
        // A header that is set twice has its last value, so the list stays as short as the limit.
        serving.writes.headers.retain(|(known, _)| *known != name);
        serving.writes.headers.push((name, Arc::from(value)));
        let (count, bytes) = serving.header_sizes();
        if count > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
            let limit = size(HEADER_BYTES_MAX);
            return self.end(format!(
                "`set-header`: a transaction has {HEADERS_MAX} headers with {limit} at most (use a variable)"
            ));
        }
        Ok(())
    }

    fn publish(&mut self, topic: String, key: Option<String>, payload: String) -> wasmtime::Result<()> {
        let payload = self.json("publish", &payload)?;
        let bytes = payload.as_str().len() + key.as_ref().map_or(0, String::len);
        let (serving, topic) = self.admit("publish", &topic, bytes)?;
        serving.writes.published.push(Published { topic: topic.to_string(), key, payload });
        Ok(())
    }
}

impl log::Host for State {
    fn log(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        let serving = self.serving("log")?;
        serving.lines += 1;
        if serving.lines > LINES_MAX {
            if serving.lines == LINES_MAX + 1 {
                guest_line!(
                    warn,
                    &serving.whose,
                    lines = LINES_MAX,
                    "more log lines of this call are dropped (log less)"
                );
            }
            return Ok(());
        }
        let mut line = message;
        for (name, value) in fields {
            line.push_str(&format!(" {name}={value}"));
        }
        if line.len() > LINE_BYTES_MAX {
            line.truncate(line.floor_char_boundary(LINE_BYTES_MAX));
            line.push_str(CUT);
        }
        let whose = &serving.whose;
        match level {
            log::Level::Trace => guest_line!(trace, whose, "{line}"),
            log::Level::Debug => guest_line!(debug, whose, "{line}"),
            log::Level::Info => guest_line!(info, whose, "{line}"),
            log::Level::Warn => guest_line!(warn, whose, "{line}"),
            log::Level::Error => guest_line!(error, whose, "{line}"),
        }
        Ok(())
    }
}
