//! The trouble that real machines have, under load: a disk that gets full, a journal that another process
//! holds, and a host that stands still. Each phase has a journal of its own and is balanced when it is over.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use wasaga_tests::trouble::{Holder, Still};

use super::diary::effects;
use super::place::Place;
use super::{LOADS, settle};
use crate::shell;

/// How long a host works before something happens to it, and after.
const WORK: Duration = Duration::from_secs(2);
/// The longest that is waited for a word in a host's log.
const WORD_MAX: Duration = Duration::from_secs(60);
/// A disk with room for what is done within a phase, and no more than is quickly filled.
const DISK_MIB: u32 = 64;
/// Longer than SQLite waits for another process, and shorter than the engine waits for its journal.
const HELD: Duration = Duration::from_secs(12);
/// Longer than any call may take, and than any lease would last.
const STANDSTILL: Duration = Duration::from_secs(30);

/// What a host says of a full disk, and of a held lock.
const FULL: &str = "the disk is full (make room; what was answered before is kept)";
const LOCKED: &str = "is locked by another process (end what holds it, or try again)";

/// The disk gets full, has room again, gets full once more, and the host is killed on it.
pub(super) fn full_disk(place: Place) -> anyhow::Result<()> {
    shell::step("full disk: a host waits for room, goes on, and is killed on a disk that is full again");
    let place = place.on_disk(DISK_MIB)?;
    let mut diary = 0;
    for load in &LOADS {
        let host = Busy::start(&place, load, diary)?;
        std::thread::sleep(WORK);
        place.disk()?.fill()?;
        host.says(FULL, 0)?;
        place.disk()?.make_room()?;
        host.goes_on()?;
        let told = host.log()?.matches(FULL).count();
        place.disk()?.fill()?;
        host.says(FULL, told)?;
        host.kill()?;
        let refused = place.command(&["resume"]).output()?;
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        ensure!(!refused.status.success() && why.contains(FULL), "`resume` on a full disk: {}, {why}", refused.status);
        place.disk()?.make_room()?;
        diary += 1;
    }
    settle(&place, diary)
}

/// Another process has the write lock for longer than SQLite waits.
pub(super) fn held_journal(place: &Place) -> anyhow::Result<()> {
    shell::step(&format!("held journal: another process has its lock for {} s", HELD.as_secs()));
    // A saga and a TCC.
    let loads = [&LOADS[0], &LOADS[3]];
    for (diary, load) in (0..).zip(loads) {
        let host = Busy::start(place, load, diary)?;
        std::thread::sleep(WORK);
        let holder = Holder::of(&place.journal())?;
        std::thread::sleep(HELD);
        holder.let_go()?;
        host.says(LOCKED, 0)?;
        host.goes_on()?;
        host.kill()?;
    }
    settle(place, loads.len() as u32)
}

/// A host stands still under load, while another looks for what is left.
pub(super) fn standstill(place: &Place) -> anyhow::Result<()> {
    shell::step(&format!("host stands still for {} s, while another runs `resume`", STANDSTILL.as_secs()));
    // It begins nothing new after it has stood still: what it has then is what it had.
    let mut host = Busy::start_for(place, &LOADS[0], 0, WORK)?;
    std::thread::sleep(WORK / 2);
    let still = Still::new(host.child.id())?;
    let began = Instant::now();
    let mut looked = 0;
    while began.elapsed() < STANDSTILL {
        let resumed = place.command(&["resume", "--json"]).output()?;
        let (found, why) = (String::from_utf8_lossy(&resumed.stdout), String::from_utf8_lossy(&resumed.stderr));
        // It may stand still with the write lock in its hand.
        ensure!(
            found.trim() == "[]" || why.contains(LOCKED),
            "`resume` beside a host that stands still: {found} {why}"
        );
        looked += 1;
        std::thread::sleep(WORK);
    }
    drop(still);
    let status = host.child.wait()?;
    ensure!(status.success(), "the host that stood still ended with {status}");
    let left = place.list()?.into_iter().filter(|row| row["ended"].is_null()).count();
    ensure!(left == 0, "{left} transactions were left by the host that stood still");
    println!("   looked {looked} times for what is left, and took nothing");
    settle(place, 1)
}

/// A host under load.
struct Busy<'p> {
    place: &'p Place,
    child: Child,
    diary: u32,
}

impl<'p> Busy<'p> {
    /// For longer than any phase.
    fn start(place: &'p Place, load: &super::Load, diary: u32) -> anyhow::Result<Self> {
        Self::start_for(place, load, diary, Duration::from_secs(600))
    }

    fn start_for(place: &'p Place, load: &super::Load, diary: u32, span: Duration) -> anyhow::Result<Self> {
        let child = place.start(&mut place.load(load, span.as_secs() as u32)?, diary)?;
        let host = Self { place, child, diary };
        host.waits_for("its first effect", |log| !effects(log).is_empty())?;
        Ok(host)
    }

    fn log(&self) -> anyhow::Result<String> {
        self.place.written(self.diary)
    }

    /// Waits until it says this more than so many times.
    fn says(&self, what: &str, times: usize) -> anyhow::Result<()> {
        self.waits_for(what, |log| log.matches(what).count() > times)
    }

    /// Waits until more has been done than before.
    fn goes_on(&self) -> anyhow::Result<()> {
        let before = effects(&self.log()?).len();
        self.waits_for("that it goes on", |log| effects(log).len() > before)?;
        std::thread::sleep(WORK);
        Ok(())
    }

    fn waits_for(&self, what: &str, fits: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let log = self.log()?;
            if fits(&log) {
                return Ok(());
            }
            if began.elapsed() > WORD_MAX {
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                bail!("waited in vain for {what}; the last lines of diary {}: {last:#?}", self.diary);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the host ended by itself with {status}, and was to be killed");
        }
        self.child.kill().context("the host cannot be killed")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        // It has ended where all went well.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
