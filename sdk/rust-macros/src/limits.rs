//! Time, fuel, memory, retries, as an attribute says them.

use syn::meta::ParseNestedMeta;
use syn::{Lit, LitFloat, LitInt};

use crate::units;
use crate::words::{text, unknown};

/// Time, fuel, memory, retries.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) total_timeout_ms: Option<u64>,
    pub(crate) fuel: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) retry: Option<Retry>,
}

/// The parts of a retry policy. What is not said is left to the host.
#[derive(Default)]
pub(crate) struct Retry {
    pub(crate) attempts: Option<u32>,
    pub(crate) delay_ms: Option<u64>,
    pub(crate) max_delay_ms: Option<u64>,
    pub(crate) multiplier: Option<f64>,
    pub(crate) jitter: Option<f64>,
}

impl Limits {
    /// Takes a setting that it knows.
    pub(crate) fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<bool> {
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
                let attempts = part.value()?.parse::<LitInt>()?;
                retry.attempts = Some(attempts.base10_parse()?);
                if retry.attempts == Some(0) {
                    return Err(syn::Error::new(attempts.span(), "the first attempt counts, so this is 1 or more"));
                }
            } else if part.path.is_ident("delay") {
                retry.delay_ms = Some(units::milliseconds(&text(&part)?)?);
            } else if part.path.is_ident("max_delay") {
                retry.max_delay_ms = Some(units::milliseconds(&text(&part)?)?);
            } else if part.path.is_ident("multiplier") {
                retry.multiplier = Some(number(&part, 1.0..=f64::MAX, "1 or more")?);
            } else if part.path.is_ident("jitter") {
                retry.jitter = Some(number(&part, 0.0..=1.0, "from 0 to 1")?);
            } else {
                return Err(unknown(&part, "attempts, delay, max_delay, multiplier, jitter"));
            }
            Ok(())
        })?;
        if retry.delay_ms.zip(retry.max_delay_ms).is_some_and(|(delay, most)| delay > most) {
            return Err(meta.error("`delay` is longer than `max_delay`, the longest that there is"));
        }
        Ok(retry)
    }
}

fn number(meta: &ParseNestedMeta<'_>, range: std::ops::RangeInclusive<f64>, expected: &str) -> syn::Result<f64> {
    let literal = meta.value()?.parse::<Lit>()?;
    let number = match &literal {
        Lit::Int(int) => int.base10_parse()?,
        Lit::Float(float) => LitFloat::base10_parse(float)?,
        _ => return Err(syn::Error::new(literal.span(), "expected a number")),
    };
    if range.contains(&number) {
        return Ok(number);
    }
    Err(syn::Error::new(literal.span(), format!("expected a number, {expected}")))
}
