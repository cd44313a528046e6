//! Trouble that real machines have, each as a real event: a disk that gets full, a journal that may only be
//! read, that another process holds, that is cut off, and a host that stands still. The message names
//! the journal and the remedy, and afterwards nothing is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use wasaga_tests::trouble::{Disk, Holder, Still};
use wasaga_tests::{Ended, Running, User, effects, end, guest};

/// The disk: room for a journal with a module, and for no more than a few seconds of work.
const DISK_MIB: u32 = 8;

/// A user whose journal is on a small disk.
struct Cramped {
    user: User,
    disk: Disk,
}

impl Cramped {
    fn new() -> Self {
        let user = User::new();
        let directory = user.directory().join("disk");
        std::fs::create_dir(&directory).unwrap();
        let disk = Disk::new(&directory, DISK_MIB).unwrap_or_else(|error| panic!("{error}"));
        Self { user, disk }
    }

    fn directory(&self) -> PathBuf {
        self.user.directory().join("disk")
    }

    fn journal(&self) -> PathBuf {
        self.directory().join("journal.db")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.user.command(args);
        command.env("WASAGA_JOURNAL", format!("sqlite:{}", self.journal().display()));
        self.disk.inside(&command)
    }

    fn wasaga(&self, args: &[&str]) -> Ended {
        ended(self.command(args))
    }

    /// Starts an order whose calls take a moment each.
    fn order(&self, card: &str, address: &str) -> Running {
        Running::start(self.command(&order(card, address).each_ref().map(String::as_str)))
    }
}

fn ended(mut command: Command) -> Ended {
    let piped = || std::process::Stdio::piped();
    end(command.stdout(piped()).stderr(piped()).spawn().unwrap())
}

