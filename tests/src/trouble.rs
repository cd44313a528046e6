//! Trouble that real machines have: a disk that is full or read-only, a journal that another process
//! holds, a process that stands still. Each is the real thing. Deliberately absent: what a host should
//! make of it; that is in the tests, and in `cargo xtask torture`.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// How long a process may take to be stopped; it takes microseconds.
const STOP_TRIES: u32 = 1_000;

/// A small disk: a file system in memory, in a mount namespace of its own. Only commands that are
/// put [`inside`](Disk::inside) see it. It ends with this value, whatever ends the process that made it.
#[derive(Debug)]
pub struct Disk {
    keeper: Child,
    /// What enters the keeper's namespaces.
    enter: &'static [&'static str],
    directory: PathBuf,
}

/// How a mount namespace is had, and how it is entered: by root, and by anyone where the machine lets them.
const WAYS: [(&[&str], &[&str]); 2] = [
    (&["--mount"], &["--mount"]),
    (&["--user", "--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"]),
];

impl Disk {
    /// A disk of this size at a directory that is there.
    ///
    /// # Errors
    /// The machine offers no way to have one; the message says what would.
    pub fn new(directory: &Path, mib: u32) -> io::Result<Self> {
        let mut refusals = Vec::new();
        for (unshare, enter) in WAYS {
            match Self::by(unshare, enter, directory, mib) {
                Ok(disk) => return Ok(disk),
                Err(error) => refusals.push(format!("`unshare {}`: {error}", unshare.join(" "))),
            }
        }
        Err(io::Error::other(format!(
            "a small disk cannot be made on this machine: {} (be root with the right to mount, as by `--cap-add SYS_ADMIN` \
             in a container, or allow user namespaces; it also takes `unshare` and `nsenter` of util-linux)",
            refusals.join("; ")
        )))
    }

    fn by(unshare: &[&str], enter: &'static [&'static str], directory: &Path, mib: u32) -> io::Result<Self> {
        // It waits for the end of its standard input, and with it the namespace goes.
        let script = r#"mount -t tmpfs -o "size=$2m" tmpfs "$1" && echo ready && exec cat"#;
        let mut command = Command::new("unshare");
        command.args(unshare).args(["sh", "-c", script, "sh"]).arg(directory).arg(mib.to_string());
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        match first_line(&mut keeper)?.as_str() {
            "ready" => Ok(Self { keeper, enter, directory: directory.into() }),
            _ => Err(refusal(keeper)),
        }
    }

    /// The same command, on this disk. Its process id is the program's own.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &self.keeper.id().to_string()]).args(self.enter);
        inside.arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.stdin(Stdio::null());
        inside
    }

    /// Takes all the room there is.
    ///
    /// # Errors
    /// It cannot be taken.
    pub fn fill(&self) -> io::Result<()> {
        self.sh(r#"cat /dev/zero >> "$1/ballast" 2> /dev/null; test -s "$1/ballast""#, &self.directory)
    }

    /// Gives it back.
    ///
    /// # Errors
    /// It cannot be given back.
    pub fn make_room(&self) -> io::Result<()> {
        self.sh(r#"rm "$1/ballast""#, &self.directory)
    }

    /// From here on a file of this disk, or a directory with all that is in it, cannot be written to.
    /// What is open already stays as it is.
    ///
    /// # Errors
    /// It cannot be mounted.
    pub fn make_read_only(&self, path: &Path) -> io::Result<()> {
        self.sh(r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1""#, path)
    }

    /// The opposite of [`Disk::make_read_only`].
    ///
    /// # Errors
    /// It was not made read-only, or a process is in it.
    pub fn make_writable(&self, path: &Path) -> io::Result<()> {
        self.sh(r#"umount "$1""#, path)
    }

    /// What a file of this disk holds.
    ///
    /// # Errors
    /// It is not there.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut cat = Command::new("cat");
        let output = self.inside(cat.arg(path)).output()?;
        if output.status.success() { Ok(output.stdout) } else { Err(said(&output.stderr)) }
    }

    fn sh(&self, script: &str, path: &Path) -> io::Result<()> {
        let mut sh = Command::new("sh");
        let output = self.inside(sh.args(["-c", script, "sh"]).arg(path)).output()?;
        if output.status.success() { Ok(()) } else { Err(said(&output.stderr)) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What it keeps is in memory, and goes with it.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Another process that holds a journal's write lock.
#[derive(Debug)]
pub struct Holder {
    process: Child,
    waits_for: Option<ChildStdin>,
}

impl Holder {
    /// Takes the lock, and has it when this returns.
    ///
    /// # Errors
    /// `python3` with its module `sqlite3` is not there, or the journal is none.
    pub fn of(journal: &Path) -> io::Result<Self> {
        let program = "import sqlite3, sys\n\
                       held = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n\
                       held.execute('BEGIN IMMEDIATE')\n\
                       print('held', flush=True)\n\
                       sys.stdin.read()\n\
                       held.execute('ROLLBACK')\n";
        let mut python = Command::new("python3");
        python.args(["-c", program]).arg(journal);
        let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let waits_for = process.stdin.take();
        match first_line(&mut process)?.as_str() {
            "held" => Ok(Self { process, waits_for }),
            _ => Err(refusal(process)),
        }
    }

    /// Lets it go.
    ///
    /// # Errors
    /// The process is gone, and the lock with it.
    pub fn let_go(mut self) -> io::Result<()> {
        self.waits_for = None;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the holder ended with {status}"))) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // One that was let go has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that stands still until this is dropped.
#[derive(Debug)]
pub struct Still {
    pid: u32,
}

impl Still {
    /// Stops it; it stands still when this returns.
    ///
    /// # Errors
    /// There is no such process.
    pub fn new(pid: u32) -> io::Result<Self> {
        signal(pid, "STOP")?;
        let still = Self { pid };
        for _ in 0..STOP_TRIES {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
            // The state is what follows the name, which stands in parentheses.
            if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
                return Ok(still);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(io::Error::other(format!("process {pid} does not stop")))
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = signal(self.pid, "CONT");
    }
}

fn signal(pid: u32, name: &str) -> io::Result<()> {
    let output = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).output()?;
    if output.status.success() { Ok(()) } else { Err(said(&output.stderr)) }
}

/// What a process says first; empty where it ends without a word.
fn first_line(process: &mut Child) -> io::Result<String> {
    let mut line = String::new();
    if let Some(stdout) = process.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    Ok(line.trim_end().to_owned())
}

/// Why a process ended that should not have.
fn refusal(mut process: Child) -> io::Error {
    let mut told = Vec::new();
    drop(process.stdin.take());
    if let Some(mut stderr) = process.stderr.take() {
        // What can be read of it is better than nothing.
        let _ = stderr.read_to_end(&mut told);
    }
    let _ = process.wait();
    said(&told)
}

fn said(stderr: &[u8]) -> io::Error {
    io::Error::other(String::from_utf8_lossy(stderr).trim().to_owned())
}
