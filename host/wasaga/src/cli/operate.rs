//! What an operator asks of a transaction: retry, skip, patch, cancel, pause, terminate. Each is
//! recorded with who and why. What then follows is driven here to its end.

use std::future::Future;

use wasaga_core::{Operator, TransactionId};
use wasaga_engine::{Engine, Recover};
use wasaga_sandbox::Settings;

use crate::exit::{BadInput, Exit};
use crate::hints::Hints;
use crate::options::{GuestOptions, JournalOptions, Speech};
use crate::view::View;
use crate::{input, waiting, wiring};

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
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    /// The transaction, by its id or the beginning of it
    id: String,
    #[command(flatten)]
    why: Why,
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

type Asked = Result<(), wasaga_engine::Error>;

impl Retry {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = self.why.operator();
        let ask = async |engine: Engine, id| engine.retry(id, self.step.as_deref(), by).await;
        order(&self.place, speech, &self.id, ask).await
    }
}

impl Skip {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = Why { reason: self.reason, by: self.by }.operator();
        order(&self.place, speech, &self.id, async |engine: Engine, id| engine.skip(id, &self.step, by).await).await
    }
}

impl Patch {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = self.why.operator();
        let arguments = input::json(&self.arguments)?;
        if !arguments.as_str().starts_with('{') {
            return Err(BadInput::new("`--arguments` is not a JSON object (name every parameter)").into());
        }
        let ask = async |engine: Engine, id| engine.patch(id, &self.step, arguments, by).await;
        order(&self.place, speech, &self.id, ask).await
    }
}

impl Cancel {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = self.why.operator();
        order(&self.place, speech, &self.id, async |engine: Engine, id| engine.cancel(id, by).await).await
    }
}

impl Pause {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = self.why.operator();
        let exit = order(&self.place, speech, &self.id, async |engine: Engine, id| engine.pause(id, by).await).await?;
        // Paused is what was asked for.
        Ok(if exit == Exit::Unfinished { Exit::Completed } else { exit })
    }
}

impl Terminate {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let by = Why { reason: self.reason, by: self.by }.operator();
        let exit =
            order(&self.place, speech, &self.id, async |engine: Engine, id| engine.terminate(id, by).await).await?;
        // Terminated is what was asked for.
        Ok(if exit == Exit::Terminated { Exit::Completed } else { exit })
    }
}

/// Asks, and drives what follows to its end.
async fn order<F: Future<Output = Asked>>(
    place: &Place,
    speech: &Speech,
    id: &str,
    ask: impl FnOnce(Engine, TransactionId) -> F,
) -> anyhow::Result<Exit> {
    let journal = wiring::journal(&place.journal).await?;
    let id = super::transactions::find(&*journal, id).await?;
    let view = View::new(speech.rows(), Hints::of(&place.journal));
    let sandbox = wiring::sandbox(&place.guests, Settings { calls_max: 64, ..Settings::default() })?;
    let engine = wiring::engine(journal, sandbox).recover(Recover::Nothing).watch(view.clone()).start().await?;
    let done = async {
        let mut stop = waiting::Stop::listen()?;
        ask(engine.clone(), id).await?;
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

/// Who is logged in, as far as the environment tells.
pub(super) fn who() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into())
}