fn order(card: &str, address: &str) -> [String; 6] {
    let input =
        format!(r#"{{"id":"o","sku":"tea","quantity":2,"card":"{card}","address":"{address}","delay_ms":500}}"#);
    let file = guest("order").to_str().unwrap().to_owned();
    ["run".into(), file, "--input".into(), input, "--log".into(), "info".into()]
}

/// Each operation has one key however often it was called, a card is charged once, and all is done or
/// all that can be undone is undone.
#[track_caller]
fn check_balance(status: &str, log: &str) {
    let effects = effects(log);
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (operation, key) in &effects {
        keys.entry(operation).or_default().push(key);
    }
    for (operation, keys) in &keys {
        assert!(keys.iter().all(|key| *key == keys[0]), "`{operation}` has two keys: {keys:?}");
    }
    let times = |operation: &str| keys.get(operation).map_or(0, Vec::len);
    assert!(times("charge") <= 1, "the card was charged {} times: {effects:?}", times("charge"));
    let (done, undone) = (["reserve", "charge", "ship"].map(times), ["release", "refund", "recall"].map(times));
    match status {
        "completed" => assert!(done.iter().all(|n| *n > 0) && undone == [0; 3], "{effects:?}"),
        "compensated" => assert!(done[0] == 0 || undone[0] > 0, "it is left reserved: {effects:?}"),
        other => panic!("it is {other}: {effects:?}"),
    }
}

/// The journal is named, and what to do.
#[track_caller]
fn check_told(told: &str, journal: &str, what: &str) {
    assert!(told.contains(&format!("journal `sqlite:{journal}`")) && told.contains(what), "{told}");
}

const FULL: &str = "the disk is full (make room; what was answered before is kept)";
const READ_ONLY: &str = "cannot be written: it is read-only (change its permissions, or name another journal)";
const DAMAGED: &str = "is damaged (restore the journal from a backup; nothing was changed)";
const LOCKED: &str = "is locked by another process (end what holds it, or try again)";

#[test]
fn a_full_disk_is_waited_for() {
    let cramped = Cramped::new();
    let journal = cramped.journal().display().to_string();
    let mut host = cramped.order("good", "nowhere");
    host.until("\"operation\":\"reserve\"");
    cramped.disk.fill().unwrap();
    let told = host.until("the journal fails; trying again");
    check_told(&told, &journal, FULL);
    cramped.disk.make_room().unwrap();
    let ended = host.end().with(3);
    check_balance("compensated", &ended.stderr);
    assert!(cramped.wasaga(&["resume"]).with(0).stdout.starts_with("nothing to resume"));
}

#[test]
fn a_host_that_is_killed_on_a_full_disk_is_resumed() {
    let cramped = Cramped::new();
    let journal = cramped.journal().display().to_string();
    let mut host = cramped.order("good", "home");
    host.until("\"operation\":\"reserve\"");
    cramped.disk.fill().unwrap();
    host.until("the journal fails; trying again");
    let before = host.kill();
    check_told(cramped.wasaga(&["resume"]).with(1).error(), &journal, FULL);
    let hello = cramped.wasaga(&["run", guest("hello").to_str().unwrap(), "--input", r#"{"name":"Ada"}"#]).with(1);
    check_told(hello.error(), &journal, FULL);
    cramped.disk.make_room().unwrap();
    let resumed = cramped.wasaga(&["resume", "--json", "--log", "info"]).with(0);
    assert_eq!(resumed.json().as_array().map(Vec::len), Some(1), "what was refused was not begun");
    check_balance("completed", &(before + "\n" + &resumed.stderr));
}

/// As long as a host waits for its journal, and longer.
#[test]
fn a_host_whose_disk_stays_full_gives_up_and_loses_nothing() {
    let cramped = Cramped::new();
    let journal = cramped.journal().display().to_string();
    let mut host = cramped.order("good", "home");
    host.until("\"operation\":\"charge\"");
    cramped.disk.fill().unwrap();
    let gave_up = host.end().with(1);
    check_told(gave_up.error(), &journal, FULL);
    cramped.disk.make_room().unwrap();
    // Nobody knows whether the card was charged, for its answer was not written down.
    let resumed = cramped.wasaga(&["resume", "--json", "--log", "info"]).with(3);
    assert_eq!(resumed.json()[0]["status"], "compensated");
    check_balance("compensated", &(gave_up.stderr + "\n" + &resumed.stderr));
}

#[test]
fn a_disk_without_room_for_a_journal_is_told() {
    let cramped = Cramped::new();
    cramped.disk.fill().unwrap();
    let args = ["run", guest("hello").to_str().unwrap(), "--input", r#"{"name":"Ada"}"#].map(str::to_owned);
    let args = args.each_ref().map(String::as_str);
    check_told(cramped.wasaga(&args).with(1).error(), &cramped.journal().display().to_string(), FULL);
    cramped.disk.make_room().unwrap();
    cramped.wasaga(&args).with(0);
}

/// Leaves an unfinished order, makes something read-only, and writable again. A list ends with this code.
fn check_read_only(of: impl Fn(&Cramped) -> PathBuf, list_code: i32) {
    let cramped = Cramped::new();
    let journal = cramped.journal().display().to_string();
    let mut host = cramped.order("good", "home");
    host.until("\"operation\":\"reserve\"");
    let log = host.kill();
    let before = cramped.disk.read(&cramped.journal()).unwrap();

    let place = of(&cramped);
    cramped.disk.make_read_only(&place).unwrap();
    let hello = ["run", guest("hello").to_str().unwrap(), "--input", r#"{"name":"Ada"}"#].map(str::to_owned);
    let hello = hello.each_ref().map(String::as_str);
    for args in [&["resume"][..], &hello] {
        check_told(cramped.wasaga(args).with(1).error(), &journal, READ_ONLY);
    }
    let list = cramped.wasaga(&["transactions", "list"]).with(list_code);
    match list_code {
        0 => assert!(list.stdout.contains("order       running"), "{}", list.stdout),
        _ => check_told(list.error(), &journal, READ_ONLY),
    }
    assert!(cramped.disk.read(&cramped.journal()).unwrap() == before, "the file was changed");

    cramped.disk.make_writable(&place).unwrap();
    let resumed = cramped.wasaga(&["resume", "--json", "--log", "info"]).with(0);
    assert_eq!(resumed.json()[0]["status"], "completed");
    check_balance("completed", &(log + "\n" + &resumed.stderr));
}

#[test]
fn a_read_only_file_is_told_and_left_alone() {
    // What is in it can be seen.
    check_read_only(Cramped::journal, 0);
}

#[test]
fn a_read_only_directory_is_told_and_left_alone() {
    // A look needs a lock file as well.
    check_read_only(Cramped::directory, 1);
}

#[test]
fn a_journal_that_another_process_holds_is_waited_for() {
    let user = User::new();
    let journal = user.directory().join("journal.db");
    let mut host = Running::start(user.command(&order("good", "nowhere").each_ref().map(String::as_str)));
    host.until("\"operation\":\"reserve\"");
    let holder = Holder::of(&journal).unwrap_or_else(|error| panic!("{error}"));
    // Who comes meanwhile waits as well, and is told; reads of the one who runs go on.
    let late = user.command(&["run", guest("hello").to_str().unwrap(), "--input", r#"{"name":"Ada"}"#]);
    let late = ended(late).with(1);
    check_told(late.error(), &journal.display().to_string(), LOCKED);
    let told = host.until("the journal fails; trying again");
    check_told(&told, &journal.display().to_string(), LOCKED);
    holder.let_go().unwrap();
    let ended = host.end().with(3);
    check_balance("compensated", &ended.stderr);
    assert!(user.wasaga(&["resume"]).with(0).stdout.starts_with("nothing to resume"));
    let statuses: Vec<Value> = user.list().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["compensated"], "what was refused was not begun");
}

/// Longer than the host waits: it gives up, and what it had goes on when the lock is free.
#[test]
fn a_journal_that_is_held_for_long_loses_nothing() {
    let user = User::new();
    let journal = user.directory().join("journal.db");
    let mut host = Running::start(user.command(&order("good", "home").each_ref().map(String::as_str)));
    host.until("\"operation\":\"validate\"");
    let holder = Holder::of(&journal).unwrap_or_else(|error| panic!("{error}"));
    let gave_up = host.end().with(1);
    check_told(gave_up.error(), &journal.display().to_string(), LOCKED);
    holder.let_go().unwrap();
    let resumed = user.wasaga(&["resume", "--json", "--log", "info"]);
    // Where the lock was had only during the charge, nobody knows what became of that.
    let charged = effects(&gave_up.stderr).last().is_some_and(|(operation, _)| operation == "charge");
    let (status, code) = if charged { ("compensated", 3) } else { ("completed", 0) };
    let resumed = resumed.with(code);
    assert_eq!(resumed.json()[0]["status"], status);
    check_balance(status, &(gave_up.stderr + "\n" + &resumed.stderr));
}

#[test]
fn a_host_that_stands_still_keeps_what_it_has() {
    let user = User::new();
    let mut host = Running::start(user.command(&order("good", "home").each_ref().map(String::as_str)));
    host.until("\"operation\":\"reserve\"");
    let still = Still::new(host.pid()).unwrap();
    let owner = user.list()[0]["owner"].clone();
    for _ in 0..3 {
        let nothing = user.wasaga(&["resume", "--json"]).with(0);
        assert_eq!(nothing.json(), json!([]), "a living host's are left alone");
        // Longer in all than a call may take: its deadline passes while nobody can see to it.
        std::thread::sleep(Duration::from_millis(800));
    }
    let rows = user.list();
    assert_eq!((rows.len(), &rows[0]["owner"], &rows[0]["driven"]), (1, &owner, &json!(true)), "{rows:?}");
    drop(still);
    let ended = host.end().with(0);
    check_balance("completed", &ended.stderr);
    assert!(user.wasaga(&["resume"]).with(0).stdout.starts_with("nothing to resume"));
}

#[test]
fn a_journal_that_is_cut_off_is_told_and_left_alone() {
    let user = User::new();
    let input = r#"{"name":"Ada"}"#;
    user.run("hello", input, &[]).with(0);
    let path = user.directory().join("journal.db");
    let whole = std::fs::read(&path).unwrap();
    // Within the first page, within another, at the end of one, and all but the last byte.
    for length in [50, 4_000, 10_000, 8_192, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        for args in [&["resume"][..], &["transactions", "list"]] {
            check_told(user.wasaga(args).with(1).error(), &path.display().to_string(), DAMAGED);
        }
        let run = user.run("hello", input, &[]).with(1);
        check_told(run.error(), &path.display().to_string(), DAMAGED);
        assert!(std::fs::read(&path).unwrap() == whole[..length], "{length} bytes: the file was changed");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(user.list().len(), 1, "and a backup is taken as it is");
}

/// What a killed host leaves is a file and a log. SQLite would take an emptied file for a new one and drop the log.
#[test]
fn a_journal_that_is_emptied_beside_its_log_is_told_and_left_alone() {
    let user = User::new();
    let mut host = Running::start(user.command(&order("good", "home").each_ref().map(String::as_str)));
    host.until("\"operation\":\"reserve\"");
    let log = host.kill();
    let (path, wal) = (user.directory().join("journal.db"), user.directory().join("journal.db-wal"));
    let (file, frames) = (std::fs::read(&path).unwrap(), std::fs::read(&wal).unwrap());
    std::fs::write(&path, "").unwrap();
    let told = user.wasaga(&["resume"]).with(1);
    check_told(told.error(), &path.display().to_string(), DAMAGED);
    assert!(std::fs::read(&wal).unwrap() == frames, "the log was changed");
    std::fs::write(&path, file).unwrap();
    let resumed = user.wasaga(&["resume", "--json", "--log", "info"]).with(0);
    check_balance("completed", &(log + "\n" + &resumed.stderr));
}
