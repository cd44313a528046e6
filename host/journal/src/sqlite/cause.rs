//! The driver's errors, mapped once to what a caller can do.

use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::Error;

/// One driver error that answers many callers.
#[derive(Clone, Debug)]
pub(super) struct Cause(Arc<rusqlite::Error>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {}

impl From<rusqlite::Error> for Cause {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Cause {
    /// What a caller is told.
    pub(super) fn into_error(self, location: &str) -> Error {
        let location = location.to_owned();
        let Some(code) = self.0.sqlite_error_code() else { return Error::Failed(self.into()) };
        match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Locked { location, source: self.into() },
            ErrorCode::ReadOnly => Error::ReadOnly { location, source: self.into() },
            ErrorCode::SystemIoFailure => Error::Disk { location, source: self.into() },
            ErrorCode::DiskFull => Error::Full { location, source: self.into() },
            ErrorCode::DatabaseCorrupt => Error::Damaged { what: format!("journal `{location}`"), source: self.into() },
            ErrorCode::NotADatabase => Error::Open {
                location,
                reason: "it is not an SQLite database".into(),
                remedy: "name another file; this one was not touched".into(),
                source: Some(self.into()),
            },
            ErrorCode::CannotOpen => Error::Open {
                location,
                reason: "the file cannot be opened".into(),
                remedy: "check that its directory is there and may be written to".into(),
                source: Some(self.into()),
            },
            _ => Error::Failed(self.into()),
        }
    }
}
