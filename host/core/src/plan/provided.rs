//! What one module asks of another, compared with what that one says of itself: the step or participant
//! is there, takes what it is given, and answers what is taken from it. A provided step has the same id
//! in both modules, so that a call needs no translation.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::cell::Cell;

use serde_json::Value;

use super::{
    checked::Checked,
    limits::Mistakes,
    mistakes::{Notes, listed},
};
use crate::{
    definition::{Action, Definition, Module, Parameter, Source},
    id::Name,
    json::Json,
    shown::Shown,
};

/// Schemas are compared to this depth; what lies deeper is told by the call.
const DEPTH_MAX: usize = 16;

/// Pairs of schemas that are compared for one definition. References can make a small schema as large as a tree of all that
/// it can describe; what lies beyond is told by the call.
const PAIRS_MAX: usize = 100_000;

/// Types that one schema may name.
const TYPES_MAX: usize = 16;

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

/// What a module has to offer, by id.
type Offers<'a> = BTreeMap<&'a str, Vec<Offer<'a>>>;

impl Checked {
    /// Compares what is asked of other modules with what these say of themselves.
    ///
    /// # Errors
    /// Everything that does not fit at once, each with its place. A module that is not given is not
    /// looked at.
    pub fn check_providers(&self, modules: &[&Module]) -> Result<(), Mistakes> {
        check(self, modules)
    }
}

fn check(plan: &Checked, modules: &[&Module]) -> Result<(), Mistakes> {
    let notes = Notes::new(plan.kind(), plan.name(), None);
    let mut comparison = Comparison { plan, notes, pairs: Cell::new(PAIRS_MAX) };
    let by_name: BTreeMap<&str, &Module> = modules.iter().rev().map(|module| (&*module.name, *module)).collect();
    let offers: BTreeMap<&str, Offers<'_>> =
        by_name.iter().map(|(name, module)| (*name, offers(plan, module))).collect();
    for asked in asked(plan) {
        let Some(offers) = offers.get(&**asked.provider) else { continue };
        comparison.one(&asked, offers);
    }
    comparison.notes.none_or_all()
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
fn offers<'a>(plan: &Checked, module: &'a Module) -> Offers<'a> {
    let mut offers = Offers::new();
    let mut add = |id: &'a str, offer| offers.entry(id).or_default().push(offer);
    for definition in &module.definitions {
        match definition {
            Definition::Saga(saga) if plan.saga().is_some() => saga.steps.iter().for_each(|step| {
                let offer = Offer {
                    definition: &saga.name,
                    is_passed_on: step.action != Action::Here,
                    parameters: &step.parameters,
                    output: step.output_schema.as_ref(),
                    undo: step.compensation.as_ref().map(|undo| (&*undo.name, &*undo.parameters)),
                };
                add(&step.id, offer);
            }),
            Definition::Tcc(tcc) if plan.tcc().is_some() => tcc.participants.iter().for_each(|one| {
                let offer = Offer {
                    definition: &tcc.name,
                    is_passed_on: one.provider.is_some(),
                    parameters: &one.parameters,
                    output: None,
                    undo: None,
                };
                add(&one.id, offer);
            }),
            Definition::Saga(_) | Definition::Tcc(_) => {}
        }
    }
    offers
}

/// A comparison under way.
struct Comparison<'p> {
    plan: &'p Checked,
    notes: Notes,
    /// Pairs of schemas that may still be compared.
    pairs: Cell<usize>,
}

