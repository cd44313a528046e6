//! What is wrong with a definition: every mistake at once, each with its place (feature S1). The work is bounded by the
//! sizes that `sizes` admits: each step, dependency and parameter is looked at a few times.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use super::{
    index::StepIx,
    limits::Mistakes,
    mistakes::{self, InputFields, Notes},
    order::Order,
    sizes,
};
use crate::{
    definition::{Action, Parameter, Saga, Source, Step},
    shown::Shown,
    status::Kind,
};

/// The graph of a definition without mistakes.
pub(super) struct Graph {
    pub(super) depends_on: Vec<Vec<StepIx>>,
    /// The longest way from a root to each step.
    pub(super) layers: Vec<usize>,
}

/// Checks everything, or says what is wrong. What is too large is told alone: the other checks would take long.
pub(super) fn check(saga: &Saga) -> Result<Graph, Mistakes> {
    let mut mistakes = Notes::new(Kind::Saga, &saga.name, saga.input_schema.as_ref());
    sizes::saga(saga, &mut mistakes)?;
    let index = saga.steps.iter().enumerate().rev().map(|(i, s)| (s.id.as_str(), i)).collect();
    let mut checker = Checker { saga, index, mistakes };
    checker.whole();
    checker.ids();
    let depends_on = checker.dependencies();
    for step in &saga.steps {
        checker.step(step);
    }
    let order = Order::of(&depends_on);
    checker.cycle(&depends_on, &order);
    checker.mistakes.none_or_all()?;
    Ok(Graph { layers: order.layers(&depends_on), depends_on })
}

/// What is allowed and yet likely to hurt.
pub(super) fn warnings(saga: &Saga) -> Vec<String> {
    let mut warnings = Vec::new();
    for step in &saga.steps {
        let Some(undo) = &step.compensation else { continue };
        if undo.parameters.iter().any(|p| p.required && matches!(p.source, Source::OwnOutput(_))) {
            warnings.push(format!(
                "saga `{}`: compensation `{}` requires the output of `{}`; when its outcome is unknown there is none, \
                 and the saga would be stuck (make the parameter optional)",
                saga.name, undo.name, step.id
            ));
        }
    }
    warnings.extend(taken_for_fields(saga));
    warnings
}

/// A step that is new in a saga may have the name of a field of the input: from then on, the parameters of that name take
/// the step's output, and nobody said so.
fn taken_for_fields(saga: &Saga) -> Vec<String> {
    let fields = InputFields::of(saga.input_schema.as_ref());
    let mut warnings = Vec::new();
    for step in &saga.steps {
        let undo = step.compensation.iter().flat_map(|undo| &undo.parameters);
        for parameter in step.parameters.iter().chain(undo) {
            let Source::StepOutput { step: named, pointer: None } = &parameter.source else { continue };
            if fields.has(&parameter.name) {
                warnings.push(format!(
                    "saga `{}`, step `{}`: parameter `{}` takes the output of step `{named}`, and the input has a field \
                     `{}` as well (say which is meant, or give one of them another name)",
                    saga.name, step.id, parameter.name, parameter.name
                ));
            }
        }
    }
    warnings
}

/// Steps of a cycle that are named.
const CYCLE_SHOWN: usize = 20;

struct Checker<'a> {
    saga: &'a Saga,
    /// The first step of each id.
    index: BTreeMap<&'a str, usize>,
    mistakes: Notes,
}

/// Where a parameter stands: what it may refer to depends on it.
#[derive(Clone, Copy)]
struct Place<'a> {
    step: &'a Step,
    undo: bool,
}

