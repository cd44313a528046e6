//! What stands in the brackets of an attribute.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitInt, LitStr, Token, punctuated::Punctuated};

use crate::labels::{self, Label};
use crate::limits::Limits;
use crate::source::{Source, SourceParts};
use crate::units;
use crate::words::{text, unknown};

/// Of a whole saga.
#[derive(Default)]
pub(crate) struct SagaSettings {
    pub(crate) name: Option<LitStr>,
    pub(crate) labels: Vec<Label>,
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
    pub(crate) labels: Vec<Label>,
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

impl SagaSettings {
    pub(crate) fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        const POLICIES: [&str; 5] =
            ["strict-sequential", "grouped-parallel", "retry-with-backoff", "circuit-breaker", "best-effort-parallel"];
        if meta.path.is_ident("name") {
            self.name = Some(text(meta)?);
        } else if meta.path.is_ident("labels") {
            self.labels = labels::read(meta)?;
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
            return Err(unknown(meta, "name, labels, deadline, concurrency, policy"));
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
        } else if meta.path.is_ident("labels") {
            self.labels = labels::read(meta)?;
        } else if meta.path.is_ident("deadline") {
            self.deadline_ms = Some(units::milliseconds(&text(meta)?)?);
        } else {
            return Err(unknown(meta, "name, labels, deadline"));
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
