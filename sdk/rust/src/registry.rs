//! The sagas and TCCs of a guest: found by `inventory`, described to the host, called by name.

use crate::answer::Answer;
use crate::describe;
use crate::error::Error;
use crate::forward::Forward;
use crate::table::{Module, Participant, Saga, Step, Tcc};

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

/// Describes the guest: one JSON document.
///
/// # Errors
/// The crate has neither saga nor TCC, or more than one `module!`, or a literal is not JSON.
pub fn describe() -> Result<String, String> {
    let mut said = inventory::iter::<ModuleEntry>().map(|entry| entry.0);
    let module = said.next();
    if said.next().is_some() {
        return Err("the crate has more than one `wasaga::module!` (say all of it in one)".into());
    }
    describe_as(module)
}

/// The same, where it is known which `module!` is meant.
///
/// # Errors
/// The crate has neither saga nor TCC, or a literal is not JSON.
pub fn describe_as(module: Option<&Module>) -> Result<String, String> {
    // By name, for the linker's order is nobody's.
    let mut sagas: Vec<_> = inventory::iter::<Entry>().map(|entry| entry.0).collect();
    sagas.sort_by_key(|saga| saga.name);
    let mut tccs: Vec<_> = inventory::iter::<TccEntry>().map(|entry| entry.0).collect();
    tccs.sort_by_key(|tcc| tcc.name);
    describe::document(module, &sagas, &tccs)
}

/// Runs a step.
///
/// # Errors
/// What the step answers; and a rejection where there is no such step.
pub fn run(definition: &str, step: &str, arguments: &str) -> Answer {
    (find(definition, step)?.run)(arguments)
}

/// Runs the compensation of a step.
///
/// # Errors
/// What the compensation answers; and a rejection where there is none.
pub fn compensate(definition: &str, step: &str, arguments: &str, forward: &Forward) -> Answer {
    let undo = find(definition, step)?.undo.as_ref();
    let none = || Error::rejected("no-compensation", format!("step `{step}` has no compensation"));
    (undo.ok_or_else(none)?.run)(arguments, forward)
}

/// Tries a participant.
///
/// # Errors
/// What the try answers; and a rejection where there is no such participant.
pub fn attempt(definition: &str, participant: &str, arguments: &str) -> Answer {
    (find_participant(definition, participant)?.attempt)(arguments)
}

/// Confirms a participant.
///
/// # Errors
/// What the confirm answers; and a rejection where there is no such participant.
pub fn confirm(definition: &str, participant: &str, arguments: &str, tried: String) -> Answer {
    (find_participant(definition, participant)?.confirm)(arguments, &Forward::Completed(tried))
}

/// Cancels a participant.
///
/// # Errors
/// What the cancel answers; and a rejection where there is no such participant.
pub fn cancel(definition: &str, participant: &str, arguments: &str, tried: &Forward) -> Answer {
    (find_participant(definition, participant)?.cancel)(arguments, tried)
}

/// In the place of a function that another module has: the host does not call it here.
///
/// # Errors
/// Always a rejection.
pub fn elsewhere(_: &str) -> Answer {
    Err(Error::rejected("provided", "another module does it"))
}

/// Likewise, of one that undoes, confirms or cancels.
///
/// # Errors
/// Always a rejection.
pub fn settled_elsewhere(arguments: &str, _: &Forward) -> Answer {
    elsewhere(arguments)
}

/// The participant of the TCC that is run, or of another TCC here, where that one is of another module.
fn find_participant(definition: &str, id: &str) -> Result<&'static Participant, Error> {
    let tccs = || inventory::iter::<TccEntry>().map(|entry| entry.0);
    let own = tccs().find(|tcc| tcc.name == definition);
    let of = |tcc: &'static Tcc| tcc.participants.iter().find(|one| one.id == id && one.provider.is_none());
    own.and_then(of)
        .or_else(|| tccs().find_map(of))
        .ok_or_else(|| Error::rejected("no-such-participant", format!("tcc `{definition}` has no participant `{id}`")))
}

/// The step of the saga that is run; or of another saga here, where that one is of another module. That
/// there is one of the id, and no other, the host saw to before it started.
fn find(definition: &str, id: &str) -> Result<&'static Step, Error> {
    let sagas = || inventory::iter::<Entry>().map(|entry| entry.0);
    let own = sagas().find(|saga| saga.name == definition);
    let of = |saga: &'static Saga| saga.steps.iter().find(|step| step.id == id && step.provider.is_none());
    own.and_then(of)
        .or_else(|| sagas().find_map(of))
        .ok_or_else(|| Error::rejected("no-such-step", format!("saga `{definition}` has no step `{id}`")))
}
