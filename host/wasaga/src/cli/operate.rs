//! What an operator asks of a transaction: retry, skip, patch, cancel, pause, terminate. Each is
//! recorded with who and why. What then follows is driven here to its end, or left to another process.

use std::os::unix::fs::MetadataExt as _;

use wasaga_core::{Message, Operator, Seq, TransactionId, Word};
use wasaga_engine::{Engine, Error, Recover};
use wasaga_journal::{HostId, Journal};
use wasaga_sandbox::Settings;

use crate::exit::{BadInput, Exit, print_json};
use crate::hints::Hints;
use crate::options::{GuestOptions, JournalOptions, Speech};
use crate::shown::shown;
use crate::view::View;
use crate::waiting::{self, Stop};
use crate::{input, out, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// Why, for the record
    #[arg(long, default_value = "from the command line")]
    reason: String,
    /// Who, for the record [default: the user who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Why {
    fn operator(&self) -> Operator {
        Operator { who: self.by.clone().unwrap_or_else(who), why: self.reason.clone() }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    /// The transaction, by its id or the beginning of it
    id: String,
    /// Only the compensation of this step, or of one item as `step[3]`, or what is stuck of this participant
    step: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    driving: Driving,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Skip {
    /// The transaction, by its id or the beginning of it
    id: String,
    /// The step, or the item as `step[3]`, whose compensation is given up; the participant whose confirm or cancel is
    step: String,
    /// Why nothing is left to undo, for the record
    #[arg(long)]
    reason: String,
    /// Who, for the record [default: the user who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    driving: Driving,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Patch {
    /// The transaction, by its id or the beginning of it
    id: String,
    /// The step or participant, or `step[3]` for an item of a fan-out
    step: String,
    /// The whole arguments object of what is stuck: JSON, `@FILE`, or `-`
    #[arg(long, value_name = "JSON|@FILE|-")]
    arguments: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    driving: Driving,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    /// The transaction, by its id or the beginning of it
    id: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    driving: Driving,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Pause {
    /// The transaction, by its id or the beginning of it
    id: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Terminate {
    /// The transaction, by its id or the beginning of it
    id: String,
    /// Why it is ended without being undone, for the record
    #[arg(long)]
    reason: String,
    /// Who, for the record [default: the user who is logged in]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Where the transaction is, and what drives it on.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    #[command(flatten)]
    journal: JournalOptions,
    #[command(flatten)]
    guests: GuestOptions,
}

/// Who drives what follows.
#[derive(Debug, clap::Args)]
pub(crate) struct Driving {
    /// Leave what follows to another process: the word waits in the journal, and whoever drives the transaction hears it
    /// first. Without this it is driven here, with what this command is granted
    #[arg(long)]
    no_drive: bool,
}

/// What is asked, and how.
struct Asked<'a> {
    id: &'a str,
    by: Operator,
    word: Word,
    no_drive: bool,
}

impl Retry {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let word = Word::Retry { node: self.step.as_deref().map(Into::into) };
        let asked = Asked { id: &self.id, by: self.why.operator(), word, no_drive: self.driving.no_drive };
        order(&self.place, speech, asked).await
    }
}

impl Skip {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = Why { reason: self.reason, by: self.by }.operator();
        let word = Word::Skip { node: self.step.as_str().into() };
        order(&self.place, speech, Asked { id: &self.id, by, word, no_drive: self.driving.no_drive }).await
    }
}

impl Patch {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let arguments = input::json(&self.arguments)?;
        if !arguments.as_str().starts_with('{') {
            return Err(BadInput::new("`--arguments` is not a JSON object (name every parameter)").into());
        }
        let word = Word::Patch { node: self.step.as_str().into(), item: None, arguments };
        let asked = Asked { id: &self.id, by: self.why.operator(), word, no_drive: self.driving.no_drive };
        order(&self.place, speech, asked).await
    }
}

impl Cancel {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let (by, no_drive) = (self.why.operator(), self.driving.no_drive);
        order(&self.place, speech, Asked { id: &self.id, by, word: Word::Cancel, no_drive }).await
    }
}

impl Pause {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let asked = Asked { id: &self.id, by: self.why.operator(), word: Word::Pause, no_drive: false };
        let exit = order(&self.place, speech, asked).await?;
        // Paused is what was asked for.
        Ok(if exit == Exit::Unfinished { Exit::Completed } else { exit })
    }
}

impl Terminate {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = Why { reason: self.reason, by: self.by }.operator();
        let asked = Asked { id: &self.id, by, word: Word::Terminate, no_drive: false };
        let exit = order(&self.place, speech, asked).await?;
        // Terminated is what was asked for.
        Ok(if exit == Exit::Terminated { Exit::Completed } else { exit })
    }
}

