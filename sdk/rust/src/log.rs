//! Lines in the host's log; each carries the transaction, the step and the attempt.
//!
//! ```
//! wasaga::log::info("charged", &[("receipt", "r-1")]);
//! ```
//!
//! With the feature `log` of this crate, lines of the crate [`log`](https://docs.rs/log) go there too, with their
//! key-value pairs as fields. Those of `tracing` follow, by its own feature `log`.
//!
//! Under `cargo test` they go to stderr.

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For following every move.
    Trace,
    /// For finding mistakes.
    Debug,
    /// What a reader of the log wants to know.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

/// Writes a line with fields.
pub fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    write(level, message, fields);
}

/// Writes a line at [`Level::Debug`].
pub fn debug(message: &str, fields: &[(&str, &str)]) {
    write(Level::Debug, message, fields);
}

/// Writes a line at [`Level::Info`].
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write(Level::Info, message, fields);
}

/// Writes a line at [`Level::Warn`].
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write(Level::Warn, message, fields);
}

/// Writes a line at [`Level::Error`].
pub fn error(message: &str, fields: &[(&str, &str)]) {
    write(Level::Error, message, fields);
}

#[cfg(target_family = "wasm")]
fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    use crate::bindings::log;
    let level = match level {
        Level::Trace => log::Level::Trace,
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    log::log(level, message, &fields);
}

#[cfg(not(target_family = "wasm"))]
fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    eprintln!("{level:?} {message}{fields}");
}
