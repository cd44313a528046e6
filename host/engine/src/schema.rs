//! Compares an input with its schema, and says where it does not fit.

use std::sync::Arc;

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;
use wasaga_core::Json;

/// Places that are named at once; the rest is counted.
const SHOWN: usize = 5;

/// A schema that inputs are compared with.
#[derive(Clone, Debug)]
pub(crate) struct Schema(Arc<Validator>);

/// Schemas of elsewhere are never fetched: a guest must not make the host call anyone.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is outside the schema, and nothing is fetched").into())
    }
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(schema: &Json) -> Result<Self, String> {
        let schema: Value = schema.read().map_err(|error| error.to_string())?;
        let built = jsonschema::options().with_retriever(Nowhere).build(&schema);
        built.map(|validator| Self(Arc::new(validator))).map_err(|error| error.to_string())
    }

    /// Whether an input fits.
    ///
    /// # Errors
    /// The places where it does not, with the reasons.
    pub(crate) fn check(&self, input: &Json) -> Result<(), String> {
        if let Some(number) = input.inexact_number() {
            return Err(format!("{} has more digits than a check can tell apart (pass it as text)", shortened(number)));
        }
        let input: Value = input.read().map_err(|error| error.to_string())?;
        let mut reasons = Vec::new();
        let mut more = 0;
        for error in self.0.iter_errors(&input) {
            if reasons.len() == SHOWN {
                more += 1;
                continue;
            }
            let path = error.instance_path().to_string();
            reasons.push(if path.is_empty() { error.to_string() } else { format!("at {path}: {error}") });
        }
        if more > 0 {
            reasons.push(format!("and {more} more"));
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }
}

/// A number as a person reads it.
fn shortened(number: &str) -> String {
    const SHOWN: usize = 40;
    // A number is ASCII, so that every place is one between characters.
    if number.len() <= SHOWN { format!("`{number}`") } else { format!("`{}…`", &number[..SHOWN]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// U2: with doubles, the input would fit a schema that allows one wei less.
    #[test]
    fn numbers_are_exact_or_refused() {
        let schema =
            Schema::new(&Json::parse(r#"{"properties":{"wei":{"maximum":1000000000000000000000000}}}"#).unwrap());
        let check = |input: &str| schema.as_ref().unwrap().check(&Json::parse(input).unwrap());
        assert_eq!(check(r#"{"wei":1000000000000000000000000}"#), Ok(()));
        let told = check(r#"{"wei":1000000000000000000000001}"#).unwrap_err();
        assert_eq!(told, "`1000000000000000000000001` has more digits than a check can tell apart (pass it as text)");
    }

    #[test]
    fn places_and_reasons_are_told() {
        let schema = r#"{"type":"object","required":["sku"],
            "properties":{"quantity":{"type":"integer","minimum":0},"sku":{"type":"string"}}}"#;
        let schema = Schema::new(&Json::parse(schema).unwrap()).unwrap();
        let check = |input: &str| schema.check(&Json::parse(input).unwrap());
        assert_eq!(check(r#"{"sku":"tea","quantity":2}"#), Ok(()));
        assert_eq!(
            check(r#"{"sku":"tea","quantity":-1}"#).unwrap_err(),
            "at /quantity: -1 is less than the minimum of 0"
        );
        assert_eq!(check("{}").unwrap_err(), "\"sku\" is a required property");
        let two = check(r#"{"sku":1,"quantity":"x"}"#).unwrap_err();
        assert!(two.contains("at /quantity: \"x\" is not of type \"integer\"") && two.contains("; at /sku"), "{two}");
    }

    #[test]
    fn nothing_is_fetched() {
        let schema = Json::parse(r#"{"$ref":"https://example.com/order.json"}"#).unwrap();
        assert!(Schema::new(&schema).unwrap_err().contains("https://example.com/order.json"));
    }
}
