//! Writes the table of a saga or a TCC, which the SDK registers and describes.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::caller::caller;
use crate::limits::Limits;
use crate::operation::{Operation, What};
use crate::saga::{Saga, Step, Undo};
use crate::source::Source;
use crate::tcc::{Participant, Tcc};
use crate::values::{labels, limits, option, schema, source, wrapped};

/// `const _: () = { … };`
pub(crate) fn saga(saga: &Saga) -> TokenStream {
    let Saga { name, description, settings, .. } = saga;
    let policy = option(settings.policy.as_ref());
    let labels = labels(&settings.labels);
    let deadline = option(settings.deadline_ms.as_ref());
    let concurrency = option(settings.concurrency.as_ref());
    let own = saga.steps.iter().enumerate().filter(|(_, step)| step.settings.provider.is_none());
    let calls = own.map(|(i, step)| {
        let run = caller(&format_ident!("__wasaga_run_{i}"), &step.operation, false);
        let undo = step.undo.as_ref().map(|undo| caller(&format_ident!("__wasaga_undo_{i}"), &undo.operation, true));
        quote!(#run #undo)
    });
    let steps = saga.steps.iter().enumerate().map(|(i, step)| step_table(i, step));
    quote! {
        const _: () = {
            use ::wasaga::__private as __wasaga;
            #[allow(unused_imports)]
            use __wasaga::{Plain as _, PlainSchema as _};
            #(#calls)*
            static __WASAGA_SAGA: __wasaga::Saga = __wasaga::Saga {
                module: (::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"), ::core::env!("CARGO_PKG_DESCRIPTION")),
                name: #name,
                description: #description,
                labels: #labels,
                policy: #policy,
                deadline_ms: #deadline,
                concurrency: #concurrency,
                steps: &[#(#steps),*],
            };
            __wasaga::inventory::submit! { __wasaga::Entry(&__WASAGA_SAGA) }
        };
    }
}

fn step_table(i: usize, step: &Step) -> TokenStream {
    let Step { id, description, depends_on, settings, operation, .. } = step;
    let given = &operation.output;
    let output = quote_spanned!(given.span()=> || __wasaga::gives::<#given>().schema());
    let (run, undone) = match &settings.provider {
        None => (format_ident!("__wasaga_run_{i}"), format_ident!("__wasaga_undo_{i}")),
        Some(_) => (format_ident!("elsewhere"), format_ident!("settled_elsewhere")),
    };
    let (run, undone) = (called(&run, settings.provider.as_ref()), called(&undone, settings.provider.as_ref()));
    let provider = option(settings.provider.as_ref());
    let parameters = parameters(operation);
    let limits = limits(&settings.limits);
    let condition = option(settings.condition.as_ref());
    let at_most_once = settings.at_most_once;
    let each = wrapped(step.each.as_ref().map(source));
    let undo = wrapped(step.undo.as_ref().map(|undo| undo_table(&undone, undo)));
    quote! {
        __wasaga::Step {
            id: #id,
            description: #description,
            depends_on: &[#(#depends_on),*],
            provider: #provider,
            parameters: &[#(#parameters),*],
            output: #output,
            condition: #condition,
            each: #each,
            at_most_once: #at_most_once,
            limits: #limits,
            run: #run,
            undo: #undo,
        }
    }
}

fn undo_table(run: &TokenStream, undo: &Undo) -> TokenStream {
    let name = &undo.name;
    let parameters = parameters(&undo.operation);
    let limits = limits(&undo.settings.limits);
    let critical = undo.settings.critical;
    quote! {
        __wasaga::Undo { name: #name, parameters: &[#(#parameters),*], limits: #limits, critical: #critical, run: #run }
    }
}

/// What a table names as its function: one that stands beside it, or the SDK's for what is done elsewhere.
fn called(function: &Ident, provider: Option<&syn::LitStr>) -> TokenStream {
    if provider.is_some() { quote!(__wasaga::#function) } else { quote!(#function) }
}

/// `const _: () = { … };`
pub(crate) fn tcc(tcc: &Tcc) -> TokenStream {
    let Tcc { name, description, settings, .. } = tcc;
    let labels = labels(&settings.labels);
    let deadline = option(settings.deadline_ms.as_ref());
    let calls = tcc.participants.iter().enumerate().filter_map(|(i, participant)| {
        let [confirm, cancel] = participant.settled.as_ref()?;
        let attempt = caller(&format_ident!("__wasaga_try_{i}"), &participant.attempt, false);
        let confirm = caller(&format_ident!("__wasaga_confirm_{i}"), &confirm.operation, true);
        let cancel = caller(&format_ident!("__wasaga_cancel_{i}"), &cancel.operation, true);
        Some(quote!(#attempt #confirm #cancel))
    });
    let participants = tcc.participants.iter().enumerate().map(|(i, participant)| participant_table(i, participant));
    quote! {
        const _: () = {
            use ::wasaga::__private as __wasaga;
            #[allow(unused_imports)]
            use __wasaga::Plain as _;
            #(#calls)*
            static __WASAGA_TCC: __wasaga::Tcc = __wasaga::Tcc {
                module: (::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"), ::core::env!("CARGO_PKG_DESCRIPTION")),
                name: #name,
                description: #description,
                labels: #labels,
                deadline_ms: #deadline,
                participants: &[#(#participants),*],
            };
            __wasaga::inventory::submit! { __wasaga::TccEntry(&__WASAGA_TCC) }
        };
    }
}

fn participant_table(i: usize, participant: &Participant) -> TokenStream {
    let Participant { id, description, settings, settled, parameters, .. } = participant;
    let provider = settings.provider.as_ref();
    let names = match provider {
        None => [
            format_ident!("__wasaga_try_{i}"),
            format_ident!("__wasaga_confirm_{i}"),
            format_ident!("__wasaga_cancel_{i}"),
        ],
        Some(_) => ["elsewhere", "settled_elsewhere", "settled_elsewhere"].map(|name| format_ident!("{name}")),
    };
    let [attempt, confirmed, cancelled] = names.map(|name| called(&name, provider));
    let provider = option(provider);
    let usual = Limits::default();
    let [confirm, cancel] = match settled {
        Some([confirm, cancel]) => [&confirm.settings.limits, &cancel.settings.limits],
        None => [&usual, &usual],
    };
    let (order, optional) = (settings.order, settings.optional);
    let parameters = parameters.iter().map(|of| parameter(&of.name, &of.source, of.required, &of.ty));
    let try_limits = limits(&settings.limits);
    let confirm_limits = limits(confirm);
    let cancel_limits = limits(cancel);
    quote! {
        __wasaga::Participant {
            id: #id,
            description: #description,
            provider: #provider,
            order: #order,
            optional: #optional,
            parameters: &[#(#parameters),*],
            try_limits: #try_limits,
            confirm_limits: #confirm_limits,
            cancel_limits: #cancel_limits,
            attempt: #attempt,
            confirm: #confirmed,
            cancel: #cancelled,
        }
    }
}

fn parameters(operation: &Operation) -> impl Iterator<Item = TokenStream> {
    operation.parameters.iter().filter_map(|of| {
        let What::Argument { name, ty, required, source } = &of.what else { return None };
        Some(parameter(name, source, *required, ty))
    })
}

fn parameter(name: &str, from: &Source, required: bool, ty: &syn::Type) -> TokenStream {
    let (from, schema) = (source(from), schema(ty));
    quote!(__wasaga::Parameter { name: #name, source: #from, required: #required, schema: #schema })
}
