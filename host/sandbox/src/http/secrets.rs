//! Secrets on their way: a guest writes the placeholder `{{secret:NAME}}` into a header, and the host puts the
//! text in its place when the request leaves, towards the secret's own origins only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue};

use super::origin::Origin;
use super::refusal::Refusal;
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
            Refusal::operators(format!(
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
        return Err(Refusal::guests(format!(
            "module `{module}` may not use secret `{name}`: it does not ask for it (declare it in the module: \
             `secrets = [\"{name}\"]`)"
        )));
    }
    let secret = of.known.get(name).ok_or_else(|| {
        Refusal::operators(format!(
            "module `{module}` may not use secret `{name}`: the operator has not given it (give it in the policy file: \
             `[modules.{module}.secrets.{name}]` with `env` or `file`, and `origins = [\"{origin}\"]`)"
        ))
    })?;
    if secret.origins.iter().any(|granted| granted.covers(origin)) {
        // Whoever is on the way reads what goes by `http://`: a pattern does not show that the operator means that.
        let is_meant = secret.origins.iter().any(|granted| granted.is_exact() && granted == origin);
        if origin.is_secure() || origin.is_loopback() || is_meant {
            return Ok(secret);
        }
        return Err(Refusal::operators(format!(
            "secret `{name}` of module `{module}` may not go to {origin} without TLS (call it by `https`, or name that \
             very origin in the policy file under `[modules.{module}.secrets.{name}]`: `origins = [\"{origin}\"]`)"
        )));
    }
    let origins: Vec<String> = secret.origins.iter().map(Origin::to_string).collect();
    let origins = if origins.is_empty() { "nowhere".into() } else { origins.join(", ") };
    Err(Refusal::operators(format!(
        "secret `{name}` of module `{module}` may not go to {origin}, only to {origins} (add it in the policy file under \
         `[modules.{module}.secrets.{name}]`: `origins`)"
    )))
}

/// What stands in the place of a secret that was found in a text.
const BLOT: &str = "[secret]";
/// Secrets that are shorter are not looked for: they stand in texts by chance, and are no secrets.
const BLOTTED_BYTES_MIN: usize = 4;

/// Texts of secrets, to be taken out of what is kept or shown.
#[derive(Default)]
pub(super) struct Blots {
    /// Each as it may be written.
    texts: Vec<String>,
}

impl Blots {
    /// Of these secrets, also as they stand inside JSON and inside a URL.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let long = secrets.filter(|secret| secret.len() >= BLOTTED_BYTES_MIN);
        let mut texts: Vec<String> =
            long.flat_map(|secret| [secret.to_owned(), in_json(secret), in_url(secret)]).collect();
        texts.sort();
        texts.dedup();
        Self { texts }
    }

    /// The text without them. A secret that is cut off at its end counts where half of it is there, for guests show the first
    /// bytes of an answer alone.
    pub(super) fn blot<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut next: Vec<Option<usize>> = self.texts.iter().map(|secret| text.find(half(secret))).collect();
        let (mut whole, mut at) = (String::new(), 0);
        while let Some(found) = next.iter().flatten().min().copied() {
            let here = self.texts.iter().zip(&next).filter(|(_, next)| **next == Some(found));
            let bytes = here.map(|(secret, _)| same_bytes(&text[found..], secret)).max().unwrap_or(0);
            whole.push_str(&text[at..found]);
            whole.push_str(BLOT);
            at = found + bytes;
            // Each secret is looked for once in each part of the text, so the cost does not grow with what is found.
            for (secret, next) in self.texts.iter().zip(&mut next) {
                if next.is_some_and(|next| next < at) {
                    *next = text[at..].find(half(secret)).map(|further| at + further);
                }
            }
        }
        if at == 0 {
            return Cow::Borrowed(text);
        }
        whole.push_str(&text[at..]);
        Cow::Owned(whole)
    }
}

/// The first half of a secret.
fn half(secret: &str) -> &str {
    &secret[..secret.ceil_char_boundary(secret.len().div_ceil(2).max(BLOTTED_BYTES_MIN))]
}

/// How far a text begins as the secret does.
fn same_bytes(text: &str, secret: &str) -> usize {
    text.chars().zip(secret.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

fn in_json(secret: &str) -> String {
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
}

fn in_url(secret: &str) -> String {
    let mut written = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
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
        put(&mut headers, &of, &to.parse().unwrap()).map_err(|refusal| refusal.text)?;
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

    /// S18: a pattern for `http://` is no word that a secret may be read on its way.
    #[test]
    fn a_secret_goes_without_tls_only_where_the_operator_names_the_very_origin() {
        let sent = |granted: &str, to: &str| {
            let secret = Secret { value: "s3cr3t".into(), origins: vec![granted.parse().unwrap()] };
            let (asked, known) = (["a".to_owned()], BTreeMap::from([("a".to_owned(), secret)]));
            let of = OfModule { module: "shop", asked: &asked, known: &known };
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static("{{secret:a}}"));
            put(&mut headers, &of, &to.parse().unwrap()).map_err(|refusal| refusal.text)
        };
        for (granted, to) in [
            ("http://api.example.com", "http://api.example.com"),
            ("https://*.example.com", "https://api.example.com"),
            ("http://localhost:*", "http://localhost:9"),
            ("http://[::1]:*", "http://[::1]:9"),
        ] {
            assert_eq!(sent(granted, to), Ok(()), "{granted}");
        }
        for (granted, to) in [
            ("http://*.example.com", "http://api.example.com"),
            ("http://api.example.com:*", "http://api.example.com:9"),
            ("http://10.0.0.1:*", "http://10.0.0.1"),
        ] {
            let refused = sent(granted, to).unwrap_err();
            assert!(refused.contains("may not go to") && refused.contains("without TLS"), "{refused}");
        }
    }

    /// S16: whatever a partner echoes.
    #[test]
    fn secrets_are_blotted_out_of_texts() {
        let secret = "s3\"cr3t/k\u{e9}y";
        let blots = Blots::new([secret, "abc", "sk_live_0123456789", ""].into_iter());
        let json = serde_json::json!({ "echo": secret }).to_string();
        assert_eq!(blots.blot(&format!("a {secret} b {secret}")), "a [secret] b [secret]");
        assert_eq!(blots.blot(&json), "{\"echo\":\"[secret]\"}");
        assert_eq!(blots.blot("?q=s3%22cr3t%2Fk%C3%A9y&"), "?q=[secret]&");
        assert_eq!(blots.blot("Bearer sk_live_01234"), "Bearer [secret]", "cut off after more than half");
        for kept in ["abc", "sk_live_", "nothing of the kind", ""] {
            assert_eq!(blots.blot(kept), kept);
        }
        let (long, short) = ("secret-and-more", "secret");
        assert_eq!(Blots::new([short, long].into_iter()).blot("secret-and-more secret"), "[secret] [secret]");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", known());
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
