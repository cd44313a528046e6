//! From the members of the document to definitions.

use alloc::{format, string::String, vec::Vec};

use super::shape;
use super::unreadable::{Unreadable, cannot, cut};
use crate::definition::{
    Action, Capability, Compensation, Definition, Label, Limits, Module, Parameter, Participant, Retry, Saga, Source,
    Step, Tcc,
};

pub(super) fn module(document: shape::Document) -> Result<Module, Unreadable> {
    let shape::Document { module, sdk, instances, asks, sagas, tccs, .. } = document;
    let sagas = sagas.into_iter().map(|of| saga(of).map(Definition::Saga));
    let tccs = tccs.into_iter().map(|of| tcc(of).map(Definition::Tcc));
    Ok(Module {
        name: module.name,
        version: module.version,
        description: module.description,
        definitions: sagas.chain(tccs).collect::<Result<_, _>>()?,
        capabilities: capabilities(asks),
        calls_per_instance: instances.calls.unwrap_or(1),
        sdk,
        warnings: Vec::new(),
    })
}

fn capabilities(asks: shape::Asks) -> Vec<Capability> {
    let http = asks.http.into_iter().map(Capability::OutgoingHttp);
    let config = asks.config.into_iter().map(Capability::Config);
    http.chain(config).chain(asks.secrets.into_iter().map(Capability::Secret)).collect()
}

/// Refuses what later hosts alone can do.
fn reserved(place: &str, members: &[(&str, &shape::Reserved)]) -> Result<(), Unreadable> {
    match members.iter().find(|(_, member)| member.is_some()) {
        Some((name, _)) => Err(cannot(&format!("{place} has `{name}`"))),
        None => Ok(()),
    }
}

fn labels(labels: shape::Named<shape::Label>) -> Vec<Label> {
    labels.0.into_iter().map(|(name, label)| Label { name, pointer: label.at, kind: label.kind }).collect()
}

fn saga(saga: shape::Saga) -> Result<Saga, Unreadable> {
    let place = format!("saga `{}`", cut(&saga.name));
    reserved(&place, &[("output", &saga.output)])?;
    Ok(Saga {
        steps: saga.steps.into_iter().map(|of| step(&place, of)).collect::<Result<_, _>>()?,
        name: saga.name,
        description: saga.description,
        input_schema: saga.input,
        compensation_policy: saga.policy,
        deadline: saga.deadline_ms,
        concurrency: saga.concurrency,
        labels: labels(saga.labels),
    })
}

fn step(saga: &str, step: shape::Step) -> Result<Step, Unreadable> {
    let place = format!("{saga}, step `{}`", cut(&step.id));
    let later = [
        ("child", &step.child),
        ("timer", &step.timer),
        ("signal", &step.signal),
        ("errors", &step.errors),
        ("events", &step.events),
    ];
    reserved(&place, &later)?;
    Ok(Step {
        parameters: parameters(&place, step.arguments)?,
        each: step.each.map(|each| source(&format!("{place}, `each`"), each)).transpose()?,
        compensation: step.compensation.map(|undo| compensation(&place, undo)).transpose()?,
        id: step.id,
        description: step.description,
        depends_on: step.after,
        action: step.provided.map_or(Action::Here, Action::Provided),
        output_schema: step.output,
        condition: step.condition,
        at_most_once: step.at_most_once,
        limits: limits(step.limits),
    })
}

fn compensation(step: &str, undo: shape::Compensation) -> Result<Compensation, Unreadable> {
    let parameters = parameters(&format!("{step}, compensation `{}`", cut(&undo.name)), undo.arguments)?;
    Ok(Compensation { name: undo.name, parameters, limits: limits(undo.limits), critical: undo.critical })
}

fn tcc(tcc: shape::Tcc) -> Result<Tcc, Unreadable> {
    let place = format!("tcc `{}`", cut(&tcc.name));
    reserved(&place, &[("output", &tcc.output)])?;
    Ok(Tcc {
        participants: tcc.participants.into_iter().map(|of| participant(&place, of)).collect::<Result<_, _>>()?,
        name: tcc.name,
        description: tcc.description,
        input_schema: tcc.input,
        deadline: tcc.deadline_ms,
        labels: labels(tcc.labels),
    })
}

fn participant(tcc: &str, of: shape::Participant) -> Result<Participant, Unreadable> {
    let place = format!("{tcc}, participant `{}`", cut(&of.id));
    reserved(&place, &[("errors", &of.errors), ("events", &of.events)])?;
    Ok(Participant {
        parameters: parameters(&place, of.arguments)?,
        id: of.id,
        description: of.description,
        provider: of.provided,
        order: of.order,
        optional: of.optional,
        try_limits: limits(of.attempt.limits),
        confirm_limits: limits(of.confirm.limits),
        cancel_limits: limits(of.cancel.limits),
    })
}

fn parameters(place: &str, arguments: shape::Named<shape::Argument>) -> Result<Vec<Parameter>, Unreadable> {
    let one = |(name, argument): (String, shape::Argument)| {
        let (required, schema) = (argument.required, argument.schema.clone());
        let source = source(&format!("{place}, argument `{}`", cut(&name)), argument)?;
        Ok(Parameter { name, source, required, schema })
    };
    arguments.0.into_iter().map(one).collect()
}

fn source(place: &str, of: shape::Argument) -> Result<Source, Unreadable> {
    let wrong = |what: &str| Err(Unreadable::Wrong(format!("{place} {what}")));
    let part = |pointer: String| if pointer.is_empty() { None } else { Some(pointer) };
    let has_at = of.at.is_some();
    let at = of.at.and_then(part);
    let is_output = of.step.is_some() || of.participant.is_some();
    if of.cause.as_ref().is_some_and(|pointer| !pointer.is_empty()) {
        return wrong("takes a part of the cause, which is given whole (`\"cause\": \"\"`)");
    }
    let output = |step: String| Source::StepOutput { step, pointer: at };
    let found = [
        of.input.map(|at| Source::Input(part(at))),
        of.step.or(of.participant).map(output),
        of.variable.map(Source::Variable),
        of.header.map(Source::Header),
        of.item.map(|at| Source::Item(part(at))),
        of.own.map(|at| Source::OwnOutput(part(at))),
        of.compensation.map(Source::CompensationOutput),
        of.cause.map(|_| Source::Cause),
        of.literal.map(Source::Literal),
    ];
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (None, _) => wrong("says nothing of where its value comes from (such as `\"input\": \"/id\"`)"),
        (Some(_), Some(_)) => wrong("says twice where its value comes from"),
        (Some(_), None) if has_at && !is_output => {
            wrong("has `at`, which stands beside `step` and `participant` alone")
        }
        (Some(source), None) => Ok(source),
    }
}

fn limits(of: shape::Limits) -> Limits {
    Limits {
        timeout: of.timeout_ms,
        total_timeout: of.total_timeout_ms,
        fuel: of.fuel,
        memory_bytes: of.memory_bytes,
        retry: of.retry.map(|retry| Retry {
            max_attempts: retry.attempts,
            initial_delay: retry.delay_ms,
            max_delay: retry.max_delay_ms,
            multiplier: retry.multiplier,
            jitter: retry.jitter,
        }),
    }
}
