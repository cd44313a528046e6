//! One function: its parameters by the rule of arguments, and what it gives back.

use syn::{FnArg, GenericArgument, Ident, ItemFn, Pat, PathArguments, ReturnType, Type, spanned::Spanned as _};

use crate::settings::{Source, SourceParts};

/// A function that the host calls.
pub(crate) struct Operation {
    pub(crate) function: Ident,
    pub(crate) parameters: Vec<Parameter>,
    /// What it gives on success.
    pub(crate) output: Type,
    /// Whether it gives a `Result`.
    pub(crate) fallible: bool,
}

/// One parameter, in the function's order.
pub(crate) struct Parameter {
    pub(crate) what: What,
    /// Whether the function takes a reference.
    pub(crate) by_reference: bool,
}

/// What is passed.
pub(crate) enum What {
    Call,
    Forward,
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
        let (output, fallible) = output(&function.sig.output);
        let mut errors = Vec::new();
        let mut parameters = Vec::new();
        for argument in &mut function.sig.inputs {
            match parameter(argument, rule) {
                Ok(parameter) => parameters.push(parameter),
                Err(error) => errors.push(error),
            }
        }
        crate::saga::all(errors)?;
        Ok(Self { function: function.sig.ident.clone(), parameters, output, fallible })
    }
}

fn parameter(argument: &mut FnArg, rule: &Rule<'_>) -> syn::Result<Parameter> {
    let FnArg::Typed(typed) = argument else {
        return Err(syn::Error::new(argument.span(), "an operation is a plain function, without `self`"));
    };
    let from = take_from(&mut typed.attrs)?;
    let (ty, by_reference) = owned(&typed.ty);
    match last_word(&ty).as_deref() {
        Some("Call") => return Ok(Parameter { what: What::Call, by_reference }),
        Some("Forward") if rule.place.is_after() => return Ok(Parameter { what: What::Forward, by_reference }),
        Some("Forward") => {
            let message = if rule.place.is_tcc() {
                "only a confirm and a cancel are told what is known of the try"
            } else {
                "only a compensation is told what is known of its step"
            };
            return Err(syn::Error::new(typed.ty.span(), message));
        }
        _ => {}
    }
    let Pat::Ident(name) = &*typed.pat else {
        let message = "this argument has no source: give it a name, for a name says where a value comes from";
        return Err(syn::Error::new(typed.pat.span(), message));
    };
    let name = name.ident.to_string();
    let name = name.trim_start_matches("r#").trim_start_matches('_').to_owned();
    let source = match from {
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

fn take_from(attributes: &mut Vec<syn::Attribute>) -> syn::Result<Option<Source>> {
    let Some(place) = attributes.iter().position(|attribute| attribute.path().is_ident("from")) else {
        return Ok(None);
    };
    let attribute = attributes.remove(place);
    let mut parts = SourceParts::default();
    attribute.parse_nested_meta(|meta| parts.read(&meta))?;
    parts.source(attribute.span()).map(Some)
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
        _ if rule.place.is_tcc() && rule.place.is_after() && name == rule.own => Source::OwnOutput(None),
        _ if rule.nodes.iter().any(|node| node == name) => {
            if !rule.place.is_after() && name == rule.own {
                let node = rule.place.node();
                return Err(format!("this argument has no source: {node} `{name}` cannot wait for its own output"));
            }
            Source::Step { step: name.into(), span: proc_macro2::Span::call_site(), at: None }
        }
        _ => Source::Input(Some(format!("/{}", name.replace('~', "~0").replace('/', "~1")))),
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

fn output(returned: &ReturnType) -> (Type, bool) {
    let ReturnType::Type(_, ty) = returned else { return (syn::parse_quote!(()), false) };
    if let Type::Path(path) = &**ty
        && let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result")
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(success)) = arguments.args.first()
    {
        return (success.clone(), true);
    }
    ((**ty).clone(), false)
}
