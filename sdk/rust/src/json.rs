//! Values as JSON texts, exactly or not at all.

use serde::Serialize;
use serde::Serializer;
use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::finite;

/// A value as a JSON text.
///
/// # Errors
/// It has no form in JSON, such as a number that is not finite. serde_json writes null for those, and whoever reads it
/// back finds something else than was there.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    if text.contains("null") {
        finite::check(value)?;
    }
    Ok(text)
}

/// Pairs as an object whose members keep their order.
pub(crate) fn in_order<K: Serialize, V: Serialize, S: Serializer>(pairs: &[(K, V)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// The part of a JSON text that a JSON Pointer names; none where there is none. It is not read, so no number loses digits.
///
/// # Errors
/// The text is not JSON.
pub(crate) fn part<'t>(text: &'t str, pointer: &str) -> serde_json::Result<Option<&'t str>> {
    let mut part = text;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let found = match part.trim_start().as_bytes().first() {
            Some(b'{') => serde_json::from_str::<Members<'_>>(part)?.0.remove(&*token),
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(part)?;
                token.parse::<usize>().ok().and_then(|place| elements.get(place).copied())
            }
            Some(_) => None,
            None => return Err(serde_json::Error::custom("an empty text is not JSON")),
        };
        let Some(found) = found else { return Ok(None) };
        part = found.get();
    }
    Ok(Some(part))
}

/// The members of an object, unread.
#[derive(serde::Deserialize)]
struct Members<'t>(#[serde(borrow)] std::collections::HashMap<String, &'t RawValue>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_is_told_with_its_place() {
        #[derive(Serialize)]
        struct Share {
            of: Option<u32>,
            parts: Vec<f64>,
        }
        let told = |parts: Vec<f64>| write(&Share { of: None, parts }).map_err(|error| error.to_string());
        assert_eq!(told(vec![0.5]).unwrap(), r#"{"of":null,"parts":[0.5]}"#);
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let message = told(vec![0.5, wrong]).unwrap_err();
            assert_eq!(message, format!("at `/parts/1`: {wrong} is no number in JSON"));
        }
        assert!(write(&f32::NAN).is_err());
        assert!(write(&std::collections::BTreeMap::from([("a", Some(f64::NAN))])).is_err());
    }

    #[test]
    fn a_part_is_exact() {
        let text = r#" {"a/b":[1, {"~":1000000000000000000000001}],"c":null} "#;
        assert_eq!(part(text, "/a~1b/1/~0").unwrap(), Some("1000000000000000000000001"));
        assert_eq!(part(text, "/c").unwrap(), Some("null"));
        assert_eq!(part(text, "/c/d").unwrap(), None);
        assert_eq!(part(text, "").unwrap(), Some(text));
    }
}
