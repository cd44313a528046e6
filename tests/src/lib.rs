//! What black box tests share: the real binary, real guests, and a journal of their own for each
//! test. Deliberately absent: anything of the host's inside.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

mod running;
pub mod server;
pub mod trouble;
pub mod wasm;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub use running::Running;

/// The longest that a command of a test may take. It is far above what any needs, and ends a hang.
pub const COMMAND_MAX: Duration = Duration::from_secs(60);

/// Where cargo builds to.
pub fn target() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from)
}

fn built(path: PathBuf, how: &str) -> PathBuf {
    assert!(path.is_file(), "`{}` is missing (run `{how}` first, or `cargo xtask test`)", path.display());
    path
}

/// The binary, as `cargo xtask test` builds it.
pub fn binary() -> PathBuf {
    built(target().join("debug/wasaga"), "cargo build -p wasaga-host")
}

/// A guest's component.
pub fn guest(name: &str) -> PathBuf {
    let file = format!("guest_{}.wasm", name.replace('-', "_"));
    built(target().join("wasm32-wasip2/guest").join(file), "cargo xtask guests")
}

/// A Python guest's component.
pub fn python_guest(name: &str) -> PathBuf {
    let file = format!("{}.wasm", name.replace('-', "_"));
    built(target().join("guests/python").join(file), "cargo xtask guests")
}

/// One user with a directory of their own.
#[derive(Debug)]
pub struct User {
    directory: TempDir,
    journal: String,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Default for User {
    fn default() -> Self {
        Self::new()
    }
}

impl User {
    /// A user with an empty SQLite journal.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let journal = format!("sqlite:{}", directory.path().join("journal.db").display());
        Self { directory, journal }
    }

    /// The user's directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The binary with these arguments, in the user's directory, on the user's journal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        // Compiled modules are shared between tests: compiling them is not what they are about.
        let cache = target().join("test-cache");
        command.args(args).current_dir(self.directory()).env("WASAGA_JOURNAL", &self.journal);
        command.env("WASAGA_CACHE", cache).env("HOME", self.directory()).env_remove("WASAGA_LOG").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn wasaga(&self, args: &[&str]) -> Ended {
        self.within(COMMAND_MAX, args)
    }

    /// Runs a command that may take this long.
    pub fn within(&self, limit: Duration, args: &[&str]) -> Ended {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        end_within(limit, child.expect("the binary starts"))
    }

    /// Runs a guest with this input and more arguments.
    pub fn run(&self, name: &str, input: &str, more: &[&str]) -> Ended {
        let file = guest(name);
        let mut args = vec!["run", file.to_str().expect("the path is text")];
        args.extend(more);
        args.extend(["--input", input]);
        self.wasaga(&args)
    }

    /// Rows of `transactions list`.
    pub fn list(&self) -> Vec<Value> {
        match self.wasaga(&["transactions", "list", "--json"]).json() {
            Value::Array(rows) => rows,
            other => panic!("{other}"),
        }
    }

    /// The records of one transaction.
    pub fn records(&self, id: &str) -> Vec<Value> {
        let shown = self.wasaga(&["transactions", "show", id, "--records"]);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        shown.stdout.lines().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect()
    }
}

impl Ended {
    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless it ended with this code.
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// What it complained about: the lines after `error: `.
    pub fn error(&self) -> &str {
        let ours = self.stderr.rsplit_once("\nerror: ").or_else(|| self.stderr.split_once("error: "));
        ours.map_or_else(|| panic!("no error: {self:?}"), |(_, error)| error.trim_end())
    }
}

/// Runs a program in a project outside the repository, such as cargo.
///
/// Dependencies of projects are compiled once for all runs of the tests: compiling them is not what they are
/// about, and takes minutes.
pub fn in_project(program: &str, args: &[&str], folder: &Path) -> Ended {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env("CARGO_TARGET_DIR", absolute(&target().join("test-newcomer")));
    command.env("WASAGA_CACHE", absolute(&target().join("test-cache")));
    let output = command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").stdin(Stdio::null()).output();
    Ended::from(output.unwrap_or_else(|error| panic!("`{program}` cannot be started: {error}")))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).expect("there is a current directory")
}

/// Waits for a command, and ends it where it hangs.
pub fn end(child: Child) -> Ended {
    end_within(COMMAND_MAX, child)
}

fn end_within(limit: Duration, mut child: Child) -> Ended {
    let began = Instant::now();
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    // Full pipes would stop it, so both are read while it runs.
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut bytes).expect("a pipe can be read");
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(stdout.take().map(|s| Box::new(s) as _));
    let stderr = read(stderr.take().map(|s| Box::new(s) as _));
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if began.elapsed() > limit {
            child.kill().expect("a child can be killed");
            panic!("the command takes more than {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |thread: std::thread::JoinHandle<String>| thread.join().expect("the reader ends");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// An output that was collected otherwise.
impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The diary of the order guest's partner: each line of the log that says `effect`, with the
/// operation and its idempotency key.
pub fn effects(log: &str) -> Vec<(String, String)> {
    let effect = |line: &str| {
        let fields: Value = serde_json::from_str(line.split_once(" fields=")?.1).ok()?;
        Some((fields["operation"].as_str()?.to_owned(), fields["key"].as_str()?.to_owned()))
    };
    log.lines().filter(|line| line.contains("effect")).filter_map(effect).collect()
}

/// Reads a child's standard error until a line fits; answers all lines until then.
pub fn read_until(stderr: ChildStderr, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(stderr).lines() {
        lines.push(line.expect("a pipe can be read"));
        if fits(&lines) {
            break;
        }
    }
    lines
}
