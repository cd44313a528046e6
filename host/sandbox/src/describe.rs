//! From what a module says of itself to the core's words.

use wasaga_core::definition::{
    Action, Capability, Compensation, CompensationPolicy, Definition, EventPolicy, Limits, Module, Parameter,
    Participant, Saga, Source, Step, Tcc,
};
use wasaga_core::{InvalidJson, Json, RetryPolicy};

use crate::contract::metadata as wit;

/// Why a description makes no sense: where, and what.
pub(crate) fn module(module: wit::Module) -> Result<Module, String> {
    let definitions = module.definitions.into_iter().map(definition).collect::<Result<_, _>>()?;
    Ok(Module {
        name: module.name,
        version: module.version,
        description: module.description,
        definitions,
        capabilities: module.capabilities.into_iter().map(capability).collect(),
        calls_per_instance: module.calls_per_instance,
        annotations: module.annotations,
    })
}

fn capability(capability: wit::Capability) -> Capability {
    match capability {
        wit::Capability::OutgoingHttp(origin) => Capability::OutgoingHttp(origin),
        wit::Capability::Config(key) => Capability::Config(key),
        wit::Capability::Secret(name) => Capability::Secret(name),
    }
}

fn definition(definition: wit::Definition) -> Result<Definition, String> {
    match definition {
        wit::Definition::Saga(of) => saga(of).map(Definition::Saga),
        wit::Definition::Tcc(of) => tcc(of).map(Definition::Tcc),
    }
}

fn saga(saga: wit::Saga) -> Result<Saga, String> {
    let place = format!("saga `{}`", saga.name);
    Ok(Saga {
        labels: Vec::new(),
        input_schema: json(&format!("{place}: the schema of its input"), saga.input_schema)?,
        steps: saga.steps.into_iter().map(|of| step(&place, of)).collect::<Result<_, _>>()?,
        name: saga.name,
        description: saga.description,
        compensation_policy: saga.compensation_policy.map(policy),
        deadline: saga.deadline,
        concurrency: saga.concurrency,
        annotations: saga.annotations,
    })
}

fn tcc(tcc: wit::Tcc) -> Result<Tcc, String> {
    let place = format!("tcc `{}`", tcc.name);
    Ok(Tcc {
        labels: Vec::new(),
        input_schema: json(&format!("{place}: the schema of its input"), tcc.input_schema)?,
        participants: tcc.participants.into_iter().map(|of| participant(&place, of)).collect::<Result<_, _>>()?,
        name: tcc.name,
        description: tcc.description,
        deadline: tcc.deadline,
        annotations: tcc.annotations,
    })
}

fn participant(tcc: &str, participant: wit::Participant) -> Result<Participant, String> {
    let place = format!("{tcc}, participant `{}`", participant.id);
    Ok(Participant {
        parameters: parameters(&place, participant.parameters)?,
        id: participant.id,
        description: participant.description,
        provider: participant.provider,
        order: participant.order,
        optional: participant.optional,
        try_limits: limits(&participant.try_limits),
        confirm_limits: limits(&participant.confirm_limits),
        cancel_limits: limits(&participant.cancel_limits),
        events: participant.events.map(events),
        annotations: participant.annotations,
    })
}

fn policy(policy: wit::CompensationPolicy) -> CompensationPolicy {
    match policy {
        wit::CompensationPolicy::StrictSequential => CompensationPolicy::StrictSequential,
        wit::CompensationPolicy::GroupedParallel => CompensationPolicy::GroupedParallel,
        wit::CompensationPolicy::RetryWithBackoff => CompensationPolicy::RetryWithBackoff,
        wit::CompensationPolicy::CircuitBreaker => CompensationPolicy::CircuitBreaker,
        wit::CompensationPolicy::BestEffortParallel => CompensationPolicy::BestEffortParallel,
    }
}

