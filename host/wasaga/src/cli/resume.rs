//! `wasaga resume`: goes on with what nobody drives. What a living host drives is left alone.

use wasaga_core::{Operator, Report, Seq, Status, TransactionId};
use wasaga_engine::{Engine, Error, Recover};
use wasaga_journal::{Filter, Inbox, Journal, Page};
use wasaga_sandbox::Settings;

use crate::exit::{self, Exit, last_json, print_json};
use crate::hints::Hints;
use crate::options::{GuestOptions, JournalOptions, Rows, Speech};
use crate::shown::shown;
use crate::view::View;
use crate::{out, waiting, wiring};

/// Transactions that are looked at in one go.
const PAGE: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// One transaction, by its id or the beginning of it; left out, all that are unfinished. One
    /// that is paused goes on only when it is named.
    id: Option<String>,
    /// Why, for the record of a paused one
    #[arg(long, default_value = "resumed from the command line")]
    reason: String,
    #[command(flatten)]
    journal: JournalOptions,
    #[command(flatten)]
    guests: GuestOptions,
}

impl Resume {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let journal = wiring::journal(&self.journal).await?;
        let ids = match &self.id {
            Some(id) => vec![super::transactions::find(&*journal, id).await?],
            None => left(&*journal).await?,
        };
        if ids.is_empty() {
            return nothing(speech);
        }
        // A single one is shown as it goes, several by a line each.
        let one = if let [id] = ids[..] { Some(id) } else { None };
        let view = View::new(if one.is_some() { speech.rows() } else { Rows::Hidden }, Hints::of(&self.journal));
        let sandbox = wiring::sandbox(&self.guests, Settings { calls_max: 256, ..Settings::default() })?;
        let engine = wiring::engine(journal, sandbox).recover(Recover::Nothing).watch(view.clone()).start().await?;
        let done = match one {
            Some(id) => self.one(&engine, &view, id, speech).await,
            None => all(&engine, &view, ids, speech).await,
        };
        view.end();
        wiring::close(&engine).await;
        done
    }

    async fn one(&self, engine: &Engine, view: &View, id: TransactionId, speech: &Speech) -> anyhow::Result<Exit> {
        match self.drive(engine, view, id).await {
            Ok(None) => Ok(Exit::Unfinished),
            // Programs get an array, however many there are and however they were named.
            Ok(Some(report)) if speech.json => last_json(&[&report]).map(|()| Exit::of(&report)),
            Ok(Some(report)) => waiting::tell(&report, view, speech),
            Err(error) if speech.json => {
                out::remark(&shown!("{}  not finished: {}", id, exit::told(&error)));
                last_json(&[Resumed::Failed { transaction: id, error: exit::Told::of(&error) }])?;
                Ok(Exit::of_error(&error))
            }
            Err(error) => Err(error),
        }
    }

    /// Drives one to its end; none where the user asks to stop first.
    async fn drive(&self, engine: &Engine, view: &View, id: TransactionId) -> anyhow::Result<Option<Report>> {
        let stored = engine.journal().read(id, Seq(0), 0).await?;
        let row = stored.ok_or(Error::UnknownTransaction(id))?.row;
        view.begin(&row.definition, &engine.journal().identity());
        let mut stop = waiting::Stop::listen()?;
        let take = async {
            if row.paused && !row.status.is_ended() {
                let by = Operator { who: super::operate::who(), why: self.reason.clone() };
                engine.resume(id, by).await
            } else {
                engine.take(id).await
            }
        };
        match stop.unless_asked(take).await {
            None => Ok(None),
            Some(taken) => {
                taken?;
                waiting::wait(engine, view, id, &mut stop).await
            }
        }
    }
}

fn nothing(speech: &Speech) -> anyhow::Result<Exit> {
    if speech.json {
        print_json::<[(); 0]>(&[])?;
    } else {
        out::answer(&shown!("nothing to resume: every transaction has ended, is driven, or waits for a person\n"))?;
    }
    Ok(Exit::Completed)
}

/// Everything that nobody drives.
async fn all(engine: &Engine, view: &View, ids: Vec<TransactionId>, speech: &Speech) -> anyhow::Result<Exit> {
    let take = async {
        match engine.take_all().await {
            Ok(taken) => tracing::info!(taken, "transactions are taken up"),
            // Asked to stop: what was taken is told of, the rest stays as it is.
            Err(Error::Draining) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    };
    // The first ones are told while the last ones still wait for their place.
    let ((), exit) = tokio::try_join!(take, tell_all(engine, view, ids, speech))?;
    Ok(exit)
}

/// What programs get of one transaction: its report, or why there is none.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Resumed {
    Report(Box<Report>),
    Failed { transaction: TransactionId, error: exit::Told },
}

/// A line for each as it ends, or one array.
async fn tell_all(engine: &Engine, view: &View, ids: Vec<TransactionId>, speech: &Speech) -> anyhow::Result<Exit> {
    let (mut resumed, mut unfinished, mut stuck) = (Vec::new(), 0, 0);
    let mut stop = waiting::Stop::listen()?;
    for id in ids {
        match waiting::wait(engine, view, id, &mut stop).await {
            Ok(Some(report)) => {
                if !speech.json {
                    let line = shown!("{}  {}\n", report.transaction, crate::view::closing(&report));
                    // Each line is an answer, so none is dropped; a reader that stands still holds up the lines alone.
                    tokio::task::spawn_blocking(move || out::last_word(&line)).await?;
                }
                stuck += usize::from(report.status == Status::Stuck);
                resumed.push(Resumed::Report(Box::new(report)));
            }
            // Asked to stop: the others stay as they are.
            Ok(None) => {
                unfinished += 1;
                break;
            }
            Err(error) => {
                unfinished += 1;
                out::remark(&shown!("{}  not finished: {}", id, exit::told(&error)));
                resumed.push(Resumed::Failed { transaction: id, error: exit::Told::of(&error) });
            }
        }
    }
    if speech.json {
        last_json(&resumed)?;
    }
    Ok(match (unfinished, stuck) {
        (0, 0) => Exit::Completed,
        (0, _) => Exit::Stuck,
        _ => Exit::Unfinished,
    })
}

/// What nobody alive drives, oldest first: what goes on by itself, and what waits for a person and was told something.
async fn left(journal: &dyn Journal) -> anyhow::Result<Vec<TransactionId>> {
    let statuses = Status::ALL.into_iter().filter(|status| !status.is_ended()).collect();
    let filter = Filter { statuses, ..Filter::default() };
    let (mut ids, mut below) = (Vec::new(), None);
    loop {
        let rows = journal.list(&filter, Page { limit: PAGE, below }).await.map_err(Error::from)?;
        for row in rows.iter().filter(|row| row.owner.as_ref().is_none_or(|owner| !owner.alive)) {
            if waiting::is_left(row) || has_word(journal, row.id).await? {
                ids.push(row.id);
            }
        }
        below = rows.last().map(|row| row.id);
        if rows.len() < PAGE {
            ids.reverse();
            return Ok(ids);
        }
    }
}

/// Whether somebody has left a word for a transaction.
async fn has_word(journal: &dyn Journal, id: TransactionId) -> anyhow::Result<bool> {
    Ok(!journal.inbox(Inbox::Of(id), 1).await.map_err(Error::from)?.is_empty())
}
