//! The arguments of a call. Large arguments are kept in parts, which the items of a fan-out and repeated attempts share;
//! the text is put together when the call is made. Deliberately absent: where the parts come from (`binding`).

use alloc::{borrow::Cow, string::String, sync::Arc};

use crate::{id::Name, json::Json, stored::APART_BYTES_MIN};

/// One JSON object: a member for each parameter that has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments(Kept);

#[derive(Clone, Debug, PartialEq)]
enum Kept {
    Whole(Json),
    Parts(Arc<[(Name, Json)]>),
}

impl Arguments {
    /// Those of these members, in their order.
    pub(crate) fn of(parts: &[(&str, Json)]) -> Self {
        let length: usize = parts.iter().map(|(name, value)| name.len() + value.as_str().len()).sum();
        if length < APART_BYTES_MIN {
            return Self(Kept::Whole(Json::trusted(object(length, parts.iter().map(|(name, value)| (*name, value))))));
        }
        Self(Kept::Parts(parts.iter().map(|(name, value)| (Name::from(*name), value.clone())).collect()))
    }

    /// The text of the object.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Kept::Whole(json) => Cow::Borrowed(json.as_str()),
            Kept::Parts(parts) => {
                let length = parts.iter().map(|(name, value)| name.len() + value.as_str().len()).sum();
                Cow::Owned(object(length, parts.iter().map(|(name, value)| (name.as_str(), value))))
            }
        }
    }

    /// The object as JSON.
    pub fn json(&self) -> Json {
        match &self.0 {
            Kept::Whole(json) => json.clone(),
            Kept::Parts(_) => Json::trusted(self.text().into_owned()),
        }
    }

    /// Bytes of the text, give or take what punctuation and escapes in names need.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Kept::Whole(json) => json.as_str().len(),
            Kept::Parts(parts) => parts.iter().map(|(name, value)| name.len() + value.as_str().len() + 4).sum(),
        }
    }
}

/// Arguments that a person gave as one object.
impl From<Json> for Arguments {
    fn from(whole: Json) -> Self {
        Self(Kept::Whole(whole))
    }
}

fn object<'a>(length: usize, members: impl ExactSizeIterator<Item = (&'a str, &'a Json)>) -> String {
    let mut text = String::with_capacity(length + 6 * members.len() + 2);
    text.push('{');
    for (i, (name, value)) in members.enumerate() {
        if i > 0 {
            text.push(',');
        }
        push_name(&mut text, name);
        text.push(':');
        text.push_str(value.as_str());
    }
    text.push('}');
    text
}

fn push_name(text: &mut String, name: &str) {
    // Most names are plain words, which need no escapes.
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        text.push('"');
        text.push_str(name);
        text.push('"');
    } else {
        text.push_str(&serde_json::to_string(name).expect("text serialises"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn large_arguments_share_their_parts_and_read_the_same() {
        let large = Json::of(&"x".repeat(APART_BYTES_MIN)).unwrap();
        let small = Json::parse("1").unwrap();
        let parts: Vec<(&str, Json)> = alloc::vec![("a\"b", small.clone()), ("large", large.clone())];
        let arguments = Arguments::of(&parts);
        let Kept::Parts(kept) = &arguments.0 else { panic!("{:?} is kept whole", arguments.bytes()) };
        assert!(core::ptr::eq(kept[1].1.as_str(), large.as_str()), "C8: the part is shared");
        assert_eq!(arguments.text(), alloc::format!("{{\"a\\\"b\":1,\"large\":{large}}}"));
        assert_eq!(Arguments::of(&[("n", small)]).text(), r#"{"n":1}"#);
        assert_eq!(Arguments::of(&[]).text(), "{}");
    }
}
