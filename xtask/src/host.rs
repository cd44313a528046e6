//! Builds the binary. The `dev` profile serves the demo and the tests, so that wasmtime is compiled once.

use std::path::PathBuf;

use crate::shell;

/// Builds the host; answers where the binary is.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let binary = shell::target_directory().join("debug").join("wasaga");
    if binary.exists() {
        shell::step("building the host");
    } else {
        shell::step("building the host (the first time this compiles wasmtime, some five minutes on two cores)");
    }
    // As the tests are built, of the whole workspace: otherwise cargo gives the dependencies other features,
    // and compiles wasmtime a second time.
    shell::run(shell::cargo().args(["build", "--workspace", "--bin", "wasaga"]))?;
    Ok(binary)
}