impl Comparison<'_> {
    fn one(&mut self, asked: &Asked<'_>, offers: &Offers<'_>) {
        let (id, name, node) = (&**asked.id, &**asked.provider, self.plan.kind().node());
        let offer = match offers.get(id).map(|found| &**found).unwrap_or_default() {
            [offer] => offer,
            [] => {
                let hint = self.notes.hint(id, offers.keys().copied());
                let list = listed(offers.keys().map(|known| format!("`{}`", Shown(known))));
                let has = if list.is_empty() { "none".into() } else { list };
                self.notes.of_node(id, format!("module `{name}` has no {node} of that id{hint}; it has {has}"));
                return;
            }
            several => {
                let list: Vec<String> =
                    several.iter().take(2).map(|offer| format!("`{}`", Shown(offer.definition))).collect();
                let list = list.join(" and ");
                self.notes
                    .of_node(id, format!("module `{name}` has a {node} of that id in {list} (give one another id)"));
                return;
            }
        };
        if offer.is_passed_on {
            self.notes.of_node(id, format!("module `{name}` has it from another module in turn (name that one)"));
        }
        self.parameters(id, "", asked.parameters, name, offer.parameters);
        self.output(id, name, offer.output, asked.output);
        match (asked.undo, offer.undo) {
            (Some(given), Some((_, wanted))) => self.parameters(id, "its compensation ", given, name, wanted),
            (Some(_), None) => {
                self.notes.of_node(id, format!("module `{name}` cannot undo it: it has no compensation there"));
            }
            (None, Some((undo, _))) => self.notes.of_node(
                id,
                format!(
                    "module `{name}` undoes it by `{}`, which this saga does not ask for (declare the compensation)",
                    Shown(undo)
                ),
            ),
            (None, None) => {}
        }
    }

    /// Each parameter that is wanted is given, nothing else is, and the values fit.
    fn parameters(&mut self, id: &str, whose: &str, given: &[Parameter], name: &str, wanted: &[Parameter]) {
        for want in wanted {
            // What the provider gives itself, such as a literal, need not be given.
            let is_needed = want.required && !matches!(want.source, Source::Literal(_));
            if is_needed && given.iter().all(|give| give.name != want.name) {
                self.notes.of_node(
                    id,
                    format!("{whose}does not give parameter `{}`, which module `{name}` needs", Shown(&want.name)),
                );
            }
        }
        for give in given {
            let Some(want) = wanted.iter().find(|want| want.name == give.name) else {
                let hint = self.notes.hint(&give.name, wanted.iter().map(|want| &*want.name));
                self.notes.of_node(
                    id,
                    format!(
                        "{whose}gives parameter `{}`, which module `{name}` does not have{hint}",
                        Shown(&give.name)
                    ),
                );
                continue;
            };
            if let Some(why) = misfit(give.schema.as_ref(), want.schema.as_ref(), &self.pairs) {
                let give = Shown(&give.name);
                self.notes.of_node(id, format!("{whose}parameter `{give}` is not what module `{name}` takes: {why}"));
            }
        }
    }

    fn output(&mut self, id: &str, name: &str, given: Option<&Json>, wanted: Option<&Json>) {
        if let Some(why) = misfit(given, wanted, &self.pairs) {
            self.notes.of_node(id, format!("what module `{name}` answers is not what this saga takes from it: {why}"));
        }
    }
}

/// Why values of one schema do not fit another, where that is certain. A schema that is not there, or says
/// what is not compared here, takes anything: the guest looks at what it is given.
fn misfit(given: Option<&Json>, wanted: Option<&Json>, left: &Cell<usize>) -> Option<String> {
    let read = |schema: Option<&Json>| schema.and_then(|schema| schema.read::<Value>().ok());
    let (given, wanted) = (read(given)?, read(wanted)?);
    let pair = Pair { given: &given, wanted: &wanted, left };
    pair.misfit(&given, &wanted, "the value", DEPTH_MAX)
}

/// Two schemas with their definitions.
struct Pair<'a> {
    given: &'a Value,
    wanted: &'a Value,
    /// Pairs that may still be compared.
    left: &'a Cell<usize>,
}

impl<'a> Pair<'a> {
    fn misfit(&self, given: &'a Value, wanted: &'a Value, place: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        self.left.set(self.left.get().checked_sub(1)?);
        let (given, wanted) = (followed(self.given, given)?, followed(self.wanted, wanted)?);
        if let (Some(has), Some(takes)) = (types(given), types(wanted)) {
            // An integer is a number.
            let fits = |one: &&str| takes.contains(one) || (*one == "integer" && takes.contains(&"number"));
            if let Some(other) = has.iter().find(|one| !fits(one)) {
                let takes: Vec<String> = takes.iter().map(|one| format!("{}", Shown(one))).collect();
                let (other, takes) = (Shown(other), takes.join(" or "));
                return Some(format!("{place} may be of type {other}, and is taken as {takes}"));
            }
        }
        let fields = |schema: &'a Value| schema.get("properties").and_then(Value::as_object);
        if let (Some(has), Some(takes)) = (fields(given), fields(wanted)) {
            let required = |schema: &'a Value| -> Vec<&'a str> {
                let names = schema.get("required").and_then(Value::as_array);
                names.into_iter().flatten().filter_map(Value::as_str).collect()
            };
            let sure: BTreeSet<&str> = required(given).into_iter().collect();
            if let Some(missing) = required(wanted).into_iter().find(|name| !sure.contains(name)) {
                return Some(format!("{place} may lack `{}`, which is needed", Shown(missing)));
            }
            let deeper = |(name, schema): (&String, &'a Value)| {
                self.misfit(has.get(name)?, schema, &format!("`{}`", Shown(name)), depth)
            };
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
        // There are seven in all.
        Value::Array(several) if several.len() <= TYPES_MAX => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
