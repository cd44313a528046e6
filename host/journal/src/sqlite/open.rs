//! Opens a journal file: what the user typed, the checks before anything is changed, the schema.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::{
    cause::{Cause, of_lock_file},
    hosts::Hosts,
    presence,
};
use crate::{Durability, Error};

/// What takes a file from each version of the schema to the next, from nothing on. Its version is
/// SQLite's `user_version`.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/sqlite/0001_transactions.sql"),
    include_str!("../../migrations/sqlite/0002_providers.sql"),
    include_str!("../../migrations/sqlite/0003_progress.sql"),
];

/// How long a writer waits for another process before it says that the journal is locked.
const BUSY: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps: more than there are.
const STATEMENTS: usize = 64;
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
        // What SQLite itself would take for a file of this very name is meant as the file.
        let path = path.strip_prefix("file:").unwrap_or(path);
        if path.is_empty() {
            return Err("the path is missing (write `sqlite:PATH`)".into());
        }
        if path == ":memory:" {
            return Err("a journal in memory is `memory:`".into());
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
    pub(super) writer: Connection,
    pub(super) hosts: Hosts,
    /// The file by its one real name, whatever was typed.
    pub(super) options: Options,
}

/// Opens the file to write, and brings its schema up to date.
pub(super) fn open(options: &Options, location: &str) -> Result<Opened, Error> {
    let failed = |error: rusqlite::Error| Cause::from(error).into_error(location);
    let of_file = |error: std::io::Error| of_lock_file(location, &error);
    make_directory(&options.path, location)?;
    check_emptied(&options.path, location)?;
    let path = real_file(&options.path, location)?;
    let options = Options { path, ..options.clone() };
    let hosts = Hosts::beside(&options.path).map_err(of_file)?;
    let opening = hosts.opening().map_err(of_file)?;
    let writer = connect(&options, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    check_owner(&writer, location)?;
    check_last_page(&writer, &options.path, location)?;
    presence::hold(&options.path).map_err(of_file)?;
    writer.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    migrate(&writer, location)?;
    drop(opening);
    Ok(Opened { writer, hosts, options })
}

/// The one name of the file: links and relative names lead to it. Makes the file where there is none, for its user
/// alone: it holds every payload. The log that SQLite keeps beside it has the same rights.
fn real_file(path: &Path, location: &str) -> Result<PathBuf, Error> {
    let of_file = |error: std::io::Error| of_lock_file(location, &error);
    let found = std::fs::metadata(path);
    if found.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        let new = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        drop(new.map_err(of_file)?);
    }
    let real = path.canonicalize().map_err(of_file)?;
    let file = std::fs::metadata(&real).map_err(of_file)?;
    if let Some(why) = strange(&file, rustix::process::geteuid().as_raw()) {
        tracing::warn!(journal = location, "{why}");
    }
    if file.is_file() && file.nlink() > 1 {
        return Err(Error::Open {
            location: location.into(),
            reason: format!("its file has {} names (hard links), and SQLite would keep a log for each", file.nlink()),
            remedy: "remove the other names; a symbolic link is well".into(),
            source: None,
        });
    }
    Ok(real)
}

/// What is strange about the owner and the rights of a journal that is there. It is told and not refused: some file systems
/// show owners and rights of their own.
fn strange(file: &std::fs::Metadata, user: u32) -> Option<String> {
    let (owner, mode) = (file.uid(), file.mode() & 0o7777);
    if owner != user {
        return Some(format!(
            "the journal belongs to user {owner}, and this is user {user}: what is made beside it may be closed to its \
             owner (run wasaga as its owner, or name a journal of your own)"
        ));
    }
    let may = if mode & 0o022 != 0 { "write to" } else { "read" };
    (mode & 0o066 != 0).then(|| {
        format!(
            "others may {may} the journal, which holds every payload: its mode is {mode:04o} (`chmod go=` the file)"
        )
    })
}

