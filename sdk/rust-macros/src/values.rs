//! Settings and sources, written as constants.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::labels::Label;
use crate::limits::Limits;
use crate::source::Source;

pub(crate) fn option<T: ToTokens>(value: Option<&T>) -> TokenStream {
    wrapped(value.map(|value| quote!(#value)))
}

pub(crate) fn wrapped(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

pub(crate) fn schema(ty: &syn::Type) -> TokenStream {
    quote_spanned!(ty.span()=> __wasaga::schema::<#ty>)
}

pub(crate) fn limits(limits: &Limits) -> TokenStream {
    let timeout = option(limits.timeout_ms.as_ref());
    let total_timeout = option(limits.total_timeout_ms.as_ref());
    let fuel = option(limits.fuel.as_ref());
    let memory = option(limits.memory_bytes.as_ref());
    let retry = wrapped(limits.retry.as_ref().map(|retry| {
        let (attempts, delay) = (option(retry.attempts.as_ref()), option(retry.delay_ms.as_ref()));
        let max_delay = option(retry.max_delay_ms.as_ref());
        let (multiplier, jitter) = (option(retry.multiplier.as_ref()), option(retry.jitter.as_ref()));
        quote!(__wasaga::Retry {
            attempts: #attempts, delay_ms: #delay, max_delay_ms: #max_delay, multiplier: #multiplier, jitter: #jitter,
        })
    }));
    quote!(__wasaga::Limits {
        timeout_ms: #timeout, total_timeout_ms: #total_timeout, fuel: #fuel, memory_bytes: #memory, retry: #retry,
    })
}

pub(crate) fn labels(labels: &[Label]) -> TokenStream {
    let labels = labels.iter().map(|Label { name, at, kind }| {
        let kind = option(kind.as_ref());
        quote!(__wasaga::Label { name: #name, at: #at, kind: #kind })
    });
    quote!(&[#(#labels),*])
}

pub(crate) fn source(source: &Source) -> TokenStream {
    let part = |at: &Option<String>| option(at.as_ref());
    match source {
        Source::Input(at) => {
            let at = part(at);
            quote!(__wasaga::Source::Input(#at))
        }
        Source::Step { step, at, .. } => {
            let at = part(at);
            quote!(__wasaga::Source::Step(#step, #at))
        }
        Source::Variable(name) => quote!(__wasaga::Source::Variable(#name)),
        Source::Header(name) => quote!(__wasaga::Source::Header(#name)),
        Source::Item(at) => {
            let at = part(at);
            quote!(__wasaga::Source::Item(#at))
        }
        Source::OwnOutput(at) => {
            let at = part(at);
            quote!(__wasaga::Source::OwnOutput(#at))
        }
        Source::CompensationOf { step, .. } => quote!(__wasaga::Source::CompensationOf(#step)),
        Source::Cause => quote!(__wasaga::Source::Cause),
        Source::Literal(json) => quote!(__wasaga::Source::Literal(#json)),
    }
}
