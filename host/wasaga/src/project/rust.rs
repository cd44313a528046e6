//! Rust: cargo builds, and its own words are what the user sees.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde::Deserialize;

use super::files::File;
use crate::exit::BadInput;
use crate::out;
use crate::shown::shown;

const TARGET: &str = "wasm32-wasip2";

pub(super) const TEMPLATE: &[File] = &[
    ("Cargo.toml", include_str!("../../templates/rust/Cargo.toml.template")),
    ("src/lib.rs", include_str!("../../templates/rust/src/lib.rs.template")),
    ("README.md", include_str!("../../templates/rust/README.md.template")),
    ("input.json", include_str!("../../templates/rust/input.json.template")),
    (".gitignore", include_str!("../../templates/rust/gitignore.template")),
];

/// What cargo tells of a package that it has built, as far as it matters here.
#[derive(Deserialize)]
struct Built {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Builds the crate in release and puts its component beside its manifest.
pub(super) fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    let manifest = folder.join("Cargo.toml").canonicalize().context("the manifest is gone")?;
    // What cargo and rustc find by looking upwards, a configuration or a toolchain, is the project's and not the caller's.
    let project = manifest.parent().unwrap_or(folder);
    ensure_target(project)?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project);
    cargo.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    cargo.arg("--manifest-path").arg(&manifest).stdout(Stdio::piped());
    same_everywhere(&mut cargo, project)?;
    let output = cargo
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| BadInput::new(format!("`cargo` cannot be started: {error} (install Rust with rustup)")))?;
    if !output.status.success() {
        return Err(BadInput::new("the guest does not compile; cargo says why above").into());
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let built = told.lines().filter_map(|line| serde_json::from_str::<Built>(line).ok());
    let own =
        built.filter(|built| built.reason == "compiler-artifact" && built.manifest_path.as_deref() == Some(&manifest));
    let component = own.flat_map(|built| built.filenames).find(|file| file.extension().is_some_and(|e| e == "wasm"));
    let component = component.ok_or_else(|| {
        BadInput::new("cargo built no component (the crate needs `crate-type = [\"cdylib\"]` under `[lib]`)")
    })?;
    let name = component.file_name().unwrap_or_default().to_string_lossy().replace('_', "-");
    let place = folder.join(name);
    std::fs::copy(&component, &place).with_context(|| format!("`{}` cannot be written", place.display()))?;
    Ok(place)
}

/// Keeps this machine's folders out of the component: messages of panics have the paths of sources in them.
fn same_everywhere(cargo: &mut Command, project: &Path) -> anyhow::Result<()> {
    let print = |what: &[&str]| -> anyhow::Result<String> {
        let output = Command::new("rustc").args(what).current_dir(project).output().context("`rustc` is gone")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let version = print(&["--version", "--verbose"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    let library = Path::new(&print(&["--print", "sysroot"])?).join("lib/rustlib/src/rust");
    let environment = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let home = environment("CARGO_HOME").or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    // Of several that fit rustc takes the last.
    let mut flags: Vec<String> = Vec::new();
    let mut map = |from: Option<PathBuf>, to: &str| {
        flags.extend(from.map(|from| format!("--remap-path-prefix={}={to}", from.display())));
    };
    map(home, "/cargo");
    map(Some(library), &format!("/rustc/{commit}"));
    // The caller's, where it is a relative path: cargo runs elsewhere.
    let target = environment("CARGO_TARGET_DIR").map(|folder| std::path::absolute(&folder).unwrap_or(folder));
    cargo.envs(target.as_ref().map(|folder| ("CARGO_TARGET_DIR", folder)));
    map(target, "target");
    map(Some(project.into()), "");
    // The user's own flags come first, from where cargo would take them.
    let own = match (std::env::var("CARGO_ENCODED_RUSTFLAGS"), std::env::var("RUSTFLAGS")) {
        (Ok(encoded), _) => encoded.split('\u{1f}').map(str::to_owned).collect(),
        (_, Ok(plain)) => plain.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if own.is_empty() {
        // Added to those in the user's configuration, where the environment's would take their place.
        let list: Vec<toml::Value> = flags.into_iter().map(toml::Value::from).collect();
        cargo.arg("--config").arg(format!("target.{TARGET}.rustflags={}", toml::Value::from(list)));
    } else {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", [own, flags].concat().join("\u{1f}"));
    }
    Ok(())
}

/// Adds the compilation target where it is missing, and says so.
fn ensure_target(project: &Path) -> anyhow::Result<()> {
    let missing = |why: &str| {
        BadInput::new(format!(
            "guests need the compilation target {TARGET}: {why} (add it: rustup target add {TARGET})"
        ))
    };
    let wanted = ["--print", "target-libdir", "--target", TARGET];
    let printed = Command::new("rustc").args(wanted).current_dir(project).output();
    let printed = printed.map_err(|error| missing(&format!("`rustc` cannot be started: {error}")))?;
    let folder = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    if printed.status.success() && Path::new(&folder).is_dir() {
        return Ok(());
    }
    out::remark(&shown!("adding the compilation target {} to the active toolchain", TARGET));
    match Command::new("rustup").args(["target", "add", TARGET]).current_dir(project).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(missing(&format!("rustup ended with {status}")).into()),
        Err(error) => Err(missing(&format!("`rustup` cannot be started: {error}")).into()),
    }
}
