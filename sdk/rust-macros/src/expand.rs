//! Writes the table of a saga or a TCC, which the SDK registers and describes, and the functions that
//! call the user's.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::operation::{Operation, What};
use crate::saga::{Saga, Step, Undo};
use crate::settings::{Limits, Source};
use crate::tcc::{Participant, Tcc};

/// Attempts where a retry policy names none: those of the host.
const ATTEMPTS: u32 = 3;
/// Those of a confirm or a cancel.
const SETTLE_ATTEMPTS: u32 = 70;

/// `const _: () = { … };`
pub(crate) fn table(saga: &Saga) -> TokenStream {
    let Saga { name, description, settings, .. } = saga;
    let policy = option(settings.policy.as_ref());
    let deadline = option(settings.deadline_ms.as_ref());
    let concurrency = option(settings.concurrency.as_ref());
    let own = saga.steps.iter().enumerate().filter(|(_, step)| step.settings.provider.is_none());
    let calls = own.map(|(i, step)| {
        let run = caller(&format_ident!("run_{i}"), &step.operation, false);
        let undo = step.undo.as_ref().map(|undo| caller(&format_ident!("undo_{i}"), &undo.operation, true));
        quote!(#run #undo)
    });
    let steps = saga.steps.iter().enumerate().map(|(i, step)| step_table(i, step));
    quote! {
        const _: () = {
            use ::wasaga::__private as private;
            #(#calls)*
            static SAGA: private::Saga = private::Saga {
                module: (::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"), ::core::env!("CARGO_PKG_DESCRIPTION")),
                name: #name,
                description: #description,
                policy: #policy,
                deadline_ms: #deadline,
                concurrency: #concurrency,
                steps: &[#(#steps),*],
            };
            private::inventory::submit! { private::Entry(&SAGA) }
        };
    }
}

fn step_table(i: usize, step: &Step) -> TokenStream {
    let Step { id, description, depends_on, settings, operation, .. } = step;
    let output = schema(&operation.output);
    let (run, undone) = match &settings.provider {
        None => (format_ident!("run_{i}"), format_ident!("undo_{i}")),
        Some(_) => (format_ident!("elsewhere"), format_ident!("settled_elsewhere")),
    };
    let (run, undone) = (called(&run, settings.provider.as_ref()), called(&undone, settings.provider.as_ref()));
    let provider = option(settings.provider.as_ref());
    let parameters = parameters(operation);
    let limits = limits(&settings.limits, ATTEMPTS);
    let condition = option(settings.condition.as_ref());
    let at_most_once = settings.at_most_once;
    let each = wrapped(step.each.as_ref().map(source));
    let undo = wrapped(step.undo.as_ref().map(|undo| undo_table(&undone, undo)));
    quote! {
        private::Step {
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
    let limits = limits(&undo.settings.limits, ATTEMPTS);
    let critical = undo.settings.critical;
    quote! {
        private::Undo { name: #name, parameters: &[#(#parameters),*], limits: #limits, critical: #critical, run: #run }
    }
}

/// What a table names as its function: one that stands beside it, or the SDK's for what is done elsewhere.
fn called(function: &Ident, provider: Option<&syn::LitStr>) -> TokenStream {
    if provider.is_some() { quote!(private::#function) } else { quote!(#function) }
}

/// `const _: () = { … };`
pub(crate) fn tcc_table(tcc: &Tcc) -> TokenStream {
    let Tcc { name, description, settings, .. } = tcc;
    let deadline = option(settings.deadline_ms.as_ref());
    let calls = tcc.participants.iter().enumerate().filter_map(|(i, participant)| {
        let [confirm, cancel] = participant.settled.as_ref()?;
        let attempt = caller(&format_ident!("try_{i}"), &participant.attempt, false);
        let confirm = caller(&format_ident!("confirm_{i}"), &confirm.operation, true);
        let cancel = caller(&format_ident!("cancel_{i}"), &cancel.operation, true);
        Some(quote!(#attempt #confirm #cancel))
    });
    let participants = tcc.participants.iter().enumerate().map(|(i, participant)| participant_table(i, participant));
    quote! {
        const _: () = {
            use ::wasaga::__private as private;
            #(#calls)*
            static TCC: private::Tcc = private::Tcc {
                module: (::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"), ::core::env!("CARGO_PKG_DESCRIPTION")),
                name: #name,
                description: #description,
                deadline_ms: #deadline,
                participants: &[#(#participants),*],
            };
            private::inventory::submit! { private::TccEntry(&TCC) }
        };
    }
}

fn participant_table(i: usize, participant: &Participant) -> TokenStream {
    let Participant { id, description, settings, settled, parameters, .. } = participant;
    let provider = settings.provider.as_ref();
    let names = match provider {
        None => [format_ident!("try_{i}"), format_ident!("confirm_{i}"), format_ident!("cancel_{i}")],
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
    let try_limits = limits(&settings.limits, ATTEMPTS);
    let confirm_limits = limits(confirm, SETTLE_ATTEMPTS);
    let cancel_limits = limits(cancel, SETTLE_ATTEMPTS);
    quote! {
        private::Participant {
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
    quote!(private::Parameter { name: #name, source: #from, required: #required, schema: #schema })
}

/// A function that reads the arguments and calls the user's.
fn caller(name: &Ident, operation: &Operation, undo: bool) -> TokenStream {
    let function = &operation.function;
    let mut reads = Vec::new();
    let mut passed = Vec::new();
    for (i, parameter) in operation.parameters.iter().enumerate() {
        let value = match &parameter.what {
            What::Call => quote!(call.clone()),
            What::Forward => quote!(forward.clone()),
            What::Tried { ty, at } => {
                let (variable, at) = (format_ident!("argument_{i}"), option(at.as_ref()));
                reads.push(quote_spanned!(ty.span()=> let #variable = private::tried::<#ty>(forward, #at)?;));
                quote!(#variable)
            }
            What::Argument { name, ty, .. } => {
                let variable = format_ident!("argument_{i}");
                // At the type's place, so that a type that cannot be read is what the compiler shows.
                reads.push(quote_spanned!(ty.span()=> let #variable = arguments.take::<#ty>(#name)?;));
                quote!(#variable)
            }
        };
        passed.push(match (&parameter.what, parameter.by_reference) {
            (What::Call, true) => quote!(call),
            (What::Forward, true) => quote!(forward),
            (_, true) => quote!(&#value),
            (_, false) => value,
        });
    }
    let call = quote!(#function(#(#passed),*));
    let answer = if operation.fallible {
        quote_spanned!(operation.output.span()=> private::answer(#call))
    } else {
        quote_spanned!(operation.output.span()=> private::plain(&#call))
    };
    let forward = undo.then(|| quote!(forward: &::wasaga::Forward,));
    quote! {
        #[allow(unused_variables, unused_mut, clippy::let_unit_value, clippy::unit_arg)]
        fn #name(call: &::wasaga::Call, mut arguments: private::Arguments, #forward) -> private::Answer {
            #(#reads)*
            #answer
        }
    }
}

fn schema(ty: &syn::Type) -> TokenStream {
    quote_spanned!(ty.span()=> private::schema::<#ty>)
}

fn limits(limits: &Limits, attempts: u32) -> TokenStream {
    let timeout = option(limits.timeout_ms.as_ref());
    let total_timeout = option(limits.total_timeout_ms.as_ref());
    let fuel = option(limits.fuel.as_ref());
    let memory = option(limits.memory_bytes.as_ref());
    let retry = wrapped(limits.retry.as_ref().map(|retry| {
        let (attempts, delay, max_delay) = (retry.attempts.unwrap_or(attempts), retry.delay_ms, retry.max_delay_ms);
        let (multiplier, jitter) = (retry.multiplier, retry.jitter);
        quote!(private::Retry {
            attempts: #attempts, delay_ms: #delay, max_delay_ms: #max_delay, multiplier: #multiplier, jitter: #jitter,
        })
    }));
    quote!(private::Limits {
        timeout_ms: #timeout, total_timeout_ms: #total_timeout, fuel: #fuel, memory_bytes: #memory, retry: #retry,
    })
}

fn source(source: &Source) -> TokenStream {
    let part = |at: &Option<String>| option(at.as_ref());
    match source {
        Source::Input(at) => {
            let at = part(at);
            quote!(private::Source::Input(#at))
        }
        Source::Step { step, at, .. } => {
            let at = part(at);
            quote!(private::Source::Step(#step, #at))
        }
        Source::Variable(name) => quote!(private::Source::Variable(#name)),
        Source::Header(name) => quote!(private::Source::Header(#name)),
        Source::Item(at) => {
            let at = part(at);
            quote!(private::Source::Item(#at))
        }
        Source::OwnOutput(at) => {
            let at = part(at);
            quote!(private::Source::OwnOutput(#at))
        }
        Source::CompensationOf { step, .. } => quote!(private::Source::CompensationOf(#step)),
        Source::Cause => quote!(private::Source::Cause),
        Source::Literal(json) => quote!(private::Source::Literal(#json)),
    }
}

fn option<T: quote::ToTokens>(value: Option<&T>) -> TokenStream {
    wrapped(value.map(|value| quote!(#value)))
}

fn wrapped(value: Option<TokenStream>) -> TokenStream {
    let none = Ident::new("None", Span::call_site());
    value.map_or_else(|| quote!(::core::option::Option::#none), |value| quote!(::core::option::Option::Some(#value)))
}
