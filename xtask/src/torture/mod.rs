//! Kills the real binary under load, again and again, and gives it the trouble that real machines have; after
//! each, what the guests' partners saw is balanced against the journal. The partners' diary is the guests'
//! own log, one line for each effect.

mod balance;
mod chance;
mod diary;
mod ledger;
mod orders;
mod place;
mod transfers;
mod trouble;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::{guests, host, shell};
use balance::Balance;
use chance::Chance;
use place::Place;

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
    /// Leaves out the full disk, the held journal and the host that stands still
    #[arg(long)]
    kills_only: bool,
}

/// What a host is kept busy with.
#[derive(Clone, Copy)]
struct Load {
    guest: &'static str,
    input: &'static str,
}

/// Orders that work, that are refused at the card, and that unwind from the last step on; transfers that are
/// booked, that the other account refuses, and that are not covered. Each call takes a moment, so that
/// kills find calls under way.
const LOADS: [Load; 6] = [
    Load { guest: "order", input: r#"{"id":"o","sku":"tea","quantity":2,"card":"good","delay_ms":2}"# },
    Load { guest: "order", input: r#"{"id":"o","sku":"tea","quantity":2,"card":"declined","delay_ms":2}"# },
    Load {
        guest: "order",
        input: r#"{"id":"o","sku":"tea","quantity":2,"card":"good","address":"nowhere","delay_ms":2}"#,
    },
    Load { guest: "transfer", input: r#"{"from":"ada","to":"bob","cents":500,"delay_ms":2}"# },
    Load { guest: "transfer", input: r#"{"from":"bob","to":"closed","cents":1200,"delay_ms":2}"# },
    Load { guest: "transfer", input: r#"{"from":"ada","to":"cid","cents":500000,"delay_ms":2}"# },
];
/// The longest that a process lives, in milliseconds; the shortest is long enough to begin.
const LIVES_MS: (u64, u64) = (150, 900);

impl Torture {
    /// The short form, which is one of the tests.
    pub(crate) fn short() -> Self {
        Self { kills: 12, seed: 1, in_flight: 32, kills_only: true }
    }

    /// The long form.
    pub(crate) fn long() -> Self {
        Self { kills: 200, seed: 1, in_flight: 32, kills_only: false }
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        guests::build()?;
        let binary = host::build()?.canonicalize()?;
        let directory = std::env::temp_dir().join(format!("wasaga-torture-{}", std::process::id()));
        let tortured = self.all(&binary, &directory);
        if tortured.is_ok() {
            drop(std::fs::remove_dir_all(&directory));
        } else {
            println!("journals and diaries are kept in {}", directory.display());
        }
        tortured
    }

    fn all(&self, binary: &std::path::Path, directory: &std::path::Path) -> anyhow::Result<()> {
        let place = |name: &str| Place::new(binary, directory.join(name), self.in_flight);
        // What comes of compiling is kept. Otherwise hosts would be killed at that, and never come to work.
        place("compiling")?.compile(&["order", "transfer", "remote"])?;
        self.kills(&place("kills")?)?;
        ledger::kills(place("ledger")?, self.kills, self.seed, self.in_flight)?;
        if !self.kills_only {
            trouble::full_disk(place("full")?)?;
            trouble::held_journal(&place("held")?)?;
            trouble::standstill(&place("still")?)?;
        }
        Ok(())
    }

    fn kills(&self, place: &Place) -> anyhow::Result<()> {
        shell::step(&format!("{} kills with seed {}, {} in flight", self.kills, self.seed, self.in_flight));
        let began = Instant::now();
        let mut chance = Chance(self.seed);
        for kill in 0..self.kills {
            // Every third time it is the recovery that is killed.
            let mut command = match chance.below(3) {
                0 => place.command(&["resume"]),
                _ => place.load(&LOADS[chance.below(LOADS.len() as u64) as usize], 60)?,
            };
            let span = LIVES_MS.0 + chance.below(LIVES_MS.1 - LIVES_MS.0);
            place.live_and_die(&mut command, kill, Duration::from_millis(span))?;
            if (kill + 1) % 20 == 0 || kill + 1 == self.kills {
                println!("   {} kills, {} s", kill + 1, began.elapsed().as_secs());
            }
        }
        settle(place, self.kills)
    }
}

/// Lets everything end, and balances it. Diaries from this number on are free.
fn settle(place: &Place, diary: u32) -> anyhow::Result<()> {
    place.resume_all(diary)?;
    let balance = Balance::of(&place.list()?, &place.diary()?);
    println!("\n{balance}");
    ensure!(balance.wrong.is_empty(), "{} transactions do not balance", balance.wrong.len());
    ensure!(balance.transactions > 0, "no transaction was started (give it more --kills)");
    Ok(())
}

/// A guest's component, whatever directory the host runs in.
fn component(guest: &str) -> anyhow::Result<PathBuf> {
    Ok(guests::path(guest).canonicalize()?)
}
