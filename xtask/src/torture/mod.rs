//! Kills the real binary under load, again and again, and then balances what the guests' partners
//! saw against the journal. The partners' diary is the guests' own log, one line for each effect.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::{guests, host, shell};

#[derive(Debug, clap::Args)]
pub(crate) struct Torture {
    /// How often the process is killed
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// What the moments follow from; the same seed kills after the same spans
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Transactions in flight
    #[arg(long, default_value_t = 32)]
    in_flight: u32,
}

/// Orders that work, that are refused at the card, and that unwind from the last step on. Each call takes
/// a moment, so that kills find calls under way.
const INPUTS: [&str; 3] = [
    r#"{"id":"o","sku":"tea","quantity":2,"card":"good","delay_ms":2}"#,
    r#"{"id":"o","sku":"tea","quantity":2,"card":"declined","delay_ms":2}"#,
    r#"{"id":"o","sku":"tea","quantity":2,"card":"good","address":"nowhere","delay_ms":2}"#,
];
/// The longest that a process lives, in milliseconds; the shortest is long enough to begin.
const LIVES_MS: (u64, u64) = (150, 900);
/// Rounds of `resume` at the end; one is enough unless something is wrong.
const RESUMES_MAX: u32 = 5;
/// Transactions on a page of the list.
const PAGE: usize = 1_000;

impl Torture {
    /// The short form, which is one of the tests.
    pub(crate) fn short() -> Self {
        Self { kills: 12, seed: 1, in_flight: 32 }
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        guests::build()?;
        let place = Place {
            binary: host::build()?.canonicalize()?,
            order: guests::path("order").canonicalize()?,
            directory: std::env::temp_dir().join(format!("wasaga-torture-{}", std::process::id())),
        };
        std::fs::create_dir_all(&place.directory)?;
        let tortured = self.torture(&place);
        if tortured.is_ok() {
            drop(std::fs::remove_dir_all(&place.directory));
        } else {
            println!("journal and diaries are kept in {}", place.directory.display());
        }
        tortured
    }

    fn torture(&self, place: &Place) -> anyhow::Result<()> {
        shell::step(&format!("{} kills with seed {}, {} in flight", self.kills, self.seed, self.in_flight));
        let began = Instant::now();
        let mut chance = Chance(self.seed);
        for kill in 0..self.kills {
            // Every third time it is the recovery that is killed.
            let mut command = match chance.below(3) {
                0 => place.command(&["resume"]),
                _ => self.load(place, INPUTS[chance.below(INPUTS.len() as u64) as usize]),
            };
            let span = LIVES_MS.0 + chance.below(LIVES_MS.1 - LIVES_MS.0);
            place.live_and_die(&mut command, kill, Duration::from_millis(span))?;
            if (kill + 1) % 20 == 0 || kill + 1 == self.kills {
                println!("   {} kills, {} s", kill + 1, began.elapsed().as_secs());
            }
        }
        place.resume_all(self.kills)?;
        let balance = Balance::of(&place.list()?, &place.diary()?);
        println!("\n{balance}");
        ensure!(balance.wrong.is_empty(), "{} transactions do not balance", balance.wrong.len());
        ensure!(balance.transactions > 0, "no transaction was started (give it more --kills)");
        Ok(())
    }

    fn load(&self, place: &Place, input: &str) -> Command {
        let order = place.order.to_string_lossy();
        let in_flight = self.in_flight.to_string();
        let args = ["bench", &order, "--input", input, "--in-flight", &in_flight, "--warm-up", "0", "--seconds", "60"];
        place.command(&args)
    }
}

/// Where it happens.
struct Place {
    binary: PathBuf,
    order: PathBuf,
    directory: PathBuf,
}

impl Place {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        let journal = format!("sqlite:{}/journal.db", self.directory.display());
        command.args(args).args(["--log", "info", "--log-format", "json"]).env("WASAGA_JOURNAL", journal);
        command.stdin(Stdio::null());
        command
    }

    fn live_and_die(&self, command: &mut Command, kill: u32, span: Duration) -> anyhow::Result<()> {
        let diary = File::create(self.directory.join(format!("diary-{kill}.log")))?;
        let mut child = command.stdout(Stdio::null()).stderr(diary).spawn().context("the host cannot be started")?;
        std::thread::sleep(span);
        // One that has ended by itself had nothing to resume.
        child.kill().ok();
        child.wait()?;
        Ok(())
    }

    fn resume_all(&self, number: u32) -> anyhow::Result<()> {
        for round in 0..RESUMES_MAX {
            let diary = self.directory.join(format!("diary-{}.log", number + round));
            let output = self.command(&["resume"]).stderr(File::create(&diary)?).output()?;
            if String::from_utf8_lossy(&output.stdout).starts_with("nothing to resume") {
                return Ok(());
            }
        }
        bail!("after {RESUMES_MAX} rounds of `resume` there is still something to resume")
    }

    /// Every transaction of the journal.
    fn list(&self) -> anyhow::Result<Vec<Value>> {
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
    fn diary(&self) -> anyhow::Result<Vec<Effect>> {
        let mut effects = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                effects.extend(read_diary(&path)?);
            }
        }
        Ok(effects)
    }
}

