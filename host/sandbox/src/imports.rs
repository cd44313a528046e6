//! What a guest may ask of the host during a call: the call, its transaction, its configuration and the log. Writes are
//! kept beside the call and go into the record of its success, or nowhere. What cannot be written is an answer to the
//! guest, which goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use wasaga_core::{Json, NAME_CHARS_MAX, Name, Published};
use wasaga_engine::{HEADER_BYTES_MAX, HEADERS_MAX};

use crate::contract::v0_1::transaction::WriteError;
use crate::contract::v0_1::{call, config, log, transaction, types};
use crate::failure::{LARGE_DATA, size};
use crate::limits::{PAYLOAD_BYTES_MAX, WRITTEN_BYTES_MAX};
use crate::lines::{Level, Line};
use crate::state::{Serving, State};

/// Bytes of a transaction's variables as a call sees them, with what it writes: they are in memory for as
/// long as it runs, and every condition reads them. As much as one payload.
const VARIABLE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX;
/// What a name costs beside its bytes, so that a million names of one letter are no cheap way to fill the host's memory.
const ENTRY_BYTES: usize = 64;

type Written = Result<(), WriteError>;

impl State {
    fn serving(&mut self, import: &str) -> wasmtime::Result<&mut Serving> {
        match &mut self.serving {
            Some(serving) => Ok(serving),
            None => Err(wasmtime::Error::msg(format!("`{import}` cannot be used in `describe`"))),
        }
    }
}

fn name(import: &str, name: &str) -> Result<Name, WriteError> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(WriteError::Invalid(format!("`{import}`: a name has 1 to {NAME_CHARS_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(WriteError::Invalid(format!("`{import}`: the name {name:?} has a control character")));
    }
    Ok(name.into())
}

fn json(import: &str, text: &str) -> Result<Json, WriteError> {
    Json::parse(text).map_err(|error| WriteError::Invalid(format!("`{import}`: the value is not JSON: {error}")))
}

impl Serving {
    /// Takes the place of what the call wrote there before, if that leaves no more than one call may write.
    fn admit(&mut self, import: &str, before: usize, now: usize) -> Written {
        let all = self.written_bytes - before + now;
        if all > WRITTEN_BYTES_MAX {
            let limit = size(WRITTEN_BYTES_MAX);
            return Err(WriteError::TooMuch(format!("`{import}`: one call writes {limit} at most ({LARGE_DATA})")));
        }
        self.written_bytes = all;
        Ok(())
    }

    fn set_variable(&mut self, of: &str, value: Option<String>) -> Written {
        const IMPORT: &str = "set-variable";
        let name = name(IMPORT, of)?;
        let value = value.map(|text| json(IMPORT, &text)).transpose()?;
        let cost = |value: &Option<Json>| ENTRY_BYTES + of.len() + value.as_ref().map_or(0, |json| json.as_str().len());
        let (before, now) = (self.variables.get(&name).map_or(0, cost), cost(&value));
        if self.found_bytes() + self.written_bytes - before + now > VARIABLE_BYTES_MAX {
            let limit = size(VARIABLE_BYTES_MAX);
            let what = format!("`{IMPORT}`: a transaction has {limit} of variables at most ({LARGE_DATA})");
            return Err(WriteError::TooMuch(what));
        }
        self.admit(IMPORT, before, now)?;
        self.variables.insert(name, value);
        Ok(())
    }

    fn set_header(&mut self, of: &str, value: Option<String>) -> Written {
        const IMPORT: &str = "set-header";
        let name = name(IMPORT, of)?;
        if value.as_ref().is_some_and(|value| value.chars().any(char::is_control)) {
            return Err(WriteError::Invalid(format!("`{IMPORT}`: the value of `{of}` has a control character")));
        }
        let value: Option<Arc<str>> = value.map(Arc::from);
        let cost = |value: &Option<Arc<str>>| ENTRY_BYTES + of.len() + value.as_ref().map_or(0, |text| text.len());
        let (before, now) = (self.headers.get(&name).map_or(0, cost), cost(&value));
        self.admit(IMPORT, before, now)?;
        let replaced = self.headers.insert(name.clone(), value);
        let (count, bytes) = self.header_sizes();
        if count <= HEADERS_MAX && bytes <= HEADER_BYTES_MAX {
            return Ok(());
        }
        match replaced {
            Some(value) => self.headers.insert(name, value),
            None => self.headers.remove(&name),
        };
        self.written_bytes = self.written_bytes - now + before;
        let limit = size(HEADER_BYTES_MAX);
        let what = format!("`{IMPORT}`: a transaction has {HEADERS_MAX} headers with {limit} at most (use a variable)");
        Err(WriteError::TooMuch(what))
    }

    fn publish(&mut self, event: &str) -> Written {
        const IMPORT: &str = "publish";
        let invalid = |why: String| WriteError::Invalid(format!("`{IMPORT}`: {why}"));
        let event: Event = serde_json::from_str(event).map_err(|error| invalid(format!("not an event: {error}")))?;
        if event.kind.is_empty() || event.kind.chars().count() > NAME_CHARS_MAX {
            return Err(invalid(format!("its `type` has 1 to {NAME_CHARS_MAX} characters")));
        }
        let Event { kind, data, topic, key, subject, headers } = event;
        let event = Published { kind, topic, key, subject, headers, payload: data };
        self.admit(IMPORT, 0, ENTRY_BYTES * (1 + event.headers.len()) + event.bytes())?;
        self.published.push(event);
        Ok(())
    }
}

/// A business event, as the contract has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Json,
    topic: Option<String>,
    key: Option<String>,
    subject: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl types::Host for State {}

impl call::Host for State {
    fn transaction_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.serving("transaction-id")?.call.transaction.text())
    }

    fn idempotency_key(&mut self) -> wasmtime::Result<String> {
        Ok(self.serving("idempotency-key")?.call.key.as_str().to_owned())
    }

    fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(self.serving("attempt")?.call.id.attempt)
    }

    fn item(&mut self) -> wasmtime::Result<Option<u32>> {
        Ok(self.serving("item")?.call.id.item)
    }

    fn deadline(&mut self) -> wasmtime::Result<u64> {
        Ok(self.serving("deadline")?.call.deadline.unix_ms())
    }

    fn token(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.serving("token")?.call.token.as_ref().map(|token| token.as_str().to_owned()))
    }

    fn last_failure(&mut self) -> wasmtime::Result<Option<types::Failure>> {
        Ok(self.serving("last-failure")?.call.last_failure.as_ref().map(types::Failure::from))
    }
}

