//! The sagas and TCCs of a guest: found by `inventory`, described to the host, called by name.

use serde_json::{Map, Value, json};

use crate::arguments::{Answer, Arguments};
use crate::call::{Call, Forward};
use crate::error::Error;
use crate::table::{Limits, Module, Parameter, Participant, Saga, Source, Step, Tcc};
use crate::wit::metadata;

/// A saga that the macro registered.
#[derive(Debug)]
pub struct Entry(pub &'static Saga);
/// A TCC that the macro registered.
#[derive(Debug)]
pub struct TccEntry(pub &'static Tcc);
/// What `module!` registered.
#[derive(Debug)]
pub struct ModuleEntry(pub &'static Module);

inventory::collect!(Entry);
inventory::collect!(TccEntry);
inventory::collect!(ModuleEntry);

/// All sagas, by name, for the linker's order is nobody's.
fn sagas() -> Vec<&'static Saga> {
    let mut sagas: Vec<_> = inventory::iter::<Entry>().map(|entry| entry.0).collect();
    sagas.sort_by_key(|saga| saga.name);
    sagas
}

/// All TCCs, likewise.
fn tccs() -> Vec<&'static Tcc> {
    let mut tccs: Vec<_> = inventory::iter::<TccEntry>().map(|entry| entry.0).collect();
    tccs.sort_by_key(|tcc| tcc.name);
    tccs
}

/// Describes the guest.
///
/// # Errors
/// The crate has neither saga nor TCC.
pub fn describe() -> Result<metadata::Module, String> {
    let (sagas, tccs) = (sagas(), tccs());
    let first = sagas.first().map(|saga| saga.module).or(tccs.first().map(|tcc| tcc.module));
    let first = first.ok_or("the crate has no module with `#[saga]` or `#[tcc]`")?;
    let described = sagas.iter().map(|saga| metadata::Definition::Saga(describe_saga(saga)));
    let described = described.chain(tccs.iter().map(|tcc| metadata::Definition::Tcc(describe_tcc(tcc))));
    let said = inventory::iter::<ModuleEntry>().next().map(|entry| entry.0);
    let (name, version, description) = first;
    Ok(metadata::Module {
        name: said.map_or(name, |module| module.name).into(),
        version: version.into(),
        description: description.into(),
        definitions: described.collect(),
        capabilities: said.map(capabilities).unwrap_or_default(),
        calls_per_instance: said.map_or(1, |module| module.calls_per_instance),
        annotations: vec![("sdk".into(), concat!("wasaga-rust/", env!("CARGO_PKG_VERSION")).into())],
    })
}

/// What it asks for.
fn capabilities(module: &Module) -> Vec<metadata::Capability> {
    let http = module.http.iter().map(|origin| metadata::Capability::OutgoingHttp((*origin).into()));
    let config = module.config.iter().map(|key| metadata::Capability::Config((*key).into()));
    let secrets = module.secrets.iter().map(|name| metadata::Capability::Secret((*name).into()));
    http.chain(config).chain(secrets).collect()
}

/// Runs a step.
///
/// # Errors
/// What the step answers; and a rejection where there is no such step.
pub fn run(call: &Call, arguments: &str) -> Answer {
    (find(call)?.run)(call, Arguments::read(arguments)?)
}

/// Runs the compensation of a step.
///
/// # Errors
/// What the compensation answers; and a rejection where there is none.
pub fn compensate(call: &Call, arguments: &str, forward: &Forward) -> Answer {
    let undo = find(call)?.undo.as_ref();
    let none = || Error::rejected("no-compensation", format!("step `{}` has no compensation", call.node));
    (undo.ok_or_else(none)?.run)(call, Arguments::read(arguments)?, forward)
}

/// Tries a participant.
///
/// # Errors
/// What the try answers; and a rejection where there is no such participant.
pub fn attempt(call: &Call, arguments: &str) -> Answer {
    (find_participant(call)?.attempt)(call, Arguments::read(arguments)?)
}

/// Confirms a participant.
///
/// # Errors
/// What the confirm answers; and a rejection where there is no such participant.
pub fn confirm(call: &Call, arguments: &str, tried: String) -> Answer {
    (find_participant(call)?.confirm)(call, Arguments::read(arguments)?, &Forward::Completed(tried))
}

/// Cancels a participant.
///
/// # Errors
/// What the cancel answers; and a rejection where there is no such participant.
pub fn cancel(call: &Call, arguments: &str, tried: &Forward) -> Answer {
    (find_participant(call)?.cancel)(call, Arguments::read(arguments)?, tried)
}

/// In the place of a function that another module has: the host does not call it here.
///
/// # Errors
/// Always a rejection.
pub fn elsewhere(call: &Call, _: Arguments<'_>) -> Answer {
    Err(Error::rejected("provided", format!("`{}` is done by another module", call.node)))
}

/// Likewise, of one that undoes, confirms or cancels.
///
/// # Errors
/// Always a rejection.
pub fn settled_elsewhere(call: &Call, arguments: Arguments<'_>, _: &Forward) -> Answer {
    elsewhere(call, arguments)
}

fn find_participant(call: &Call) -> Result<&'static Participant, Error> {
    let tccs = || inventory::iter::<TccEntry>().map(|entry| entry.0);
    let own = tccs().find(|tcc| tcc.name == call.definition);
    let of = |tcc: &'static Tcc| tcc.participants.iter().find(|one| one.id == call.node);
    let participant = own.and_then(of).filter(|one| one.provider.is_none());
    participant.or_else(|| tccs().filter_map(of).find(|one| one.provider.is_none())).ok_or_else(|| {
        let message = format!("tcc `{}` has no participant `{}`", call.definition, call.node);
        Error::rejected("no-such-participant", message)
    })
}

