//! From the tables that the macros write to the document that the host reads.

use serde_json::{Map, Value, json};

use crate::document::{
    Argument, Asks, Compensation, Document, Instances, Label, Limits, Module, Operation, Participant, Retry, Saga,
    Step, Tcc,
};
use crate::table::{self, Parameter, Source};

type Name = &'static str;

/// What the host is told of the crate.
///
/// # Errors
/// There is neither a saga nor a TCC, or a literal is not JSON.
pub(crate) fn document(
    said: Option<&table::Module>,
    sagas: &[&'static table::Saga],
    tccs: &[&'static table::Tcc],
) -> Result<String, String> {
    let first = sagas.first().map(|saga| saga.module).or(tccs.first().map(|tcc| tcc.module));
    let (name, version, description) = first.ok_or("the crate has no module with `#[saga]` or `#[tcc]`")?;
    let document = Document {
        wasaga: "0.1",
        module: Module { name: said.and_then(|module| module.name).unwrap_or(name), version, description },
        sdk: concat!("wasaga-rust/", env!("CARGO_PKG_VERSION")),
        instances: said.and_then(|module| module.calls).map(|calls| Instances { calls }),
        asks: said.and_then(asks),
        sagas: sagas.iter().map(|saga| describe_saga(saga)).collect::<Result<_, _>>()?,
        tccs: tccs.iter().map(|tcc| describe_tcc(tcc)).collect::<Result<_, _>>()?,
    };
    serde_json::to_string(&document).map_err(|error| error.to_string())
}

fn asks(module: &table::Module) -> Option<Asks> {
    let &table::Module { http, config, secrets, .. } = module;
    (!http.is_empty() || !config.is_empty() || !secrets.is_empty()).then_some(Asks { http, config, secrets })
}

fn labels(labels: &'static [table::Label]) -> Vec<(Name, Label)> {
    labels.iter().map(|label| (label.name, Label { at: label.at, kind: label.kind })).collect()
}

fn describe_saga(saga: &'static table::Saga) -> Result<Saga, String> {
    let of_step =
        |step: &'static table::Step| step.parameters.iter().chain(step.undo.iter().flat_map(|undo| undo.parameters));
    let parameters: Vec<&Parameter> = saga.steps.iter().flat_map(of_step).collect();
    Ok(Saga {
        name: saga.name,
        description: saga.description,
        input: input_schema(&parameters),
        labels: labels(saga.labels),
        policy: saga.policy,
        deadline_ms: saga.deadline_ms,
        concurrency: saga.concurrency,
        steps: saga.steps.iter().map(describe_step).collect::<Result<_, _>>()?,
    })
}

fn describe_step(step: &'static table::Step) -> Result<Step, String> {
    let place = |error| format!("step `{}`: {error}", step.id);
    Ok(Step {
        id: step.id,
        description: step.description,
        after: step.depends_on,
        provided: step.provider,
        arguments: arguments(step.parameters, of_saga).map_err(place)?,
        output: (step.output)(),
        condition: step.condition,
        each: step.each.map(of_saga).transpose().map_err(place)?,
        at_most_once: step.at_most_once,
        limits: limits(&step.limits),
        compensation: step.undo.as_ref().map(describe_undo).transpose().map_err(place)?,
    })
}

fn describe_undo(undo: &'static table::Undo) -> Result<Compensation, String> {
    Ok(Compensation {
        name: undo.name,
        arguments: arguments(undo.parameters, of_saga)?,
        limits: limits(&undo.limits),
        critical: undo.critical,
    })
}

fn describe_tcc(tcc: &'static table::Tcc) -> Result<Tcc, String> {
    let parameters: Vec<&Parameter> = tcc.participants.iter().flat_map(|one| one.parameters).collect();
    Ok(Tcc {
        name: tcc.name,
        description: tcc.description,
        input: input_schema(&parameters),
        labels: labels(tcc.labels),
        deadline_ms: tcc.deadline_ms,
        participants: tcc.participants.iter().map(describe_participant).collect::<Result<_, _>>()?,
    })
}

fn describe_participant(participant: &'static table::Participant) -> Result<Participant, String> {
    let place = |error| format!("participant `{}`: {error}", participant.id);
    Ok(Participant {
        id: participant.id,
        description: participant.description,
        provided: participant.provider,
        order: participant.order,
        optional: participant.optional,
        arguments: arguments(participant.parameters, of_tcc).map_err(place)?,
        attempt: Operation { limits: limits(&participant.try_limits) },
        confirm: Operation { limits: limits(&participant.confirm_limits) },
        cancel: Operation { limits: limits(&participant.cancel_limits) },
    })
}

fn arguments(
    parameters: &'static [Parameter],
    source: fn(Source) -> Result<Argument, String>,
) -> Result<Vec<(Name, Argument)>, String> {
    let argument = |parameter: &'static Parameter| {
        let name = parameter.name;
        let source = source(parameter.source).map_err(|error| format!("argument `{name}`: {error}"))?;
        Ok((name, Argument { required: parameter.required, schema: Some((parameter.schema)()), ..source }))
    };
    parameters.iter().map(argument).collect()
}

/// A source, as a saga names it.
fn of_saga(source: Source) -> Result<Argument, String> {
    let part = |at: Option<Name>| Some(at.unwrap_or_default());
    let none = Argument::default();
    Ok(match source {
        Source::Input(at) => Argument { input: part(at), ..none },
        Source::Step(step, at) => Argument { step: Some(step), at, ..none },
        Source::Variable(name) => Argument { variable: Some(name), ..none },
        Source::Header(name) => Argument { header: Some(name), ..none },
        Source::Item(at) => Argument { item: part(at), ..none },
        Source::OwnOutput(at) => Argument { own: part(at), ..none },
        Source::CompensationOf(step) => Argument { compensation: Some(step), ..none },
        Source::Cause => Argument { cause: Some(""), ..none },
        Source::Literal(json) => {
            let literal = serde_json::value::RawValue::from_string(json.into());
            Argument { literal: Some(literal.map_err(|error| format!("`{json}` is not JSON: {error}"))?), ..none }
        }
    })
}

/// A source, as a TCC names it.
fn of_tcc(source: Source) -> Result<Argument, String> {
    match source {
        Source::Step(participant, at) => Ok(Argument { participant: Some(participant), at, ..Argument::default() }),
        other => of_saga(other),
    }
}

fn limits(limits: &table::Limits) -> Limits {
    let &table::Limits { timeout_ms, total_timeout_ms, fuel, memory_bytes, retry } = limits;
    let retry = retry.map(|retry| {
        let table::Retry { attempts, delay_ms, max_delay_ms, multiplier, jitter } = retry;
        Retry { attempts, delay_ms, max_delay_ms, multiplier, jitter }
    });
    Limits { timeout_ms, total_timeout_ms, fuel, memory_bytes, retry }
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
