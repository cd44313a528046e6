//! From the host's JSON straight into a function's parameters, in one pass.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use crate::error::Error;
use crate::forward::Forward;
use crate::json;

/// The value of one parameter, once it is read.
#[derive(Debug)]
pub struct Slot<T> {
    name: &'static str,
    value: Option<T>,
}

impl<T: DeserializeOwned> Slot<T> {
    /// One that is empty.
    pub fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    /// The value. What is not there is as null.
    ///
    /// # Errors
    /// It is not there, and null is none of its type.
    pub fn take(self) -> Result<T, Error> {
        let Self { name, value } = self;
        let absent = |_| Error::rejected("bad-argument", format!("parameter `{name}` has no value"));
        value.map_or_else(|| serde_json::from_str("null").map_err(absent), Ok)
    }
}

/// The slots of a function: `()`, or one and the others.
pub trait Slots {
    /// Which of them has this name.
    fn position(&self, name: &str) -> Option<usize>;

    /// Reads the value that comes next into one of them.
    ///
    /// # Errors
    /// It is not of the parameter's type.
    fn fill<'de, A: MapAccess<'de>>(&mut self, position: usize, map: &mut A) -> Result<(), A::Error>;
}

impl Slots for () {
    fn position(&self, _: &str) -> Option<usize> {
        None
    }

    fn fill<'de, A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
        map.next_value::<IgnoredAny>().map(drop)
    }
}

impl<T: DeserializeOwned, R: Slots> Slots for (Slot<T>, R) {
    fn position(&self, name: &str) -> Option<usize> {
        if self.0.name == name { Some(0) } else { Some(self.1.position(name)? + 1) }
    }

    fn fill<'de, A: MapAccess<'de>>(&mut self, position: usize, map: &mut A) -> Result<(), A::Error> {
        if position > 0 {
            return self.1.fill(position - 1, map);
        }
        let name = self.0.name;
        let value = map.next_value().map_err(|error| A::Error::custom(format_args!("parameter `{name}`: {error}")))?;
        self.0.value = Some(value);
        Ok(())
    }
}

/// Reads the arguments object into the slots. Members that belong to no slot are passed over.
///
/// # Errors
/// A rejection, for nothing was done: an argument is not of its parameter's type, or the text is no object.
pub fn read(arguments: &str, slots: &mut impl Slots) -> Result<(), Error> {
    let mut deserializer = serde_json::Deserializer::from_str(arguments);
    let read = deserializer.deserialize_map(Object(slots)).and_then(|()| deserializer.end());
    read.map_err(|error| {
        let code = if error.classify() == Category::Data { "bad-argument" } else { "bad-arguments" };
        Error::rejected(code, error)
    })
}

struct Object<'s, S>(&'s mut S);

impl<'de, S: Slots> Visitor<'de> for Object<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the arguments by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(position) = map.next_key_seed(Name(&*self.0))? {
            match position {
                Some(position) => self.0.fill(position, &mut map)?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// Finds the slot of a name, and keeps no copy of it.
struct Name<'s, S>(&'s S);

impl<'de, S: Slots> DeserializeSeed<'de> for Name<'_, S> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<S: Slots> Visitor<'_> for Name<'_, S> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an argument's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.position(name))
    }
}

/// What a try answered, or a part of it; as null where there is nothing.
///
/// # Errors
/// It is not of this type.
pub fn tried<T: DeserializeOwned>(forward: &Forward, at: Option<&str>) -> Result<T, Error> {
    let refuse = |error| Error::rejected("bad-output", format!("what was tried: {error}"));
    let text = match forward {
        Forward::Completed(json) => json::part(json, at.unwrap_or_default()).map_err(refuse)?,
        Forward::Unknown | Forward::Rejected(_) => None,
    };
    serde_json::from_str(text.unwrap_or("null")).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Both = (Slot<String>, (Slot<Option<u64>>, ()));

    fn slots() -> Both {
        (Slot::new("sku"), (Slot::new("cents"), ()))
    }

    fn taken(text: &str) -> Result<(String, Option<u64>), Error> {
        let mut slots = slots();
        read(text, &mut slots)?;
        let (sku, (cents, ())) = slots;
        Ok((sku.take()?, cents.take()?))
    }

    #[test]
    fn arguments_are_read_by_name() {
        let read = taken(r#"{"other":[{}],"cents":18446744073709551615,"s\u006bu":"tea"}"#);
        assert_eq!(read.unwrap(), ("tea".into(), Some(u64::MAX)));
        assert_eq!(taken(r#"{"sku":"tea"}"#).unwrap(), ("tea".into(), None));
    }

    #[test]
    fn what_cannot_be_read_is_rejected_by_the_name_of_its_parameter() {
        let told = |text: &str| taken(text).unwrap_err().to_string();
        assert_eq!(told("{}"), "`bad-argument`: parameter `sku` has no value");
        assert_eq!(
            told(r#"{"sku":7}"#),
            "`bad-argument`: parameter `sku`: invalid type: integer `7`, expected a string at line 1 column 8"
        );
        assert!(told("7").starts_with("`bad-argument`: invalid type: integer `7`, expected an object"));
        assert!(told(r#"{"sku":"#).starts_with("`bad-argument"));
        assert!(told("{,").starts_with("`bad-arguments`"));
    }

    #[test]
    fn what_was_tried_is_read_exactly() {
        let forward = Forward::Completed(r#"{"id":340282366920938463463374607431768211455}"#.into());
        assert_eq!(tried::<u128>(&forward, Some("/id")).unwrap(), u128::MAX);
        assert_eq!(tried::<Option<u8>>(&Forward::Unknown, Some("/id")).unwrap(), None);
        assert_eq!(tried::<u8>(&Forward::Unknown, None).unwrap_err().code(), "bad-output");
    }
}
