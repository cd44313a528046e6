//! A module of functions, read as a saga.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::{Attribute, Ident, Item, ItemFn, ItemMod, parse::Parser as _, spanned::Spanned as _};

use crate::expand;
use crate::operation::{Operation, Place, Rule, by_rule};
use crate::provided;
use crate::settings::{Each, SagaSettings, Source, StepSettings, UndoSettings};

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

pub(crate) fn saga(settings: TokenStream, module: TokenStream) -> syn::Result<TokenStream> {
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
    items.push(syn::parse2(expand::table(&saga))?);
    Ok(module.into_token_stream())
}

/// All errors as one.
pub(crate) fn all(errors: Vec<syn::Error>) -> syn::Result<()> {
    let all = errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    });
    all.map_or(Ok(()), Err)
}

/// The functions that are marked, with their attribute taken off.
pub(crate) struct Marked<'m> {
    pub(crate) function: &'m mut ItemFn,
    pub(crate) attribute: Attribute,
}

pub(crate) fn marked<'m>(items: &'m mut [Item], name: &str) -> Vec<Marked<'m>> {
    let functions = items.iter_mut().filter_map(|item| match item {
        Item::Fn(function) => Some(function),
        _ => None,
    });
    let mut found = Vec::new();
    for function in functions {
        if let Some(place) = function.attrs.iter().position(|attribute| is(attribute, name)) {
            let attribute = function.attrs.remove(place);
            // An operation takes its arguments by value: that is the rule, not an oversight.
            function.attrs.push(syn::parse_quote!(#[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]));
            found.push(Marked { function, attribute });
        }
    }
    found
}

/// `#[step]`, also as `#[wasaga::step]`.
fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
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
        if let Some(first) = ids[..i].iter().position(|id| *id == ids[i]) {
            let span = settings.id.as_ref().map_or_else(|| function.sig.ident.span(), syn::LitStr::span);
            let other = &heads[first].0.sig.ident;
            errors.push(syn::Error::new(span, format!("step id `{}` is taken by function `{other}`", ids[i])));
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
    let each = match &settings.each {
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
    for step in &settings.depends_on {
        errors.extend(known(&plain(step), step.span(), ids, STEP).err());
        if plain(step) == own {
            errors.push(syn::Error::new(step.span(), format!("step `{own}` cannot depend on itself")));
        }
    }
    let operation = match same(items, function) {
        Some(function) => Operation::read(function, &rule),
        None => Err(syn::Error::new(function.sig.ident.span(), "this function is not in the saga's module")),
    };
    let operation = operation.map_err(|error| errors.push(error)).ok();
    if let Some(operation) = &operation {
        errors.extend(unknown_sources(operation, ids));
    }
    errors.extend(each.as_ref().and_then(|source| known_source(source, ids).err()));
    all(errors)?;
    let operation = operation.ok_or_else(|| syn::Error::new(Span::call_site(), "the step cannot be read"))?;
    let depends_on = settings.depends_on.iter().map(plain).collect();
    Ok(Step { id: own, description, depends_on, each, settings, operation, undo: None })
}

/// The function itself, for its parameters lose their `#[from]`.
pub(crate) fn same<'m>(items: &'m mut [Item], function: &ItemFn) -> Option<&'m mut ItemFn> {
    items.iter_mut().find_map(|item| match item {
        Item::Fn(found) if found.sig.ident == function.sig.ident => Some(found),
        _ => None,
    })
}

fn read_undo(marked: &mut Marked<'_>, ids: &[String], steps: &[Step]) -> syn::Result<(String, Undo)> {
    let settings = UndoSettings::read(&marked.attribute)?;
    let Some(of) = &settings.of else {
        return Err(syn::Error::new(marked.attribute.span(), "say which step it undoes: `#[compensation(of = …)]`"));
    };
    let step = plain(of);
    known(&step, of.span(), ids, STEP)?;
    let undone = steps.iter().find(|known| known.id == step);
    provided::check(marked.function, undone.and_then(|step| step.settings.provider.as_ref()), "step")?;
    let each = undone.is_some_and(|step| step.each.is_some());
    let rule = Rule { nodes: ids, place: Place::Compensation, each, own: &step };
    let operation = Operation::read(marked.function, &rule)?;
    all(unknown_sources(&operation, ids))?;
    let name = plain(&operation.function);
    Ok((step, Undo { name, settings, operation }))
}

fn unknown_sources(operation: &Operation, ids: &[String]) -> Vec<syn::Error> {
    let sources = operation.parameters.iter().filter_map(|parameter| match &parameter.what {
        crate::operation::What::Argument { source, .. } => Some(source),
        _ => None,
    });
    sources.filter_map(|source| known_source(source, ids).err()).collect()
}

fn known_source(source: &Source, ids: &[String]) -> syn::Result<()> {
    match source {
        Source::Step { step, span, .. } | Source::CompensationOf { step, span } => known(step, *span, ids, STEP),
        _ => Ok(()),
    }
}

/// Whether there is such a node; `what` says what it should be.
pub(crate) fn known(node: &str, span: Span, ids: &[String], what: &str) -> syn::Result<()> {
    if ids.iter().any(|id| id == node) {
        return Ok(());
    }
    let near = ids.iter().map(|id| (strsim::jaro_winkler(id, node), id)).max_by(|a, b| a.0.total_cmp(&b.0));
    let remedy = match near {
        // Below this the two words have little more than a letter in common.
        Some((likeness, id)) if likeness > 0.8 => format!("did you mean `{id}`?"),
        _ => format!("there are: {}", ids.join(", ")),
    };
    Err(syn::Error::new(span, format!("`{node}` is not {what} ({remedy})")))
}

pub(crate) fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// The doc comment's first paragraph.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        Some(text.value().trim().to_owned())
    });
    let paragraph: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}
