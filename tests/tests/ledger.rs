//! A saga whose steps call a real service, which has its own database: answers that are lost, a host that is
//! killed in the middle, and in the end the ledger balances with the journal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use wasaga_tests::{Ended, User, guest, python_guest};

/// What all accounts of a new ledger have together.
const ALL_CENTS: i64 = 1_000_300;

/// The service, on a free port, with its database in the user's directory.
struct Ledger {
    process: Child,
    url: String,
}

impl Ledger {
    fn start(user: &User) -> Self {
        let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ledger/ledger.py");
        let mut command = Command::new("python3");
        command.arg(service).arg(user.directory().join("ledger.db")).arg("0").stdout(Stdio::piped());
        let mut process = command.spawn().expect("`python3` starts (install Python 3.11 or later)");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit_once(" is at ").unwrap_or_else(|| panic!("the ledger says `{line}`")).1.to_owned();
        Self { process, url }
    }

    /// What the accounts have, read from its database.
    fn accounts(user: &User) -> Value {
        let database = rusqlite::Connection::open(user.directory().join("ledger.db")).unwrap();
        let mut query = database.prepare("SELECT name, cents FROM accounts").unwrap();
        let rows = query.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).unwrap();
        rows.map(Result::unwrap).map(|(name, cents)| (name, json!(cents))).collect::<serde_json::Map<_, _>>().into()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The saga in both languages.
fn remotes() -> [PathBuf; 2] {
    [guest("remote"), python_guest("remote")]
}

fn command(user: &User, file: &Path, ledger: &Ledger, mut input: Value) -> Command {
    input["ledger"] = json!(ledger.url);
    let input = input.to_string();
    let mut command = user.command(&["run", file.to_str().unwrap(), "--json", "--input", &input]);
    command.args([
        "--grant",
        &format!("http:{}", ledger.url),
        "--grant",
        "address:127.0.0.1",
        "--grant",
        "address:::1",
    ]);
    command
}

fn run(user: &User, file: &Path, ledger: &Ledger, input: Value) -> Ended {
    Ended::from(command(user, file, ledger, input).output().unwrap())
}

fn check_sum(accounts: &Value) {
    let sum: i64 = accounts.as_object().unwrap().values().filter_map(Value::as_i64).sum();
    assert_eq!(sum, ALL_CENTS, "{accounts}");
}

#[test]
fn money_is_taken_once_however_often_it_is_asked_for() {
    for remote in remotes() {
        let user = User::new();
        let ledger = Ledger::start(&user);
        let good = json!({"account": "ada", "cents": 500, "address": "home"});
        run(&user, &remote, &ledger, good.clone()).with(0);
        let mut lost = good;
        lost["fault"] = json!("lost");
        let report = run(&user, &remote, &ledger, lost).with(0).json();
        assert_eq!(report["nodes"][0]["attempts"], 2, "{report}");
        let poor = run(&user, &remote, &ledger, json!({"account": "bob", "cents": 500, "address": "home"}));
        let cause = poor.with(3).json()["cause"]["failure"].clone();
        assert_eq!(cause["code"], "http-402");
        assert!(cause["message"].as_str().unwrap().contains("`bob` has 300 cents"), "{cause}");
        assert_eq!(Ledger::accounts(&user), json!({"ada": 999_000, "bob": 300, "shop": 1_000}));
    }
}

#[test]
fn what_cannot_be_shipped_is_paid_back_also_when_the_answer_was_lost() {
    for remote in remotes() {
        let user = User::new();
        let ledger = Ledger::start(&user);
        let nowhere = json!({"account": "ada", "cents": 500, "address": "nowhere", "fault": "lost"});
        let report = run(&user, &remote, &ledger, nowhere).with(3).json();
        assert_eq!(report["nodes"][0]["compensation"]["output"], json!({"refunded": 500}));
        assert_eq!(Ledger::accounts(&user), json!({"ada": 1_000_000, "bob": 300, "shop": 0}));
    }
}

#[test]
fn a_host_that_is_killed_in_the_middle_loses_no_money_and_takes_none_twice() {
    let user = User::new();
    let ledger = Ledger::start(&user);
    for (place, address) in ["home", "nowhere", "home", "nowhere", "home", "nowhere"].into_iter().enumerate() {
        let input = json!({"account": "ada", "cents": 100, "address": address, "delay_ms": 100});
        let mut child = command(&user, &guest("remote"), &ledger, input)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Before, in the middle of and after the call, whatever the machine makes of these spans.
        std::thread::sleep(Duration::from_millis(60 + 60 * place as u64));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let grant = format!("http:{}", ledger.url);
    let resume = ["resume", "--grant", &grant, "--grant", "address:127.0.0.1", "--grant", "address:::1"];
    let resumed = user.wasaga(&resume);
    assert!(matches!(resumed.code, Some(0 | 3)), "{resumed:?}");
    let rows = user.list();
    let completed = rows.iter().filter(|row| row["status"] == "completed").count() as i64;
    assert!(rows.iter().all(|row| row["status"] == "completed" || row["status"] == "compensated"), "{rows:?}");
    let accounts = Ledger::accounts(&user);
    check_sum(&accounts);
    assert_eq!(accounts["shop"], json!(100 * completed), "{accounts}: {rows:?}");
}
