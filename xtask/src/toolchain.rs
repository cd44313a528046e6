//! What guests are compiled with. rustup's automatic install may be switched off, and then the target
//! of `rust-toolchain.toml` is not there by itself.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell;

pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Adds the target where it is missing, and says so.
pub(crate) fn ensure_target() -> anyhow::Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let printed = printed.context("`rustc` cannot be started (install Rust with rustup)")?;
    let directory = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    if printed.status.success() && Path::new(&directory).is_dir() {
        return Ok(());
    }
    shell::step(&format!("adding the compilation target {TARGET} to the active toolchain"));
    let mut add = Command::new("rustup");
    add.args(["target", "add", TARGET]);
    if let Err(error) = shell::run(&mut add) {
        bail!("{error:#} (guests need the target {TARGET}: add it with rustup, or from your distribution)");
    }
    Ok(())
}
