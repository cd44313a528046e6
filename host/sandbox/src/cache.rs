//! Compiled modules on disk, by the module's digest and what compiled them. What is in the directory is run as native
//! code, so the directory and each file of it must belong to this process's user, and nobody else may write to them; what
//! does not is not used. A file whose sum does not agree is compiled anew. A compiled file that a user brings is never
//! taken. What was not used for the longest time goes when all takes more than its room.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;
use wasaga_core::Digest;
use wasmtime::{Engine, component::Component};

use crate::engine::compatibility;

/// Bytes of all compiled modules that are kept: 100 of Python guests, or 4,000 of Rust guests.
const BYTES_MAX: u64 = 4 << 30;
/// Bytes of one compiled module. It is two to four times as large as its module, which has 128 MiB at most.
pub(crate) const ARTEFACT_BYTES_MAX: u64 = 1 << 30;
/// How long a file that is being written is left alone: its writer was killed long before.
const LEFT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How the names of files begin that are being written.
const WRITING: &str = ".writing-";

/// Why a directory or a file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it belongs to user {owner}, and this is user {user} (name a directory of your own)")]
    Owner { owner: u32, user: u32 },
    #[error("others may write to it, its mode is {mode:04o} (empty it, and take their rights with `chmod go-w`)")]
    Writable { mode: u32 },
    #[error("it is not a file")]
    NoFile,
    #[error("it has {bytes} bytes, and {ARTEFACT_BYTES_MAX} are the most")]
    Large { bytes: u64 },
}

/// The directory.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    bytes_max: u64,
}

impl Cache {
    /// Opens the directory, or makes it, and closes it to everyone else.
    ///
    /// # Errors
    /// It belongs to somebody else, or others may write to it: they may have put code into it.
    pub(crate) fn open(directory: &Path) -> Result<Self, Unusable> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let found = std::fs::metadata(directory)?;
        check_owner(&found)?;
        if found.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { directory: directory.into(), bytes_max: BYTES_MAX })
    }

    /// The compiled module, where it is here, whole, and nobody else's.
    pub(crate) fn find(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        let sum = read(&path.with_extension("sum"))?;
        let bytes = read(&path)?;
        if Digest::of(&bytes).hex().as_bytes() != sum.trim_ascii() {
            tracing::warn!(file = %path.display(), "a compiled module is damaged and will be compiled anew");
            return None;
        }
        drop(bytes);
        note_use(&path);
        map(engine, &path).ok()
    }

    /// A file to write a compiled module into.
    pub(crate) fn begin(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(WRITING).tempfile_in(&self.directory)
    }

    /// Keeps a compiled module and maps it. Names appear when their files are whole.
    pub(crate) fn keep(&self, engine: &Engine, digest: Digest, mut file: NamedTempFile) -> wasmtime::Result<Component> {
        let path = self.path(engine, digest);
        let mut compiled = Vec::new();
        file.as_file_mut().rewind()?;
        file.as_file_mut().read_to_end(&mut compiled)?;
        let sum = Digest::of(&compiled).hex();
        drop(compiled);
        file.persist(&path)?;
        let mut of_sum = self.begin()?;
        of_sum.write_all(sum.as_bytes())?;
        of_sum.persist(path.with_extension("sum"))?;
        self.let_go();
        map(engine, &path)
    }

    /// The right to compile a module, which one process has at a time; none while another one has it.
    pub(crate) fn try_lock(&self, engine: &Engine, digest: Digest) -> io::Result<Option<Compiling>> {
        let path = self.path(engine, digest).with_extension("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Compiling { path, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn path(&self, engine: &Engine, digest: Digest) -> PathBuf {
        self.directory.join(format!("{}-{:016x}.cwasm", digest.hex(), compatibility(engine)))
    }

    /// Removes what was not used for the longest time, until the rest fits; and what killed processes left. Processes
    /// that have a file mapped keep it.
    fn let_go(&self) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        let mut kept = Vec::new();
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            let (path, used) = (entry.path(), found.modified().unwrap_or(SystemTime::UNIX_EPOCH));
            let is_left = || used.elapsed().is_ok_and(|since| since > LEFT_AFTER);
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("cwasm") => kept.push((used, found.len(), path)),
                Some("lock") if is_left() => drop(std::fs::remove_file(path)),
                _ if entry.file_name().to_string_lossy().starts_with(WRITING) && is_left() => {
                    drop(std::fs::remove_file(path));
                }
                _ => {}
            }
        }
        kept.sort_unstable();
        let mut bytes: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, of_one, path) in kept {
            if bytes <= self.bytes_max {
                return;
            }
            bytes -= of_one;
            // Another process may have removed it in the same moment.
            drop(std::fs::remove_file(path.with_extension("sum")));
            drop(std::fs::remove_file(path));
        }
    }
}

