//! What stands in the brackets of an attribute.

use quote::ToTokens as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, Lit, LitFloat, LitInt, LitStr, Token, punctuated::Punctuated};

use crate::units;

/// Of a whole saga.
#[derive(Default)]
pub(crate) struct SagaSettings {
    pub(crate) name: Option<LitStr>,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) policy: Option<LitStr>,
}

/// Of a step.
#[derive(Default)]
pub(crate) struct StepSettings {
    pub(crate) id: Option<LitStr>,
    pub(crate) depends_on: Vec<Ident>,
    pub(crate) condition: Option<LitStr>,
    pub(crate) each: Option<Each>,
    pub(crate) at_most_once: bool,
    pub(crate) provider: Option<LitStr>,
    pub(crate) limits: Limits,
}

/// What a step fans out over.
pub(crate) enum Each {
    /// By the rule of arguments.
    Named(Ident),
    /// As `#[from]` would say it.
    From(Source),
}

/// Of a compensation.
#[derive(Default)]
pub(crate) struct UndoSettings {
    pub(crate) of: Option<Ident>,
    pub(crate) critical: bool,
    pub(crate) limits: Limits,
}

/// Of a whole TCC.
#[derive(Default)]
pub(crate) struct TccSettings {
    pub(crate) name: Option<LitStr>,
    pub(crate) deadline_ms: Option<u64>,
}

/// Of a participant; the limits are those of its try.
#[derive(Default)]
pub(crate) struct ParticipantSettings {
    pub(crate) id: Option<LitStr>,
    pub(crate) order: u32,
    pub(crate) optional: bool,
    pub(crate) provider: Option<LitStr>,
    pub(crate) limits: Limits,
}

/// Of a confirm or a cancel.
#[derive(Default)]
pub(crate) struct SettleSettings {
    pub(crate) of: Option<Ident>,
    pub(crate) limits: Limits,
}

/// Time, fuel, memory, retries.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) total_timeout_ms: Option<u64>,
    pub(crate) fuel: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) retry: Option<Retry>,
}

/// The parts of a retry policy; the defaults are those of the host.
pub(crate) struct Retry {
    /// None leaves it to the operation: 3, or as many as the host has for a confirm or a cancel.
    pub(crate) attempts: Option<u32>,
    pub(crate) delay_ms: u64,
    pub(crate) max_delay_ms: u64,
    pub(crate) multiplier: f64,
    pub(crate) jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: None, delay_ms: 1_000, max_delay_ms: 30_000, multiplier: 2.0, jitter: 0.3 }
    }
}

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

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> syn::Error {
    meta.error(format!("`{}` is not a setting here (there are: {known})", meta.path.to_token_stream()))
}

impl SagaSettings {
    pub(crate) fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        const POLICIES: [&str; 5] =
            ["strict-sequential", "grouped-parallel", "retry-with-backoff", "circuit-breaker", "best-effort-parallel"];
        if meta.path.is_ident("name") {
            self.name = Some(text(meta)?);
        } else if meta.path.is_ident("deadline") {
            self.deadline_ms = Some(units::milliseconds(&text(meta)?)?);
        } else if meta.path.is_ident("concurrency") {
            self.concurrency = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
        } else if meta.path.is_ident("policy") {
            let policy = text(meta)?;
            if !POLICIES.contains(&&*policy.value()) {
                let message = format!("expected one of the policies {}", POLICIES.join(", "));
                return Err(syn::Error::new(policy.span(), message));
            }
            self.policy = Some(policy);
        } else {
            return Err(unknown(meta, "name, deadline, concurrency, policy"));
        }
        Ok(())
    }
}

impl StepSettings {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut settings = Self::default();
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Ok(settings);
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("id") {
                settings.id = Some(text(&meta)?);
            } else if meta.path.is_ident("depends_on") {
                let list;
                let value = meta.value()?;
                syn::bracketed!(list in value);
                settings.depends_on = Punctuated::<Ident, Token![,]>::parse_terminated(&list)?.into_iter().collect();
            } else if meta.path.is_ident("condition") {
                settings.condition = Some(text(&meta)?);
            } else if meta.path.is_ident("at_most_once") {
                settings.at_most_once = true;
            } else if meta.path.is_ident("provider") {
                settings.provider = Some(text(&meta)?);
            } else if meta.path.is_ident("each") {
                settings.each = Some(Each::read(&meta)?);
            } else if !settings.limits.read(&meta)? {
                let known = "id, depends_on, timeout, total_timeout, fuel, memory, retry, condition, each, at_most_once, \
                             provider";
                return Err(unknown(&meta, known));
            }
            Ok(())
        })?;
        Ok(settings)
    }
}

impl Each {
    fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        if meta.input.peek(Token![=]) {
            return Ok(Self::Named(meta.value()?.parse()?));
        }
        let mut source = SourceParts::default();
        meta.parse_nested_meta(|part| source.read(&part))?;
        source.source(meta.path.get_ident().map_or_else(proc_macro2::Span::call_site, Ident::span)).map(Self::From)
    }
}