/// A connection that only reads.
pub(super) fn reader(options: &Options) -> rusqlite::Result<Connection> {
    connect(options, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the file in the journal mode that it has, for a foreign file must not be changed.
fn connect(options: &Options, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, so it needs no lock of its own.
    let connection = Connection::open_with_flags(&options.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
        Synchronous::Off => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

fn migrate(connection: &Connection, location: &str) -> Result<(), Error> {
    let failed = |error: rusqlite::Error| Cause::from(error).into_error(location);
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
    let version: u32 = transaction.query_row("PRAGMA user_version", (), |row| row.get(0)).map_err(failed)?;
    let known = MIGRATIONS.len();
    if version as usize > known {
        return Err(Error::Newer { what: format!("the schema of journal `{location}`"), version });
    }
    for migration in &MIGRATIONS[version as usize..] {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    if (version as usize) < known {
        transaction.pragma_update(None, "user_version", known as u32).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn make_directory(path: &Path, location: &str) -> Result<(), Error> {
    let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) else { return Ok(()) };
    // What is made here is for its user alone; what is there stays as it is.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| of_lock_file(location, &error))
}

/// Bytes of the file, and of the log beside it; none where there is none.
fn bytes(path: &Path) -> (Option<u64>, Option<u64>) {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let of = |path: &Path| std::fs::metadata(path).map(|file| file.len()).ok();
    (of(path), of(Path::new(&log)))
}

fn cut_off(location: &str, why: &str) -> Error {
    Error::Damaged { what: format!("journal `{location}`"), source: why.into() }
}

/// SQLite takes an empty file for a new database, and throws the log away that lies beside it. Where
/// there is a log, the file was a journal: it is never empty once it has one.
fn check_emptied(path: &Path, location: &str) -> Result<(), Error> {
    match bytes(path) {
        (Some(0), Some(1..)) => Err(cut_off(location, "the file is empty, and there is a log beside it")),
        _ => Ok(()),
    }
}

/// A file ends with a whole page; SQLite itself misses pages, and not a part of the last one. Where there is
/// a log, what is missing may be in it: power was lost while it was taken into the file.
fn check_last_page(connection: &Connection, path: &Path, location: &str) -> Result<(), Error> {
    let page: u64 = connection
        .query_row("PRAGMA page_size", (), |row| row.get::<_, u32>(0))
        .map_err(|error| Cause::from(error).into_error(location))?
        .into();
    match bytes(path) {
        (Some(file), None | Some(0)) if file % page != 0 => Err(cut_off(location, "its last page is cut off")),
        _ => Ok(()),
    }
}

/// Another program's database is left alone.
fn check_owner(connection: &Connection, location: &str) -> Result<(), Error> {
    let number = |sql: &str| -> Result<i64, Error> {
        connection.query_row(sql, (), |row| row.get(0)).map_err(|error| Cause::from(error).into_error(location))
    };
    let application = number("PRAGMA application_id")?;
    if application == APPLICATION || (application == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0) {
        return Ok(());
    }
    Err(Error::Open {
        location: location.into(),
        reason: "it is another program's database".into(),
        remedy: "name another file; this one was not touched".into(),
        source: None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// S17: journals of before have the rights that the shell gave them.
    #[test]
    fn owners_and_rights_are_looked_at() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = |mode: u32, user: u32| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            strange(&std::fs::metadata(file.path()).unwrap(), user).unwrap_or_default()
        };
        let own = std::fs::metadata(file.path()).unwrap().uid();
        assert_eq!(told(0o600, own), "");
        assert!(told(0o644, own).starts_with("others may read the journal"), "{}", told(0o644, own));
        assert!(told(0o666, own).ends_with("its mode is 0666 (`chmod go=` the file)"), "{}", told(0o666, own));
        assert!(told(0o600, own + 1).contains(&format!("belongs to user {own}, and this is user {}", own + 1)));
    }
}
