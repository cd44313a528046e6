//! Whether other processes have a journal's file open, whatever name they know it by: each holds a shared lock on the
//! file itself. SQLite's own locks are of another kind, and do not meet these.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::LazyLock;

use parking_lot::Mutex;

/// Files that this process holds, by device and inode. A file is never closed again: the operating system would let
/// SQLite's locks on it go with the first descriptor that is closed. A plain lock, held for a map access and a system call.
static HELD: LazyLock<Mutex<HashMap<(u64, u64), File>>> = LazyLock::new(Mutex::default);

/// Says that this process has the file open.
pub(super) fn hold(path: &Path) -> io::Result<()> {
    with(path, |file| file.lock_shared())
}

/// Whether no other process has it open.
pub(super) fn is_alone(path: &Path) -> io::Result<bool> {
    with(path, |file| {
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        // A change of a lock lets the old one go first.
        file.lock_shared()?;
        Ok(alone)
    })
}

fn with<T>(path: &Path, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    let metadata = std::fs::metadata(path)?;
    let mut held = HELD.lock();
    let file = match held.entry((metadata.dev(), metadata.ino())) {
        std::collections::hash_map::Entry::Occupied(file) => file.into_mut(),
        std::collections::hash_map::Entry::Vacant(place) => place.insert(File::open(path)?),
    };
    work(file)
}
