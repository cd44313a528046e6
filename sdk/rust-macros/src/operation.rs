//! One function: its parameters by the rule of arguments, and what it gives back.

use syn::{FnArg, Ident, ItemFn, Pat, ReturnType, Type, spanned::Spanned as _};

use crate::source::{From, Source};
use crate::words::{all, known, same_name};

/// A function that the host calls.
pub(crate) struct Operation {
    pub(crate) function: Ident,
    pub(crate) parameters: Vec<Parameter>,
    /// What it gives, as it is written.
    pub(crate) output: Type,
}

/// One parameter, in the function's order.
pub(crate) struct Parameter {
    pub(crate) what: What,
    /// Whether the function takes a reference.
    pub(crate) by_reference: bool,
}

/// What is passed.
pub(crate) enum What {
    /// The call. The type is what is written there; the compiler looks whether it is ours.
    Call(Box<Type>),
    /// What is known of what was done before; likewise.
    Forward(Box<Type>),
    /// In a confirm or a cancel: the output of the try, or a part of it.
    Tried {
        ty: Box<Type>,
        at: Option<String>,
    },
    Argument {
        name: String,
        ty: Box<Type>,
        required: bool,
        source: Source,
    },
}

/// What the rule of arguments looks at.
pub(crate) struct Rule<'a> {
    /// Ids of the steps or participants.
    pub(crate) nodes: &'a [String],
    pub(crate) place: Place,
    /// Whether this is a fan-out, or undoes one.
    pub(crate) each: bool,
    /// The step that this is, or undoes; the participant that this is of.
    pub(crate) own: &'a str,
}

/// Which operation a function is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Step,
    Compensation,
    Try,
    Confirm,
    Cancel,
}

impl Place {
    /// Whether it is of a TCC.
    fn is_tcc(self) -> bool {
        matches!(self, Self::Try | Self::Confirm | Self::Cancel)
    }

    /// Whether something was done before it, of which it is told.
    fn is_after(self) -> bool {
        !matches!(self, Self::Step | Self::Try)
    }

    fn node(self) -> &'static str {
        if self.is_tcc() { "participant" } else { "step" }
    }
}

impl Operation {
    /// Reads a function, and takes `#[from]` off its parameters.
    pub(crate) fn read(function: &mut ItemFn, rule: &Rule<'_>) -> syn::Result<Self> {
        if let Some(asyncness) = function.sig.asyncness {
            return Err(syn::Error::new(asyncness.span(), "an operation is a plain function, not an async one"));
        }
        if let Some(generic) = function.sig.generics.params.first() {
            return Err(syn::Error::new(generic.span(), "an operation has no generic parameters"));
        }
        let mut errors = Vec::new();
        let mut parameters = Vec::new();
        for argument in &mut function.sig.inputs {
            match parameter(argument, rule) {
                Ok(parameter) => parameters.push(parameter),
                Err(error) => errors.push(error),
            }
        }
        all(errors)?;
        let output = match &function.sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        Ok(Self { function: function.sig.ident.clone(), parameters, output })
    }

    /// Puts the ids of nodes in the place of how they are named here; `what` says what they should be. Answers those
    /// that there are not.
    pub(crate) fn resolve(&mut self, ids: &[String], what: &str) -> Vec<syn::Error> {
        let sources = self.parameters.iter_mut().filter_map(|parameter| match &mut parameter.what {
            What::Argument { source, .. } => Some(source),
            _ => None,
        });
        sources.filter_map(|source| resolve(source, ids, what).err()).collect()
    }
}

/// The same of one source.
pub(crate) fn resolve(source: &mut Source, ids: &[String], what: &str) -> syn::Result<()> {
    if let Source::Step { step, span, .. } | Source::CompensationOf { step, span } = source {
        *step = known(step, *span, ids, what)?.to_owned();
    }
    Ok(())
}