fn step(saga: &str, step: wit::Step) -> Result<Step, String> {
    let place = format!("{saga}, step `{}`", step.id);
    Ok(Step {
        id: step.id,
        description: step.description,
        depends_on: step.depends_on,
        action: match step.action {
            wit::Action::Here => Action::Here,
            wit::Action::Provided(module) => Action::Provided(module),
        },
        parameters: parameters(&place, step.parameters)?,
        output_schema: json(&format!("{place}: the schema of its output"), step.output_schema)?,
        condition: step.condition,
        each: step.each.map(|each| source(&place, each)).transpose()?,
        at_most_once: step.at_most_once,
        limits: limits(&step.limits),
        compensation: step.compensation.map(|undo| compensation(&place, undo)).transpose()?,
        events: step.events.map(events),
        annotations: step.annotations,
    })
}

fn compensation(step: &str, undo: wit::Compensation) -> Result<Compensation, String> {
    let place = format!("{step}, compensation `{}`", undo.name);
    let parameters = parameters(&place, undo.parameters)?;
    Ok(Compensation { name: undo.name, parameters, limits: limits(&undo.limits), critical: undo.critical })
}

fn parameters(place: &str, parameters: Vec<wit::Parameter>) -> Result<Vec<Parameter>, String> {
    let one = |parameter: wit::Parameter| {
        let place = format!("{place}, parameter `{}`", parameter.name);
        Ok(Parameter {
            source: source(&place, parameter.source)?,
            schema: json(&format!("{place}: its schema"), parameter.schema)?,
            name: parameter.name,
            required: parameter.required,
        })
    };
    parameters.into_iter().map(one).collect()
}

fn source(place: &str, source: wit::Source) -> Result<Source, String> {
    Ok(match source {
        wit::Source::Input(pointer) => Source::Input(pointer),
        wit::Source::StepOutput(wit::StepOutput { step, pointer }) => Source::StepOutput { step, pointer },
        wit::Source::Variable(name) => Source::Variable(name),
        wit::Source::Header(name) => Source::Header(name),
        wit::Source::Item(pointer) => Source::Item(pointer),
        wit::Source::OwnOutput(pointer) => Source::OwnOutput(pointer),
        wit::Source::CompensationOutput(step) => Source::CompensationOutput(step),
        wit::Source::Cause => Source::Cause,
        wit::Source::Literal(text) => Source::Literal(required(&format!("{place}: its literal"), &text)?),
    })
}

fn limits(limits: &wit::Limits) -> Limits {
    Limits {
        timeout: limits.timeout,
        total_timeout: limits.total_timeout,
        fuel: limits.fuel,
        memory_bytes: limits.memory_bytes,
        retry: limits.retry.map(|retry| RetryPolicy {
            max_attempts: retry.max_attempts,
            initial_delay: retry.initial_delay,
            max_delay: retry.max_delay,
            multiplier: retry.multiplier,
            jitter: retry.jitter,
        }),
    }
}

fn events(events: wit::EventPolicy) -> EventPolicy {
    use wit::{EventMoments as Moment, EventParts as Part};
    let parts =
        [(Part::INPUT, "input"), (Part::OUTPUT, "output"), (Part::CONTEXT, "context"), (Part::TIMING, "timing")];
    let moments = [
        (Moment::STARTED, "started"),
        (Moment::SUCCEEDED, "succeeded"),
        (Moment::FAILED, "failed"),
        (Moment::RETRIED, "retried"),
        (Moment::COMPENSATED, "compensated"),
    ];
    EventPolicy {
        topic: events.topic,
        key_template: events.key_template,
        headers: events.headers,
        parts: parts
            .into_iter()
            .filter(|(part, _)| events.parts.contains(*part))
            .map(|(_, name)| name.into())
            .collect(),
        publish_on: moments
            .into_iter()
            .filter(|(moment, _)| events.publish_on.contains(*moment))
            .map(|(_, name)| name.into())
            .collect(),
    }
}

fn json(what: &str, text: Option<String>) -> Result<Option<Json>, String> {
    text.map(|text| required(what, &text)).transpose()
}

fn required(what: &str, text: &str) -> Result<Json, String> {
    Json::parse(text).map_err(|error: InvalidJson| format!("{what} is not JSON: {error}"))
}
