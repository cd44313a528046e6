//! What is wrong with a definition: every mistake at once, each with its place (feature S1).

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use super::{
    index::StepIx,
    limits::{Mistake, STEPS_MAX},
    mistakes::{self, InputFields, Mistakes, NAMELESS},
    suggest::closest,
};
use crate::{
    definition::{Action, Parameter, Saga, Source, Step},
    status::Kind,
};

/// The graph of a definition without mistakes.
pub(super) struct Graph {
    pub(super) depends_on: Vec<Vec<StepIx>>,
}

/// Checks everything, or says all that is wrong.
pub(super) fn check(saga: &Saga) -> Result<Graph, Vec<Mistake>> {
    let mistakes = Mistakes::new(Kind::Saga, &saga.name, saga.input_schema.as_ref());
    let mut checker = Checker { saga, mistakes };
    checker.whole();
    checker.ids();
    let depends_on = checker.dependencies();
    for step in &saga.steps {
        checker.step(step);
    }
    // What stands beside other mistakes is told with them; a graph that is too large is not walked.
    if saga.steps.len() <= STEPS_MAX {
        checker.cycle(&depends_on);
    }
    checker.mistakes.none_or_all().map(|()| Graph { depends_on })
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

struct Checker<'a> {
    saga: &'a Saga,
    mistakes: Mistakes,
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
        if self.saga.steps.len() > STEPS_MAX {
            self.saga_mistake(format!("has {} steps; the limit is {STEPS_MAX}", self.saga.steps.len()));
        }
        if self.saga.concurrency == Some(0) {
            self.saga_mistake("has a concurrency of 0, so no step could ever start (leave it out for no limit)");
        }
        if self.saga.deadline == Some(0) {
            self.saga_mistake("has a deadline of 0 ms, which has always passed (leave it out for none)");
        }
        self.mistakes.labels(&self.saga.labels);
        self.mistakes.schema(self.saga.input_schema.as_ref());
    }

    fn ids(&mut self) {
        self.mistakes.ids(self.saga.steps.iter().map(|step| step.id.as_str()));
    }

    /// Declared dependencies and those that a binding implies, without doubles, in the order of declaration.
    fn dependencies(&mut self) -> Vec<Vec<StepIx>> {
        let saga = self.saga;
        let index: BTreeMap<&str, usize> =
            saga.steps.iter().enumerate().rev().map(|(i, s)| (s.id.as_str(), i)).collect();
        let mut all = Vec::with_capacity(saga.steps.len());
        for (own, step) in saga.steps.iter().enumerate() {
            let mut found = Vec::new();
            for name in &step.depends_on {
                match index.get(name.as_str()) {
                    Some(i) if *i == own => self.step_mistake(&step.id, "depends on itself"),
                    Some(i) => found.push(StepIx(*i)),
                    None => {
                        let hint = closest(name, saga.steps.iter().map(|s| s.id.as_str()));
                        self.step_mistake(&step.id, format!("depends on `{name}`, which is not a step{hint}"));
                    }
                }
            }
            let sources = step.parameters.iter().map(|p| &p.source).chain(&step.each);
            found.extend(sources.filter_map(|source| match source {
                Source::StepOutput { step, .. } => index.get(step.as_str()).filter(|i| **i != own).map(|i| StepIx(*i)),
                _ => None,
            }));
            found.sort_unstable();
            found.dedup();
            all.push(found);
        }
        all
    }

    /// Names one cycle, if there is one: repeatedly takes away what depends on nothing that is left.
    /// A step that depends on itself has a mistake of its own.
    fn cycle(&mut self, depends_on: &[Vec<StepIx>]) {
        let others = |(i, of): (usize, &Vec<StepIx>)| of.iter().copied().filter(|d| d.0 != i).collect();
        let depends_on: Vec<Vec<StepIx>> = depends_on.iter().enumerate().map(others).collect();
        let mut left = vec![true; depends_on.len()];
        while let Some(free) = (0..left.len()).find(|i| left[*i] && depends_on[*i].iter().all(|d| !left[d.0])) {
            left[free] = false;
        }
        let Some(start) = (0..left.len()).find(|i| left[*i]) else { return };
        // Everything left has a dependency that is left, so following those comes round.
        let mut path = vec![start];
        loop {
            let last = path[path.len() - 1];
            let Some(next) = depends_on[last].iter().map(|d| d.0).find(|d| left[*d]) else { return };
            if let Some(from) = path.iter().position(|p| *p == next) {
                let mut names: Vec<String> =
                    path[from..].iter().map(|i| format!("`{}`", self.saga.steps[*i].id)).collect();
                names.push(format!("`{}`", self.saga.steps[next].id));
                self.saga_mistake(format!("its steps wait for each other: {}", names.join(" needs ")));
                return;
            }
            path.push(next);
        }
    }

    fn step(&mut self, step: &Step) {
        if matches!(&step.action, Action::Provided(module) if module.is_empty()) {
            self.step_mistake(&step.id, NAMELESS);
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
        self.mistakes.parameter_count(&place.step.id, parameters);
        for (i, parameter) in parameters.iter().enumerate() {
            self.mistakes.parameter(&place.step.id, parameters, i);
            self.source(place, &format!("parameter `{}`", parameter.name), &parameter.source);
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
                if self.saga.steps.iter().any(|s| s.id == *step && s.compensation.is_none()) {
                    self.step_mistake(
                        id,
                        format!("{what} is the answer of the compensation of `{step}`, which has none"),
                    );
                }
            }
            Source::Cause => self.only_undoing(place, what, "the cause of the unwinding"),
            Source::Variable(name) | Source::Header(name) => self.mistakes.named(id, what, name),
            Source::Literal(_) => {}
        }
    }

    fn other_step(&mut self, place: Place<'_>, what: &str, step: &str) {
        if !self.saga.steps.iter().any(|s| s.id == step) {
            let hint = closest(step, self.saga.steps.iter().map(|s| s.id.as_str()));
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

impl Graph {
    /// The longest way from a root to each step; there is no cycle, so as many rounds as steps settle it.
    pub(super) fn layers(&self) -> Vec<usize> {
        let mut layers = vec![0; self.depends_on.len()];
        loop {
            let mut changed = false;
            for (i, dependencies) in self.depends_on.iter().enumerate() {
                let layer = dependencies.iter().map(|d| layers[d.0] + 1).max().unwrap_or(0);
                changed |= layer != core::mem::replace(&mut layers[i], layer);
            }
            if !changed {
                return layers;
            }
        }
    }
}
