//! Who lives: every host holds an exclusive lock on a file of its own, beside the journal. The
//! operating system lets it go with the process, however that ends; a stopped process keeps it.
//! Deliberately absent: leases by time, which hosts on one machine do not need.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;

use super::presence;
use crate::{Error, HostId};

/// How often a lock that is probed at this very moment is tried again, and how long between. A
/// probe holds its shared lock for microseconds.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(5);

/// Whether a host lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Lives,
    Dead,
}

/// The lock files of a journal.
#[derive(Debug)]
pub(super) struct Hosts {
    directory: PathBuf,
    /// The journal's file, by its real name.
    journal: PathBuf,
    /// What tells this folder from that of another name of the same journal.
    name: String,
    /// A plain lock: it is held for a map access and a system call, never across an await.
    held: Mutex<HashMap<HostId, File>>,
}

impl Hosts {
    /// The lock files of the journal at this path, which is its real one. Makes their folder where there is none.
    pub(super) fn beside(journal: &Path) -> io::Result<Self> {
        let mut directory = journal.as_os_str().to_owned();
        directory.push(".hosts");
        let directory = PathBuf::from(directory);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let name = name_of(&directory)?;
        Ok(Self { directory, journal: journal.into(), name, held: Mutex::default() })
    }

    /// The folder's own name, which hosts that join write down.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes the host's lock.
    pub(super) fn hold(&self, host: &HostId) -> io::Result<()> {
        let file = lock_file(&self.file(host))?;
        lock(&file, TRIES)?;
        self.held.lock().insert(host.clone(), file);
        Ok(())
    }

    /// Lets the host's lock go and removes its file.
    pub(super) fn let_go(&self, host: &HostId) {
        self.held.lock().remove(host);
        self.forget(host);
    }

    /// Removes the file of a host that is gone.
    pub(super) fn forget(&self, host: &HostId) {
        let file = self.file(host);
        if let Err(error) = std::fs::remove_file(&file)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(file = %file.display(), %error, "a lock file stays behind");
        }
    }

    /// Lets every lock go, as the end of the process would.
    pub(super) fn let_all_go(&self) {
        self.held.lock().clear();
    }

    /// Whether a host lives that joined with locks in this folder. Only what is certain is an answer: a lock that cannot be
    /// looked at is an error, for its host may live.
    pub(super) fn life(&self, host: &HostId, locks: &str) -> Result<Life, Error> {
        if self.held.lock().contains_key(host) {
            return Ok(Life::Lives);
        }
        if locks != self.name {
            return self.life_elsewhere(host);
        }
        let path = self.file(host);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Life::Dead),
            Err(error) => return Err(self.unsure(host, &path, &error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Life::Dead),
            Err(TryLockError::WouldBlock) => Ok(Life::Lives),
            Err(TryLockError::Error(error)) => Err(self.unsure(host, &path, &error)),
        }
    }

    /// A host that came by another name of the journal has its lock in another folder. Where no other process
    /// has the journal open at all, it is dead.
    fn life_elsewhere(&self, host: &HostId) -> Result<Life, Error> {
        match presence::is_alone(&self.journal) {
            Ok(true) => Ok(Life::Dead),
            Ok(false) => Err(Error::Open {
                location: format!("sqlite:{}", self.journal.display()),
                reason: format!("host `{host}` joined by another name of this journal, and a process has it open"),
                remedy: "use one name for the journal: a hard link or a bind mount of the file alone is another one"
                    .into(),
                source: None,
            }),
            Err(error) => Err(self.unsure(host, &self.journal, &error)),
        }
    }

    fn unsure(&self, host: &HostId, file: &Path, error: &io::Error) -> Error {
        Error::Open {
            location: format!("sqlite:{}", self.journal.display()),
            reason: format!("whether host `{host}` lives cannot be found out: `{}`: {error}", file.display()),
            remedy: "its transactions are left alone until then; give this user the right to read the file, or raise \
                     the limit that was reached"
                .into(),
            source: None,
        }
    }

    /// A lock that keeps other processes from opening this journal at the same time.
    pub(super) fn opening(&self) -> io::Result<File> {
        let file = lock_file(&self.directory.join("opening"))?;
        // Ten seconds in all, as long as the writer waits for a busy database.
        lock(&file, 20 * TRIES)?;
        Ok(file)
    }

    fn file(&self, host: &HostId) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        self.directory.join(format!("host-{}", host.0.chars().map(safe).collect::<String>()))
    }
}

/// The folder's name: a random text in a file of it, written once.
fn name_of(directory: &Path) -> io::Result<String> {
    let path = directory.join("name");
    loop {
        match std::fs::read_to_string(&path) {
            Ok(name) if !name.is_empty() => return Ok(name),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // It comes to its place whole, or another process was faster.
        let new = tempfile_in(directory)?;
        if let Err(error) = std::fs::hard_link(&new, &path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            std::fs::remove_file(&new)?;
            return Err(error);
        }
        std::fs::remove_file(&new)?;
    }
}

fn tempfile_in(directory: &Path) -> io::Result<PathBuf> {
    let name = uuid::Uuid::now_v7().to_string();
    let path = directory.join(format!("name-{name}"));
    std::fs::write(&path, name)?;
    Ok(path)
}

/// Opens a lock file, for its owner alone to write. Others may look whether it is locked.
fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o644).open(path)
}

fn lock(file: &File, tries: u32) -> io::Result<()> {
    for _ in 1..tries {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
    file.try_lock().map_err(io::Error::from)
}
