//! Functions without a body: what another module does. They are read as others are, for their parameters
//! and their output say what is passed, and then taken out, for there is nothing to call here.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Item, ItemFn, LitStr, Signature, Token, Visibility, parse_quote};

/// Stands on a function that has no body, until it is taken out.
const DECLARED: &str = "wasaga_declared";

/// `pub fn charge(card: String) -> Payment;`
struct Declaration {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let declaration = Self { attrs: Attribute::parse_outer(input)?, vis: input.parse()?, sig: input.parse()? };
        input.parse::<Token![;]>()?;
        Ok(declaration)
    }
}

/// Makes functions of the declarations, so that they are read as others.
pub(crate) fn declare(items: &mut [Item]) {
    for item in items {
        let Item::Verbatim(tokens) = item else { continue };
        let Ok(Declaration { mut attrs, vis, sig }) = syn::parse2(tokens.clone()) else { continue };
        let mark = syn::Ident::new(DECLARED, Span::call_site());
        attrs.push(parse_quote!(#[#mark]));
        *item = Item::Fn(ItemFn { attrs, vis, sig, block: parse_quote!({}) });
    }
}

/// Takes them out again.
pub(crate) fn withdraw(items: &mut Vec<Item>) {
    items.retain(|item| !matches!(item, Item::Fn(function) if is_declared(function)));
}

fn is_declared(function: &ItemFn) -> bool {
    function.attrs.iter().any(|attribute| attribute.path().is_ident(DECLARED))
}

/// Whether a function has a body exactly where it needs one. `attribute` is what it is marked with.
pub(crate) fn check(function: &ItemFn, provider: Option<&LitStr>, attribute: &str) -> syn::Result<()> {
    let span = function.sig.ident.span();
    let name = &function.sig.ident;
    match (is_declared(function), provider) {
        (true, None) => {
            let message = format!(
                "`{name}` has no body (write one, or say which module has it: `#[{attribute}(provider = \"…\")]`)"
            );
            Err(syn::Error::new(span, message))
        }
        (false, Some(provider)) => {
            let module = provider.value();
            let message =
                format!("module `{module}` does `{name}`, so it has no body here (end it with `;` after the output)");
            Err(syn::Error::new(span, message))
        }
        (true, Some(_)) | (false, None) => Ok(()),
    }
}
