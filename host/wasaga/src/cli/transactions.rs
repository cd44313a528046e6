//! `wasaga transactions`: what the journal has. Nothing is driven here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Subcommand, ValueEnum};
use wasaga_core::{LabelValue, Name, Status, Timestamp, TransactionId};
use wasaga_engine::{Error, Recover};
use wasaga_journal::{Filter, Journal, Page, Row};
use wasaga_sandbox::Settings;

use crate::exit::{BadInput, Exit, print_json};
use crate::hints::Hints;
use crate::options::{CacheOptions, JournalOptions, Speech};
use crate::shown::{Shown, shown};
use crate::{out, text, units, view, wiring};

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
    /// Only those with this label: `order=o-1`, `size=3`, `express=true`, and `order="3"` for a text that looks like a number;
    /// may stand several times
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<LabelArg>,
    /// Only the one that was started with this key, for each definition that has it
    #[arg(long)]
    key: Option<String>,
    /// Only those that wait for something that is missing: a module, a grant
    #[arg(long)]
    held: bool,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
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
    /// How long ago they have ended at least, such as `12h` or `30d`
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = units::span)]
    older_than: Duration,
    /// Only count them: nothing is removed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    journal: JournalOptions,
}

#[derive(Clone, Copy, Debug)]
struct StatusArg(Status);

/// A label as it is typed.
#[derive(Clone, Debug)]
struct LabelArg {
    typed: String,
    name: Name,
    value: LabelValue,
}

