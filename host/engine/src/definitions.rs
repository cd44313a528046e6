//! The definitions of one module, checked. Deliberately absent: where modules come from and how long they stay (`modules`).

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::definition::{self, Definition, Saga, Tcc};
use wasaga_core::{
    Checked, Defaults, Digest, Json, Kind, Mistake, Mistakes, Name, Plan, SCHEMA_BYTES_MAX, STEPS_MAX, Shown, TccPlan,
    bad_name,
};

use crate::error::SHOWN_MAX;
use crate::port::Guest;
use crate::{Error, conditions, schema::Schema};

/// Definitions of one module. Arbitrary: a module with more of them is several.
const DEFINITIONS_MAX: usize = 256;
/// What is checked at once, on the thread that asks: nodes of all definitions, and bytes of their schemas and conditions.
/// More goes to a thread that may be kept for long. Both are what guests have that people wrote.
const NODES_AT_ONCE: usize = 100;
const BYTES_AT_ONCE: usize = 8 << 10;

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
    /// What is wrong with them.
    pub(crate) async fn check(guest: Arc<dyn Guest>, defaults: &Defaults) -> Result<Self, Error> {
        let description = guest.description().clone();
        let by_name = if is_small(&description) {
            check(&description, defaults)
        } else {
            let defaults = *defaults;
            let checking = tokio::task::spawn_blocking(move || check(&description, &defaults));
            checking.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
        };
        Ok(Self { guest, by_name: by_name? })
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
            known: self.by_name.keys().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect(),
        })
    }
}

/// Whether checking takes no time that a thread of the runtime would miss.
fn is_small(description: &definition::Module) -> bool {
    let (mut nodes, mut bytes) = (0, 0);
    for definition in &description.definitions {
        let schema = match definition {
            Definition::Saga(saga) => {
                let conditions = saga.steps.iter().filter_map(|step| step.condition.as_ref());
                bytes += conditions.map(String::len).sum::<usize>();
                nodes += saga.steps.iter().map(|step| 1 + step.depends_on.len() + step.parameters.len()).sum::<usize>();
                saga.input_schema.as_ref()
            }
            Definition::Tcc(tcc) => {
                nodes += tcc.participants.iter().map(|one| 1 + one.parameters.len()).sum::<usize>();
                tcc.input_schema.as_ref()
            }
        };
        bytes += schema.map_or(0, |schema| schema.as_str().len());
    }
    nodes <= NODES_AT_ONCE && bytes <= BYTES_AT_ONCE
}

/// The mistakes of every definition at once.
fn check(description: &definition::Module, defaults: &Defaults) -> Result<BTreeMap<Name, Runnable>, Error> {
    let place = format!("module `{}`", Shown(&description.name));
    let of_module = |what: String| Mistake { place: place.clone(), what };
    let mut mistakes = Mistakes::default();
    let mut runnables = BTreeMap::new();
    if description.name.is_empty() {
        mistakes.push(of_module("has no name (the SDK takes the crate's)".into()));
    } else if let Some(wrong) = bad_name(&description.name) {
        mistakes.push(of_module(format!("its name {wrong}")));
    }
    if description.definitions.is_empty() {
        mistakes.push(of_module("has no definitions (write one with `#[saga]` or `#[tcc]`)".into()));
    }
    let count = description.definitions.len();
    if count > DEFINITIONS_MAX {
        mistakes.push(of_module(format!("has {count} definitions; the limit is {DEFINITIONS_MAX}")));
    }
    for definition in description.definitions.iter().take(DEFINITIONS_MAX) {
        if runnables.contains_key(definition.name()) {
            let name = Shown(definition.name());
            mistakes.push(of_module(format!("has two definitions with the name `{name}`")));
        }
        let checked = match definition {
            Definition::Saga(saga) => check_saga(saga, defaults),
            Definition::Tcc(tcc) => check_tcc(tcc, defaults),
        };
        match checked {
            Ok(runnable) => drop(runnables.insert(Name::from(definition.name()), runnable)),
            Err(found) => mistakes.append(found),
        }
    }
    if mistakes.is_empty() {
        Ok(runnables)
    } else {
        Err(Error::Mistakes { module: description.name.clone(), mistakes })
    }
}

fn check_saga(saga: &Saga, defaults: &Defaults) -> Result<Runnable, Mistakes> {
    let mut mistakes = Mistakes::default();
    let plan = Plan::new(saga, defaults).map_err(|found| mistakes.append(found));
    // A saga with more steps has that mistake already.
    for step in saga.steps.iter().take(STEPS_MAX) {
        if let Some(Err(why)) = step.condition.as_ref().map(|condition| conditions::parse(condition)) {
            let place = format!("saga `{}`, step `{}`", Shown(&saga.name), Shown(&step.id));
            mistakes.push(Mistake { place, what: format!("its condition is not CEL: {why}") });
        }
    }
    let input = input_schema(Kind::Saga, &saga.name, saga.input_schema.as_ref()).map_err(|found| mistakes.push(found));
    match (plan, input) {
        (Ok(plan), Ok(input)) if mistakes.is_empty() => Ok(Runnable { plan: Checked::Saga(Arc::new(plan)), input }),
        _ => Err(mistakes),
    }
}

fn check_tcc(tcc: &Tcc, defaults: &Defaults) -> Result<Runnable, Mistakes> {
    let mut mistakes = Mistakes::default();
    let plan = TccPlan::new(tcc, defaults).map_err(|found| mistakes.append(found));
    let input = input_schema(Kind::Tcc, &tcc.name, tcc.input_schema.as_ref()).map_err(|found| mistakes.push(found));
    match (plan, input) {
        (Ok(plan), Ok(input)) => Ok(Runnable { plan: Checked::Tcc(Arc::new(plan)), input }),
        _ => Err(mistakes),
    }
}

/// The start input's schema. One that is too large has that mistake already.
fn input_schema(kind: Kind, name: &str, schema: Option<&Json>) -> Result<Option<Schema>, Mistake> {
    let schema = schema.filter(|schema| schema.as_str().len() <= SCHEMA_BYTES_MAX);
    schema.map(Schema::new).transpose().map_err(|why| Mistake {
        place: format!("{kind} `{}`", Shown(name)),
        what: format!("the schema of its input {why}"),
    })
}
