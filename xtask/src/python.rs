//! Python: the environment for the SDK's gate, the components of the Python guests, and the gate.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::shell;

const SDK: &str = "sdk/python";

/// Builds the component of every Python guest that has changed.
pub(crate) fn guests() -> anyhow::Result<()> {
    ensure_python()?;
    shell::step("building the Python guests (the first time this installs componentize-py, and takes some minutes)");
    let mut build = python();
    build.args(["-P", "-m", "wasaga.build", "--all", "guests", "--output"]).arg(guests_directory());
    shell::run(build.env("PYTHONPATH", Path::new(SDK).join("src")))
}

/// Where the components of Python guests are.
fn guests_directory() -> PathBuf {
    shell::target_directory().join("guests/python")
}

/// The component of a Python guest.
pub(crate) fn component(guest: &str) -> PathBuf {
    guests_directory().join(guest.replace('-', "_")).with_extension("wasm")
}

/// The SDK's tests.
pub(crate) fn test() -> anyhow::Result<()> {
    let tools = tools()?;
    shell::step("testing the Python SDK");
    shell::run(Command::new(tools.join("pytest")).current_dir(SDK))
}

/// Types and lints of the SDK and the guests.
pub(crate) fn check() -> anyhow::Result<()> {
    let tools = tools()?;
    shell::step("types and lints of the Python SDK and guests");
    shell::run(Command::new(tools.join("mypy")).current_dir(SDK))?;
    shell::run(Command::new(tools.join("ruff")).args(["check", "."]).current_dir(SDK))?;
    shell::run(Command::new(tools.join("ruff")).args(["format", "--check", "."]).current_dir(SDK))?;
    shell::run(Command::new(tools.join("ruff")).args(["check", "guests"]))
}

/// The programs of the gate, in an environment of their own, made anew where their versions change.
fn tools() -> anyhow::Result<PathBuf> {
    ensure_python()?;
    let home = shell::target_directory().join("python-tools");
    let wanted = std::fs::read_to_string(Path::new(SDK).join("pyproject.toml"))?;
    let stamp = home.join("made-from.toml");
    let bin = home.join("bin");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(bin.canonicalize()?);
    }
    shell::step("making an environment for the Python SDK's gate");
    drop(std::fs::remove_dir_all(&home));
    shell::run(python().args(["-m", "venv"]).arg(&home))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "./sdk/python[dev]"];
    shell::run(Command::new(bin.join("python")).args(pip))?;
    std::fs::write(&stamp, wanted)?;
    Ok(bin.canonicalize()?)
}

fn python() -> Command {
    Command::new("python3")
}

/// A Python that the SDK runs on, with `venv`.
fn ensure_python() -> anyhow::Result<()> {
    let wanted = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    let status = python().args(["-c", wanted]).status();
    let status = status.context("`python3` cannot be started (install Python 3.11 or later, with venv)")?;
    ensure!(status.success(), "`python3` is older than 3.11, or lacks venv (on Debian: apt-get install python3-venv)");
    Ok(())
}
