//! Writes that the host does not take. What they are answered by is an error that the guest may look at: the call goes
//! on.

use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use wasaga::context::WriteError;
use wasaga::{Error, context, log, saga};

/// serde_json writes what is in such a struct as it is, JSON or not.
const RAW: &str = "$serde_json::private::RawValue";

/// A text that passes for JSON.
struct Raw(&'static str);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW, 1)?;
        raw.serialize_field(RAW, self.0)?;
        raw.end()
    }
}

fn code(written: Result<(), WriteError>) -> &'static str {
    written.map_or_else(|error| error.code(), |()| "written")
}

/// Sets variables of one byte without end.
#[saga(name = "variable-specks")]
pub mod variable_specks {
    use super::*;

    /// Sets them.
    #[step(timeout = "5s", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> Result<(), Error> {
        for i in 0u64.. {
            context::set_variable(&format!("{i}"), &0)?;
        }
        Ok(())
    }
}

/// Sets headers without end.
#[saga(name = "header-flood")]
pub mod header_flood {
    use super::*;

    /// Sets them.
    #[step(timeout = "5s", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> Result<(), Error> {
        for i in 0u64.. {
            context::set_header(&format!("h{i}"), "x")?;
        }
        Ok(())
    }
}

/// Publishes without end.
#[saga(name = "event-flood")]
pub mod event_flood {
    use super::*;

    /// Publishes.
    #[step(timeout = "5s", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> Result<(), Error> {
        loop {
            context::publish("again", "and again")?;
        }
    }
}

/// Writes what is not valid, and goes on.
#[saga(name = "bad-writes")]
pub mod bad_writes {
    use super::*;

    /// Answers how each write ended.
    #[step]
    pub fn work() -> Vec<&'static str> {
        let long = "x".repeat(100_000);
        vec![
            code(context::set_variable("text", &Raw("{\"a\":"))),
            code(context::set_variable("two", &Raw("1 2"))),
            code(context::set_variable("", &1)),
            code(context::set_variable(&long, &1)),
            code(context::set_variable("bell\u{7}", &1)),
            code(context::set_header("tenant\n", "acme")),
            code(context::set_header("tenant", "acme\r\nforged: yes")),
            code(context::set_header("tenant", &long)),
            code(context::publish("event", &Raw("}{"))),
            code(context::publish("event", &Raw("1,\"data\":2"))),
            code(context::publish("", &1)),
            code(context::publish(&long, &1)),
            code(context::set_variable("good", &1)),
        ]
    }
}

/// Writes one log line with a hundred thousand fields.
#[saga(name = "log-fields")]
pub mod log_fields {
    use super::*;

    /// Writes it.
    #[step(fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> usize {
        let names: Vec<String> = (0..100_000).map(|i| format!("f{i}")).collect();
        let fields: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "x")).collect();
        log::info("many", &fields);
        fields.len()
    }
}