fn parameter(argument: &mut FnArg, rule: &Rule<'_>) -> syn::Result<Parameter> {
    let FnArg::Typed(typed) = argument else {
        return Err(syn::Error::new(argument.span(), "an operation is a plain function, without `self`"));
    };
    let from = take_from(&mut typed.attrs)?;
    let (ty, by_reference) = owned(&typed.ty);
    let source = match from.or_else(|| by_type(&ty)) {
        Some(From::Call) => return Ok(Parameter { what: What::Call(Box::new(ty)), by_reference }),
        Some(From::Forward) if rule.place.is_after() => {
            return Ok(Parameter { what: What::Forward(Box::new(ty)), by_reference });
        }
        Some(From::Forward) => {
            let message = if rule.place.is_tcc() {
                "only a confirm and a cancel are told what is known of the try"
            } else {
                "only a compensation is told what is known of its step"
            };
            return Err(syn::Error::new(typed.ty.span(), message));
        }
        Some(From::Source(source)) => Some(source),
        None => None,
    };
    let Pat::Ident(name) = &*typed.pat else {
        let message = "this argument has no source: give it a name, for a name says where a value comes from";
        return Err(syn::Error::new(typed.pat.span(), message));
    };
    let name = name.ident.to_string();
    let name = name.trim_start_matches("r#").trim_start_matches('_').to_owned();
    let source = match source {
        Some(source) => source,
        None => by_rule(&name, rule).map_err(|message| syn::Error::new(typed.pat.span(), message))?,
    };
    check_place(&source, rule).map_err(|message| syn::Error::new(typed.pat.span(), message))?;
    let required = last_word(&ty).as_deref() != Some("Option");
    if let (Source::OwnOutput(at), true) = (&source, rule.place.is_tcc()) {
        if rule.place == Place::Cancel && required {
            let message = "a try that never happened has no output, so in a cancel this is an `Option`";
            return Err(syn::Error::new(typed.ty.span(), message));
        }
        return Ok(Parameter { what: What::Tried { ty: Box::new(ty), at: at.clone() }, by_reference });
    }
    Ok(Parameter { what: What::Argument { name, ty: Box::new(ty), required, source }, by_reference })
}

fn take_from(attributes: &mut Vec<syn::Attribute>) -> syn::Result<Option<From>> {
    let Some(place) = attributes.iter().position(|attribute| attribute.path().is_ident("from")) else {
        return Ok(None);
    };
    From::read(&attributes.remove(place)).map(Some)
}

/// What a type says by its name. A path that leads elsewhere, such as `phone::Call`, is none of ours; whether `Call`
/// alone is, the compiler looks at.
fn by_type(ty: &Type) -> Option<From> {
    let Type::Path(path) = ty else { return None };
    let mut words = path.path.segments.iter().rev().map(|segment| &segment.ident);
    let last = words.next()?;
    let near = |word: &Ident| ["wasaga", "super", "self", "crate"].iter().any(|near| word == near);
    if !words.next().is_none_or(near) {
        return None;
    }
    if last == "Call" { Some(From::Call) } else { (last == "Forward").then_some(From::Forward) }
}

/// The one rule of arguments; the same as in Python.
pub(crate) fn by_rule(name: &str, rule: &Rule<'_>) -> Result<Source, String> {
    Ok(match name {
        "" => {
            return Err("this argument has no source: give it a name, for a name says where a value comes from".into());
        }
        "input" => Source::Input(None),
        "output" if rule.place.is_after() => Source::OwnOutput(None),
        "cause" if rule.place == Place::Compensation => Source::Cause,
        "item" if rule.each => Source::Item(None),
        "output" | "cause" => {
            let places = match (rule.place.is_tcc(), name) {
                (true, "output") => "confirm and cancel",
                _ => "compensations",
            };
            return Err(format!(
                "this argument has no source: `{name}` has a meaning in {places} only; name it otherwise, or say where \
                 it comes from with `#[from(…)]`"
            ));
        }
        _ if rule.place.is_tcc() && rule.place.is_after() && same_name(name, rule.own) => Source::OwnOutput(None),
        _ => match rule.nodes.iter().find(|node| same_name(node, name)) {
            Some(node) if !rule.place.is_after() && node == rule.own => {
                let word = rule.place.node();
                return Err(format!("this argument has no source: {word} `{node}` cannot wait for its own output"));
            }
            Some(node) => Source::Step { step: node.clone(), span: proc_macro2::Span::call_site(), at: None },
            None => Source::Input(Some(format!("/{}", name.replace('~', "~0").replace('/', "~1")))),
        },
    })
}

fn check_place(source: &Source, rule: &Rule<'_>) -> Result<(), String> {
    match source {
        Source::Item(_) | Source::Cause | Source::CompensationOf { .. } if rule.place.is_tcc() => {
            Err("this argument has no source: only a saga has items, compensations and a cause".into())
        }
        Source::OwnOutput(_) if rule.place == Place::Try => {
            Err("this argument has no source: only a confirm and a cancel know an output that was tried".into())
        }
        Source::OwnOutput(_) | Source::Cause | Source::CompensationOf { .. } if !rule.place.is_after() => {
            Err("this argument has no source: only a compensation knows an output that is undone, or a cause".into())
        }
        Source::Item(_) if !rule.each => Err("this argument has no source: only a step with `each` has items".into()),
        _ => Ok(()),
    }
}

/// The type that is read, and whether the function takes a reference to it.
fn owned(ty: &Type) -> (Type, bool) {
    let Type::Reference(reference) = ty else { return (ty.clone(), false) };
    let owned = match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => syn::parse_quote!(::std::string::String),
        Type::Slice(slice) => {
            let element = &slice.elem;
            syn::parse_quote!(::std::vec::Vec<#element>)
        }
        other => other.clone(),
    };
    (owned, true)
}

fn last_word(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}