impl UndoSettings {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut settings = Self::default();
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Ok(settings);
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("of") {
                settings.of = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("critical") {
                settings.critical = true;
            } else if !settings.limits.read(&meta)? {
                return Err(unknown(&meta, "of, critical, timeout, total_timeout, fuel, memory, retry"));
            }
            Ok(())
        })?;
        Ok(settings)
    }
}

impl TccSettings {
    pub(crate) fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(text(meta)?);
        } else if meta.path.is_ident("deadline") {
            self.deadline_ms = Some(units::milliseconds(&text(meta)?)?);
        } else {
            return Err(unknown(meta, "name, deadline"));
        }
        Ok(())
    }
}

impl ParticipantSettings {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut settings = Self::default();
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Ok(settings);
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("id") {
                settings.id = Some(text(&meta)?);
            } else if meta.path.is_ident("order") {
                settings.order = meta.value()?.parse::<LitInt>()?.base10_parse()?;
            } else if meta.path.is_ident("optional") {
                settings.optional = true;
            } else if meta.path.is_ident("provider") {
                settings.provider = Some(text(&meta)?);
            } else if !settings.limits.read(&meta)? {
                let known = "id, order, optional, provider, timeout, total_timeout, fuel, memory, retry";
                return Err(unknown(&meta, known));
            }
            Ok(())
        })?;
        Ok(settings)
    }
}

impl SettleSettings {
    pub(crate) fn read(attribute: &Attribute) -> syn::Result<Self> {
        let mut settings = Self::default();
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Ok(settings);
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("of") {
                settings.of = Some(meta.value()?.parse()?);
            } else if !settings.limits.read(&meta)? {
                return Err(unknown(&meta, "of, timeout, total_timeout, fuel, memory, retry"));
            }
            Ok(())
        })?;
        Ok(settings)
    }
}

impl Limits {
    /// Takes a setting that it knows.
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<bool> {
        if meta.path.is_ident("timeout") {
            self.timeout_ms = Some(units::milliseconds(&text(meta)?)?);
        } else if meta.path.is_ident("total_timeout") {
            self.total_timeout_ms = Some(units::milliseconds(&text(meta)?)?);
        } else if meta.path.is_ident("fuel") {
            self.fuel = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
        } else if meta.path.is_ident("memory") {
            self.memory_bytes = Some(units::bytes(&text(meta)?)?);
        } else if meta.path.is_ident("retry") {
            self.retry = Some(Retry::read(meta)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl Retry {
    fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        let mut retry = Self::default();
        meta.parse_nested_meta(|part| {
            if part.path.is_ident("attempts") {
                retry.attempts = Some(part.value()?.parse::<LitInt>()?.base10_parse()?);
            } else if part.path.is_ident("delay") {
                retry.delay_ms = units::milliseconds(&text(&part)?)?;
            } else if part.path.is_ident("max_delay") {
                retry.max_delay_ms = units::milliseconds(&text(&part)?)?;
            } else if part.path.is_ident("multiplier") {
                retry.multiplier = number(&part)?;
            } else if part.path.is_ident("jitter") {
                retry.jitter = number(&part)?;
            } else {
                return Err(unknown(&part, "attempts, delay, max_delay, multiplier, jitter"));
            }
            Ok(())
        })?;
        retry.max_delay_ms = retry.max_delay_ms.max(retry.delay_ms);
        Ok(retry)
    }
}

fn number(meta: &ParseNestedMeta<'_>) -> syn::Result<f64> {
    match meta.value()?.parse::<Lit>()? {
        Lit::Int(int) => int.base10_parse(),
        Lit::Float(float) => LitFloat::base10_parse(&float),
        other => Err(syn::Error::new(other.span(), "expected a number")),
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
            let pointer = text(meta)?;
            if !pointer.value().is_empty() && !pointer.value().starts_with('/') {
                return Err(syn::Error::new(pointer.span(), "a JSON Pointer begins with `/`"));
            }
            self.at = Some(pointer);
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
            Source::Literal(text(meta)?.value())
        } else {
            let known = "input, step, variable, header, item, output, compensation_of, cause, literal, json, at";
            return Err(unknown(meta, known));
        };
        if self.source.replace(source).is_some() {
            return Err(meta.error("a value has one source"));
        }
        Ok(())
    }

    pub(crate) fn source(self, span: proc_macro2::Span) -> syn::Result<Source> {
        let source = self.source.ok_or_else(|| syn::Error::new(span, "name a source, such as `step = \"…\"`"))?;
        let Some(at) = self.at else { return Ok(source) };
        let pointer = Some(at.value());
        match source {
            Source::Input(_) => Ok(Source::Input(pointer)),
            Source::Step { step, span, .. } => Ok(Source::Step { step, span, at: pointer }),
            Source::Item(_) => Ok(Source::Item(pointer)),
            Source::OwnOutput(_) => Ok(Source::OwnOutput(pointer)),
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
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => json.push_str(&format!("\\u{:04x}", c as u32)),
            c => json.push(c),
        }
    }
    json + "\""
}
