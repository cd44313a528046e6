//! Labels: typed values of the start input by which transactions are found. Deliberately absent: how lists find them
//! (`wasaga-journal`).

use alloc::{collections::BTreeMap, format, string::String};

use crate::{
    binding::lookup,
    definition::{Label, LabelKind},
    id::Name,
    json::Json,
    record::LabelValue,
    shown::Shown,
};

/// Labels of one definition. Each is a row of an index with every transaction.
pub const LABELS_MAX: usize = 8;
/// Bytes of a label's text: it is a word to look for, and no payload.
pub(crate) const TEXT_BYTES_MAX: usize = 256;

/// The labels that an input has.
pub(crate) fn of(labels: &[Label], input: &Json) -> Result<BTreeMap<Name, LabelValue>, String> {
    let mut found = BTreeMap::new();
    for label in labels {
        let Some(value) = lookup(input, &label.pointer).filter(|value| !value.is_null()) else { continue };
        let value = read(label, &value).ok_or_else(|| {
            let (name, pointer) = (Shown(&label.name), Shown(&label.pointer));
            format!("label `{name}`: at {pointer}: {}", wanted(label.kind))
        })?;
        found.insert(label.name.as_str().into(), value);
    }
    Ok(found)
}

fn read(label: &Label, value: &Json) -> Option<LabelValue> {
    match label.kind {
        LabelKind::Text => {
            let text: String = value.read().ok()?;
            (text.len() <= TEXT_BYTES_MAX).then(|| LabelValue::Text(text.into()))
        }
        LabelKind::Integer => value.read().ok().map(LabelValue::Integer),
        LabelKind::Flag => value.read().ok().map(LabelValue::Flag),
    }
}

fn wanted(kind: LabelKind) -> String {
    match kind {
        LabelKind::Text => format!("it is not a text of at most {TEXT_BYTES_MAX} bytes"),
        LabelKind::Integer => "it is not a whole number of 64 bits".into(),
        LabelKind::Flag => "it is neither true nor false".into(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn labels_are_taken_out_of_the_input() {
        let label = |name: &str, pointer: &str, kind| Label { name: name.into(), pointer: pointer.into(), kind };
        let labels = vec![
            label("customer", "/customer/id", LabelKind::Text),
            label("size", "/size", LabelKind::Integer),
            label("vip", "/vip", LabelKind::Flag),
        ];
        let told = |input: &str| of(&labels, &Json::parse(input).unwrap());
        let found = told(r#"{"customer":{"id":"c-1"},"size":9007199254740993,"vip":false}"#).unwrap();
        assert_eq!(found["customer"], LabelValue::Text("c-1".into()));
        assert_eq!(found["size"], LabelValue::Integer(9_007_199_254_740_993));
        assert_eq!(found["vip"], LabelValue::Flag(false));
        assert_eq!(told(r#"{"size":null}"#).unwrap().len(), 0);
        let wrong = told(r#"{"size":1.5}"#).unwrap_err();
        assert_eq!(wrong, "label `size`: at /size: it is not a whole number of 64 bits");
        assert!(told(&format!(r#"{{"customer":{{"id":"{}"}}}}"#, "x".repeat(257))).is_err());
    }
}
