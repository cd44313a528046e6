//! The gate that needs no run: formatting, lints, the core without std, the documentation.

use crate::shell::{cargo, run, step};

/// Runs all of it, and stops at the first that fails.
pub(crate) fn all() -> anyhow::Result<()> {
    step("formatting");
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))?;
    step("the core alone, without std (invariant I1)");
    run(cargo().args(["check", "--quiet", "--package", "wasaga-core"]))?;
    step("lints; a warning is an error");
    run(cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    step("documentation");
    let mut doc = cargo();
    doc.args(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    step("the SDK's bridge from the crate `log`, which no guest here uses");
    run(cargo().args(["test", "--quiet", "--package", "wasaga", "--features", "log", "--lib"]))?;
    crate::python::check()?;
    step("which room may import which");
    run(cargo().args(["test", "--quiet", "--workspace", "--test", "imports"]))?;
    println!("\nchecked: formatting, the core without std, lints, documentation, imports");
    Ok(())
}
