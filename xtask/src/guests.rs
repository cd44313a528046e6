//! Builds the guests: every folder in `guests/` is a crate, and becomes a component.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::{shell, toolchain};

/// Builds every guest and prints its path.
pub(crate) fn run() -> anyhow::Result<()> {
    for path in build()? {
        println!("{}", path.display());
    }
    crate::python::guests()
}

/// Builds every guest; answers where the components are.
pub(crate) fn build() -> anyhow::Result<Vec<PathBuf>> {
    toolchain::ensure_target()?;
    let names = names()?;
    shell::step(&format!("building {} guests for {}", names.len(), toolchain::TARGET));
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--profile", "guest", "--target", toolchain::TARGET]);
    for name in &names {
        build.args(["--package", &format!("guest-{name}")]);
    }
    shell::run(&mut build)?;
    Ok(names.iter().map(|name| path(name)).collect())
}

/// Where the component of a guest is.
pub(crate) fn path(name: &str) -> PathBuf {
    let file = format!("guest_{}.wasm", name.replace('-', "_"));
    shell::target_directory().join(toolchain::TARGET).join("guest").join(file)
}

fn names() -> anyhow::Result<Vec<String>> {
    let folders = std::fs::read_dir("guests").context("there is no folder `guests`")?;
    let mut names = Vec::new();
    for folder in folders {
        let folder = folder?;
        if folder.path().join("Cargo.toml").is_file() {
            names.push(folder.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
