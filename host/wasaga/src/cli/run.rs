//! `wasaga run`: one saga or TCC, from its input to its end, seen as it happens.

use std::path::PathBuf;
use std::sync::Arc;

use wasaga_core::definition::CompensationPolicy;
use wasaga_core::{Name, Report, Status, TransactionId};
use wasaga_engine::{Engine, Recover, StartRequest};
use wasaga_journal::{Filter, Page};
use wasaga_sandbox::Settings;

use crate::exit::Exit;
use crate::hints::Hints;
use crate::loading::{self, Provider, Providers, add_module, add_providers};
use crate::options::{GuestOptions, JournalOptions, Speech};
use crate::shown::shown;
use crate::view::View;
use crate::waiting::{self, Stop};
use crate::{input, text, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The module: a component, a `.wasm` file
    file: PathBuf,
    /// Which of its sagas and TCCs; may be left out where there is one
    definition: Option<String>,
    #[command(flatten)]
    providers: Providers,
    /// What it is started with: JSON, `@FILE`, or `-` for standard input
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    input: String,
    /// A header that every call carries; may stand several times
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// Makes a repeated start find the first one instead of starting another
    #[arg(long)]
    key: Option<String>,
    /// In which order a saga is undone, and what follows when undoing fails
    #[arg(long, value_enum, value_name = "POLICY")]
    compensation_policy: Option<Policy>,
    #[command(flatten)]
    journal: JournalOptions,
    #[command(flatten)]
    guests: GuestOptions,
}

/// The policies, as they are typed.
#[derive(Clone, Copy, Debug)]
struct Policy(CompensationPolicy);

impl clap::ValueEnum for Policy {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Policy; 5] = {
            let all = CompensationPolicy::ALL;
            [Policy(all[0]), Policy(all[1]), Policy(all[2]), Policy(all[3]), Policy(all[4])]
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let help = match self.0 {
            CompensationPolicy::StrictSequential => "one at a time, last first; stuck at the first that fails",
            CompensationPolicy::GroupedParallel => "layer by layer, each at once; stuck after a layer with a failure",
            CompensationPolicy::RetryWithBackoff => "as strict-sequential, with the step's retries",
            CompensationPolicy::CircuitBreaker => "goes on past failures, but not past a critical one",
            CompensationPolicy::BestEffortParallel => "all at once, goes on past failures",
        };
        Some(clap::builder::PossibleValue::new(self.0.as_str()).help(help))
    }
}

impl Run {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        // What was typed is looked at before anything is opened or compiled.
        let input = input::json(&self.input)?;
        let headers = input::headers(&self.header)?;
        let bytes = input::module(&self.file)?;
        let providers = self.providers.read()?;
        let journal = wiring::journal(&self.journal).await?;
        let view = View::new(speech.rows(), Hints::of(&self.journal));
        let sandbox = wiring::sandbox(&self.guests, Settings { calls_max: 64, ..Settings::default() })?;
        let engine = wiring::engine(journal, sandbox).recover(Recover::Nothing).watch(view.clone()).start().await?;
        let done = self.start_and_wait(&engine, &view, input, headers, bytes, providers).await;
        let exit = match &done {
            Ok(Some(report)) => waiting::tell(report, &view, speech),
            Ok(None) => Ok(Exit::Unfinished),
            Err(_) => Ok(Exit::Host),
        };
        view.end();
        wiring::close(&engine).await;
        done?;
        exit
    }

    async fn start_and_wait(
        &self,
        engine: &Engine,
        view: &Arc<View>,
        input: wasaga_core::Json,
        headers: std::collections::BTreeMap<Name, Arc<str>>,
        bytes: Arc<[u8]>,
        providers: Vec<Provider<'_>>,
    ) -> anyhow::Result<Option<Report>> {
        let module = add_module(engine, bytes, &self.file).await?;
        add_providers(engine, providers).await?;
        let names = engine.definitions(module.digest)?;
        let definition = loading::choose(self.definition.as_deref(), &names, &module.description.name)?;
        let plan = engine.plan(module.digest, &definition)?;
        view.warn(&module.description.warnings);
        view.warn(plan.warnings());
        let request = StartRequest {
            headers,
            policy: self.compensation_policy.map(|policy| policy.0),
            key: self.key.as_deref().map(Name::from),
            ..StartRequest::new(module.digest, definition.clone(), input)
        };
        view.begin(plan.name(), &engine.journal().identity());
        let mut stop = Stop::listen()?;
        let Some(started) = stop.unless_asked(engine.start(request)).await else { return Ok(None) };
        let started = started?;
        if started.existing {
            let key = self.key.as_deref().unwrap_or_default();
            view.say(&shown!("key `{}` was used before: this is that transaction", key));
            // It is driven here where nobody drives it: otherwise this would wait for ever.
            drop(engine.take(started.id).await);
        }
        tell_of_others(engine, view, started.id).await?;
        waiting::wait(engine, view, started.id, &mut stop).await
    }
}

/// What an earlier crash left is not driven by `run`, but it is not passed over in silence.
async fn tell_of_others(engine: &Engine, view: &View, own: TransactionId) -> anyhow::Result<()> {
    const LOOKED_AT: usize = 100;
    let statuses = Status::ALL.into_iter().filter(|status| status.is_under_way()).collect();
    let filter = Filter { statuses, ..Filter::default() };
    let rows = engine.journal().list(&filter, Page { limit: LOOKED_AT, below: None }).await?;
    let left = rows.iter().filter(|row| row.id != own && waiting::is_left(row));
    let count = left.count();
    if count > 0 {
        let more = if count == LOOKED_AT { "at least " } else { "" };
        let left = text::plural(count, "unfinished transaction");
        let command = view.hints().command(&["resume"]).unwrap_or_default();
        view.say(&shown!("{}{} of an earlier time, which nobody drives; go on: {}", more, left, command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn policies_are_typed_as_they_are_stored() {
        for policy in CompensationPolicy::ALL {
            assert_eq!(Policy::from_str(policy.as_str(), false).unwrap().0, policy);
        }
    }
}
