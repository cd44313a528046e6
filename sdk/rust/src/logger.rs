//! The crate `log` writes to the host's log: with the feature `log`, in a component, from the first call on. What uses
//! `tracing` gets there by its feature `log`.

use std::sync::Once;

use ::log::kv::{self, Key, Value, VisitSource};
use ::log::{LevelFilter, Log, Metadata, Record};

use crate::log::{self, Level};

static INSTALLED: Once = Once::new();

/// Takes the place of the crate's logger, once. Where the guest has set one of its own, that one stays. A component does
/// it before its first call; a test that wants to see lines does it itself.
pub fn install() {
    INSTALLED.call_once(|| {
        if ::log::set_logger(&Host).is_ok() {
            ::log::set_max_level(LevelFilter::Trace);
        }
    });
}

struct Host;

impl Log for Host {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let fields = fields(record);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        log::log(level(record.level()), &record.args().to_string(), &fields);
    }

    fn flush(&self) {}
}

fn level(level: ::log::Level) -> Level {
    match level {
        ::log::Level::Trace => Level::Trace,
        ::log::Level::Debug => Level::Debug,
        ::log::Level::Info => Level::Info,
        ::log::Level::Warn => Level::Warn,
        ::log::Level::Error => Level::Error,
    }
}

/// The target and the pairs of a line.
fn fields(record: &Record<'_>) -> Vec<(String, String)> {
    let mut fields = Fields(vec![("target".into(), record.target().into())]);
    // Only a source of its own can fail here, and then what it gave before is there.
    let _ = record.key_values().visit(&mut fields);
    fields.0
}

struct Fields(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push((key.to_string(), value.to_string()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_target_and_its_pairs() {
        let pairs = [("receipt", "r-1"), ("card", "good")];
        let fields = fields(&Record::builder().target("shop").key_values(&pairs).build());
        let expected = [("target", "shop"), ("receipt", "r-1"), ("card", "good")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(level(::log::Level::Warn), Level::Warn);
    }
}
