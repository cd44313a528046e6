//! The definitions of one module, checked. Deliberately absent: where modules come from and how long they stay (`modules`).

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::definition::{self, Definition, Saga, Tcc};
use wasaga_core::{Checked, Defaults, Digest, Json, Kind, Mistake, Name, Plan, TccPlan};

use crate::port::Guest;
use crate::{Error, conditions, schema::Schema};

/// A definition that can be run.
#[derive(Debug)]
pub(crate) struct Runnable {
    pub(crate) plan: Checked,
    pub(crate) input: Option<Schema>,
}

/// A loaded module with its definitions. Whoever holds it keeps it loaded.
#[derive(Debug)]
pub(crate) struct Definitions {
    pub(crate) guest: Arc<dyn Guest>,
    by_name: BTreeMap<Name, Runnable>,
}

impl Definitions {
    /// Checks all definitions of a module.
    ///
    /// # Errors
    /// Everything that is wrong with them at once.
    pub(crate) fn check(guest: Arc<dyn Guest>, defaults: &Defaults) -> Result<Self, Error> {
        let by_name = check(guest.description(), defaults)?;
        Ok(Self { guest, by_name })
    }

    pub(crate) fn digest(&self) -> Digest {
        self.guest.digest()
    }

    /// The module's name.
    pub(crate) fn name(&self) -> &str {
        &self.guest.description().name
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.by_name.keys().cloned().collect()
    }

    pub(crate) fn find(&self, name: &str) -> Result<&Runnable, Error> {
        self.by_name.get(name).ok_or_else(|| Error::UnknownDefinition {
            module: self.name().into(),
            definition: name.into(),
            known: self.by_name.keys().map(|name| format!("`{name}`")).collect(),
        })
    }
}

/// Every mistake of every definition at once.
fn check(description: &definition::Module, defaults: &Defaults) -> Result<BTreeMap<Name, Runnable>, Error> {
    let of_module = |what: &str| Mistake { place: format!("module `{}`", description.name), what: what.into() };
    let mut mistakes = Vec::new();
    let mut runnables = BTreeMap::new();
    if description.name.is_empty() {
        mistakes.push(of_module("has no name (the SDK takes the crate's)"));
    }
    if description.definitions.is_empty() {
        mistakes.push(of_module("has no definitions (write one with `#[saga]` or `#[tcc]`)"));
    }
    for definition in &description.definitions {
        let taken = runnables.contains_key(definition.name());
        if taken {
            mistakes.push(of_module(&format!("has two definitions with the name `{}`", definition.name())));
        }
        let checked = match definition {
            Definition::Saga(saga) => check_saga(saga, defaults),
            Definition::Tcc(tcc) => check_tcc(tcc, defaults),
        };
        match checked {
            Ok(runnable) => drop(runnables.insert(Name::from(definition.name()), runnable)),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() {
        Ok(runnables)
    } else {
        Err(Error::Mistakes { module: description.name.clone(), mistakes })
    }
}

fn check_saga(saga: &Saga, defaults: &Defaults) -> Result<Runnable, Vec<Mistake>> {
    let place = format!("saga `{}`", saga.name);
    let mut mistakes = Vec::new();
    let plan = Plan::new(saga, defaults).map_err(|found| mistakes.extend(found));
    for step in &saga.steps {
        if let Some(Err(why)) = step.condition.as_ref().map(|condition| conditions::parse(condition)) {
            let place = format!("{place}, step `{}`", step.id);
            mistakes.push(Mistake { place, what: format!("its condition is not CEL: {why}") });
        }
    }
    let input = input_schema(Kind::Saga, &saga.name, saga.input_schema.as_ref()).map_err(|found| mistakes.push(found));
    match (plan, input) {
        (Ok(plan), Ok(input)) if mistakes.is_empty() => Ok(Runnable { plan: Checked::Saga(Arc::new(plan)), input }),
        _ => Err(mistakes),
    }
}

fn check_tcc(tcc: &Tcc, defaults: &Defaults) -> Result<Runnable, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let plan = TccPlan::new(tcc, defaults).map_err(|found| mistakes.extend(found));
    let input = input_schema(Kind::Tcc, &tcc.name, tcc.input_schema.as_ref()).map_err(|found| mistakes.push(found));
    match (plan, input) {
        (Ok(plan), Ok(input)) => Ok(Runnable { plan: Checked::Tcc(Arc::new(plan)), input }),
        _ => Err(mistakes),
    }
}

fn input_schema(kind: Kind, name: &str, schema: Option<&Json>) -> Result<Option<Schema>, Mistake> {
    schema.map(Schema::new).transpose().map_err(|why| Mistake {
        place: format!("{kind} `{name}`"),
        what: format!("the schema of its input is no JSON Schema: {why}"),
    })
}
