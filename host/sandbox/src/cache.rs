//! Compiled modules on disk, by the module's digest and what compiled them. The directory is the
//! user's alone (mode 0700), for what is in it is run as native code; a file whose sum does not
//! agree is compiled anew. A compiled file that a user brings is never taken.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use wasaga_core::Digest;
use wasmtime::{Engine, component::Component};

/// The directory.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// Opens the directory, or makes it, and closes it to everyone else.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let mode = std::fs::metadata(directory)?.permissions().mode();
        if mode & 0o077 != 0 {
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { directory: directory.into() })
    }

    /// The compiled module, where it is here and whole.
    pub(crate) fn find(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        let sum = std::fs::read_to_string(path.with_extension("sum")).ok()?;
        let bytes = std::fs::read(&path).ok()?;
        if Digest::of(&bytes).hex() != sum.trim() {
            tracing::warn!(file = %path.display(), "a compiled module is damaged and will be compiled anew");
            return None;
        }
        map(engine, &path).ok()
    }

    /// Keeps a compiled module and maps it. Names appear when their files are whole.
    pub(crate) fn keep(&self, engine: &Engine, digest: Digest, compiled: &[u8]) -> wasmtime::Result<Component> {
        let path = self.path(engine, digest);
        self.write(&path, compiled)?;
        self.write(&path.with_extension("sum"), Digest::of(compiled).hex().as_bytes())?;
        map(engine, &path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    fn path(&self, engine: &Engine, digest: Digest) -> PathBuf {
        // The default hasher has fixed keys, so one build of wasaga finds again what it wrote. What
        // else it hashes is checked by wasmtime itself when it maps the file.
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.directory.join(format!("{}-{:016x}.cwasm", digest.hex(), hasher.finish()))
    }
}

/// Maps a compiled module.
#[expect(unsafe_code, reason = "mapping native code is what a cache of it is for")]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by this program, into a directory that only this user may write
    // to, and its sum was compared just now.
    unsafe { Component::deserialize_file(engine, path) }
}
