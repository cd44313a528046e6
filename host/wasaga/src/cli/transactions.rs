//! `wasaga transactions`: what the journal has. Nothing is driven here.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Subcommand, ValueEnum};
use wasaga_core::{Name, Status, Timestamp, TransactionId};
use wasaga_engine::{Error, Recover};
use wasaga_journal::{Filter, Journal, Page, Row};
use wasaga_sandbox::Settings;

use crate::exit::{BadInput, Exit, print_json};
use crate::options::{CacheOptions, JournalOptions, Speech};
use crate::{text, view, wiring};

#[derive(Debug, Subcommand)]
pub(crate) enum Transactions {
    /// List transactions, newest first
    List(List),
    /// Show one: its steps or participants, and with `--records` its journal
    Show(Show),
    /// Remove transactions that ended long ago, with their records; unfinished ones are never removed
    Prune(Prune),
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those that stand so; may stand several times
    #[arg(long, visible_alias = "state", value_enum)]
    status: Vec<StatusArg>,
    /// Only those of this saga or TCC
    #[arg(long)]
    definition: Option<String>,
    /// Only those that wait for something that is missing: a module, a grant
    #[arg(long)]
    held: bool,
    /// How many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only those before this one: the last of the list before
    #[arg(long, value_name = "ID")]
    before: Option<TransactionId>,
    #[command(flatten)]
    journal: JournalOptions,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The transaction, by its id or the beginning of it
    id: String,
    /// The records of its journal, one JSON object a line
    #[arg(long)]
    records: bool,
    #[command(flatten)]
    journal: JournalOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Prune {
    /// How many days they have ended
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    older_than: u32,
    #[command(flatten)]
    journal: JournalOptions,
}

#[derive(Clone, Copy, Debug)]
struct StatusArg(Status);

/// Characters of a cause in a list.
const CAUSE_CHARS: usize = 200;

impl ValueEnum for StatusArg {
    fn value_variants<'a>() -> &'a [Self] {
        const COUNT: usize = Status::ALL.len();
        const ALL: [StatusArg; COUNT] = {
            let (mut all, mut at) = ([StatusArg(Status::Stuck); COUNT], 0);
            while at < COUNT {
                all[at] = StatusArg(Status::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.0.as_str().into())
    }
}

/// What programs get of a row.
#[derive(serde::Serialize)]
struct Listed {
    transaction: TransactionId,
    definition: Name,
    module: wasaga_core::Digest,
    key: Option<Name>,
    status: Status,
    paused: bool,
    /// What it waits for that is missing.
    held: Option<String>,
    records: u64,
    owner: Option<String>,
    driven: bool,
    created: String,
    updated: String,
    ended: Option<String>,
}

impl Transactions {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        match self {
            Self::List(list) => list.run(speech).await,
            Self::Show(show) => show.run(speech).await,
            Self::Prune(prune) => prune.run(speech).await,
        }
    }
}

impl List {
    async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let journal = wiring::journal(&self.journal).await?;
        let filter = Filter {
            statuses: self.status.iter().map(|status| status.0).collect(),
            definition: self.definition.as_deref().map(Name::from),
            held: self.held,
            ..Filter::default()
        };
        let rows = journal.list(&filter, Page { limit: self.limit, below: self.before }).await.map_err(Error::from)?;
        if speech.json {
            print_json(&rows.iter().map(listed).collect::<Vec<_>>())?;
        } else {
            text::print(&table(&rows, self.limit))?;
        }
        journal.close().await;
        Ok(Exit::Completed)
    }
}

fn listed(row: &Row) -> Listed {
    Listed {
        transaction: row.id,
        definition: row.definition.clone(),
        module: row.module,
        key: row.key.clone(),
        status: row.status,
        paused: row.paused,
        held: row.held.as_deref().map(Into::into),
        records: row.seq.0,
        owner: row.owner.as_ref().map(|owner| owner.host.to_string()),
        driven: row.owner.as_ref().is_some_and(|owner| owner.alive),
        created: row.created.rfc3339(),
        updated: row.updated.rfc3339(),
        ended: row.ended.map(Timestamp::rfc3339),
    }
}

fn table(rows: &[Row], limit: usize) -> String {
    let now = now();
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, now)).collect();
    let mut text = text::table(&cells);
    match rows.last() {
        None => text.push_str("no transactions\n"),
        Some(last) if rows.len() == limit => {
            text.push_str(&format!("more: wasaga transactions list --before {}\n", last.id));
        }
        Some(_) => {}
    }
    text
}

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
    let since = text::span(now.since(row.updated).as_micros() as u64);
    let status = view::colored(row.status);
    let alive = row.owner.as_ref().is_some_and(|owner| owner.alive);
    let note = match (row.status, row.paused, &row.owner) {
        (status, ..) if status.is_ended() => String::new(),
        (Status::Stuck, ..) => format!("try again: wasaga retry {}", row.id),
        _ if row.held.is_some() => {
            format!("waits: {}", text::clipped(row.held.as_deref().unwrap_or_default(), CAUSE_CHARS))
        }
        (_, true, _) => format!("paused; go on: wasaga resume {}", row.id),
        (_, _, Some(owner)) if alive => format!("driven by {}", owner.host),
        _ => format!("driven by nobody; go on: wasaga resume {}", row.id),
    };
    vec![row.id.to_string(), row.definition.to_string(), status.to_string(), format!("{since} ago"), note]
}