/// One effect, as a partner saw it.
struct Effect {
    transaction: String,
    operation: String,
    key: String,
}

fn read_diary(path: &Path) -> anyhow::Result<Vec<Effect>> {
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    // The last line may be cut off by the kill: then the partner was never reached.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let effect = |line: Value| {
        let fields = &line["fields"];
        let said = fields["message"].as_str()?.strip_prefix("effect ")?;
        let part = |name: &str| said.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        Some(Effect {
            transaction: fields["transaction"].as_str()?.to_owned(),
            operation: part("operation")?.to_owned(),
            key: part("key")?.to_owned(),
        })
    };
    Ok(lines.filter_map(effect).collect())
}

/// What the journal says against what the partners saw.
struct Balance {
    transactions: usize,
    effects: usize,
    repeated: usize,
    statuses: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Balance {
    fn of(rows: &[Value], diary: &[Effect]) -> Self {
        let mut seen: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for Effect { transaction, operation, key } in diary {
            seen.entry(transaction).or_default().entry(operation).or_default().push(key);
        }
        let known: BTreeSet<&str> = rows.iter().map(id).collect();
        let lost = seen.keys().filter(|id| !known.contains(*id));
        let mut wrong: Vec<String> = lost.map(|id| format!("{id}: is lost, and its partners were called")).collect();
        let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
        let none = BTreeMap::new();
        for row in rows {
            let status = row["status"].as_str().unwrap_or("?");
            *statuses.entry(status.to_owned()).or_default() += 1;
            let effects = seen.get(id(row)).unwrap_or(&none);
            wrong.extend(check(status, effects).into_iter().map(|what| format!("{}: {status}, and {what}", id(row))));
        }
        let calls = seen.values().flat_map(BTreeMap::values);
        let repeated = calls.map(|keys| keys.len() - 1).sum();
        Self { transactions: rows.len(), effects: diary.len(), repeated, statuses, wrong }
    }
}

/// What is wrong with one transaction.
fn check(status: &str, effects: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let times = |operation: &str| effects.get(operation).map_or(0, Vec::len);
    let done = |operation: &str| times(operation) > 0;
    let mut wrong = Vec::new();
    for (operation, keys) in effects {
        if keys.iter().any(|key| key != &keys[0]) {
            wrong.push(format!("`{operation}` was called with different keys"));
        }
    }
    // It is at-most-once, so its partner need not honour keys.
    if times("charge") > 1 {
        wrong.push(format!("was charged {} times", times("charge")));
    }
    match status {
        "completed" => {
            wrong.extend(
                ["reserve", "charge", "ship"].iter().filter(|op| !done(op)).map(|op| format!("`{op}` is missing")),
            );
            wrong.extend(
                ["release", "refund", "recall"].iter().filter(|op| done(op)).map(|op| format!("`{op}` was called")),
            );
        }
        "compensated" => {
            if done("reserve") && !done("release") {
                wrong.push("it is left reserved".into());
            }
            // Whether a charge was refused is only known where it was not called again.
            if done("ship") && !done("refund") {
                wrong.push("it is left charged".into());
            }
        }
        _ => wrong.push("it has not ended".into()),
    }
    wrong
}

fn id(row: &Value) -> &str {
    row["transaction"].as_str().unwrap_or("?")
}

impl std::fmt::Display for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { transactions, effects, repeated, statuses, wrong } = self;
        let statuses: Vec<String> = statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
        writeln!(f, "{transactions} transactions: {}", statuses.join(", "))?;
        writeln!(f, "{effects} effects at their partners, {repeated} of them repeated under the same key")?;
        write!(f, "{} lost, charged twice, left reserved or not ended", wrong.len())?;
        wrong.iter().take(20).try_for_each(|what| write!(f, "\n  {what}"))
    }
}

/// Numbers that follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(status: &str, effects: &[(&str, &str)]) -> Vec<String> {
        let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (operation, key) in effects {
            by.entry(operation).or_default().push(key);
        }
        check(status, &by)
    }

    #[test]
    fn the_balance_sees_what_is_wrong() {
        let all = [("reserve", "a"), ("reserve", "a"), ("charge", "b"), ("ship", "c")];
        assert_eq!(wrong("completed", &all), [""; 0]);
        assert_eq!(wrong("compensated", &all), ["it is left reserved", "it is left charged"]);
        assert_eq!(wrong("running", &[]), ["it has not ended"]);
        let twice = [("reserve", "a"), ("charge", "b"), ("charge", "b"), ("release", "d")];
        assert_eq!(wrong("compensated", &twice), ["was charged 2 times"]);
        let keys = [("reserve", "a"), ("reserve", "x"), ("release", "d")];
        assert_eq!(wrong("compensated", &keys), ["`reserve` was called with different keys"]);
        assert_eq!(wrong("completed", &all[..2]), ["`charge` is missing", "`ship` is missing"]);
    }
}
