//! A user's own project: made from a template, and built to a component. The SDK that it needs is in
//! this binary, so a project builds without this repository.

mod files;
mod python;
mod rust;
mod vendor;

use std::path::{Path, PathBuf};

use crate::exit::BadInput;
use files::write;

pub(crate) use files::Anew;

/// Languages that guests are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Rust
    Rust,
    /// Python
    Python,
}

/// Characters of a project's name.
const NAME_CHARS_MAX: usize = 64;

/// Makes a project in a folder that is not there yet, or is empty.
pub(crate) fn new(language: Language, name: &str, folder: &Path) -> anyhow::Result<()> {
    check_name(name)?;
    if let Some(there) = std::fs::read_dir(folder).ok().and_then(|mut entries| entries.next()) {
        let there = there.map(|entry| entry.file_name().to_string_lossy().into_owned()).unwrap_or_default();
        let message = format!("`{}` is not empty: it has `{there}` (name another folder)", folder.display());
        return Err(BadInput::new(message).into());
    }
    let files = match language {
        Language::Rust => rust::TEMPLATE,
        Language::Python => python::TEMPLATE,
    };
    for (path, text) in files {
        let fill = |text: &str| text.replace("{name}", name).replace("{module}", &name.replace('-', "_"));
        write(&folder.join(fill(path)), fill(text).as_bytes())?;
    }
    match language {
        Language::Rust => vendor::rust_sdk(&folder.join("vendor/wasaga")),
        Language::Python => vendor::python_sdk(&folder.join("vendor")),
    }
}

/// Builds the project in this folder; answers where the component is. The same files give the same component,
/// wherever the folder lies: of Rust everywhere, of Python on one machine.
pub(crate) fn build(folder: &Path, anew: Anew) -> anyhow::Result<PathBuf> {
    if folder.join("Cargo.toml").is_file() {
        return rust::build(folder);
    }
    if folder.join("pyproject.toml").is_file() {
        return python::build(folder, anew);
    }
    let message = format!(
        "`{}` has no project: there is neither `Cargo.toml` nor `pyproject.toml` (make one with `wasaga new`, or name \
         its folder)",
        folder.display()
    );
    Err(BadInput::new(message).into())
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if begins && fits && name.len() <= NAME_CHARS_MAX && !name.ends_with('-') {
        return Ok(());
    }
    let rule = format!("a small letter first, then small letters, digits and `-`, {NAME_CHARS_MAX} at most");
    Err(BadInput::new(format!("`{name}` is no name for a project ({rule})")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_crates_and_modules() {
        for name in ["shop", "web-shop", "s3"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "Shop", "3s", "a_b", "a/b", "..", "shop-", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.txt"), "mine").unwrap();
        let told = new(Language::Rust, "shop", folder.path()).unwrap_err().to_string();
        assert!(told.contains("is not empty: it has `mine.txt`"), "{told}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