impl Checker<'_> {
    fn saga_mistake(&mut self, what: impl Into<String>) {
        self.mistakes.of_whole(what);
    }

    fn step_mistake(&mut self, step: &str, what: impl Into<String>) {
        self.mistakes.of_node(step, what);
    }

    fn whole(&mut self) {
        self.mistakes.name_of_whole();
        if self.saga.steps.is_empty() {
            self.saga_mistake("has no steps (add at least one)");
        }
        if self.saga.concurrency == Some(0) {
            self.saga_mistake("has a concurrency of 0, so no step could ever start (leave it out for no limit)");
        }
        if self.saga.deadline == Some(0) {
            self.saga_mistake("has a deadline of 0 ms, which has always passed (leave it out for none)");
        }
        self.mistakes.time(None, "has a deadline", self.saga.deadline);
        self.mistakes.labels(&self.saga.labels);
        self.mistakes.schema(self.saga.input_schema.as_ref());
    }

    fn ids(&mut self) {
        self.mistakes.ids(self.saga.steps.iter().map(|step| step.id.as_str()));
    }

    /// Declared dependencies and those that a binding implies, without doubles, in the order of declaration.
    fn dependencies(&mut self) -> Vec<Vec<StepIx>> {
        let saga = self.saga;
        let mut all = Vec::with_capacity(saga.steps.len());
        for (own, step) in saga.steps.iter().enumerate() {
            let mut found = Vec::new();
            for name in &step.depends_on {
                match self.index.get(name.as_str()).copied() {
                    Some(i) if i == own => self.step_mistake(&step.id, "depends on itself"),
                    Some(i) => found.push(StepIx(i)),
                    None => {
                        let hint = self.hint(name);
                        let what = format!("depends on `{}`, which is not a step{hint}", Shown(name));
                        self.step_mistake(&step.id, what);
                    }
                }
            }
            let sources = step.parameters.iter().map(|p| &p.source).chain(&step.each);
            found.extend(sources.filter_map(|source| match source {
                Source::StepOutput { step, .. } => {
                    self.index.get(step.as_str()).filter(|i| **i != own).map(|i| StepIx(*i))
                }
                _ => None,
            }));
            found.sort_unstable();
            found.dedup();
            all.push(found);
        }
        all
    }

    /// Names one cycle, if there is one, among what cannot run. A step that depends on itself has a mistake of its own.
    fn cycle(&mut self, depends_on: &[Vec<StepIx>], order: &Order) {
        let mut left = vec![true; depends_on.len()];
        order.steps.iter().for_each(|step| left[*step] = false);
        let Some(start) = (0..left.len()).find(|i| left[*i]) else { return };
        // Everything left has a dependency that is left, so following those comes round.
        let mut path = vec![start];
        let mut places = BTreeMap::from([(start, 0)]);
        loop {
            let last = path[path.len() - 1];
            let Some(next) = depends_on[last].iter().map(|d| d.0).find(|d| left[*d] && *d != last) else { return };
            if let Some(from) = places.get(&next) {
                let round = path[*from..].iter().chain([&next]);
                let mut names: Vec<String> = round.map(|i| format!("`{}`", Shown(&self.saga.steps[*i].id))).collect();
                let more = names.len().saturating_sub(CYCLE_SHOWN);
                names.truncate(CYCLE_SHOWN);
                if more > 0 {
                    names.push(format!("{more} more"));
                }
                return self.saga_mistake(format!("its steps wait for each other: {}", names.join(" needs ")));
            }
            places.insert(next, path.len());
            path.push(next);
        }
    }

    fn hint(&self, wrong: &str) -> String {
        self.mistakes.hint(wrong, self.saga.steps.iter().map(|step| step.id.as_str()))
    }

    fn step(&mut self, step: &Step) {
        if let Action::Provided(module) = &step.action {
            self.mistakes.provider(&step.id, module);
        }
        self.mistakes.limits(&step.id, "", &step.limits);
        if let Some(each) = &step.each {
            self.source(Place { step, undo: false }, "its `each`", each);
            if matches!(each, Source::Item(_)) {
                self.step_mistake(
                    &step.id,
                    "its `each` takes its items from an item (name an input, an output or a variable)",
                );
            }
        }
        self.parameters(Place { step, undo: false }, &step.parameters);
        if let Some(undo) = &step.compensation {
            if let Some(wrong) = mistakes::bad_name(&undo.name) {
                self.step_mistake(&step.id, format!("the name of its compensation {wrong}"));
            }
            self.mistakes.limits(&step.id, "its compensation ", &undo.limits);
            self.parameters(Place { step, undo: true }, &undo.parameters);
        }
    }

    fn parameters(&mut self, place: Place<'_>, parameters: &[Parameter]) {
        for (i, parameter) in parameters.iter().enumerate() {
            self.mistakes.parameter(&place.step.id, parameters, i);
            self.source(place, &format!("parameter `{}`", Shown(&parameter.name)), &parameter.source);
        }
    }

    fn source(&mut self, place: Place<'_>, what: &str, source: &Source) {
        let id = &place.step.id;
        match source {
            Source::Input(pointer) => {
                self.mistakes.input(id, what, pointer.as_deref());
            }
            Source::StepOutput { step, pointer } => {
                self.mistakes.pointer(id, what, pointer.as_deref());
                self.other_step(place, what, step);
            }
            Source::Item(pointer) => {
                self.mistakes.pointer(id, what, pointer.as_deref());
                if place.step.each.is_none() {
                    self.step_mistake(id, format!("{what} is an item, and the step has no `each`"));
                }
            }
            Source::OwnOutput(pointer) => {
                self.mistakes.pointer(id, what, pointer.as_deref());
                self.only_undoing(place, what, "the step's own output");
            }
            Source::CompensationOutput(step) => {
                self.only_undoing(place, what, "a compensation's output");
                self.other_step(place, what, step);
                let named = self.index.get(step.as_str()).map(|i| &self.saga.steps[*i]);
                if named.is_some_and(|named| named.compensation.is_none()) {
                    let step = Shown(step);
                    let what = format!("{what} is the answer of the compensation of `{step}`, which has none");
                    self.step_mistake(id, what);
                }
            }
            Source::Cause => self.only_undoing(place, what, "the cause of the unwinding"),
            Source::Variable(name) | Source::Header(name) => self.mistakes.named(id, what, name),
            Source::Literal(_) => {}
        }
    }

    fn other_step(&mut self, place: Place<'_>, what: &str, step: &str) {
        if !self.index.contains_key(step) {
            let (hint, step) = (self.hint(step), Shown(step));
            self.step_mistake(&place.step.id, format!("{what} is taken from `{step}`, which is not a step{hint}"));
        } else if step == place.step.id {
            self.step_mistake(&place.step.id, format!("{what} is taken from the step itself"));
        }
    }

    fn only_undoing(&mut self, place: Place<'_>, what: &str, source: &str) {
        if !place.undo {
            self.step_mistake(&place.step.id, format!("{what} is {source}, which only a compensation has"));
        }
    }
}
