//! A module of functions, read as a saga.

use proc_macro2::{Span, TokenStream};
use syn::{Item, ItemFn, ItemMod, parse::Parser as _, spanned::Spanned as _};

use crate::marked::{Marked, marked, same};
use crate::operation::{Operation, Place, Rule, by_rule, resolve};
use crate::provided;
use crate::settings::{Each, SagaSettings, StepSettings, UndoSettings};
use crate::source::Source;
use crate::words::{all, docs, known, plain, same_name, taken};

const STEP: &str = "a step of this saga";

/// A saga that makes sense.
pub(crate) struct Saga {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) settings: SagaSettings,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) depends_on: Vec<String>,
    pub(crate) each: Option<Source>,
    pub(crate) settings: StepSettings,
    pub(crate) operation: Operation,
    pub(crate) undo: Option<Undo>,
}

pub(crate) struct Undo {
    pub(crate) name: String,
    pub(crate) settings: UndoSettings,
    pub(crate) operation: Operation,
}

/// The module without what was only for us, and what it says.
pub(crate) fn read(settings: TokenStream, module: TokenStream) -> syn::Result<(ItemMod, Saga)> {
    let mut read = SagaSettings::default();
    syn::meta::parser(|meta| read.read(&meta)).parse2(settings)?;
    let mut module: ItemMod = syn::parse2(module).map_err(|error| {
        syn::Error::new(error.span(), "`#[saga]` belongs on a module: `#[saga] pub mod order { … }`")
    })?;
    let Some((_, items)) = &mut module.content else {
        return Err(syn::Error::new(module.span(), "a saga's module stands in the same file: `mod order { … }`"));
    };
    provided::declare(items);
    let steps = read_steps(items)?;
    if steps.is_empty() {
        return Err(syn::Error::new(module.ident.span(), "this saga has no steps (mark a function with `#[step]`)"));
    }
    let name = read.name.as_ref().map_or_else(|| plain(&module.ident), syn::LitStr::value);
    let saga = Saga { name, description: docs(&module.attrs), settings: read, steps };
    provided::withdraw(items);
    Ok((module, saga))
}

fn read_steps(items: &mut [Item]) -> syn::Result<Vec<Step>> {
    let mut errors = Vec::new();
    let mut heads = Vec::new();
    for marked in marked(items, "step") {
        match StepSettings::read(&marked.attribute) {
            Ok(settings) => heads.push((marked.function.clone(), settings)),
            Err(error) => errors.push(error),
        }
    }
    all(errors)?;
    let ids: Vec<String> = heads.iter().map(|(function, settings)| id(function, settings)).collect();
    all(duplicates(&heads, &ids))?;
    let mut errors = Vec::new();
    let mut steps = Vec::new();
    for (function, settings) in heads {
        match read_step(items, &function, settings, &ids) {
            Ok(step) => steps.push(step),
            Err(error) => errors.push(error),
        }
    }
    for mut marked in marked(items, "compensation") {
        let function = marked.function.sig.ident.clone();
        match read_undo(&mut marked, &ids, &steps) {
            Ok((step, undo)) => {
                let place = steps.iter_mut().find(|known| known.id == step);
                match place {
                    Some(known) if known.undo.is_some() => {
                        errors.push(syn::Error::new(
                            function.span(),
                            format!("step `{step}` has a compensation already"),
                        ));
                    }
                    Some(known) => known.undo = Some(undo),
                    None => {}
                }
            }
            Err(error) => errors.push(error),
        }
    }
    all(errors)?;
    Ok(steps)
}

fn id(function: &ItemFn, settings: &StepSettings) -> String {
    settings.id.as_ref().map_or_else(|| plain(&function.sig.ident), syn::LitStr::value)
}

fn duplicates(heads: &[(ItemFn, StepSettings)], ids: &[String]) -> Vec<syn::Error> {
    let mut errors = Vec::new();
    for (i, (function, settings)) in heads.iter().enumerate() {
        if let Some(first) = ids[..i].iter().position(|id| same_name(id, &ids[i])) {
            let span = settings.id.as_ref().map_or_else(|| function.sig.ident.span(), syn::LitStr::span);
            let message = taken("step", &ids[i], &ids[first], &heads[first].0.sig.ident);
            errors.push(syn::Error::new(span, message));
        }
    }
    errors
}

fn read_step(items: &mut [Item], function: &ItemFn, settings: StepSettings, ids: &[String]) -> syn::Result<Step> {
    let own = id(function, &settings);
    let description = docs(&function.attrs);
    let rule = Rule { nodes: ids, place: Place::Step, each: settings.each.is_some(), own: &own };
    let mut errors = Vec::new();
    errors.extend(provided::check(function, settings.provider.as_ref(), "step").err());
    let mut each = match &settings.each {
        None => None,
        Some(Each::From(source)) => Some(source.clone()),
        Some(Each::Named(name)) => match by_rule(&plain(name), &Rule { each: false, ..rule }) {
            Ok(source) => Some(source),
            Err(message) => {
                errors.push(syn::Error::new(name.span(), message));
                None
            }
        },
    };
    let mut depends_on = Vec::new();
    for step in &settings.depends_on {
        match known(&plain(step), step.span(), ids, STEP) {
            Ok(id) if id == own => {
                errors.push(syn::Error::new(step.span(), format!("step `{own}` cannot depend on itself")));
            }
            Ok(id) => depends_on.push(id.to_owned()),
            Err(error) => errors.push(error),
        }
    }
    let operation = match same(items, function) {
        Some(function) => Operation::read(function, &rule),
        None => Err(syn::Error::new(function.sig.ident.span(), "this function is not in the saga's module")),
    };
    let mut operation = operation.map_err(|error| errors.push(error)).ok();
    if let Some(operation) = &mut operation {
        errors.extend(operation.resolve(ids, STEP));
    }
    errors.extend(each.as_mut().and_then(|source| resolve(source, ids, STEP).err()));
    all(errors)?;
    let operation = operation.ok_or_else(|| syn::Error::new(Span::call_site(), "the step cannot be read"))?;
    Ok(Step { id: own, description, depends_on, each, settings, operation, undo: None })
}

fn read_undo(marked: &mut Marked<'_>, ids: &[String], steps: &[Step]) -> syn::Result<(String, Undo)> {
    let settings = UndoSettings::read(&marked.attribute)?;
    let Some(of) = &settings.of else {
        return Err(syn::Error::new(marked.attribute.span(), "say which step it undoes: `#[compensation(of = …)]`"));
    };
    let step = known(&plain(of), of.span(), ids, STEP)?.to_owned();
    let undone = steps.iter().find(|known| known.id == step);
    provided::check(marked.function, undone.and_then(|step| step.settings.provider.as_ref()), "step")?;
    let each = undone.is_some_and(|step| step.each.is_some());
    let rule = Rule { nodes: ids, place: Place::Compensation, each, own: &step };
    let mut operation = Operation::read(marked.function, &rule)?;
    all(operation.resolve(ids, STEP))?;
    let name = plain(&operation.function);
    Ok((step, Undo { name, settings, operation }))
}
