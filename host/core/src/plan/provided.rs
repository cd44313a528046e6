//! What one module asks of another, compared with what that one says of itself: the step or participant
//! is there, takes what it is given, and answers what is taken from it. A provided step has the same id
//! in both modules, so that a call needs no translation.

use alloc::{format, string::String, vec::Vec};

use serde_json::Value;

use super::{checked::Checked, limits::Mistake, mistakes::Mistakes, suggest::closest};
use crate::{
    definition::{Action, Definition, Module, Parameter, Source},
    id::Name,
    json::Json,
};

/// Schemas are compared to this depth; what lies deeper is told by the call.
const DEPTH_MAX: usize = 16;

/// What a node asks of another module.
struct Asked<'a> {
    id: &'a Name,
    provider: &'a Name,
    parameters: &'a [Parameter],
    output: Option<&'a Json>,
    undo: Option<&'a [Parameter]>,
}

/// What a module has to offer for one id.
struct Offer<'a> {
    definition: &'a str,
    /// Whether another module does it in turn.
    is_passed_on: bool,
    parameters: &'a [Parameter],
    output: Option<&'a Json>,
    undo: Option<(&'a str, &'a [Parameter])>,
}

impl Checked {
    /// Compares what is asked of other modules with what these say of themselves.
    ///
    /// # Errors
    /// Everything that does not fit at once, each with its place. A module that is not given is not
    /// looked at.
    pub fn check_providers(&self, modules: &[&Module]) -> Result<(), Vec<Mistake>> {
        check(self, modules)
    }
}

fn check(plan: &Checked, modules: &[&Module]) -> Result<(), Vec<Mistake>> {
    let mut mistakes = Mistakes::new(plan.kind(), plan.name(), None);
    for asked in asked(plan) {
        let Some(module) = modules.iter().find(|module| module.name == **asked.provider) else { continue };
        check_one(&asked, plan, module, &mut mistakes);
    }
    mistakes.none_or_all()
}

fn asked(plan: &Checked) -> Vec<Asked<'_>> {
    let of_saga = plan.saga().into_iter().flat_map(|plan| plan.steps()).filter_map(|step| {
        Some(Asked {
            id: &step.id,
            provider: step.provider.as_ref()?,
            parameters: &step.parameters,
            output: step.output_schema.as_ref(),
            undo: step.compensation.as_ref().map(|undo| &*undo.parameters),
        })
    });
    let of_tcc = plan.tcc().into_iter().flat_map(|plan| plan.participants()).filter_map(|one| {
        Some(Asked {
            id: &one.id,
            provider: one.provider.as_ref()?,
            parameters: &one.parameters,
            output: None,
            undo: None,
        })
    });
    of_saga.chain(of_tcc).collect()
}

/// Everything of the plan's kind that a module has to offer, by id.
fn offers<'a>(plan: &Checked, module: &'a Module) -> Vec<(&'a str, Offer<'a>)> {
    let mut offers = Vec::new();
    for definition in &module.definitions {
        match definition {
            Definition::Saga(saga) if plan.saga().is_some() => offers.extend(saga.steps.iter().map(|step| {
                let offer = Offer {
                    definition: &saga.name,
                    is_passed_on: step.action != Action::Here,
                    parameters: &step.parameters,
                    output: step.output_schema.as_ref(),
                    undo: step.compensation.as_ref().map(|undo| (&*undo.name, &*undo.parameters)),
                };
                (&*step.id, offer)
            })),
            Definition::Tcc(tcc) if plan.tcc().is_some() => offers.extend(tcc.participants.iter().map(|one| {
                let offer = Offer {
                    definition: &tcc.name,
                    is_passed_on: one.provider.is_some(),
                    parameters: &one.parameters,
                    output: None,
                    undo: None,
                };
                (&*one.id, offer)
            })),
            Definition::Saga(_) | Definition::Tcc(_) => {}
        }
    }
    offers
}

fn check_one(asked: &Asked<'_>, plan: &Checked, module: &Module, mistakes: &mut Mistakes) {
    let (id, name, node) = (&**asked.id, &module.name, plan.kind().node());
    let offers = offers(plan, module);
    let (found, others): (Vec<_>, Vec<_>) = offers.into_iter().partition(|(offered, _)| *offered == id);
    let offer = match &*found {
        [(_, offer)] => offer,
        [] => {
            let known = others.iter().map(|(known, _)| *known);
            let list: Vec<String> = known.clone().map(|known| format!("`{known}`")).collect();
            let hint = closest(id, known);
            let has = if list.is_empty() { "none".into() } else { list.join(", ") };
            mistakes.of_node(id, format!("module `{name}` has no {node} of that id{hint}; it has {has}"));
            return;
        }
        several => {
            let list: Vec<String> = several.iter().map(|(_, offer)| format!("`{}`", offer.definition)).collect();
            let list = list.join(" and ");
            mistakes.of_node(id, format!("module `{name}` has a {node} of that id in {list} (give one another id)"));
            return;
        }
    };
    if offer.is_passed_on {
        mistakes.of_node(id, format!("module `{name}` has it from another module in turn (name that one)"));
    }
    parameters(id, "", asked.parameters, name, offer.parameters, mistakes);
    output(id, name, offer.output, asked.output, mistakes);
    match (asked.undo, offer.undo) {
        (Some(given), Some((_, wanted))) => parameters(id, "its compensation ", given, name, wanted, mistakes),
        (Some(_), None) => {
            mistakes.of_node(id, format!("module `{name}` cannot undo it: it has no compensation there"));
        }
        (None, Some((undo, _))) => mistakes.of_node(
            id,
            format!(
                "module `{name}` undoes it by `{undo}`, which this saga does not ask for (declare the compensation)"
            ),
        ),
        (None, None) => {}
    }
}

