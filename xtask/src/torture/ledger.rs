//! Hosts are killed while their partner is a service of its own, with its own database: the ledger of
//! `examples/ledger`. In the end its accounts are balanced against the journal.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::chance::Chance;
use super::diary::id;
use super::place::Place;
use super::{LIVES_MS, component};
use crate::shell;

/// What one purchase takes.
const CENTS: i64 = 1;
/// What all accounts of a new ledger have together.
const ALL_CENTS: i64 = 1_000_300;

/// The service, for as long as this lives.
struct Ledger {
    process: Child,
    url: String,
}

impl Ledger {
    fn start(database: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new("python3");
        command.arg("examples/ledger/ledger.py").arg(database).arg("0").stdout(Stdio::piped());
        let mut process = command.spawn().context("`python3` cannot be started (install Python 3.11 or later)")?;
        let mut line = String::new();
        let said = process.stdout.take().context("the ledger has no output")?;
        BufReader::new(said).read_line(&mut line)?;
        let url = line.trim().rsplit_once(" is at ").map(|(_, url)| url.to_owned());
        Ok(Self { process, url: url.with_context(|| format!("the ledger says `{line}`"))? })
    }

    /// What each account has.
    fn accounts(&self) -> anyhow::Result<Value> {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        stream.write_all(b"GET /accounts HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("the ledger does not speak HTTP")?;
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Kills hosts, lets everything end, and balances it.
pub(super) fn kills(place: Place, kills: u32, seed: u64, in_flight: u32) -> anyhow::Result<()> {
    shell::step(&format!("{kills} kills with seed {seed}, {in_flight} in flight, with a ledger that is a service"));
    let ledger = Ledger::start(&place.directory().join("ledger.db"))?;
    let url = &ledger.url;
    let place = place
        .with_policy(&format!("[modules.remote.grants]\nhttp = [\"{url}\"]\naddresses = [\"127.0.0.1\", \"::1\"]\n"))?;
    let (guest, in_flight) = (component("remote")?, in_flight.to_string());
    let mut chance = Chance(seed);
    for kill in 0..kills {
        let address = if chance.below(2) == 0 { "home" } else { "nowhere" };
        let input = json!({"ledger": url, "account": "ada", "cents": CENTS, "address": address}).to_string();
        let mut command = match chance.below(3) {
            0 => place.command(&["resume"]),
            _ => place.command(&[
                "bench",
                &*guest.to_string_lossy(),
                "--input",
                &input,
                "--in-flight",
                &in_flight,
                "--warm-up",
                "0",
                "--seconds",
                "60",
            ]),
        };
        let span = LIVES_MS.0 + chance.below(LIVES_MS.1 - LIVES_MS.0);
        place.live_and_die(&mut command, kill, Duration::from_millis(span))?;
    }
    place.resume_all(kills)?;
    balance(&place.list()?, &ledger.accounts()?)
}

fn balance(rows: &[Value], accounts: &Value) -> anyhow::Result<()> {
    let count = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
    let (completed, compensated) = (count("completed"), count("compensated"));
    let sum: i64 = accounts.as_object().into_iter().flatten().filter_map(|(_, cents)| cents.as_i64()).sum();
    println!("\n{} purchases: {completed} completed, {compensated} compensated; accounts {accounts}", rows.len());
    ensure!(!rows.is_empty(), "no purchase was started (give it more --kills)");
    let open = rows.iter().find(|row| row["status"] != "completed" && row["status"] != "compensated");
    ensure!(
        open.is_none(),
        "{} is {}",
        open.map(id).unwrap_or_default(),
        open.map_or(&Value::Null, |row| &row["status"])
    );
    ensure!(sum == ALL_CENTS, "all accounts together have {sum} cents, and had {ALL_CENTS}");
    let paid = CENTS * i64::try_from(completed)?;
    ensure!(accounts["shop"] == json!(paid), "the shop has {}, and {paid} was paid for", accounts["shop"]);
    println!("the ledger balances with the journal: nothing lost, nothing charged twice, nothing left charged");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_sees_what_is_wrong() {
        let rows = |statuses: &[&str]| -> Vec<Value> {
            statuses.iter().map(|status| json!({"transaction": "t", "status": status})).collect()
        };
        let accounts = |shop: i64| json!({"ada": 1_000_000 - shop, "bob": 300, "shop": shop});
        let ended = rows(&["completed", "compensated"]);
        assert!(balance(&ended, &accounts(1)).is_ok());
        assert!(balance(&ended, &accounts(2)).is_err(), "one was charged twice, or left charged");
        assert!(balance(&ended, &accounts(0)).is_err(), "one was lost");
        assert!(balance(&ended, &json!({"ada": 1_000_000, "bob": 300, "shop": 1})).is_err());
        assert!(balance(&rows(&["completed", "running"]), &accounts(1)).is_err());
        assert!(balance(&[], &accounts(0)).is_err());
    }
}
