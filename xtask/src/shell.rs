//! Runs other programs, and says so.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

/// Goes to the workspace's root, whatever directory it was called in.
pub(crate) fn at_root() -> anyhow::Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().with_context(|| format!("the workspace `{}` is gone", root.display()))?;
    std::env::set_current_dir(&root).with_context(|| format!("`{}` cannot be entered", root.display()))
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Where cargo builds to.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from)
}

/// Says what comes.
pub(crate) fn step(what: &str) {
    println!("\n── {what}");
    // A closed standard output is no reason to stop.
    drop(std::io::stdout().flush());
}

/// Runs a program to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = name(command);
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("`{name}` cannot be started"))?;
    if !status.success() {
        bail!("`{name}` failed after {} s: {status}", began.elapsed().as_secs());
    }
    let took = began.elapsed();
    if took.as_secs() >= 5 {
        println!("   ({} s)", took.as_secs());
    }
    Ok(())
}

/// A program and its arguments, as one would type them.
pub(crate) fn name(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let quoted = |arg: &std::ffi::OsStr| {
        let arg = arg.to_string_lossy();
        if arg.contains([' ', '"', '{']) { format!("'{arg}'") } else { arg.into_owned() }
    };
    let args = command.get_args().map(quoted);
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}
