//! What people ask of a transaction of either kind: pause, resume, terminate, and what every refusal says. Deliberately
//! absent: cancel, and what is asked of what is stuck (`saga/operate.rs`, `tcc/operate.rs`).

use alloc::{format, string::String, vec::Vec};

use crate::{
    command::Decision,
    incoming::{Moment, Refused},
    json::Json,
    record::{Fact, Operator},
    turn::{Advance, Turn},
};

/// Names that a refusal lists.
const LISTED_MAX: usize = 10;

/// Writes a word down, and does what follows.
pub(crate) fn say<M: Advance>(machine: &mut M, moment: &Moment<'_>, fact: Fact) -> Decision {
    Turn::take(machine, moment, |turn| turn.push(fact))
}

/// Starts nothing new until it is resumed. Calls in flight end as they do.
pub(crate) fn pause<M: Advance>(machine: &mut M, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
    if machine.common().paused {
        return Err(Refused("it is paused already".into()));
    }
    not_ended(machine, "paused")?;
    Ok(say(machine, moment, Fact::Paused { by }))
}

/// Goes on after a pause.
pub(crate) fn resume<M: Advance>(machine: &mut M, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
    not_ended(machine, "resumed")?;
    if !machine.common().paused {
        return Err(Refused("it is not paused".into()));
    }
    Ok(say(machine, moment, Fact::Resumed { by }))
}

/// Takes it out of the machine as it stands, and says in the record what was not undone or settled. Calls in
/// flight are to be dropped.
pub(crate) fn terminate<M: Advance>(machine: &mut M, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
    not_ended(machine, "terminated")?;
    let not_undone = machine.not_undone();
    Ok(say(machine, moment, Fact::Terminated { by, not_undone }))
}

pub(crate) fn not_ended<M: Advance>(machine: &M, what: &str) -> Result<(), Refused> {
    if machine.status().is_ended() { Err(too_late(machine, what)) } else { Ok(()) }
}

pub(crate) fn too_late<M: Advance>(machine: &M, what: &str) -> Refused {
    Refused(format!("it is {}, and can no longer be {what}", machine.status()))
}

/// The refusal of what is asked only of what is stuck.
pub(crate) fn only_stuck<M: Advance>(machine: &M, what: &str) -> Refused {
    Refused(format!("it is {}; only what is stuck can be {what}", machine.status()))
}

/// Whether these are arguments that can be given in place of the bound ones.
pub(crate) fn check_arguments(arguments: &Json) -> Result<(), Refused> {
    if arguments.as_str().starts_with('{') {
        return Ok(());
    }
    Err(Refused("the arguments are not a JSON object (give one with a member for each parameter)".into()))
}

/// `step`, or `step[3]`: the step and the item.
pub(crate) fn parse_unit(name: &str) -> Option<(&str, u32)> {
    let (step, item) = name.strip_suffix(']')?.rsplit_once('[')?;
    Some((step, item.parse().ok()?))
}

/// `` `a`, `b` and 3 more ``.
pub(crate) fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(LISTED_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