/// Each parameter that is wanted is given, nothing else is, and the values fit.
fn parameters(id: &str, whose: &str, given: &[Parameter], name: &str, wanted: &[Parameter], mistakes: &mut Mistakes) {
    for want in wanted {
        // What the provider gives itself, such as a literal, need not be given.
        let is_needed = want.required && !matches!(want.source, Source::Literal(_));
        if is_needed && given.iter().all(|give| give.name != want.name) {
            mistakes
                .of_node(id, format!("{whose}does not give parameter `{}`, which module `{name}` needs", want.name));
        }
    }
    for give in given {
        let Some(want) = wanted.iter().find(|want| want.name == give.name) else {
            let hint = closest(&give.name, wanted.iter().map(|want| &*want.name));
            mistakes.of_node(
                id,
                format!("{whose}gives parameter `{}`, which module `{name}` does not have{hint}", give.name),
            );
            continue;
        };
        if let Some(why) = misfit(give.schema.as_ref(), want.schema.as_ref()) {
            mistakes.of_node(id, format!("{whose}parameter `{}` is not what module `{name}` takes: {why}", give.name));
        }
    }
}

fn output(id: &str, name: &str, given: Option<&Json>, wanted: Option<&Json>, mistakes: &mut Mistakes) {
    if let Some(why) = misfit(given, wanted) {
        mistakes.of_node(id, format!("what module `{name}` answers is not what this saga takes from it: {why}"));
    }
}

/// Why values of one schema do not fit another, where that is certain. A schema that is not there, or says
/// what is not compared here, takes anything: the guest looks at what it is given.
fn misfit(given: Option<&Json>, wanted: Option<&Json>) -> Option<String> {
    let read = |schema: Option<&Json>| schema.and_then(|schema| schema.read::<Value>().ok());
    let (given, wanted) = (read(given)?, read(wanted)?);
    let pair = Pair { given: &given, wanted: &wanted };
    pair.misfit(&given, &wanted, "the value", DEPTH_MAX)
}

/// Two schemas with their definitions.
struct Pair<'a> {
    given: &'a Value,
    wanted: &'a Value,
}

impl<'a> Pair<'a> {
    fn misfit(&self, given: &'a Value, wanted: &'a Value, place: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let (given, wanted) = (followed(self.given, given)?, followed(self.wanted, wanted)?);
        if let (Some(has), Some(takes)) = (types(given), types(wanted)) {
            // An integer is a number.
            let fits = |one: &&str| takes.contains(one) || (*one == "integer" && takes.contains(&"number"));
            if let Some(other) = has.iter().find(|one| !fits(one)) {
                return Some(format!("{place} may be of type {other}, and is taken as {}", takes.join(" or ")));
            }
        }
        let fields = |schema: &'a Value| schema.get("properties").and_then(Value::as_object);
        if let (Some(has), Some(takes)) = (fields(given), fields(wanted)) {
            let required = |schema: &'a Value| -> Vec<&'a str> {
                let names = schema.get("required").and_then(Value::as_array);
                names.into_iter().flatten().filter_map(Value::as_str).collect()
            };
            let sure = required(given);
            if let Some(missing) = required(wanted).into_iter().find(|name| !sure.contains(name)) {
                return Some(format!("{place} may lack `{missing}`, which is needed"));
            }
            let deeper =
                |(name, schema): (&String, &'a Value)| self.misfit(has.get(name)?, schema, &format!("`{name}`"), depth);
            return takes.iter().find_map(deeper);
        }
        let items = self.misfit(given.get("items")?, wanted.get("items")?, "an item", depth);
        items.map(|why| format!("{place}: {why}"))
    }
}

/// A schema, or what it refers to within its document; none where that cannot be followed.
fn followed<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    match schema.get("$ref") {
        None => Some(schema),
        Some(to) => document.pointer(to.as_str()?.strip_prefix('#')?),
    }
}

/// The types that a schema allows, where it says so itself.
fn types(schema: &Value) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(one) => Some([&**one].into()),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
