//! `wasaga inspect`: what a module says of itself, with the limits that it would get here.

use std::path::PathBuf;

use console::Style;
use wasaga_core::definition::{self, Capability, Source};
use wasaga_core::{Checked, Json, Limits, Participant, Plan, Step, TccPlan};
use wasaga_engine::{Engine, Module};
use wasaga_sandbox::{Grants, Standing, Terms};

use crate::exit::{Exit, print_json};
use crate::options::{CacheOptions, PolicyOptions, Speech};
use crate::shown::{Shown, shown};
use crate::{loading, out, policy, text};

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The module: a component, a `.wasm` file
    file: PathBuf,
    /// Only this saga or TCC
    definition: Option<String>,
    #[command(flatten)]
    cache: CacheOptions,
    #[command(flatten)]
    policy: PolicyOptions,
}

/// What programs get.
#[derive(serde::Serialize)]
struct Said<'a> {
    digest: wasaga_core::Digest,
    bytes: usize,
    module: &'a definition::Module,
}

impl Inspect {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let (engine, module, bytes) = loading::look(&self.cache, &self.file).await?;
        if let Some(name) = &self.definition {
            engine.plan(module.digest, name)?;
        }
        if speech.json {
            print_json(&Said { digest: module.digest, bytes, module: &module.description })?;
        } else {
            let policy = policy::read(self.policy.policy.as_deref(), &self.policy.grant)?.policy;
            let allowed = policy.terms(&module.description.name, module.digest);
            out::answer(&describe(&engine, &module, bytes, self.definition.as_deref(), &allowed)?)?;
        }
        Ok(Exit::Completed)
    }
}

/// Characters of a description.
const DESCRIPTION_CHARS: usize = 400;
/// Characters of a literal that is bound to a parameter.
const LITERAL_CHARS: usize = 40;

/// Whether an origin that is asked for is granted, or which parts of a pattern are.
fn granted_of(origin: &str, grants: &Grants) -> Shown {
    let Ok(origin) = origin.parse() else { return shown!("not an origin") };
    if grants.allow(&origin) {
        return shown!("granted");
    }
    let parts: Vec<Shown> = grants.parts_of(&origin).map(Shown::of).collect();
    if parts.is_empty() { shown!("not granted") } else { shown!("granted: {}", Shown::join(parts, ", ")) }
}

/// What it asks for, and whether it gets it.
fn asks(said: &definition::Module, (allowed, standing): &(Terms, Standing)) -> Shown {
    let known = match standing {
        Standing::Unnamed => Shown::default(),
        Standing::ByDigest => shown!("the policy names its digest under `[modules.{}]`\n", said.name),
        Standing::ByName => {
            shown!("the policy trusts its name alone, under `[modules.{}]` (bind it: `digest = …`)\n", said.name)
        }
        Standing::Stranger => {
            shown!("the policy names other digests under `[modules.{}]`: it gets nothing of them\n", said.name)
        }
    };
    if said.capabilities.is_empty() {
        return shown!("{}asks for nothing\n", known);
    }
    let plain = |granted: bool| if granted { shown!("granted") } else { shown!("not granted") };
    let rows = said.capabilities.iter().map(|capability| {
        let (what, granted) = match capability {
            Capability::OutgoingHttp(origin) => (shown!("http {}", origin), granted_of(origin, &allowed.grants)),
            Capability::Config(key) => (shown!("config {}", key), plain(allowed.config.contains_key(key))),
            Capability::Secret(name) => (shown!("secret {}", name), plain(allowed.secrets.contains_key(name))),
        };
        vec![shown!("  {}", what), granted]
    });
    shown!("{}asks for:\n{}", known, text::table(&rows.collect::<Vec<_>>()))
}

fn describe(
    engine: &Engine,
    module: &Module,
    bytes: usize,
    only: Option<&str>,
    allowed: &(Terms, Standing),
) -> anyhow::Result<Shown> {
    let said = &module.description;
    let (name, size) = (Shown::of(&said.name).bold(), text::size(bytes as u64));
    let mut text = shown!("{} {}  {}  {}\n", name, said.version, size, module.digest);
    if !said.description.is_empty() {
        text.line(&Shown::clipped(&said.description, DESCRIPTION_CHARS));
    }
    text.line(&match said.calls_per_instance {
        0 | 1 => shown!("a fresh instance for every call"),
        calls => shown!("one instance serves up to {} calls", calls),
    });
    text.push(&asks(said, allowed));
    for name in engine.definitions(module.digest)? {
        if only.is_none_or(|only| *name == *only) {
            text.push(&match engine.plan(module.digest, &name)? {
                Checked::Saga(plan) => saga(&plan),
                Checked::Tcc(plan) => tcc(&plan),
            });
        }
    }
    Ok(text)
}

/// `saga order  what it is for`.
fn title(kind: &str, name: &str, description: &str) -> Shown {
    let title = shown!("\n{} {}", kind, Shown::of(name).bold());
    if description.is_empty() {
        return title;
    }
    shown!("{}  {}", title, Shown::clipped(description, DESCRIPTION_CHARS))
}

