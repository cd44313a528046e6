//! Functions that are marked with an attribute, in a module's items.

use syn::{Attribute, Item, ItemFn};

/// The functions that are marked, with their attribute taken off.
pub(crate) struct Marked<'m> {
    pub(crate) function: &'m mut ItemFn,
    pub(crate) attribute: Attribute,
}

pub(crate) fn marked<'m>(items: &'m mut [Item], name: &str) -> Vec<Marked<'m>> {
    let functions = items.iter_mut().filter_map(|item| match item {
        Item::Fn(function) => Some(function),
        _ => None,
    });
    let mut found = Vec::new();
    for function in functions {
        if let Some(place) = function.attrs.iter().position(|attribute| is(attribute, name)) {
            let attribute = function.attrs.remove(place);
            // An operation takes its arguments by value: that is the rule, not an oversight.
            function.attrs.push(syn::parse_quote!(#[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]));
            found.push(Marked { function, attribute });
        }
    }
    found
}

/// `#[step]`, also as `#[wasaga::step]`.
fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

/// The function itself, for its parameters lose their `#[from]`.
pub(crate) fn same<'m>(items: &'m mut [Item], function: &ItemFn) -> Option<&'m mut ItemFn> {
    items.iter_mut().find_map(|item| match item {
        Item::Fn(found) if found.sig.ident == function.sig.ident => Some(found),
        _ => None,
    })
}
