//! Where a value comes from, as an attribute says it.

use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Attribute, Lit, LitStr};

use crate::words::{pointer, text, unknown};

/// Where a value comes from.
#[derive(Clone)]
pub(crate) enum Source {
    Input(Option<String>),
    Step {
        step: String,
        span: proc_macro2::Span,
        at: Option<String>,
    },
    Variable(String),
    Header(String),
    Item(Option<String>),
    OwnOutput(Option<String>),
    CompensationOf {
        step: String,
        span: proc_macro2::Span,
    },
    Cause,
    /// A JSON text.
    Literal(String),
}

/// What `#[from(…)]` says of a parameter.
pub(crate) enum From {
    Source(Source),
    /// It is the call, whatever its type is called.
    Call,
    /// It is what is known of what was done before, likewise.
    Forward,
}

impl From {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let (mut parts, mut marked) = (SourceParts::default(), None);
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("call") {
                marked = Some(Self::Call);
            } else if meta.path.is_ident("forward") {
                marked = Some(Self::Forward);
            } else {
                parts.read(&meta)?;
            }
            Ok(())
        })?;
        match marked {
            None => parts.source(attribute.span()).map(Self::Source),
            Some(marked) if parts.is_empty() => Ok(marked),
            Some(_) => Err(syn::Error::new(attribute.span(), "a value has one source")),
        }
    }
}

/// A source while its parts are read.
#[derive(Default)]
pub(crate) struct SourceParts {
    source: Option<Source>,
    at: Option<LitStr>,
}

impl SourceParts {
    pub(crate) fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("at") {
            let at = text(meta)?;
            pointer(&at)?;
            self.at = Some(at);
            return Ok(());
        }
        let source = if meta.path.is_ident("input") {
            Source::Input(None)
        } else if meta.path.is_ident("step") {
            let step = text(meta)?;
            Source::Step { step: step.value(), span: step.span(), at: None }
        } else if meta.path.is_ident("variable") {
            Source::Variable(text(meta)?.value())
        } else if meta.path.is_ident("header") {
            Source::Header(text(meta)?.value())
        } else if meta.path.is_ident("item") {
            Source::Item(None)
        } else if meta.path.is_ident("output") {
            Source::OwnOutput(None)
        } else if meta.path.is_ident("compensation_of") {
            let step = text(meta)?;
            Source::CompensationOf { step: step.value(), span: step.span() }
        } else if meta.path.is_ident("cause") {
            Source::Cause
        } else if meta.path.is_ident("literal") {
            Source::Literal(literal(&meta.value()?.parse()?)?)
        } else if meta.path.is_ident("json") {
            let json = text(meta)?;
            check_json(&json)?;
            Source::Literal(json.value())
        } else {
            let known = "input, step, variable, header, item, output, compensation_of, cause, literal, json, call, \
                         forward, at";
            return Err(unknown(meta, known));
        };
        if self.source.replace(source).is_some() {
            return Err(meta.error("a value has one source"));
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.source.is_none() && self.at.is_none()
    }

    pub(crate) fn source(self, span: proc_macro2::Span) -> syn::Result<Source> {
        let source = self.source.ok_or_else(|| syn::Error::new(span, "name a source, such as `step = \"…\"`"))?;
        let Some(at) = self.at else { return Ok(source) };
        let part = Some(at.value());
        match source {
            Source::Input(_) => Ok(Source::Input(part)),
            Source::Step { step, span, .. } => Ok(Source::Step { step, span, at: part }),
            Source::Item(_) => Ok(Source::Item(part)),
            Source::OwnOutput(_) => Ok(Source::OwnOutput(part)),
            _ => Err(syn::Error::new(at.span(), "parts can be taken of input, step, item and output")),
        }
    }
}

fn literal(literal: &Lit) -> syn::Result<String> {
    match literal {
        Lit::Str(text) => Ok(quoted(&text.value())),
        Lit::Int(int) => Ok(int.base10_digits().to_owned()),
        Lit::Float(float) => Ok(float.base10_digits().to_owned()),
        Lit::Bool(bool) => Ok(bool.value.to_string()),
        other => {
            Err(syn::Error::new(other.span(), "expected a text, a number or a bool (anything else as `json = \"…\"`)"))
        }
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn check_json(text: &LitStr) -> syn::Result<()> {
    let read = serde_json::from_str::<serde::de::IgnoredAny>(&text.value());
    read.map(drop).map_err(|error| syn::Error::new(text.span(), format!("this is not JSON: {error}")))
}
