//! The driver's errors, mapped once to what a caller can do.

use std::io;
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};

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
        let rusqlite::Error::SqliteFailure(failure, _) = &*self.0 else { return Error::Failed(self.into()) };
        match failure.code {
            // The index of the log cannot grow; nothing but a full disk keeps it from that.
            ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                Error::Full { location, source: self.into() }
            }
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

/// What a caller is told where a lock file beside the journal cannot be had.
pub(super) fn of_lock_file(location: &str, error: &io::Error) -> Error {
    let (location, source) = (location.to_owned(), error.to_string().into());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { location, source },
        io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly { location, source },
        io::ErrorKind::WouldBlock => Error::Locked { location, source },
        _ => Error::Open {
            location,
            reason: error.to_string(),
            remedy: "it needs a directory that may be written to, for its files `-wal`, `-shm` and `.hosts`".into(),
            source: None,
        },
    }
}
