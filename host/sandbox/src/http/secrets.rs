//! Secrets on their way: a guest writes the placeholder `{{secret:NAME}}` into a header, and the host puts the
//! text in its place when the request leaves, towards the secret's own origins only.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue};

use super::{Origin, Refusal};
use crate::policy::Secret;

const OPEN: &str = "{{secret:";
const CLOSE: &str = "}}";

/// The secrets of one module.
pub(super) struct OfModule<'a> {
    pub(super) module: &'a str,
    /// Names that it asks for.
    pub(super) asked: &'a [String],
    /// What the operator has given.
    pub(super) known: &'a BTreeMap<String, Secret>,
}

/// Puts secrets in the place of their placeholders.
pub(super) fn put(headers: &mut HeaderMap, of: &OfModule<'_>, origin: &Origin) -> Result<(), Refusal> {
    for value in headers.values_mut() {
        let Ok(text) = value.to_str() else { continue };
        if !text.contains(OPEN) {
            continue;
        }
        let text = replaced(text, of, origin)?;
        let mut whole = HeaderValue::from_str(&text).map_err(|_| {
            Refusal(format!(
                "a secret of module `{}` has characters that no header has, such as a line's end",
                of.module
            ))
        })?;
        whole.set_sensitive(true);
        *value = whole;
    }
    Ok(())
}

fn replaced(text: &str, of: &OfModule<'_>, origin: &Origin) -> Result<String, Refusal> {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((name, after)) = after.split_once(CLOSE) else { break };
        whole.push_str(before);
        whole.push_str(&secret(name, of, origin)?.value);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

fn secret<'a>(name: &str, of: &OfModule<'a>, origin: &Origin) -> Result<&'a Secret, Refusal> {
    let module = of.module;
    if !of.asked.iter().any(|asked| asked == name) {
        return Err(Refusal(format!(
            "module `{module}` may not use secret `{name}`: it does not ask for it (declare it in the module: \
             `secrets = [\"{name}\"]`)"
        )));
    }
    let secret = of.known.get(name).ok_or_else(|| {
        Refusal(format!(
            "module `{module}` may not use secret `{name}`: the operator has not given it (give it in the policy file: \
             `[modules.{module}.secrets.{name}]` with `env` or `file`, and `origins = [\"{origin}\"]`)"
        ))
    })?;
    if secret.origins.iter().any(|granted| granted.covers(origin)) {
        return Ok(secret);
    }
    let origins: Vec<String> = secret.origins.iter().map(Origin::to_string).collect();
    let origins = if origins.is_empty() { "nowhere".into() } else { origins.join(", ") };
    Err(Refusal(format!(
        "secret `{name}` of module `{module}` may not go to {origin}, only to {origins} (add it in the policy file under \
         `[modules.{module}.secrets.{name}]`: `origins`)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<String, Secret> {
        let secret = Secret { value: "s3cr3t".into(), origins: vec!["https://api.example.com".parse().unwrap()] };
        BTreeMap::from([("stripe".to_owned(), secret)])
    }

    fn sent(text: &str, to: &str) -> Result<String, String> {
        let (asked, known) = (["stripe".to_owned(), "other".to_owned()], known());
        let of = OfModule { module: "shop", asked: &asked, known: &known };
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(text).unwrap());
        put(&mut headers, &of, &to.parse().unwrap()).map_err(|refusal| refusal.0)?;
        Ok(headers["authorization"].to_str().unwrap().to_owned())
    }

    #[test]
    fn a_placeholder_is_replaced_towards_its_own_origin_only() {
        let own = "https://api.example.com";
        assert_eq!(sent("Bearer {{secret:stripe}}", own).unwrap(), "Bearer s3cr3t");
        assert_eq!(sent("{{secret:stripe}}{{secret:stripe}}!", own).unwrap(), "s3cr3ts3cr3t!");
        assert_eq!(sent("{{secret:stripe", own).unwrap(), "{{secret:stripe", "what is not closed is no placeholder");
        let refused = sent("Bearer {{secret:stripe}}", "https://evil.example.com").unwrap_err();
        assert!(
            refused.starts_with(
                "secret `stripe` of module `shop` may not go to https://evil.example.com, only to https://api"
            ),
            "{refused}"
        );
        assert!(sent("{{secret:other}}", own).unwrap_err().contains("the operator has not given it"));
        assert!(sent("{{secret:none}}", own).unwrap_err().contains("does not ask for it"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", known());
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
