//! `wasaga inspect`: what a module says of itself, with the limits that it would get here.

use std::fmt::Write as _;
use std::path::PathBuf;

use wasaga_core::definition::{self, Capability, Source};
use wasaga_core::{Checked, Json, Limits, Participant, Plan, Step, TccPlan};
use wasaga_engine::{Engine, Module};
use wasaga_sandbox::{Grants, ModulePolicy};

use crate::exit::{Exit, print_json};
use crate::options::{CacheOptions, PolicyOptions, Speech};
use crate::{loading, policy, text};

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
            let policy = policy::read(self.policy.policy_file.as_deref(), &self.policy.grant)?.policy;
            let allowed = policy.of(&module.description.name);
            text::print(&describe(&engine, &module, bytes, self.definition.as_deref(), &allowed)?)?;
        }
        Ok(Exit::Completed)
    }
}

/// Whether an origin that is asked for is granted, or which parts of a pattern are.
fn granted_of(origin: &str, grants: &Grants) -> String {
    let Ok(origin) = origin.parse() else { return "not an origin".into() };
    if grants.allow(&origin) {
        return "granted".into();
    }
    let parts: Vec<String> = grants.parts_of(&origin).map(ToString::to_string).collect();
    if parts.is_empty() { "not granted".into() } else { format!("granted: {}", parts.join(", ")) }
}

/// What a module asks for, and what it is granted of it.
fn asks(said: &definition::Module, allowed: &ModulePolicy) -> String {
    if said.capabilities.is_empty() {
        return "asks for nothing\n".into();
    }
    let mut rows = Vec::new();
    for capability in &said.capabilities {
        let plain = |granted: bool| if granted { "granted" } else { "not granted" }.to_owned();
        let (what, granted) = match capability {
            Capability::OutgoingHttp(origin) => (format!("http {origin}"), granted_of(origin, &allowed.grants)),
            Capability::Config(key) => (format!("config {key}"), plain(allowed.config.contains_key(key))),
            Capability::Secret(name) => (format!("secret {name}"), plain(allowed.secrets.contains_key(name))),
        };
        rows.push(vec![format!("  {what}"), granted]);
    }
    format!("asks for:\n{}", text::table(&rows))
}

fn describe(
    engine: &Engine,
    module: &Module,
    bytes: usize,
    only: Option<&str>,
    allowed: &ModulePolicy,
) -> anyhow::Result<String> {
    let said = &module.description;
    let mut text = format!(
        "{} {}  {}  {}\n",
        console::style(&said.name).bold(),
        said.version,
        text::size(bytes as u64),
        module.digest
    );
    if !said.description.is_empty() {
        writeln!(text, "{}", text::clipped(&said.description, 400))?;
    }
    let instances = match said.calls_per_instance {
        0 | 1 => "a fresh instance for every call".to_owned(),
        calls => format!("one instance serves up to {calls} calls"),
    };
    writeln!(text, "{instances}")?;
    text.push_str(&asks(said, allowed));
    for name in engine.definitions(module.digest)? {
        if only.is_none_or(|only| *name == *only) {
            text.push_str(&match engine.plan(module.digest, &name)? {
                Checked::Saga(plan) => saga(&plan)?,
                Checked::Tcc(plan) => tcc(&plan)?,
            });
        }
    }
    Ok(text)
}

fn saga(plan: &Plan) -> Result<String, std::fmt::Error> {
    let mut text = format!("\nsaga {}", console::style(&*plan.name).bold());
    if !plan.description.is_empty() {
        write!(text, "  {}", text::clipped(&plan.description, 400))?;
    }
    write!(text, "\n  undone by {}", plan.policy.as_str())?;
    if let Some(deadline) = plan.deadline {
        write!(text, ", after {} at the latest", text::span(deadline * 1_000))?;
    }
    if plan.concurrency != usize::MAX {
        write!(text, ", {} at once", text::plural(plan.concurrency, "call"))?;
    }
    text.push('\n');
    let rows: Vec<Vec<String>> = plan.steps().iter().map(|step| row(plan, step)).collect();
    text.push_str(&text::table(&rows));
    text.push_str(&remarks(&plan.warnings, plan.input_schema.as_ref())?);
    Ok(text)
}

