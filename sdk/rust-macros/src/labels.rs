//! Values of the start input by which transactions are found, as an attribute says them.

use syn::Token;
use syn::meta::ParseNestedMeta;

use crate::words::{plain, pointer, text, unknown};

/// How many a definition may have, by the contract.
const LABELS_MAX: usize = 8;

pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) at: String,
    /// A text where it is not said.
    pub(crate) kind: Option<&'static str>,
}

/// `labels(customer = "/customer/id", size(at = "/size", integer))`.
pub(crate) fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Vec<Label>> {
    let mut labels = Vec::<Label>::new();
    meta.parse_nested_meta(|part| {
        let label = read_label(&part)?;
        if labels.iter().any(|known| known.name == label.name) {
            return Err(part.error(format!("label `{}` is there already", label.name)));
        }
        if labels.len() == LABELS_MAX {
            return Err(part.error(format!("a definition has {LABELS_MAX} labels at most")));
        }
        labels.push(label);
        Ok(())
    })?;
    Ok(labels)
}

fn read_label(part: &ParseNestedMeta<'_>) -> syn::Result<Label> {
    let mut name = plain(part.path.require_ident()?);
    if part.input.peek(Token![=]) {
        return Ok(Label { name, at: pointer(&text(part)?)?, kind: None });
    }
    let (mut at, mut kind) = (None, None);
    part.parse_nested_meta(|setting| {
        if setting.path.is_ident("at") {
            at = Some(pointer(&text(&setting)?)?);
        } else if setting.path.is_ident("name") {
            name = text(&setting)?.value();
        } else if setting.path.is_ident("text") {
            kind = Some("text");
        } else if setting.path.is_ident("integer") {
            kind = Some("integer");
        } else if setting.path.is_ident("flag") {
            kind = Some("flag");
        } else {
            return Err(unknown(&setting, "at, name, text, integer, flag"));
        }
        Ok(())
    })?;
    let at = at.ok_or_else(|| part.error(format!("say where label `{name}` is: `{name}(at = \"/…\")`")))?;
    Ok(Label { name, at, kind })
}
