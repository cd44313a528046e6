//! Mistakes while they are collected, and the checks that steps and participants have in common.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use serde_json::Value;

use super::{
    limits::{ATTEMPTS_MAX, Mistake, Mistakes, NAME_CHARS_MAX, SCHEMA_BYTES_MAX, TIME_MS_MAX},
    suggest::closest,
};
use crate::{
    binding,
    definition::{Label, Limits, Parameter},
    json::Json,
    retry::RetryPolicy,
    shown::Shown,
    status::Kind,
    time::Milliseconds,
};

/// Of a provider without a name.
const NAMELESS: &str = "is provided by a module without a name (name the module, or leave the provider out)";

/// All that is wrong with one definition so far.
pub(super) struct Notes {
    kind: Kind,
    name: String,
    fields: InputFields,
    found: Mistakes,
}

impl Notes {
    pub(super) fn new(kind: Kind, name: &str, input_schema: Option<&Json>) -> Self {
        Self { kind, name: name.into(), fields: InputFields::of(input_schema), found: Mistakes::default() }
    }

    /// All so far, which are told once.
    pub(super) fn none_or_all(&mut self) -> Result<(), Mistakes> {
        if self.found.is_empty() { Ok(()) } else { Err(core::mem::take(&mut self.found)) }
    }

    /// ` (did you mean `x`?)`, where it would be told.
    pub(super) fn hint<'a>(&self, wrong: &str, candidates: impl Iterator<Item = &'a str>) -> String {
        if self.found.is_full() { String::new() } else { closest(wrong, candidates) }
    }

    pub(super) fn of_whole(&mut self, what: impl Into<String>) {
        self.found.push(Mistake { place: format!("{} `{}`", self.kind, Shown(&self.name)), what: what.into() });
    }

    pub(super) fn of_node(&mut self, node: &str, what: impl Into<String>) {
        let place = format!("{} `{}`, {} `{}`", self.kind, Shown(&self.name), self.kind.node(), Shown(node));
        self.found.push(Mistake { place, what: what.into() });
    }

    pub(super) fn name_of_whole(&mut self) {
        if let Some(wrong) = bad_name(&self.name) {
            self.of_whole(format!("its name {wrong}"));
        }
    }

    pub(super) fn schema(&mut self, schema: Option<&Json>) {
        if let Some(schema) = schema
            && schema.read::<Value>().map_or(true, |v| !v.is_object() && !v.is_boolean())
        {
            self.of_whole("its input schema is not a JSON Schema (an object, or true or false)");
        }
    }

    /// Labels are few, each with a name of its own and a pointer into the input.
    pub(super) fn labels(&mut self, labels: &[Label]) {
        for (i, label) in labels.iter().enumerate() {
            if let Some(wrong) = bad_name(&label.name) {
                self.of_whole(format!("a label's name {wrong}"));
            }
            if labels[..i].iter().any(|before| before.name == label.name) {
                self.of_whole(format!("label `{}` stands more than once", Shown(&label.name)));
            }
            if !label.pointer.starts_with('/') {
                let what = "is no JSON Pointer into the input (such as `/customer/id`)";
                self.of_whole(format!("label `{}`: `{}` {what}", Shown(&label.name), Shown(&label.pointer)));
            }
        }
    }

    /// Ids are names, and each stands once.
    pub(super) fn ids<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for id in ids {
            let count = seen.entry(id).or_default();
            *count += 1;
            if *count == 2 {
                self.of_node(id, format!("stands more than once (ids are unique in a {})", self.kind));
            }
            if let Some(wrong) = bad_name(id) {
                self.of_node(id, format!("its id {wrong}"));
            }
        }
    }

    /// What no attempt could succeed under, or no delay follow.
    pub(super) fn limits(&mut self, node: &str, whose: &str, limits: &Limits) {
        let zero = [
            ("timeout", limits.timeout),
            ("total-timeout", limits.total_timeout),
            ("fuel limit", limits.fuel),
            ("memory limit", limits.memory_bytes),
        ];
        for (name, _) in zero.iter().filter(|(_, value)| *value == Some(0)) {
            self.of_node(node, format!("{whose}has a {name} of 0, so no attempt could succeed"));
        }
        for (name, value) in [("timeout", limits.timeout), ("total-timeout", limits.total_timeout)] {
            self.time(Some(node), &format!("{whose}has a {name}"), value);
        }
        let Some(retry) = limits.retry.map(|retry| retry.over(RetryPolicy::default())) else { return };
        let article = if whose.is_empty() { "its " } else { whose };
        if retry.max_attempts == 0 || retry.max_attempts > ATTEMPTS_MAX {
            self.of_node(
                node,
                format!("{article}retry has {} attempts (from 1 to {ATTEMPTS_MAX})", retry.max_attempts),
            );
        }
        if !(retry.multiplier.is_finite() && retry.multiplier >= 1.0) {
            self.of_node(node, format!("{article}retry has a multiplier of {} (at least 1)", retry.multiplier));
        }
        if !(0.0..=1.0).contains(&retry.jitter) {
            self.of_node(node, format!("{article}retry has a jitter of {} (from 0 to 1)", retry.jitter));
        }
        self.time(Some(node), &format!("{article}retry has a longest delay"), Some(retry.max_delay));
        if retry.initial_delay > retry.max_delay {
            let (first, longest) = (retry.initial_delay, retry.max_delay);
            self.of_node(
                node,
                format!("{article}retry starts with {first} ms, which is more than its longest delay of {longest} ms"),
            );
        }
    }

    /// A time that no clock holds is a slip, and would overflow where it is reckoned with.
    pub(super) fn time(&mut self, node: Option<&str>, what: &str, value: Option<Milliseconds>) {
        let Some(value) = value.filter(|value| *value > TIME_MS_MAX) else { return };
        let what = format!("{what} of {value} ms; the limit is {TIME_MS_MAX}, a hundred years (leave it out for none)");
        match node {
            Some(node) => self.of_node(node, what),
            None => self.of_whole(what),
        }
    }

    /// The name of the module that provides a node.
    pub(super) fn provider(&mut self, node: &str, module: &str) {
        if module.is_empty() {
            self.of_node(node, NAMELESS);
        } else if let Some(wrong) = bad_name(module) {
            self.of_node(node, format!("the name of the module that provides it {wrong}"));
        }
    }

    /// Whether a parameter's name is its own.
    pub(super) fn parameter(&mut self, node: &str, parameters: &[Parameter], at: usize) {
        let name = &parameters[at].name;
        if parameters[..at].iter().any(|p| p.name == *name) {
            self.of_node(node, format!("parameter `{}` stands more than once", Shown(name)));
        }
    }

    pub(super) fn input(&mut self, node: &str, what: &str, pointer: Option<&str>) {
        self.pointer(node, what, pointer);
        let is_told = !self.found.is_full();
        if let Some(missing) = pointer.and_then(|p| self.fields.missing(p, is_told)) {
            self.of_node(node, format!("{what} {missing}"));
        }
    }

    pub(super) fn named(&mut self, node: &str, what: &str, name: &str) {
        if name.is_empty() {
            self.of_node(node, format!("{what} names a variable or header without a name"));
        }
    }

    pub(super) fn pointer(&mut self, node: &str, what: &str, pointer: Option<&str>) {
        let Some(pointer) = pointer.filter(|p| !p.is_empty()) else { return };
        let well_formed = pointer.starts_with('/') && pointer.split('/').all(|t| binding::unescape(t).is_some());
        if !well_formed {
            self.of_node(
                node,
                format!("{what} has `{}`, which is not a JSON Pointer (such as `/lines/0/sku`)", Shown(pointer)),
            );
        }
    }
}

