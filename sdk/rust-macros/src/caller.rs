//! The function that reads the arguments and calls the user's.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::operation::{Operation, What};
use crate::values::option;

/// Writes it. One that settles something is told what is known of what was done before.
pub(crate) fn caller(name: &Ident, operation: &Operation, settles: bool) -> TokenStream {
    let function = &operation.function;
    let read = read(operation);
    let checks = operation.parameters.iter().filter_map(|parameter| match &parameter.what {
        What::Call(ty) => Some(quote_spanned!(ty.span()=> const _: () = __wasaga::is_call::<#ty>();)),
        What::Forward(ty) => Some(quote_spanned!(ty.span()=> const _: () = __wasaga::is_forward::<#ty>();)),
        _ => None,
    });
    let call = operation.parameters.iter().any(|parameter| matches!(parameter.what, What::Call(_)));
    let call = call.then(|| quote!(let call = ::wasaga::Call::default();));
    let passed = operation.parameters.iter().enumerate().map(|(i, parameter)| {
        let value = match &parameter.what {
            What::Call(_) if parameter.by_reference => return quote!(&call),
            What::Call(_) => return quote!(::core::clone::Clone::clone(&call)),
            What::Forward(_) if parameter.by_reference => return quote!(forward),
            What::Forward(_) => return quote!(::core::clone::Clone::clone(forward)),
            What::Tried { .. } | What::Argument { .. } => format_ident!("argument_{i}"),
        };
        if parameter.by_reference { quote!(&#value) } else { quote!(#value) }
    });
    let given = quote!(#function(#(#passed),*));
    let answer = quote_spanned!(operation.output.span()=> __wasaga::Given(#given).answer());
    let forward = settles.then(|| quote!(forward: &::wasaga::Forward,));
    quote! {
        #[allow(unused_variables, clippy::let_unit_value, clippy::unit_arg)]
        fn #name(arguments: &str, #forward) -> __wasaga::Answer {
            #(#checks)*
            #read
            #call
            #answer
        }
    }
}

/// What is read, each into a variable of its own.
fn read(operation: &Operation) -> TokenStream {
    let (mut slots, mut names, mut taken) = (quote!(()), quote!(()), Vec::new());
    for (i, parameter) in operation.parameters.iter().enumerate().rev() {
        let (variable, slot) = (format_ident!("argument_{i}"), format_ident!("slot_{i}"));
        match &parameter.what {
            What::Call(_) | What::Forward(_) => {}
            What::Tried { ty, at } => {
                let at = option(at.as_ref());
                taken.push(quote_spanned!(ty.span()=> let #variable = __wasaga::tried::<#ty>(forward, #at)?;));
            }
            What::Argument { name, ty, .. } => {
                // At the type's place, so that a type that cannot be read is what the compiler shows.
                let new = quote_spanned!(ty.span()=> __wasaga::Slot::<#ty>::new(#name));
                slots = quote!((#new, #slots));
                names = quote!((#slot, #names));
                taken.push(quote!(let #variable = #slot.take()?;));
            }
        }
    }
    let taken = taken.into_iter().rev();
    if slots.to_string() == "()" {
        return quote!(#(#taken)*);
    }
    quote! {
        let mut slots = #slots;
        __wasaga::read(arguments, &mut slots)?;
        let #names = slots;
        #(#taken)*
    }
}
