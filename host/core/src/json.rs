//! JSON texts, kept as text: payloads come and go as they are, and numbers keep their digits.
//! Deliberately absent: a tree of values; what needs a part of a text looks it up (`binding`).

use alloc::{borrow::ToOwned, boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::id::{Digest, Name};
use crate::number;

/// A valid JSON text (RFC 8259). Cloning is cheap; equality is equality of the texts.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

/// Text that is not JSON: where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJson(String);

impl Json {
    /// Checks the text and keeps it, without the white space around it.
    ///
    /// # Errors
    /// The text is not one JSON value; the message has the line and the column.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        serde_json::from_str(text).map(Self).map_err(|e| InvalidJson(alloc::format!("{e}")))
    }

    /// Checks the text and keeps it, as [`Json::parse`] does; without white space around it, it is not copied
    /// once more.
    ///
    /// # Errors
    /// The text is not one JSON value; the message has the line and the column.
    pub fn parse_owned(text: String) -> Result<Self, InvalidJson> {
        RawValue::from_string(text).map(Self::from).map_err(|e| InvalidJson(alloc::format!("{e}")))
    }

    /// The text of a value that serialises without fail.
    ///
    /// # Errors
    /// A map with keys that are not text, or a serializer that gives up.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidJson> {
        let text = serde_json::to_string(value).map_err(|e| InvalidJson(alloc::format!("{e}")))?;
        Ok(Self::trusted(text))
    }

    /// Keeps text that this crate has put together from JSON texts.
    pub(crate) fn trusted(text: String) -> Self {
        Self(RawValue::from_string(text).expect("it is put together from valid JSON").into())
    }

    /// JSON's null.
    pub fn null() -> Self {
        Self::trusted("null".into())
    }

    /// Whether the two share one text in memory.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The digest of what the text says, whatever the order of its members, the space between, and the way in which
    /// a number is written. Numbers count with every digit.
    pub fn digest(&self) -> Digest {
        let mut canonical = String::with_capacity(self.as_str().len());
        write_canonical(self.as_str(), CANONICAL_DEPTH, &mut canonical);
        Digest::of(canonical.as_bytes())
    }

    /// The first number in it that neither a whole number of 64 bits nor a double tells exactly. What compares numbers
    /// by these refuses such a text, for it would take the number for another one.
    pub fn inexact_number(&self) -> Option<&str> {
        number::inexact(self.as_str())
    }

    /// Reads the text into a type.
    ///
    /// # Errors
    /// The text does not fit the type.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, InvalidJson> {
        serde_json::from_str(self.as_str()).map_err(|e| InvalidJson(alloc::format!("{e}")))
    }
}

/// Levels of arrays and objects that a digest looks through. Of what lies deeper it is the text that counts.
const CANONICAL_DEPTH: u32 = 128;

/// Members by name, nothing between, one text for each number.
fn write_canonical(text: &str, depth: u32, canonical: &mut String) {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    match text.as_bytes().first() {
        Some(b'{') if depth > 0 => {
            // A name may be no text (half of a surrogate pair): then it is what is written that counts.
            let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
                return canonical.push_str(text);
            };
            canonical.push('{');
            for (i, (name, member)) in members.into_iter().enumerate() {
                canonical.push_str(if i == 0 { "" } else { "," });
                canonical.push_str(&quoted(&name));
                canonical.push(':');
                write_canonical(member.get(), depth - 1, canonical);
            }
            canonical.push('}');
        }
        Some(b'[') if depth > 0 => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else { return canonical.push_str(text) };
            canonical.push('[');
            for (i, item) in items.into_iter().enumerate() {
                canonical.push_str(if i == 0 { "" } else { "," });
                write_canonical(item.get(), depth - 1, canonical);
            }
            canonical.push(']');
        }
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(plain) => canonical.push_str(&quoted(&plain)),
            Err(_) => canonical.push_str(text),
        },
        Some(b'-' | b'0'..=b'9') => canonical.push_str(&number::canonical(text)),
        _ => canonical.push_str(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text serialises")
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned().into())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

/// A transaction's variables. Shared by the calls in flight; a write makes a new map.
pub type Variables = Arc<BTreeMap<Name, Json>>;

/// A transaction's headers, by name as given; shared as variables are.
pub type Headers = Arc<BTreeMap<Name, Arc<str>>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_what_is_said() {
        let digest = |text: &str| Json::parse(text).expect("it is JSON").digest();
        assert_eq!(
            digest(r#"{"a": [1, {"c":null, "b":"x"}], "d": {}}"#),
            digest(r#"{"d":{},"a":[1,{"b":"x","c":null}]}"#)
        );
        assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":2}"#));
        assert_ne!(digest("[[],1]"), digest("[1,[]]"));
        assert_ne!(digest(r#"{"\ud800":1}"#), digest(r#"{"\ud800":2}"#), "a name that is no text");
    }

    /// U2, C25: what a key was used with counts with every digit of its numbers.
    #[test]
    fn a_digest_keeps_numbers_exact() {
        let digest = |text: &str| Json::parse(text).expect("it is JSON").digest();
        let wei = |number: &str| digest(&alloc::format!(r#"{{"wei":[{number}]}}"#));
        assert_ne!(wei("1000000000000000000000001"), wei("1000000000000000000000002"));
        assert_ne!(wei("9007199254740993"), wei("9007199254740992"));
        assert_eq!(wei("1.0"), wei("1"));
        assert_eq!(wei("1e400"), wei("10e399"));
        assert_ne!(wei("1e400"), wei("1e401"));
        assert_ne!(wei("1"), wei("\"1\""));
    }
}
