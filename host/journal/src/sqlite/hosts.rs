//! Who lives: every host holds an exclusive lock on a file of its own, beside the journal. The
//! operating system lets it go with the process, however that ends; a stopped process keeps it.
//! Deliberately absent: leases by time, which hosts on one machine do not need.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;

use crate::HostId;

/// How often a lock that is probed at this very moment is tried again, and how long between. A
/// probe holds its shared lock for microseconds.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(5);

/// The lock files of a journal.
#[derive(Debug)]
pub(super) struct Hosts {
    directory: PathBuf,
    /// A plain lock: it is held for a map access and a system call, never across an await.
    held: Mutex<HashMap<HostId, File>>,
}

impl Hosts {
    /// The lock files of the journal at this path.
    pub(super) fn beside(journal: &Path) -> Self {
        let mut directory = journal.as_os_str().to_owned();
        directory.push(".hosts");
        Self { directory: directory.into(), held: Mutex::default() }
    }

    /// Takes the host's lock.
    pub(super) fn hold(&self, host: &HostId) -> io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.file(host))?;
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

    /// Whether the host lives: nobody but its process keeps a shared lock from being had.
    pub(super) fn is_alive(&self, host: &HostId) -> bool {
        if self.held.lock().contains_key(host) {
            return true;
        }
        let Ok(file) = File::open(self.file(host)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// A lock that keeps other processes from opening this journal at the same time.
    pub(super) fn opening(&self) -> io::Result<File> {
        std::fs::create_dir_all(&self.directory)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.directory.join("opening"))?;
        // Ten seconds in all, as long as the writer waits for a busy database.
        lock(&file, 20 * TRIES)?;
        Ok(file)
    }

    fn file(&self, host: &HostId) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        self.directory.join(format!("host-{}", host.0.chars().map(safe).collect::<String>()))
    }
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
