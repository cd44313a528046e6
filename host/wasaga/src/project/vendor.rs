//! The SDKs, as they were when this binary was built.

use std::path::Path;

use anyhow::Context as _;
use include_dir::{Dir, include_dir};
use toml::{Table, Value};

use super::files;

static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/rust");
static RUST_MACROS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/rust-macros");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/python/src/wasaga");
/// The manifest that the SDK's crates take their versions from.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// Writes the Rust SDK with a workspace of its own around it.
pub(super) fn rust_sdk(folder: &Path) -> anyhow::Result<()> {
    unpack(&RUST, &folder.join("rust"))?;
    unpack(&RUST_MACROS, &folder.join("rust-macros"))?;
    files::write(&folder.join("Cargo.toml"), workspace()?.as_bytes())
}

/// Writes the Python SDK: the package `wasaga`.
pub(super) fn python_sdk(folder: &Path) -> anyhow::Result<()> {
    for (path, bytes) in python_files() {
        files::write(&folder.join("wasaga").join(path), bytes)?;
    }
    Ok(())
}

/// Tells one Python SDK from another.
pub(super) fn python_sdk_digest() -> String {
    let whole: Vec<u8> =
        python_files().flat_map(|(path, bytes)| [path.as_os_str().as_encoded_bytes(), bytes].concat()).collect();
    wasaga_core::Digest::of(&whole).hex()
}

fn python_files() -> impl Iterator<Item = (&'static Path, &'static [u8])> {
    let mut folders = vec![&PYTHON];
    let mut files = Vec::new();
    while let Some(dir) = folders.pop() {
        files.extend(dir.files().map(|file| (file.path(), file.contents())));
        folders.extend(dir.dirs().filter(|dir| !dir.path().ends_with("__pycache__")));
    }
    files.sort();
    files.into_iter()
}

/// The files of a crate that a user of it needs: its manifest, its sources, its contract.
fn unpack(crate_: &Dir<'_>, folder: &Path) -> anyhow::Result<()> {
    let mut folders = vec![crate_];
    while let Some(dir) = folders.pop() {
        for file in dir.files() {
            files::write(&folder.join(file.path()), file.contents())?;
        }
        folders.extend(dir.dirs().filter(|dir| dir.path().starts_with("src") || dir.path().starts_with("wit")));
    }
    Ok(())
}

fn workspace() -> anyhow::Result<String> {
    let whole: Table = WORKSPACE.parse().context("this wasaga was built with a manifest that it cannot read")?;
    let part = |name: &str| whole.get("workspace").and_then(|workspace| workspace.get(name)).cloned();
    let mut dependencies = match part("dependencies") {
        Some(Value::Table(dependencies)) => dependencies,
        _ => Table::new(),
    };
    // Ours are elsewhere here, and the host's are of no use.
    dependencies.retain(|_, dependency| dependency.get("path").is_none());
    for (name, path) in [("wasaga", "rust"), ("wasaga-macros", "rust-macros")] {
        dependencies.insert(name.into(), Table::from_iter([("path".into(), Value::from(path))]).into());
    }
    let mut workspace = Table::from_iter([
        ("resolver".into(), Value::from("3")),
        ("members".into(), Value::from(vec!["rust", "rust-macros"])),
        ("dependencies".into(), dependencies.into()),
    ]);
    for name in ["package", "lints"] {
        workspace.extend(part(name).map(|part| (name.to_owned(), part)));
    }
    Ok(toml::to_string(&Table::from_iter([("workspace".into(), workspace.into())]))?)
}