fn tcc(plan: &TccPlan) -> Result<String, std::fmt::Error> {
    let mut text = format!("\ntcc {}", console::style(&*plan.name).bold());
    if !plan.description.is_empty() {
        write!(text, "  {}", text::clipped(&plan.description, 400))?;
    }
    text.push('\n');
    if let Some(deadline) = plan.deadline {
        writeln!(text, "  cancelled unless all is tried after {}", text::span(deadline * 1_000))?;
    }
    let mut participants: Vec<&Participant> = plan.participants().iter().collect();
    participants.sort_by_key(|participant| participant.order);
    let rows: Vec<Vec<String>> = participants.into_iter().map(participant_row).collect();
    text.push_str(&text::table(&rows));
    text.push_str(&remarks(&plan.warnings, plan.input_schema.as_ref())?);
    Ok(text)
}

fn participant_row(participant: &Participant) -> Vec<String> {
    let parameters: Vec<String> = participant.parameters.iter().map(parameter).collect();
    let settling = |word: &str, limits: &Limits| {
        format!(
            "{word} {}, {}",
            text::span(limits.timeout * 1_000),
            text::plural(limits.retry.max_attempts as usize, "attempt")
        )
    };
    vec![
        format!("  {}({})", participant.id, parameters.join(", ")),
        match &participant.provider {
            Some(module) => format!("order {}, by module {module}", participant.order),
            None => format!("order {}", participant.order),
        },
        if participant.optional { "optional".into() } else { String::new() },
        bounds(&participant.try_limits).join(", "),
        settling("confirm", &participant.confirm_limits),
        settling("cancel", &participant.cancel_limits),
    ]
}

/// What an operation may use.
fn bounds(limits: &Limits) -> Vec<String> {
    vec![
        text::span(limits.timeout * 1_000),
        text::plural(limits.retry.max_attempts as usize, "attempt"),
        format!("fuel {}", text::count(limits.fuel)),
        text::size(limits.memory_bytes),
    ]
}

fn remarks(warnings: &[String], schema: Option<&Json>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for warning in warnings {
        writeln!(text, "  {} {warning}", console::style("warning:").yellow())?;
    }
    if let Some(schema) = schema {
        writeln!(text, "  input: {schema}")?;
    }
    Ok(text)
}

fn row(plan: &Plan, step: &Step) -> Vec<String> {
    let after: Vec<&str> = step.depends_on.iter().map(|ix| &*plan.step(*ix).id).collect();
    let after = if after.is_empty() { "at once".to_owned() } else { format!("after {}", after.join(", ")) };
    let parameters: Vec<String> = step.parameters.iter().map(parameter).collect();
    let mut notes = bounds(&step.limits);
    notes.extend(step.provider.as_ref().map(|module| format!("by module {module}")));
    notes.extend(step.at_most_once.then(|| "at most once".to_owned()));
    notes.extend(step.condition.as_ref().map(|condition| format!("if {condition}")));
    notes.extend(step.each.as_ref().map(|each| format!("each of {}", source(each))));
    let undo = step
        .compensation
        .as_ref()
        .map(|undo| format!("↩ {}{}", undo.name, if undo.critical { " (critical)" } else { "" }));
    vec![
        format!("  {}({})", step.id, parameters.join(", ")),
        after,
        undo.unwrap_or_else(|| "cannot be undone".into()),
        notes.join(", "),
    ]
}

fn parameter(parameter: &definition::Parameter) -> String {
    let optional = if parameter.required { "" } else { "?" };
    format!("{}{optional}: {}", parameter.name, source(&parameter.source))
}

fn source(source: &Source) -> String {
    let part = |whole: &str, pointer: &Option<String>| format!("{whole}{}", pointer.as_deref().unwrap_or(""));
    match source {
        Source::Input(pointer) => part("input", pointer),
        Source::StepOutput { step, pointer } => part(step, pointer),
        Source::Variable(name) => format!("variable {name}"),
        Source::Header(name) => format!("header {name}"),
        Source::Item(pointer) => part("item", pointer),
        Source::OwnOutput(pointer) => part("output", pointer),
        Source::CompensationOutput(step) => format!("compensation of {step}"),
        Source::Cause => "cause".into(),
        Source::Literal(value) => text::clipped(value.as_str(), 40),
    }
}