/// The step of the saga that is run; or of another saga here, where that one is of another module. That
/// there is one of the id, and no other, the host saw to before it started.
fn find(call: &Call) -> Result<&'static Step, Error> {
    let sagas = || inventory::iter::<Entry>().map(|entry| entry.0);
    let own = sagas().find(|saga| saga.name == call.definition);
    let of = |saga: &'static Saga| saga.steps.iter().find(|step| step.id == call.node);
    let step = own.and_then(of).filter(|step| step.provider.is_none());
    step.or_else(|| sagas().filter_map(of).find(|step| step.provider.is_none())).ok_or_else(|| {
        Error::rejected("no-such-step", format!("saga `{}` has no step `{}`", call.definition, call.node))
    })
}

fn describe_saga(saga: &Saga) -> metadata::Saga {
    metadata::Saga {
        name: saga.name.into(),
        description: saga.description.into(),
        input_schema: input_schema(&of_saga(saga)).map(|schema| schema.to_string()),
        steps: saga.steps.iter().map(describe_step).collect(),
        compensation_policy: saga.policy.map(policy),
        deadline: saga.deadline_ms,
        concurrency: saga.concurrency,
        annotations: Vec::new(),
    }
}

fn describe_tcc(tcc: &Tcc) -> metadata::Tcc {
    let parameters: Vec<&Parameter> = tcc.participants.iter().flat_map(|one| one.parameters).collect();
    metadata::Tcc {
        name: tcc.name.into(),
        description: tcc.description.into(),
        input_schema: input_schema(&parameters).map(|schema| schema.to_string()),
        participants: tcc.participants.iter().map(describe_participant).collect(),
        deadline: tcc.deadline_ms,
        annotations: Vec::new(),
    }
}

fn describe_participant(participant: &Participant) -> metadata::Participant {
    metadata::Participant {
        id: participant.id.into(),
        description: participant.description.into(),
        provider: participant.provider.map(Into::into),
        order: participant.order,
        optional: participant.optional,
        parameters: participant.parameters.iter().map(parameter).collect(),
        try_limits: limits(&participant.try_limits),
        confirm_limits: limits(&participant.confirm_limits),
        cancel_limits: limits(&participant.cancel_limits),
        events: None,
        annotations: Vec::new(),
    }
}

fn policy(name: &str) -> metadata::CompensationPolicy {
    match name {
        "grouped-parallel" => metadata::CompensationPolicy::GroupedParallel,
        "retry-with-backoff" => metadata::CompensationPolicy::RetryWithBackoff,
        "circuit-breaker" => metadata::CompensationPolicy::CircuitBreaker,
        "best-effort-parallel" => metadata::CompensationPolicy::BestEffortParallel,
        _ => metadata::CompensationPolicy::StrictSequential,
    }
}

