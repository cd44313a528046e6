//! What all that reads attributes and functions needs: names, pointers, mistakes.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitStr};

/// All errors as one.
pub(crate) fn all(errors: Vec<syn::Error>) -> syn::Result<()> {
    let all = errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    });
    all.map_or(Ok(()), Err)
}

pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

/// A JSON Pointer.
pub(crate) fn pointer(text: &LitStr) -> syn::Result<String> {
    let pointer = text.value();
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(pointer);
    }
    Err(syn::Error::new(text.span(), "a JSON Pointer begins with `/`"))
}

pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> syn::Error {
    meta.error(format!("`{}` is not a setting here (there are: {known})", meta.path.to_token_stream()))
}

pub(crate) fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// Whether two names mean the same node: `-` and `_` are the same, for a parameter cannot have a `-` in its name.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    let letter = |byte: u8| if byte == b'-' { b'_' } else { byte };
    one.len() == other.len() && one.bytes().map(letter).eq(other.bytes().map(letter))
}

/// The id of the node that is meant; `what` says what it should be.
pub(crate) fn known<'i>(node: &str, span: Span, ids: &'i [String], what: &str) -> syn::Result<&'i str> {
    if let Some(id) = ids.iter().find(|id| same_name(id, node)) {
        return Ok(id);
    }
    let near = ids.iter().map(|id| (strsim::jaro_winkler(id, node), id)).max_by(|a, b| a.0.total_cmp(&b.0));
    let remedy = match near {
        // Below this the two words have little more than a letter in common.
        Some((likeness, id)) if likeness > 0.8 => format!("did you mean `{id}`?"),
        _ => format!("there are: {}", ids.join(", ")),
    };
    Err(syn::Error::new(span, format!("`{node}` is not {what} ({remedy})")))
}

/// Of two ids that are the same for binding.
pub(crate) fn taken(node: &str, id: &str, other: &str, function: &Ident) -> String {
    let why = if id == other { String::new() } else { format!(" as `{other}`, and `-` and `_` are the same") };
    format!("{node} id `{id}` is taken by function `{function}`{why}")
}

/// The doc comment's first paragraph.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        Some(text.value().trim().to_owned())
    });
    let paragraph: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}
