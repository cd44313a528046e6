//! `wasaga run`: one saga or TCC, from its input to its end, seen as it happens.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use wasaga_core::definition::CompensationPolicy;
use wasaga_core::{Name, Report, Status, TransactionId};
use wasaga_engine::{Engine, Recover, StartRequest};
use wasaga_journal::{Filter, Page};
use wasaga_sandbox::Settings;

use super::Options;
use crate::exit::{BadInput, Exit, print_json};
use crate::view::{View, compiling};
use crate::{input, text, wiring};

/// How long calls in flight may go on after the user asks to stop.
const PATIENCE: Duration = Duration::from_secs(10);

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
    #[arg(long, value_enum)]
    policy: Option<Policy>,
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
    pub(crate) async fn run(self, options: &Options) -> anyhow::Result<Exit> {
        // What was typed is looked at before anything is opened or compiled.
        let input = input::json(&self.input)?;
        let headers = input::headers(&self.header)?;
        let bytes = input::module(&self.file)?;
        let providers = self.providers.read()?;
        let journal = wiring::journal(options).await?;
        let view = View::new(options.json);
        let sandbox = wiring::sandbox(options, Settings { calls_max: 64, ..Settings::default() })?;
        let engine = wiring::engine(journal, sandbox).recover(Recover::Nothing).watch(view.clone()).start().await?;
        let done = self.start_and_wait(&engine, &view, input, headers, bytes, providers).await;
        view.end();
        let exit = match &done {
            Ok(Some(report)) => tell(report, &view, options),
            Ok(None) => Ok(Exit::Unfinished),
            Err(_) => Ok(Exit::Host),
        };
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
        let definition = choose(self.definition.as_deref(), &names, &module.description.name)?;
        let plan = engine.plan(module.digest, &definition)?;
        view.warn(plan.warnings());
        let request = StartRequest {
            headers,
            policy: self.policy.map(|policy| policy.0),
            key: self.key.as_deref().map(Name::from),
            ..StartRequest::new(module.digest, definition.clone(), input)
        };
        view.begin(plan.name(), &engine.journal().identity());
        let mut stop = Stop::listen()?;
        let started = engine.start(request).await?;
        if started.existing {
            view.say(&format!(
                "key `{}` was used before: this is that transaction",
                self.key.as_deref().unwrap_or("")
            ))?;
            // It is driven here where nobody drives it: otherwise this would wait for ever.
            drop(engine.take(started.id).await);
        }
        tell_of_others(engine, view, started.id).await?;
        wait(engine, view, started.id, &mut stop).await
    }
}

/// Modules beside the one that is run.
#[derive(Debug, clap::Args)]
pub(super) struct Providers {
    /// Another module, which provides steps or participants of this one; may stand several times
    #[arg(long = "with", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// One of them, read.
pub(super) type Provider<'p> = (&'p Path, Arc<[u8]>);

impl Providers {
    pub(super) fn read(&self) -> anyhow::Result<Vec<Provider<'_>>> {
        self.files.iter().map(|file| Ok((&**file, input::module(file)?))).collect()
    }
}

pub(super) async fn add_providers(engine: &Engine, providers: Vec<Provider<'_>>) -> anyhow::Result<()> {
    for (file, bytes) in providers {
        add_module(engine, bytes, file).await?;
    }
    Ok(())
}

/// Loads a module. Compiling a large one takes its time, once, and then it is told.
pub(super) async fn add_module(
    engine: &Engine,
    bytes: Arc<[u8]>,
    file: &Path,
) -> anyhow::Result<wasaga_engine::Module> {
    let count = bytes.len();
    with_file(compiling::told(engine.add_module(bytes), file, count).await, file)
}

/// Puts the file's name before what is wrong with the module.
fn with_file<T>(loaded: Result<T, wasaga_engine::Error>, file: &Path) -> anyhow::Result<T> {
    loaded.map_err(|error| match error {
        wasaga_engine::Error::Load(error) => {
            BadInput::because(format!("module `{}` cannot be used", file.display()), error).into()
        }
        other => other.into(),
    })
}

/// The definition that was named, or the only one there is.
pub(super) fn choose(named: Option<&str>, names: &[Name], module: &str) -> anyhow::Result<Name> {
    match (named, names) {
        (Some(name), _) => Ok(name.into()),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let list = list.join(", ");
            Err(BadInput::new(format!("module `{module}` has several definitions; name one of: {list}")).into())
        }
    }
}

/// The last word on a transaction: the result object for programs, a line for people.
pub(super) fn tell(report: &Report, view: &View, options: &Options) -> anyhow::Result<Exit> {
    if options.json {
        print_json(report)?;
    } else {
        view.conclude(report)?;
    }
    Ok(Exit::of(report))
}

/// Waits for the end, or for the user to ask for one; none where it is left for another time.
pub(super) async fn wait(
    engine: &Engine,
    view: &View,
    id: TransactionId,
    stop: &mut Stop,
) -> anyhow::Result<Option<Report>> {
    tokio::select! {
        report = engine.wait(id) => Ok(Some(report?)),
        () = stop.asked() => {
            view.end();
            eprintln!("stopping: calls in flight may end within {} s (once more to stop at once)", PATIENCE.as_secs());
            tokio::select! {
                _ = engine.drain(PATIENCE) => {}
                () = stop.asked() => { engine.drain(Duration::ZERO).await; }
            }
            // It may have ended in the last moment.
            let row = engine.journal().load(id).await?.map(|stored| stored.row);
            match row {
                Some(row) if row.status.is_ended() => Ok(Some(engine.result(id).await?)),
                _ => {
                    eprintln!("transaction {id} is kept in the journal and not finished; go on: wasaga resume {id}");
                    Ok(None)
                }
            }
        }
    }
}

/// Ctrl-C and SIGTERM, from the moment that this is made: before anything begins that should end in order.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next time that the user, or the system, asks this process to end.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What an earlier crash left is not driven by `run`, but it is not passed over in silence.
async fn tell_of_others(engine: &Engine, view: &View, own: TransactionId) -> anyhow::Result<()> {
    const LOOKED_AT: usize = 100;
    let statuses = Status::ALL.into_iter().filter(|status| status.is_under_way()).collect();
    let filter = Filter { statuses, ..Filter::default() };
    let rows = engine.journal().list(&filter, Page { limit: LOOKED_AT, below: None }).await?;
    let left =
        rows.iter().filter(|row| row.id != own && !row.paused && row.owner.as_ref().is_none_or(|owner| !owner.alive));
    match left.count() {
        0 => Ok(()),
        count => {
            let more = if count == LOOKED_AT { "at least " } else { "" };
            view.say(&format!(
                "{more}{} of an earlier time, which nobody drives; go on: wasaga resume",
                text::plural(count, "unfinished transaction")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_definition_is_named_or_the_only_one() {
        let (a, b) = (Name::from("a"), Name::from("b"));
        assert_eq!(choose(None, std::slice::from_ref(&a), "m").unwrap(), a);
        assert_eq!(choose(Some("b"), &[a.clone(), b.clone()], "m").unwrap(), b);
        let told = choose(None, &[a, b], "m").unwrap_err().to_string();
        assert_eq!(told, "module `m` has several definitions; name one of: `a`, `b`");
    }

    #[test]
    fn policies_are_typed_as_they_are_stored() {
        for policy in CompensationPolicy::ALL {
            assert_eq!(Policy::from_str(policy.as_str(), false).unwrap().0, policy);
        }
    }
}
