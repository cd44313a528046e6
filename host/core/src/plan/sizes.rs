//! How large a definition is, looked at before anything else: what is checked after that has so many nodes, parameters
//! and names of such a length at most that every check ends soon and every message is short.

use alloc::{format, string::String};

use super::{
    limits::{Mistakes, PARAMETERS_MAX, PARTICIPANTS_MAX, POINTER_BYTES_MAX, SCHEMA_BYTES_MAX, STEPS_MAX},
    mistakes::{Notes, bad_length},
};
use crate::{
    definition::{Action, Label, Parameter, Participant, Saga, Source, Step, Tcc},
    json::Json,
    label::LABELS_MAX,
};

/// Whether a saga can be checked.
pub(super) fn saga(saga: &Saga, notes: &mut Notes) -> Result<(), Mistakes> {
    whole(notes, &saga.name, saga.input_schema.as_ref(), &saga.labels);
    if saga.steps.len() > STEPS_MAX {
        notes.of_whole(format!("has {} steps; the limit is {STEPS_MAX}", saga.steps.len()));
    }
    for step in saga.steps.iter().take(STEPS_MAX) {
        of_step(notes, step);
    }
    notes.none_or_all()
}

/// Whether a TCC can be checked.
pub(super) fn tcc(tcc: &Tcc, notes: &mut Notes) -> Result<(), Mistakes> {
    whole(notes, &tcc.name, tcc.input_schema.as_ref(), &tcc.labels);
    if tcc.participants.len() > PARTICIPANTS_MAX {
        notes.of_whole(format!("has {} participants; the limit is {PARTICIPANTS_MAX}", tcc.participants.len()));
    }
    for participant in tcc.participants.iter().take(PARTICIPANTS_MAX) {
        of_participant(notes, participant);
    }
    notes.none_or_all()
}

fn whole(notes: &mut Notes, name: &str, schema: Option<&Json>, labels: &[Label]) {
    if let Some(wrong) = bad_length(name) {
        notes.of_whole(format!("its name {wrong}"));
    }
    if let Some(wrong) = bad_schema(schema) {
        notes.of_whole(format!("the schema of its input {wrong}"));
    }
    if labels.len() > LABELS_MAX {
        notes.of_whole(format!("has {} labels; the limit is {LABELS_MAX}", labels.len()));
    }
    for label in labels.iter().take(LABELS_MAX) {
        if let Some(wrong) = bad_length(&label.name).or_else(|| bad_pointer(&label.pointer)) {
            notes.of_whole(format!("a label {wrong}"));
        }
    }
}

fn of_step(notes: &mut Notes, step: &Step) {
    let id = &*step.id;
    if let Some(wrong) = bad_length(id) {
        return notes.of_node(id, format!("its id {wrong}"));
    }
    if step.depends_on.len() > STEPS_MAX {
        let what = format!("depends on {} steps; a saga has {STEPS_MAX} at most", step.depends_on.len());
        return notes.of_node(id, what);
    }
    if let Some(wrong) = step.depends_on.iter().find_map(|name| bad_length(name)) {
        notes.of_node(id, format!("the name of a step that it depends on {wrong}"));
    }
    if let Action::Provided(provider) = &step.action {
        of_provider(notes, id, provider);
    }
    if let Some(wrong) = bad_schema(step.output_schema.as_ref()) {
        notes.of_node(id, format!("the schema of its output {wrong}"));
    }
    if let Some(wrong) = step.each.as_ref().and_then(bad_source) {
        notes.of_node(id, format!("its `each` {wrong}"));
    }
    of_parameters(notes, id, &step.parameters);
    if let Some(undo) = &step.compensation {
        if let Some(wrong) = bad_length(&undo.name) {
            notes.of_node(id, format!("the name of its compensation {wrong}"));
        }
        of_parameters(notes, id, &undo.parameters);
    }
}

fn of_participant(notes: &mut Notes, participant: &Participant) {
    let id = &*participant.id;
    if let Some(wrong) = bad_length(id) {
        return notes.of_node(id, format!("its id {wrong}"));
    }
    if let Some(provider) = &participant.provider {
        of_provider(notes, id, provider);
    }
    of_parameters(notes, id, &participant.parameters);
}

fn of_provider(notes: &mut Notes, id: &str, provider: &str) {
    if let Some(wrong) = bad_length(provider) {
        notes.of_node(id, format!("the name of the module that provides it {wrong}"));
    }
}

fn of_parameters(notes: &mut Notes, id: &str, parameters: &[Parameter]) {
    if parameters.len() > PARAMETERS_MAX {
        return notes.of_node(id, format!("has {} parameters; the limit is {PARAMETERS_MAX}", parameters.len()));
    }
    for parameter in parameters {
        let wrong = bad_length(&parameter.name);
        let wrong = wrong.or_else(|| bad_source(&parameter.source));
        if let Some(wrong) = wrong.or_else(|| bad_schema(parameter.schema.as_ref())) {
            notes.of_node(id, format!("parameter `{}` {wrong}", crate::shown::Shown(&parameter.name)));
        }
    }
}

/// Of the names and pointers in a source.
fn bad_source(source: &Source) -> Option<String> {
    match source {
        Source::Input(pointer) | Source::Item(pointer) | Source::OwnOutput(pointer) => {
            pointer.as_deref().and_then(bad_pointer)
        }
        Source::StepOutput { step, pointer } => bad_length(step).or_else(|| pointer.as_deref().and_then(bad_pointer)),
        Source::Variable(name) | Source::Header(name) | Source::CompensationOutput(name) => bad_length(name),
        Source::Cause | Source::Literal(_) => None,
    }
}

fn bad_pointer(pointer: &str) -> Option<String> {
    let bytes = pointer.len();
    (bytes > POINTER_BYTES_MAX).then(|| format!("has a pointer of {bytes} bytes; the limit is {POINTER_BYTES_MAX}"))
}

fn bad_schema(schema: Option<&Json>) -> Option<String> {
    let bytes = schema?.as_str().len();
    (bytes > SCHEMA_BYTES_MAX).then(|| format!("has {bytes} bytes; the limit is {SCHEMA_BYTES_MAX}"))
}
