//! Breaks the code on purpose, one way at a time, and looks whether the simulator finds it. A checker
//! that has never seen a failure proves nothing.
//!
//! The rooms that a run needs are copied, so that a patch never touches the tree. The copy is a
//! workspace of its own with the same versions and profiles. It has its own target directory, for cargo
//! names what it builds by the place inside of a workspace, and the two would overwrite each other;
//! from the second time on only our rooms are built anew.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};

/// What a run needs of the workspace.
const ROOMS: [&str; 4] = ["host/core", "host/journal", "host/engine", "tests/simulator"];
const FILES: [&str; 3] = ["Cargo.lock", "rust-toolchain.toml", "rustfmt.toml"];
/// The program that is built of the copy.
const PROGRAM: &str = "wasaga-simulator";

/// One way to break the code.
struct Mutation {
    name: String,
    /// What it breaks: the first line of its file.
    what: String,
    patch: PathBuf,
}

/// Demands that each is found within so many seeds.
pub(crate) fn run(seeds: u64, only: Option<&str>) -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the workspace is two levels up")?;
    let home = target()?.join("mutations");
    let (copy, target) = (home.join("workspace"), home.join("target"));
    let mutations = mutations(only)?;
    let mut missed = 0;
    println!("{:<26} {:>6} {:>6}  {:<18} what it breaks", "mutation", "seed", "s", "rule");
    if only.is_none() {
        copy_rooms(root, &copy)?;
        let found = try_out(&copy, &target, seeds)?;
        let told = found.as_ref().map_or("none", |(seed, _)| seed.as_str());
        println!("{:<26} {told:>6}         {:<18} nothing", "(none)", "");
        ensure!(found.is_none(), "the code fails without being broken (run the seed first)");
    }
    for mutation in &mutations {
        let began = Instant::now();
        copy_rooms(root, &copy)?;
        let found = apply(mutation, &copy)
            .and_then(|()| try_out(&copy, &target, seeds).with_context(|| format!("mutation `{}`", mutation.name)));
        missed += usize::from(!matches!(found, Ok(Some(_))));
        let (seed, rule) = match found {
            Ok(Some(found)) => found,
            Ok(None) => ("MISSED".into(), String::new()),
            Err(stale) => {
                println!("{stale:#}");
                ("STALE".into(), String::new())
            }
        };
        let seconds = began.elapsed().as_secs();
        println!("{:<26} {seed:>6} {seconds:>6}  {rule:<18} {}", mutation.name, mutation.what);
    }
    println!("{} of {} mutations found within {seeds} seeds", mutations.len() - missed, mutations.len());
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where this program was built.
fn target() -> Result<PathBuf> {
    let program = env::current_exe().context("this program does not know where it is")?;
    program.ancestors().nth(2).map(Path::to_owned).context("this program is not in a target directory")
}

fn mutations(only: Option<&str>) -> Result<Vec<Mutation>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutations");
    let mut all = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("`{}` cannot be read", directory.display()))? {
        let patch = entry?.path();
        let name = patch.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let text = fs::read_to_string(&patch)?;
        let first = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let what =
            first.with_context(|| format!("`{}` does not say in its first line what it breaks", patch.display()))?;
        all.push(Mutation { name, what: what.to_owned(), patch });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    ensure!(!all.is_empty(), "there is no such mutation in `{}`", directory.display());
    Ok(all)
}

/// Makes the copy what the tree is. Files that are the same already are left alone, so that cargo
/// builds only what changed.
fn copy_rooms(root: &Path, copy: &Path) -> Result<()> {
    for file in FILES {
        same(&copy.join(file), &fs::read(root.join(file))?)?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    same(&copy.join("Cargo.toml"), small(&manifest)?.as_bytes())?;
    for room in ROOMS {
        let manifest = fs::read_to_string(root.join(room).join("Cargo.toml"))?;
        same(&copy.join(room).join("Cargo.toml"), manifest.as_bytes())?;
        for part in ["src", "migrations", "mutations"] {
            copy_all(&root.join(room).join(part), &copy.join(room).join(part))?;
        }
    }
    Ok(())
}

/// The workspace's manifest with the needed members only.
fn small(manifest: &str) -> Result<String> {
    let (before, rest) = manifest.split_once("members = [").context("the workspace has no members")?;
    let (_, after) = rest.split_once("]\n").context("the list of members does not end")?;
    let members: String = ROOMS.iter().map(|room| format!("\"{room}\", ")).collect();
    let lines = after.lines().filter(|line| !line.starts_with("default-members"));
    let after: Vec<&str> = lines.collect();
    Ok(format!("{before}members = [{members}]\n{}\n", after.join("\n")))
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let (from, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        if from.is_dir() {
            copy_all(&from, &to.join(name))?;
        } else {
            same(&to.join(name), &fs::read(&from)?)?;
        }
    }
    Ok(())
}

fn same(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes).with_context(|| format!("`{}` cannot be written", path.display()))
}

fn apply(mutation: &Mutation, copy: &Path) -> Result<()> {
    let mut git = Command::new("git");
    // The copy may lie inside of a repository, and is not part of it.
    git.arg("apply").arg(&mutation.patch).current_dir(copy).env("GIT_CEILING_DIRECTORIES", parent(copy));
    let output = git.output().context("`git` cannot be run (it applies the patches)")?;
    if !output.status.success() {
        let (name, said) = (&mutation.name, String::from_utf8_lossy(&output.stderr).into_owned());
        bail!("mutation `{name}` does not apply to the code as it is now (bring its patch up to date): {said}");
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Builds the copy and runs it: the seed that fails, and the rule that it breaks.
fn try_out(copy: &Path, target: &Path, seeds: u64) -> Result<Option<(String, String)>> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--offline", "--package", PROGRAM, "--bin", PROGRAM]);
    let built = build.current_dir(copy).env("CARGO_TARGET_DIR", target).output().context("`cargo` cannot be run")?;
    ensure!(built.status.success(), "it does not build: {}", String::from_utf8_lossy(&built.stderr));
    let mut broken = Command::new(target.join("debug").join(PROGRAM));
    let Output { status, stdout, .. } = broken.args(["--quiet", "--seeds", &seeds.to_string()]).output()?;
    let told = String::from_utf8_lossy(&stdout);
    let found = told.lines().find_map(|line| line.strip_prefix("FOUND seed ")?.split_once(": "));
    ensure!(status.success() == found.is_none(), "it ended without a word: {told}");
    Ok(found.map(|(seed, what)| (seed.into(), what.split(':').next().unwrap_or_default().into())))
}
