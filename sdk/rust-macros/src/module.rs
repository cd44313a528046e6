//! What `module!` says of the whole module.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Expr, LitInt, parse::Parser as _};

use crate::words::unknown;

#[derive(Default)]
struct Module {
    name: Option<Expr>,
    calls: Option<u32>,
    http: Option<Expr>,
    config: Option<Expr>,
    secrets: Option<Expr>,
}

pub(crate) fn module(settings: TokenStream) -> syn::Result<TokenStream> {
    let mut module = Module::default();
    syn::meta::parser(|meta| module.read(&meta)).parse2(settings)?;
    let Module { name, calls, http, config, secrets } = module;
    let option = |value: Option<TokenStream>| match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    };
    let (name, calls) = (option(name.map(|name| quote!(#name))), option(calls.map(|calls| quote!(#calls))));
    let list = |list: Option<Expr>| list.map_or_else(|| quote!(&[]), |list| quote!(&#list));
    let [http, config, secrets] = [http, config, secrets].map(list);
    Ok(quote! {
        const _: () = {
            use ::wasaga::__private as __wasaga;
            static __WASAGA_MODULE: __wasaga::Module =
                __wasaga::Module { name: #name, calls: #calls, http: #http, config: #config, secrets: #secrets };
            __wasaga::inventory::submit! { __wasaga::ModuleEntry(&__WASAGA_MODULE) }
        };
    })
}

impl Module {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("http") {
            self.http = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("config") {
            self.config = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("secrets") {
            self.secrets = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("instances") {
            self.instances(meta)?;
        } else if meta.path.is_ident("calls_per_instance") {
            return Err(meta.error("`calls_per_instance = 256` is now `instances(calls = 256)`"));
        } else {
            return Err(unknown(meta, "name, instances, http, config, secrets"));
        }
        Ok(())
    }

    fn instances(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        meta.parse_nested_meta(|part| {
            if !part.path.is_ident("calls") {
                return Err(unknown(&part, "calls"));
            }
            let calls = part.value()?.parse::<LitInt>()?;
            self.calls = Some(calls.base10_parse()?);
            if self.calls == Some(0) {
                return Err(syn::Error::new(calls.span(), "an instance serves one call at least"));
            }
            Ok(())
        })
    }
}