impl Show {
    async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let journal = wiring::journal(&self.journal).await?;
        let id = find(&*journal, &self.id).await?;
        if self.records {
            let stored = journal.load(id).await.map_err(Error::from)?.ok_or(Error::UnknownTransaction(id))?;
            let mut lines = String::new();
            for record in &stored.records {
                writeln!(lines, "{}", wasaga_core::Json::of(record)?)?;
            }
            text::print(&lines)?;
            journal.close().await;
            return Ok(Exit::Completed);
        }
        let sandbox = wiring::bare_sandbox(&self.cache, Settings { calls_max: 4, ..Settings::default() })?;
        let engine = wiring::engine(journal, sandbox).recover(Recover::Nothing).start().await?;
        let report = engine.result(id).await;
        wiring::close(&engine).await;
        let report = report?;
        if speech.json {
            print_json(&report)?;
            return Ok(Exit::Completed);
        }
        let mut shown = format!("{}  {}\n\n", console::style(&*report.definition).bold(), report.transaction);
        for row in view::rows_of(&report) {
            writeln!(shown, "{}", row.line())?;
        }
        writeln!(shown, "\n{}", view::closing(&report))?;
        shown.push_str(&view::remedies(&report));
        text::print(&shown)?;
        Ok(Exit::Completed)
    }
}

impl Prune {
    async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        const DAY_US: u64 = 86_400_000_000;
        /// Records that are removed in one commit, so that others who write need not wait long.
        const CHUNK: usize = 2_000;
        let journal = wiring::journal(&self.journal).await?;
        let before = now().unix_us().saturating_sub(u64::from(self.older_than) * DAY_US);
        let mut removed = 0;
        loop {
            let pruned = journal.prune(Timestamp::from_unix_us(before), CHUNK).await.map_err(Error::from)?;
            removed += pruned.transactions;
            if !pruned.more {
                break;
            }
        }
        journal.close().await;
        if speech.json {
            print_json(&removed)?;
        } else {
            text::print(&format!("{} removed\n", text::plural(removed, "transaction")))?;
        }
        Ok(Exit::Completed)
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_us(now.as_micros() as u64)
}

/// A transaction by its id or the beginning of it.
pub(super) async fn find(journal: &dyn Journal, given: &str) -> anyhow::Result<TransactionId> {
    if let Ok(id) = given.parse() {
        return Ok(id);
    }
    let is_prefix = !given.is_empty() && given.len() < 26 && given.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_prefix {
        return Err(BadInput::new(format!(
            "`{given}` is not a transaction id (26 letters and digits, or the first of them)"
        ))
        .into());
    }
    let filter = Filter { id_prefix: Some(given.into()), ..Filter::default() };
    let rows = journal.list(&filter, Page { limit: 2, below: None }).await.map_err(Error::from)?;
    match rows.as_slice() {
        [one] => Ok(one.id),
        [] => Err(BadInput::new(format!(
            "no transaction begins with `{given}` in this journal (see them: wasaga transactions list)"
        ))
        .into()),
        _ => Err(BadInput::new(format!("several transactions begin with `{given}` (give more of the id)")).into()),
    }
}
