//! The driver's errors, mapped once to what a caller can do.

use std::sync::Arc;

use crate::Error;

/// One driver error that answers many callers.
#[derive(Clone, Debug)]
pub(super) struct Cause(Arc<sqlx::Error>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {}

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const READONLY: u32 = 8;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const NOTADB: u32 = 26;
}

impl Cause {
    fn code(&self) -> Option<u32> {
        let sqlx::Error::Database(error) = &*self.0 else { return None };
        error.code()?.parse::<u32>().ok().map(|extended| extended & 0xff)
    }

    /// What a caller is told.
    pub(super) fn into_error(self, location: &str) -> Error {
        let location = location.to_owned();
        match (&*self.0, self.code()) {
            (sqlx::Error::PoolClosed, _) => Error::Closed,
            (_, Some(code::BUSY | code::LOCKED)) => Error::Locked { location, source: self.into() },
            (_, Some(code::READONLY)) => Error::ReadOnly { location, source: self.into() },
            (_, Some(code::IOERR)) => Error::Disk { location, source: self.into() },
            (_, Some(code::FULL)) => Error::Full { location, source: self.into() },
            (_, Some(code::CORRUPT)) => Error::Damaged { what: format!("journal `{location}`"), source: self.into() },
            (_, Some(code::NOTADB)) => Error::Open {
                location,
                reason: "it is not an SQLite database".into(),
                remedy: "name another file; this one was not touched".into(),
                source: Some(self.into()),
            },
            (_, Some(code::CANTOPEN)) => Error::Open {
                location,
                reason: "the file cannot be opened".into(),
                remedy: "check that its directory is there and may be written to".into(),
                source: Some(self.into()),
            },
            _ => Error::Failed(self.into()),
        }
    }
}