impl transaction::Host for State {
    fn header(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let serving = self.serving("header")?;
        let found = match serving.headers.get(&*name) {
            Some(written) => written.as_ref(),
            None => serving.call.headers.get(&*name),
        };
        Ok(found.map(|value| (**value).to_owned()))
    }

    fn headers(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let serving = self.serving("headers")?;
        let mut all = (*serving.call.headers).clone();
        for (name, value) in &serving.headers {
            match value {
                Some(value) => all.insert(name.clone(), value.clone()),
                None => all.remove(name),
            };
        }
        Ok(all.into_iter().map(|(name, value)| (name.to_string(), (*value).to_owned())).collect())
    }

    fn set_header(&mut self, name: String, value: Option<String>) -> wasmtime::Result<Written> {
        Ok(self.serving("set-header")?.set_header(&name, value))
    }

    fn variable(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let serving = self.serving("variable")?;
        let found = match serving.variables.get(&*name) {
            Some(written) => written.as_ref(),
            None => serving.call.variables.get(&*name),
        };
        Ok(found.map(|value| value.as_str().to_owned()))
    }

    fn set_variable(&mut self, name: String, value: Option<String>) -> wasmtime::Result<Written> {
        Ok(self.serving("set-variable")?.set_variable(&name, value))
    }

    fn publish(&mut self, event: String) -> wasmtime::Result<Written> {
        Ok(self.serving("publish")?.publish(&event))
    }
}

impl config::Host for State {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.serving("config.get")?;
        Ok(self.config.get(&key).cloned())
    }
}

impl log::Host for State {
    fn log(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        self.serving("log")?;
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.lines.write(Line { level, stream: None, text: &message, fields: &fields });
        Ok(())
    }
}
