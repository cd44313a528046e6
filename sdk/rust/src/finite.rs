//! Looks for numbers that JSON does not have. serde_json writes null for them, so a value whose text has a null is
//! gone through a second time, by a serializer that writes nothing.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Error as _, Serializer};

/// Whether all numbers in a value are finite.
pub(crate) fn check<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<()> {
    value.serialize(Check).map_err(serde_json::Error::custom)
}

/// A number that is not finite, and where; the path is from the inside out.
#[derive(Debug)]
struct Found {
    what: String,
    path: Vec<String>,
}

impl Found {
    fn within(mut self, place: impl Display) -> Self {
        self.path.push(place.to_string());
        self
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            let path: String = self.path.iter().rev().map(|place| format!("/{place}")).collect();
            write!(f, "at `{path}`: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Found {}

impl ser::Error for Found {
    fn custom<T: Display>(message: T) -> Self {
        Self { what: message.to_string(), path: Vec::new() }
    }
}

type Checked = Result<(), Found>;

fn number(number: f64) -> Checked {
    if number.is_finite() { Ok(()) } else { Err(Found::custom(format_args!("{number} is no number in JSON"))) }
}

/// Writes nothing.
#[derive(Clone, Copy)]
struct Check;

/// Elements of a list or a tuple, counted.
struct Elements(usize);

impl Elements {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked {
        let place = self.0;
        self.0 += 1;
        value.serialize(Check).map_err(|found| found.within(place))
    }
}

/// Members of a map or a struct.
struct Members;

/// Methods that have nothing to look at.
macro_rules! sound {
    ($($method:ident($($ty:ty),*);)*) => {
        $(fn $method(self, $(_: $ty),*) -> Checked { Ok(()) })*
    };
}

impl Serializer for Check {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    sound! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_f32(self, value: f32) -> Checked {
        number(value.into())
    }

    fn serialize_f64(self, value: f64) -> Checked {
        number(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Checked {
        value.serialize(self).map_err(|found| found.within(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, Found> {
        Ok(Elements(0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, Found> {
        Ok(Elements(0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements, Found> {
        Ok(Elements(0))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Elements, Found> {
        Ok(Elements(0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, Found> {
        Ok(Members)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, Found> {
        Ok(Members)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Members, Found> {
        Ok(Members)
    }
}

/// The traits of lists and tuples, which differ by the name of their method.
macro_rules! elements {
    ($($serialize:ident::$method:ident),*) => {
        $(
            impl ser::$serialize for Elements {
                type Ok = ();
                type Error = Found;

                fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked {
                    self.element(value)
                }

                fn end(self) -> Checked {
                    Ok(())
                }
            }
        )*
    };
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// The traits of structs.
macro_rules! members {
    ($($serialize:ident),*) => {
        $(
            impl ser::$serialize for Members {
                type Ok = ();
                type Error = Found;

                fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Checked {
                    value.serialize(Check).map_err(|found| found.within(key))
                }

                fn end(self) -> Checked {
                    Ok(())
                }
            }
        )*
    };
}

members!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Members {
    type Ok = ();
    type Error = Found;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Checked {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked {
        value.serialize(Check)
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(&mut self, key: &K, value: &V) -> Checked {
        value.serialize(Check).map_err(|found| {
            let key = serde_json::to_string(key).unwrap_or_default();
            found.within(key.trim_matches('"'))
        })
    }

    fn end(self) -> Checked {
        Ok(())
    }
}