/// Asks, and drives what follows to its end, unless that is left to others.
async fn order(place: &Place, speech: &Speech, asked: Asked<'_>) -> anyhow::Result<Exit> {
    let journal = wiring::journal(&place.journal).await?;
    let id = super::transactions::find(&*journal, asked.id).await?;
    let hints = Hints::of(&place.journal);
    if asked.no_drive {
        let exit = leave_word(&*journal, id, asked, &hints, speech).await;
        journal.close().await;
        return exit;
    }
    let view = View::new(speech.rows(), hints);
    tell_who_drives(&*journal, &view, id, &asked.word).await?;
    let sandbox = wiring::sandbox(&place.guests, Settings { calls_max: 64, ..Settings::default() })?;
    let engine = wiring::engine(journal, sandbox).recover(Recover::Nothing).watch(view.clone()).start().await?;
    let done = async {
        let mut stop = Stop::listen()?;
        // It takes a module to hear a word, and a module may take its time.
        let Some(said) = stop.unless_asked(say(&engine, id, asked)).await else { return Ok(Exit::Unfinished) };
        said?;
        match waiting::wait(&engine, &view, id, &mut stop).await? {
            None => Ok(Exit::Unfinished),
            Some(report) => waiting::tell(&report, &view, speech),
        }
    }
    .await;
    view.end();
    wiring::close(&engine).await;
    done
}

async fn say(engine: &Engine, id: TransactionId, Asked { by, word, .. }: Asked<'_>) -> Result<(), Error> {
    match word {
        Word::Cancel => engine.cancel(id, by).await,
        Word::Pause => engine.pause(id, by).await,
        Word::Resume => engine.resume(id, by).await,
        Word::Terminate => engine.terminate(id, by).await,
        Word::Retry { node } => engine.retry(id, node.as_deref(), by).await,
        Word::Skip { node } => engine.skip(id, &node, by).await,
        Word::Patch { node, arguments, .. } => engine.patch(id, &node, arguments, by).await,
    }
}

/// The host that drives a transaction and is alive.
async fn driver(journal: &dyn Journal, id: TransactionId) -> anyhow::Result<Option<HostId>> {
    let stored = journal.read(id, Seq(0), 0).await.map_err(Error::from)?;
    let owner = stored.ok_or(Error::UnknownTransaction(id))?.row.owner;
    Ok(owner.filter(|owner| owner.alive).map(|owner| owner.host))
}

/// Guests are called where the transaction is driven, with what is granted there.
async fn tell_who_drives(journal: &dyn Journal, view: &View, id: TransactionId, word: &Word) -> anyhow::Result<()> {
    if matches!(word, Word::Pause | Word::Terminate) {
        return Ok(());
    }
    view.say(&match driver(journal, id).await? {
        Some(host) => shown!("host {} drives it and hears this", host),
        None => shown!("driven here, with what this command is granted (`--no-drive` leaves it to another process)"),
    });
    Ok(())
}

/// What programs get of a word that is left.
#[derive(serde::Serialize)]
struct Left {
    transaction: TransactionId,
    /// The host that drives it and hears the word at once; null where it waits for one that will.
    driver: Option<String>,
}

/// Puts a word into the journal, for whoever drives the transaction. Whether it is refused is known when it is heard.
async fn leave_word(
    journal: &dyn Journal,
    id: TransactionId,
    Asked { by, word, .. }: Asked<'_>,
    hints: &Hints,
    speech: &Speech,
) -> anyhow::Result<Exit> {
    let driver = driver(journal, id).await?;
    journal.post(id, Message::Word { by, word }).await.map_err(Error::from)?;
    if speech.json {
        let driver = driver.map(|host| host.to_string());
        print_json(&Left { transaction: id, driver })?;
    } else if let Some(host) = driver {
        out::answer(&shown!("left in the journal; host {} drives transaction {} and hears it\n", host, id))?;
    } else {
        let command = hints.about("resume", id, &[]).unwrap_or_default();
        out::answer(&shown!("left in the journal; whoever drives transaction {} hears it first: {}\n", id, command))?;
    }
    Ok(Exit::Completed)
}

/// Who is logged in, as far as the environment tells, or else who this process is.
pub(super) fn who() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).or_else(process_user).unwrap_or_else(|| "unknown".into())
}

/// The name of the user whose process this is, or the number where the system has no name for it.
fn process_user() -> Option<String> {
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| format!("uid {uid}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_user_without_the_environment() {
        let user = process_user().unwrap();
        assert!(!user.is_empty() && user != "unknown", "{user}");
    }
}
