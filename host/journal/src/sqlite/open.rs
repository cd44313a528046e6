//! Opens a journal file: what the user typed, the checks before anything is changed, the schema.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqliteConnection, SqlitePool};

use super::{cause::Cause, hosts::Hosts};
use crate::{Durability, Error};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a writer waits for another process before it says that the journal is locked.
const BUSY: Duration = Duration::from_secs(10);
/// Connections for reading. More than two cores can use; each costs a thread once it is needed.
const READERS: u32 = 4;
/// `application_id` of a journal: `wasa`.
const APPLICATION: i64 = 0x7761_7361;

/// Where a journal is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// When an append counts as durable.
    pub synchronous: Synchronous,
}

/// SQLite's `synchronous`, in WAL mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Every commit is flushed to the disk: it survives power loss.
    #[default]
    Full,
    /// The disk is flushed now and then: what was answered survives the process, not the machine.
    Normal,
    /// The disk is never flushed by SQLite: as `Normal`, and power loss may damage the file.
    Off,
}

impl Synchronous {
    /// What an answered append survives.
    pub const fn durability(self) -> Durability {
        match self {
            Self::Full => Durability::PowerLoss,
            Self::Normal | Self::Off => Durability::ProcessCrash,
        }
    }
}

impl FromStr for Options {
    type Err = String;

    /// Reads `PATH`, `PATH?synchronous=full`, `normal` or `off`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        if path.is_empty() {
            return Err("the path is missing (write `sqlite:PATH`)".into());
        }
        let mut options = Self { path: path.into(), synchronous: Synchronous::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            options.synchronous = match pair {
                "synchronous=full" => Synchronous::Full,
                "synchronous=normal" => Synchronous::Normal,
                "synchronous=off" => Synchronous::Off,
                _ => return Err(format!("option `{pair}` is not known (there is `synchronous=full|normal|off`)")),
            };
        }
        Ok(options)
    }
}

/// What opening gives.
pub(super) struct Opened {
    pub(super) writer: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) hosts: Hosts,
}

pub(super) async fn open(options: &Options, location: &str) -> Result<Opened, Error> {
    let failed = |error: sqlx::Error| Cause::from(error).into_error(location);
    make_directory(&options.path, location)?;
    let hosts = Hosts::beside(&options.path);
    let opening = hosts.opening().map_err(|error| cannot(location, &error))?;
    let connect = connect_options(options);
    let one = SqlitePoolOptions::new().max_connections(1).acquire_timeout(BUSY).connect_lazy_with(connect.clone());
    let mut writer = one.acquire().await.map_err(failed)?;
    check_owner(&mut writer, location).await?;
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *writer).await.map_err(failed)?;
    drop(writer);
    MIGRATIONS.run(&one).await.map_err(|error| migration_failed(error, location))?;
    let writer = one.acquire().await.map_err(failed)?.detach();
    drop(opening);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY)
        .connect_lazy_with(connect.read_only(true).create_if_missing(false));
    Ok(Opened { writer, readers, hosts })
}

/// Opens the file in the journal mode that it has, for a foreign file must not be changed.
fn connect_options(options: &Options) -> SqliteConnectOptions {
    let synchronous = match options.synchronous {
        Synchronous::Full => SqliteSynchronous::Full,
        Synchronous::Normal => SqliteSynchronous::Normal,
        Synchronous::Off => SqliteSynchronous::Off,
    };
    SqliteConnectOptions::new()
        .filename(&options.path)
        .create_if_missing(true)
        .synchronous(synchronous)
        .busy_timeout(BUSY)
        .optimize_on_close(false, None)
}

fn make_directory(path: &Path, location: &str) -> Result<(), Error> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(directory).map_err(|error| cannot(location, &error))
}

fn cannot(location: &str, error: &std::io::Error) -> Error {
    Error::Open {
        location: location.into(),
        reason: error.to_string(),
        remedy: "it needs a directory that may be written to, for its files `-wal`, `-shm` and `.hosts`".into(),
        source: None,
    }
}

/// Another program's database is left alone.
async fn check_owner(connection: &mut SqliteConnection, location: &str) -> Result<(), Error> {
    let failed = |error: sqlx::Error| Cause::from(error).into_error(location);
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(failed)?;
    if application == APPLICATION || (application == 0 && tables == 0) {
        return Ok(());
    }
    Err(Error::Open {
        location: location.into(),
        reason: "it is another program's database".into(),
        remedy: "name another file; this one was not touched".into(),
        source: None,
    })
}

fn migration_failed(error: MigrateError, location: &str) -> Error {
    let what = format!("the schema of journal `{location}`");
    match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
            Error::Newer { what, version: u32::try_from(version).unwrap_or(u32::MAX) }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            Cause::from(error).into_error(location)
        }
        other => Error::Damaged { what, source: Box::new(other) },
    }
}