fn saga(plan: &Plan) -> Shown {
    let mut text = title("saga", &plan.name, &plan.description);
    text.push(&shown!("\n  undone by {}", plan.policy.as_str()));
    if let Some(deadline) = plan.deadline {
        text.push(&shown!(", after {} at the latest", text::span(deadline.saturating_mul(1_000))));
    }
    if plan.concurrency != usize::MAX {
        text.push(&shown!(", {} at once", text::plural(plan.concurrency, "call")));
    }
    text.push(&shown!("\n"));
    let rows: Vec<Vec<Shown>> = plan.steps().iter().map(|step| row(plan, step)).collect();
    text.push(&text::table(&rows));
    text.push(&remarks(&plan.warnings, plan.input_schema.as_ref()));
    text
}

fn tcc(plan: &TccPlan) -> Shown {
    let mut text = title("tcc", &plan.name, &plan.description);
    text.push(&shown!("\n"));
    if let Some(deadline) = plan.deadline {
        let span = text::span(deadline.saturating_mul(1_000));
        text.push(&shown!("  cancelled unless all is tried after {}\n", span));
    }
    let mut participants: Vec<&Participant> = plan.participants().iter().collect();
    participants.sort_by_key(|participant| participant.order);
    let rows: Vec<Vec<Shown>> = participants.into_iter().map(participant_row).collect();
    text.push(&text::table(&rows));
    text.push(&remarks(&plan.warnings, plan.input_schema.as_ref()));
    text
}

fn participant_row(participant: &Participant) -> Vec<Shown> {
    let settling = |word: &str, limits: &Limits| {
        let attempts = text::plural(limits.retry.max_attempts as usize, "attempt");
        shown!("{} {}, {}", word, text::span(limits.timeout.saturating_mul(1_000)), attempts)
    };
    vec![
        shown!("  {}({})", participant.id, parameters(&participant.parameters)),
        match &participant.provider {
            Some(module) => shown!("order {}, by module {}", participant.order, module),
            None => shown!("order {}", participant.order),
        },
        if participant.optional { shown!("optional") } else { Shown::default() },
        Shown::join(bounds(&participant.try_limits), ", "),
        settling("confirm", &participant.confirm_limits),
        settling("cancel", &participant.cancel_limits),
    ]
}

/// What an operation may use.
fn bounds(limits: &Limits) -> Vec<Shown> {
    vec![
        Shown::of(text::span(limits.timeout.saturating_mul(1_000))),
        Shown::of(text::plural(limits.retry.max_attempts as usize, "attempt")),
        shown!("fuel {}", text::count(limits.fuel)),
        Shown::of(text::size(limits.memory_bytes)),
    ]
}

fn remarks(warnings: &[String], schema: Option<&Json>) -> Shown {
    let mark = Shown::ours("warning:").styled(&Style::new().yellow());
    let mut text: Shown = warnings.iter().map(|warning| shown!("  {} {}\n", mark, warning)).collect();
    if let Some(schema) = schema {
        text.push(&shown!("  input: {}\n", Shown::json(schema)));
    }
    text
}

fn row(plan: &Plan, step: &Step) -> Vec<Shown> {
    let after = Shown::join(step.depends_on.iter().map(|ix| Shown::of(&*plan.step(*ix).id)), ", ");
    let after = if after.is_empty() { shown!("at once") } else { shown!("after {}", after) };
    let mut notes = bounds(&step.limits);
    notes.extend(step.provider.as_ref().map(|module| shown!("by module {}", module)));
    notes.extend(step.at_most_once.then(|| shown!("at most once")));
    notes.extend(step.condition.as_ref().map(|condition| shown!("if {}", condition)));
    notes.extend(step.each.as_ref().map(|each| shown!("each of {}", source(each))));
    let undo = step
        .compensation
        .as_ref()
        .map(|undo| shown!("↩ {}{}", undo.name, if undo.critical { " (critical)" } else { "" }));
    vec![
        shown!("  {}({})", step.id, parameters(&step.parameters)),
        after,
        undo.unwrap_or_else(|| shown!("cannot be undone")),
        Shown::join(notes, ", "),
    ]
}

fn parameters(parameters: &[definition::Parameter]) -> Shown {
    let parameter = |parameter: &definition::Parameter| {
        let optional = if parameter.required { "" } else { "?" };
        shown!("{}{}: {}", parameter.name, optional, source(&parameter.source))
    };
    Shown::join(parameters.iter().map(parameter), ", ")
}

fn source(source: &Source) -> Shown {
    let part = |whole: &str, pointer: &Option<String>| shown!("{}{}", whole, pointer.as_deref().unwrap_or(""));
    match source {
        Source::Input(pointer) => part("input", pointer),
        Source::StepOutput { step, pointer } => part(step, pointer),
        Source::Variable(name) => shown!("variable {}", name),
        Source::Header(name) => shown!("header {}", name),
        Source::Item(pointer) => part("item", pointer),
        Source::OwnOutput(pointer) => part("output", pointer),
        Source::CompensationOutput(step) => shown!("compensation of {}", step),
        Source::Cause => shown!("cause"),
        Source::Literal(value) => Shown::clipped(value.as_str(), LITERAL_CHARS),
    }
}