fn describe_step(step: &Step) -> metadata::Step {
    metadata::Step {
        id: step.id.into(),
        description: step.description.into(),
        depends_on: step.depends_on.iter().map(|id| (*id).into()).collect(),
        action: step.provider.map_or(metadata::Action::Here, |module| metadata::Action::Provided(module.into())),
        parameters: step.parameters.iter().map(parameter).collect(),
        output_schema: Some((step.output)().to_string()),
        condition: step.condition.map(Into::into),
        each: step.each.map(source),
        at_most_once: step.at_most_once,
        limits: limits(&step.limits),
        compensation: step.undo.as_ref().map(|undo| metadata::Compensation {
            name: undo.name.into(),
            parameters: undo.parameters.iter().map(parameter).collect(),
            limits: limits(&undo.limits),
            critical: undo.critical,
        }),
        events: None,
        annotations: Vec::new(),
    }
}

fn parameter(parameter: &Parameter) -> metadata::Parameter {
    metadata::Parameter {
        name: parameter.name.into(),
        source: source(parameter.source),
        required: parameter.required,
        schema: Some((parameter.schema)().to_string()),
    }
}

fn source(source: Source) -> metadata::Source {
    let part = |at: Option<&str>| at.map(Into::into);
    match source {
        Source::Input(at) => metadata::Source::Input(part(at)),
        Source::Step(step, at) => {
            metadata::Source::StepOutput(metadata::StepOutput { step: step.into(), pointer: part(at) })
        }
        Source::Variable(name) => metadata::Source::Variable(name.into()),
        Source::Header(name) => metadata::Source::Header(name.into()),
        Source::Item(at) => metadata::Source::Item(part(at)),
        Source::OwnOutput(at) => metadata::Source::OwnOutput(part(at)),
        Source::CompensationOf(step) => metadata::Source::CompensationOutput(step.into()),
        Source::Cause => metadata::Source::Cause,
        Source::Literal(json) => metadata::Source::Literal(json.into()),
    }
}

fn limits(limits: &Limits) -> metadata::Limits {
    metadata::Limits {
        timeout: limits.timeout_ms,
        total_timeout: limits.total_timeout_ms,
        fuel: limits.fuel,
        memory_bytes: limits.memory_bytes,
        retry: limits.retry.map(|retry| metadata::RetryPolicy {
            max_attempts: retry.attempts,
            initial_delay: retry.delay_ms,
            max_delay: retry.max_delay_ms,
            multiplier: retry.multiplier,
            jitter: retry.jitter,
        }),
    }
}

fn of_saga(saga: &Saga) -> Vec<&'static Parameter> {
    let of_step = |step: &'static Step| step.parameters.iter().chain(step.undo.iter().flat_map(|undo| undo.parameters));
    saga.steps.iter().flat_map(of_step).collect()
}

/// The schema of the parameter that takes the whole input; where there is none, an object of the
/// fields that are taken.
fn input_schema(all: &[&Parameter]) -> Option<Value> {
    if let Some(whole) = all.iter().find(|parameter| matches!(parameter.source, Source::Input(None))) {
        return Some((whole.schema)());
    }
    let (mut properties, mut definitions, mut required) = (Map::new(), Map::new(), Vec::new());
    for parameter in all {
        let Source::Input(Some(pointer)) = parameter.source else { continue };
        // Fields of fields are checked where they are bound.
        let Some(field) = pointer.strip_prefix('/').filter(|field| !field.contains('/')) else { continue };
        let field = field.replace("~1", "/").replace("~0", "~");
        let mut schema = (parameter.schema)();
        if let Value::Object(object) = &mut schema {
            object.remove("$schema");
            if let Some(Value::Object(own)) = object.remove("$defs") {
                definitions.extend(own);
            }
        }
        if parameter.required && !required.contains(&field) {
            required.push(field.clone());
        }
        properties.entry(field).or_insert(schema);
    }
    if properties.is_empty() {
        return None;
    }
    let mut schema = json!({"type": "object", "properties": properties, "required": required});
    if !definitions.is_empty() {
        schema["$defs"] = Value::Object(definitions);
    }
    Some(schema)
}
