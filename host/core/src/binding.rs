//! Where arguments come from: looks parts of JSON texts up by pointer and puts one arguments
//! object together. Deliberately absent: a tree of values; only the members on the way are read.

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    arguments::Arguments,
    definition::{Parameter, Source},
    json::{Headers, Json, Variables},
};

/// Why an arguments object cannot be put together: a sentence that names the parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unbound(pub String);

/// What a source may refer to at the time of a call.
pub(crate) trait Sources {
    fn input(&self) -> &Json;
    /// None where the step was skipped or has no output.
    fn step_output(&self, step: &str) -> Option<Json>;
    fn variables(&self) -> &Variables;
    fn headers(&self) -> &Headers;
    fn item(&self) -> Option<&Json>;
    /// None where the outcome is unknown.
    fn own_output(&self) -> Option<&Json>;
    fn compensation_output(&self, step: &str) -> Option<Json>;
    fn cause(&self) -> Option<Json>;
}

/// Puts the arguments together. A parameter that is not required and has no value is left out; the output of
/// a step that was skipped is null. A parameter that has a value in `fixed`, by its place, is not looked up again.
pub(crate) fn bind(
    parameters: &[Parameter],
    sources: &impl Sources,
    fixed: &[Option<Json>],
) -> Result<Arguments, Unbound> {
    let mut parts = Vec::with_capacity(parameters.len());
    for (i, parameter) in parameters.iter().enumerate() {
        if let Some(Some(known)) = fixed.get(i) {
            parts.push((parameter.name.as_str(), known.clone()));
            continue;
        }
        let value = match resolve(&parameter.source, sources) {
            Ok(value) => value,
            Err(why) if parameter.required => {
                return Err(Unbound(format!("parameter `{}`: {}", parameter.name, why.0)));
            }
            Err(_) if is_skipped(&parameter.source, sources) => Json::null(),
            Err(_) => continue,
        };
        parts.push((parameter.name.as_str(), value));
    }
    Ok(Arguments::of(&parts))
}

/// The values that are the same for every item of a fan-out, by the parameter's place: parts of the input and of the
/// outputs of steps before. They are looked up once, and not for each item in a text of many megabytes.
pub(crate) fn fixed(parameters: &[Parameter], sources: &impl Sources) -> Vec<Option<Json>> {
    let one = |parameter: &Parameter| match &parameter.source {
        Source::Input(Some(_)) | Source::StepOutput { pointer: Some(_), .. } => {
            resolve(&parameter.source, sources).ok()
        }
        _ => None,
    };
    parameters.iter().map(one).collect()
}

fn is_skipped(source: &Source, sources: &impl Sources) -> bool {
    matches!(source, Source::StepOutput { step, .. } if sources.step_output(step).is_none())
}

/// The value of one source.
pub(crate) fn resolve(source: &Source, sources: &impl Sources) -> Result<Json, Unbound> {
    match source {
        Source::Input(pointer) => part(sources.input(), pointer.as_deref(), "the input"),
        Source::StepOutput { step, pointer } => {
            let output = sources
                .step_output(step)
                .ok_or_else(|| Unbound(format!("step `{step}` was skipped or has no output")))?;
            part(&output, pointer.as_deref(), &format!("the output of step `{step}`"))
        }
        Source::Variable(name) => sources
            .variables()
            .get(name.as_str())
            .cloned()
            .ok_or_else(|| Unbound(format!("variable `{name}` is not set"))),
        Source::Header(name) => match sources.headers().get(name.as_str()) {
            Some(value) => Ok(Json::trusted(serde_json::to_string(&**value).expect("text serialises"))),
            None => Err(Unbound(format!("header `{name}` is not set"))),
        },
        Source::Item(pointer) => {
            let item = sources.item().ok_or_else(|| Unbound("there is no item outside a fan-out".into()))?;
            part(item, pointer.as_deref(), "the item")
        }
        Source::OwnOutput(pointer) => {
            let output = sources.own_output().ok_or_else(|| {
                Unbound(
                    "the outcome of the step is unknown, so there is no output (make the parameter optional)".into(),
                )
            })?;
            part(output, pointer.as_deref(), "the output of the step")
        }
        Source::CompensationOutput(step) => sources
            .compensation_output(step)
            .ok_or_else(|| Unbound(format!("the compensation of step `{step}` has not answered"))),
        Source::Cause => sources.cause().ok_or_else(|| Unbound("nothing has failed".into())),
        Source::Literal(value) => Ok(value.clone()),
    }
}

fn part(whole: &Json, pointer: Option<&str>, what: &str) -> Result<Json, Unbound> {
    match pointer {
        None | Some("") => Ok(whole.clone()),
        Some(pointer) => lookup(whole, pointer).ok_or_else(|| Unbound(format!("{what} has nothing at `{pointer}`"))),
    }
}

/// The part of a JSON text that a JSON Pointer (RFC 6901) names; none where there is none, also
/// where the pointer is not one. A name that stands twice in an object means its last value.
pub fn lookup(whole: &Json, pointer: &str) -> Option<Json> {
    if pointer.is_empty() {
        return Some(whole.clone());
    }
    let mut text = whole.as_str();
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = unescape(token)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        text = reader.deserialize_any(Member(&token)).ok()??.get();
    }
    Some(Json::trusted(text.into()))
}

/// The elements of a JSON array; none where the text is no array.
pub(crate) fn elements(array: &Json) -> Option<Vec<Json>> {
    let raw: Vec<&RawValue> = array.read().ok()?;
    Some(raw.into_iter().map(Json::from).collect())
}

/// `~1` is a slash and `~0` a tilde; any other use of `~` is a mistake.
pub(crate) fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(Cow::Borrowed(token));
    }
    let mut plain = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(plain))
}

/// Reads one member of an object or element of an array, and steps over all others unread.
struct Member<'t>(&'t str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Key<'de>>()? {
            if name.0 == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        // RFC 6901: digits without a leading zero.
        let canonical = self.0 == "0" || !self.0.starts_with(['0', '+']);
        let wanted = self.0.parse::<usize>().ok().filter(|_| canonical);
        let mut found = None;
        let mut at = 0;
        while wanted.is_none_or(|w| at < w) {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
            at += 1;
        }
        if wanted.is_some() {
            found = seq.next_element()?;
            while seq.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(found)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_find_parts_as_rfc_6901_says() {
        let whole =
            Json::parse(r#"{"a":{"b":[10,{"c":"x"}],"":1},"m~n":2,"p/q":3,"\u0061b":4,"d":1,"d":2,"n":1.10}"#).unwrap();
        let found = |pointer: &str| lookup(&whole, pointer).map(|j| alloc::string::ToString::to_string(&j));
        let cases = [
            ("/a/b/0", Some("10")),
            ("/a/b/1/c", Some(r#""x""#)),
            ("/a/", Some("1")),
            ("/m~0n", Some("2")),
            ("/p~1q", Some("3")),
            ("/ab", Some("4")),
            ("/d", Some("2")),
            ("/n", Some("1.10")),
            ("/a/b/2", None),
            ("/a/b/00", None),
            ("/a/b/-", None),
            ("/a/b/+1", None),
            ("/x", None),
            ("/d/x", None),
            ("/m~2n", None),
            ("a", None),
        ];
        for (pointer, expected) in cases {
            assert_eq!(found(pointer).as_deref(), expected, "{pointer}");
        }
        assert_eq!(lookup(&whole, ""), Some(whole.clone()));
    }
}