/// While it is held no other process compiles the module. Processes that waited look for the result first, so the file of
/// the lock may go with it.
#[derive(Debug)]
pub(crate) struct Compiling {
    path: PathBuf,
    _file: File,
}

impl Drop for Compiling {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

fn check_owner(found: &std::fs::Metadata) -> Result<(), Unusable> {
    let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != user {
        return Err(Unusable::Owner { owner, user });
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 { Err(Unusable::Writable { mode }) } else { Ok(()) }
}

/// A file of the directory; none where there is none, or where it may not be used, which is told.
fn read(path: &Path) -> Option<Vec<u8>> {
    match read_own(path) {
        Ok(bytes) => Some(bytes),
        Err(Unusable::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "a compiled module is not used and will be compiled anew");
            None
        }
    }
}

fn read_own(path: &Path) -> Result<Vec<u8>, Unusable> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    check_owner(&found)?;
    if !found.is_file() {
        return Err(Unusable::NoFile);
    }
    let bytes = found.len();
    if bytes > ARTEFACT_BYTES_MAX {
        return Err(Unusable::Large { bytes });
    }
    let mut read = Vec::with_capacity(bytes as usize);
    file.take(bytes).read_to_end(&mut read)?;
    Ok(read)
}

/// The time of a file's last change tells its last use. Where that cannot be written, the file goes earlier.
fn note_use(path: &Path) {
    drop(File::open(path).and_then(|file| file.set_modified(SystemTime::now())));
}

/// Maps a compiled module.
#[expect(unsafe_code, reason = "mapping native code is what a cache of it is for")]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by this program, into a directory that only this user may write to; its owner, its
    // rights and its sum were compared just now.
    unsafe { Component::deserialize_file(engine, path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// X9: code that somebody else may have written is not run.
    #[test]
    fn what_others_may_write_to_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("modules");
        let cache = Cache::open(&directory).unwrap();
        let file = directory.join("a.cwasm");
        std::fs::write(&file, "x").unwrap();
        set_mode(&file, 0o644);
        assert_eq!(read_own(&file).unwrap(), b"x");
        set_mode(&file, 0o664);
        assert!(read_own(&file).unwrap_err().to_string().contains("others may write to it, its mode is 0664"));
        assert!(matches!(read_own(&directory), Err(Unusable::NoFile)));
        set_mode(&directory, 0o755);
        Cache::open(&directory).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700, "closed to others");
        set_mode(&directory, 0o777);
        assert!(Cache::open(&directory).unwrap_err().to_string().contains("others may write to it"));
        drop(cache);
    }

    /// S14: what is used stays, and the rest is bounded.
    #[test]
    fn what_was_not_used_for_the_longest_time_goes() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { bytes_max: 250, ..Cache::open(directory.path()).unwrap() };
        let write = |name: &str, age: Duration| {
            let path = directory.path().join(name);
            std::fs::write(&path, [0; 100]).unwrap();
            File::open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
            path
        };
        let hour = Duration::from_secs(60 * 60);
        let files = [4, 3, 2, 1].map(|age| write(&format!("{age}.cwasm"), hour * age));
        let sum = write("4.sum", hour * 4);
        let (writing, left) = (write(".writing-new", hour), write(".writing-old", hour * 30));
        note_use(&files[1]);
        cache.let_go();
        let there: Vec<bool> = files.iter().map(|file| file.exists()).collect();
        assert_eq!(there, [false, true, false, true]);
        assert_eq!([&sum, &writing, &left].map(|file| file.exists()), [false, true, false]);
    }

    #[test]
    fn one_process_compiles_a_module_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, engine) = (Cache::open(directory.path()).unwrap(), Engine::default());
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let held = cache.try_lock(&engine, one).unwrap().unwrap();
        assert!(cache.try_lock(&engine, one).unwrap().is_none());
        assert!(cache.try_lock(&engine, other).unwrap().is_some());
        drop(held);
        assert!(cache.try_lock(&engine, one).unwrap().is_some());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "locks leave nothing");
    }
}
