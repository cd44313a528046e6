//! Where a torture happens: a journal of its own, the diaries of all hosts that had it, and commands on it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use wasaga_tests::trouble::Disk;

use super::diary::{Effect, effects, id};
use super::{Load, component};

/// Rounds of `resume` at the end; one is enough unless something is wrong.
const RESUMES_MAX: u32 = 5;
/// Transactions on a page of the list.
const PAGE: usize = 1_000;

pub(super) struct Place {
    binary: PathBuf,
    /// For the diaries, which are never on the small disk.
    directory: PathBuf,
    in_flight: u32,
    /// The disk that the journal is on, where it is not the machine's own.
    disk: Option<Disk>,
    /// What the hosts' modules may reach, where they may reach anything.
    policy: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(binary: &Path, directory: PathBuf, in_flight: u32) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory.join("journal"))?;
        Ok(Self { binary: binary.into(), directory, in_flight, disk: None, policy: None })
    }

    /// The same, with its journal on a disk of this size.
    pub(super) fn on_disk(self, mib: u32) -> anyhow::Result<Self> {
        let disk = Disk::new(&self.directory.join("journal"), mib)?;
        Ok(Self { disk: Some(disk), ..self })
    }

    /// The same, with a policy file of this text.
    pub(super) fn with_policy(self, text: &str) -> anyhow::Result<Self> {
        let path = self.directory.join("policy.toml");
        std::fs::write(&path, text)?;
        Ok(Self { policy: Some(path), ..self })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn disk(&self) -> anyhow::Result<&Disk> {
        self.disk.as_ref().context("this place has no disk of its own")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.directory.join("journal/journal.db")
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        let journal = format!("sqlite:{}", self.journal().display());
        command.args(args).args(["--log", "info", "--log-format", "json"]).env("WASAGA_JOURNAL", journal);
        command.envs(self.policy.iter().map(|path| ("WASAGA_POLICY", path)));
        let mut command = match &self.disk {
            Some(disk) => disk.inside(&command),
            None => command,
        };
        command.stdin(Stdio::null());
        command
    }

    /// Compiles these guests.
    pub(super) fn compile(&self, guests: &[&str]) -> anyhow::Result<()> {
        for guest in guests {
            let output = self.command(&["validate", &component(guest)?.to_string_lossy()]).output()?;
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.success(), "guest `{guest}` cannot be used: {why}");
        }
        Ok(())
    }

    /// A host that is kept busy for this long, and lets what is in flight end then.
    pub(super) fn load(&self, load: &Load, seconds: u32) -> anyhow::Result<Command> {
        let (guest, in_flight, seconds) = (component(load.guest)?, self.in_flight.to_string(), seconds.to_string());
        let bench = ["bench", &*guest.to_string_lossy(), "--input", load.input, "--in-flight", &in_flight];
        Ok(self.command(&[&bench[..], &["--warm-up", "0", "--seconds", &seconds]].concat()))
    }

    /// Starts a host that writes this diary.
    pub(super) fn start(&self, command: &mut Command, diary: u32) -> anyhow::Result<Child> {
        let diary = File::create(self.diary_file(diary))?;
        command.stdout(Stdio::null()).stderr(diary).spawn().context("the host cannot be started")
    }

    pub(super) fn live_and_die(&self, command: &mut Command, diary: u32, span: Duration) -> anyhow::Result<()> {
        let mut child = self.start(command, diary)?;
        std::thread::sleep(span);
        // One that has ended by itself had nothing to resume.
        child.kill().ok();
        child.wait()?;
        Ok(())
    }

    /// Everything ends. Diaries from this number on are free.
    pub(super) fn resume_all(&self, diary: u32) -> anyhow::Result<()> {
        for round in 0..RESUMES_MAX {
            let diary = File::create(self.diary_file(diary + round))?;
            let output = self.command(&["resume"]).stderr(diary).output()?;
            if String::from_utf8_lossy(&output.stdout).starts_with("nothing to resume") {
                return Ok(());
            }
        }
        bail!("after {RESUMES_MAX} rounds of `resume` there is still something to resume")
    }

    /// Every transaction of the journal.
    pub(super) fn list(&self) -> anyhow::Result<Vec<Value>> {
        let (mut all, limit) = (Vec::new(), PAGE.to_string());
        loop {
            let mut command = self.command(&["transactions", "list", "--json", "--limit", &limit]);
            if let Some(last) = all.last().map(id) {
                command.args(["--before", last]);
            }
            let output = command.stderr(Stdio::inherit()).output()?;
            let Value::Array(rows) = serde_json::from_slice(&output.stdout)? else { bail!("the list is no array") };
            let full = rows.len() == PAGE;
            all.extend(rows);
            if !full {
                return Ok(all);
            }
        }
    }

    /// Every effect that a partner saw.
    pub(super) fn diary(&self) -> anyhow::Result<Vec<Effect>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                all.extend(effects(&read(&path)?));
            }
        }
        Ok(all)
    }

    /// What one host has written so far.
    pub(super) fn written(&self, diary: u32) -> anyhow::Result<String> {
        read(&self.diary_file(diary))
    }

    fn diary_file(&self, number: u32) -> PathBuf {
        self.directory.join(format!("diary-{number}.log"))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}