impl std::str::FromStr for LabelArg {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (name, value) = typed
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| "it is not `NAME=VALUE` (such as `order=o-1`)".to_owned())?;
        let value = match value {
            "true" => LabelValue::Flag(true),
            "false" => LabelValue::Flag(false),
            _ => match (value.parse(), serde_json::from_str::<String>(value)) {
                (Ok(number), _) => LabelValue::Integer(number),
                (_, Ok(quoted)) => LabelValue::Text(quoted.into()),
                _ => LabelValue::Text(value.into()),
            },
        };
        Ok(Self { typed: typed.into(), name: name.into(), value })
    }
}

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
            key: self.key.as_deref().map(Name::from),
            labels: self.label.iter().map(|label| (label.name.clone(), label.value.clone())).collect(),
            held: self.held,
            ..Filter::default()
        };
        let rows = journal
            .list(&filter, Page { limit: self.limit as usize, below: self.before })
            .await
            .map_err(Error::from)?;
        if speech.json {
            print_json(&rows.iter().map(listed).collect::<Vec<_>>())?;
        } else {
            out::answer(&self.table(&rows))?;
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

impl List {
    fn table(&self, rows: &[Row]) -> Shown {
        let Some(last) = rows.last() else { return shown!("no transactions\n") };
        let (now, hints) = (now(), Hints::of(&self.journal));
        let head = ["TRANSACTION", "DEFINITION", "STATUS", "SINCE", ""].map(|head| Shown::of(head).bold()).to_vec();
        let all: Vec<Vec<Shown>> =
            std::iter::once(head).chain(rows.iter().map(|row| cells(row, now, &hints))).collect();
        let mut text = text::table(&all);
        let words = self.next(last);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if rows.len() == self.limit as usize
            && let Some(command) = hints.command(&words)
        {
            text.push(&shown!("more: {}\n", command));
        }
        text
    }

    /// The list that follows this one, of the same rows.
    fn next(&self, last: &Row) -> Vec<String> {
        let mut words = vec!["transactions".to_owned(), "list".to_owned()];
        self.status.iter().for_each(|status| words.extend(["--status".to_owned(), status.0.as_str().to_owned()]));
        self.definition.iter().for_each(|name| words.extend(["--definition".to_owned(), name.clone()]));
        self.label.iter().for_each(|label| words.extend(["--label".to_owned(), label.typed.clone()]));
        self.key.iter().for_each(|key| words.extend(["--key".to_owned(), key.clone()]));
        words.extend(self.held.then(|| "--held".to_owned()));
        words.extend(["--limit".to_owned(), self.limit.to_string(), "--before".to_owned(), last.id.to_string()]);
        words
    }
}

fn cells(row: &Row, now: Timestamp, hints: &Hints) -> Vec<Shown> {
    let since = text::span(now.since(row.updated).as_micros() as u64);
    let alive = row.owner.as_ref().is_some_and(|owner| owner.alive);
    let proposed = |what: &str, verb: &str| match hints.about(verb, row.id, &[]) {
        Some(command) => shown!("{}: {}", what, command),
        None => Shown::of(what),
    };
    let note = match (row.status, row.paused, &row.owner) {
        (status, ..) if status.is_ended() => Shown::default(),
        (Status::Stuck, ..) => proposed("try again", "retry"),
        _ if row.held.is_some() => {
            shown!("waits: {}", Shown::clipped(row.held.as_deref().unwrap_or_default(), CAUSE_CHARS))
        }
        (_, true, _) => proposed("paused; go on", "resume"),
        (_, _, Some(owner)) if alive => shown!("driven by {}", owner.host),
        _ => proposed("driven by nobody; go on", "resume"),
    };
    vec![shown!("{}", row.id), shown!("{}", row.definition), view::colored(row.status), shown!("{} ago", since), note]
}

impl Show {
    async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let journal = wiring::journal(&self.journal).await?;
        let id = find(&*journal, &self.id).await?;
        if self.records {
            let stored = journal.load(id).await.map_err(Error::from)?.ok_or(Error::UnknownTransaction(id))?;
            let mut lines = Shown::default();
            for record in &stored.records {
                lines.line(&Shown::json(&wasaga_core::Json::of(record)?));
            }
            out::answer(&lines)?;
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
        let mut text = shown!("{}  {}\n\n", Shown::of(&*report.definition).bold(), report.transaction);
        for row in view::rows_of(&report) {
            text.line(&row.lines(view::columns()));
        }
        text.push(&shown!("\n{}", view::standing(&report, &Hints::of(&self.journal))));
        out::answer(&text)?;
        Ok(Exit::Completed)
    }
}

impl Prune {
    async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let journal = wiring::journal(&self.journal).await?;
        let age_us = u64::try_from(self.older_than.as_micros()).unwrap_or(u64::MAX);
        let before = Timestamp::from_unix_us(now().unix_us().saturating_sub(age_us));
        let count = if self.dry_run { old(&*journal, before).await? } else { prune(&*journal, before).await? };
        journal.close().await;
        if speech.json {
            print_json(&count)?;
        } else {
            let verb = if self.dry_run { "would be removed" } else { "removed" };
            out::answer(&shown!("{} {}\n", text::plural(count, "transaction"), verb))?;
        }
        Ok(Exit::Completed)
    }
}

/// Removes what ended before; answers how many.
async fn prune(journal: &dyn Journal, before: Timestamp) -> anyhow::Result<usize> {
    /// Records that are removed in one commit, so that others who write need not wait long.
    const CHUNK: usize = 2_000;
    let mut removed = 0;
    loop {
        let pruned = journal.prune(before, CHUNK).await.map_err(Error::from)?;
        removed += pruned.transactions;
        if !pruned.more {
            return Ok(removed);
        }
    }
}

/// Counts what ended before.
async fn old(journal: &dyn Journal, before: Timestamp) -> anyhow::Result<usize> {
    const PAGE: usize = 1_000;
    let statuses = Status::ALL.into_iter().filter(|status| status.is_ended()).collect();
    let filter = Filter { statuses, ..Filter::default() };
    let (mut count, mut below) = (0, None);
    loop {
        let rows = journal.list(&filter, Page { limit: PAGE, below }).await.map_err(Error::from)?;
        count += rows.iter().filter(|row| row.ended.is_some_and(|ended| ended < before)).count();
        below = rows.last().map(|row| row.id);
        if rows.len() < PAGE {
            return Ok(count);
        }
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
