//! Modules that are loaded and the plans of their definitions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use wasaga_core::definition::{Definition, Saga, Tcc};
use wasaga_core::{Checked, Defaults, Digest, Json, Kind, Mistake, Name, Plan, TccPlan};

use crate::port::Module;
use crate::{Error, conditions, schema::Schema};

/// A definition that can be run.
#[derive(Debug)]
pub(crate) struct Runnable {
    pub(crate) plan: Checked,
    pub(crate) input: Option<Schema>,
}

/// A module with its definitions.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) module: Module,
    definitions: BTreeMap<Name, Runnable>,
}

/// All modules that are loaded.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// Read at every start, written when a module is added.
    modules: RwLock<Modules>,
}

#[derive(Debug, Default)]
struct Modules {
    by_digest: HashMap<Digest, Arc<Known>>,
    /// Of each name the one that was added last.
    latest: HashMap<Name, Arc<Known>>,
}

impl Definitions {
    pub(crate) fn find(&self, digest: Digest) -> Option<Arc<Known>> {
        self.modules.read().by_digest.get(&digest).cloned()
    }

    /// Of the modules with a name, the one that was added last.
    pub(crate) fn latest(&self, name: &str) -> Option<Arc<Known>> {
        self.modules.read().latest.get(name).cloned()
    }

    pub(crate) fn add(&self, module: Module, defaults: &Defaults) -> Result<Arc<Known>, Error> {
        let definitions = check(&module, defaults)?;
        let known = Arc::new(Known { module, definitions });
        let mut modules = self.modules.write();
        let known = modules.by_digest.entry(known.module.digest).or_insert(known).clone();
        modules.latest.insert(known.module.description.name.as_str().into(), known.clone());
        Ok(known)
    }
}

impl Known {
    pub(crate) fn names(&self) -> Vec<Name> {
        self.definitions.keys().cloned().collect()
    }

    pub(crate) fn definition(&self, name: &str) -> Result<&Runnable, Error> {
        self.definitions.get(name).ok_or_else(|| Error::UnknownDefinition {
            module: self.module.description.name.clone(),
            definition: name.into(),
            known: self.definitions.keys().map(|name| format!("`{name}`")).collect(),
        })
    }
}

/// Every mistake of every definition at once.
fn check(module: &Module, defaults: &Defaults) -> Result<BTreeMap<Name, Runnable>, Error> {
    let description = &module.description;
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