/// Why text is too long for a name, as the rest of a sentence.
pub(super) fn bad_length(name: &str) -> Option<String> {
    name.chars().nth(NAME_CHARS_MAX).map(|_| format!("has more than {NAME_CHARS_MAX} characters"))
}

/// Why text is no name, as the rest of a sentence. Names of modules, definitions, steps, participants, compensations
/// and labels have letters and digits of any script, `-`, `_` and `.`, and [`NAME_CHARS_MAX`] characters at most: they
/// stand in lists, records and messages, in file names and in policies.
pub fn bad_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("is empty".into());
    }
    if let Some(wrong) = bad_length(name) {
        return Some(wrong);
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let wrong = name.chars().find(|c| !allowed(*c))?;
    Some(format!("has the character {wrong:?} (letters, digits, `-`, `_` and `.` are allowed)"))
}

/// Fields of an input that a message lists.
const FIELDS_SHOWN: usize = 20;

/// The fields that an input schema lists at its top, where it lists any and is about an object.
pub(super) struct InputFields(Option<BTreeSet<String>>);

impl InputFields {
    /// Whether the input is known to have this field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|fields| fields.contains(name))
    }

    pub(super) fn of(schema: Option<&Json>) -> Self {
        // One that is too large is refused for that, and not read.
        let schema = schema.filter(|schema| schema.as_str().len() <= SCHEMA_BYTES_MAX);
        let Some(Value::Object(schema)) = schema.and_then(|s| s.read::<Value>().ok()) else { return Self(None) };
        // What these keywords add cannot be listed without evaluating the schema.
        let open = ["allOf", "anyOf", "oneOf", "$ref", "patternProperties"].iter().any(|k| schema.contains_key(*k));
        let extra = matches!(schema.get("additionalProperties"), Some(Value::Bool(true) | Value::Object(_)));
        match schema.get("properties") {
            Some(Value::Object(fields)) if !open && !extra => Self(Some(fields.keys().cloned().collect())),
            _ => Self(None),
        }
    }

    /// What is wrong with a pointer into the input, as the rest of a sentence, in full where it is told.
    fn missing(&self, pointer: &str, is_told: bool) -> Option<String> {
        let fields = self.0.as_ref()?;
        let field = binding::unescape(pointer.strip_prefix('/')?.split('/').next()?)?;
        if fields.contains(&*field) {
            return None;
        }
        if !is_told {
            return Some(String::new());
        }
        let hint = closest(&field, fields.iter().map(String::as_str));
        let list = listed(fields.iter().map(|field| format!("{}", Shown(field))));
        Some(format!("is a field that the input schema does not have{hint} (fields: {list})"))
    }
}

/// The first of a list, and how many more.
pub(super) fn listed(mut all: impl Iterator<Item = String>) -> String {
    let mut list = all.by_ref().take(FIELDS_SHOWN).collect::<Vec<_>>().join(", ");
    let more = all.count();
    if more > 0 {
        list.push_str(&format!(", and {more} more"));
    }
    list
}
