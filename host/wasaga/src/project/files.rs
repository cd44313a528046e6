//! What both languages' projects need: files of a template, and when a component is built anew.

use std::path::Path;

use crate::exit::BadInput;

/// A file of a template: where it goes, and what is in it.
pub(super) type File = (&'static str, &'static str);

/// When a component is built although there is one of the same files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anew {
    WhereChanged,
    Always,
}

/// Writes a file, and the folders above it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)
    };
    written().map_err(|error| BadInput::new(format!("`{}` cannot be written: {error}", path.display())).into())
}
