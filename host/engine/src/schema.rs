//! Compares an input with its schema, and says where it does not fit. Both come from others: what a comparison may cost is
//! bounded before it is made, and one that takes long is made on a thread of its own.

mod cost;

use std::sync::Arc;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;
use wasaga_core::Json;

use cost::{COMPARISONS_MAX, Cost, PAIRS_MAX};

/// Places that are named at once; the rest is counted.
const SHOWN: usize = 5;

/// Characters of one reason: it shows the value, which may be large.
const REASON_CHARS_MAX: usize = 300;
/// Comparisons, and bytes of an input, that take no time which a thread of the runtime would miss.
const COMPARISONS_AT_ONCE: u64 = 10_000;
const BYTES_AT_ONCE: usize = 16 << 10;
/// Bytes of one compiled regular expression: those of e-mail addresses and the like have some thousand.
const PATTERN_BYTES_MAX: usize = 256 << 10;
/// Steps back that one match of a regular expression may take.
const BACKTRACK_MAX: usize = 10_000;
/// Regular expressions of one schema: each may take [`PATTERN_BYTES_MAX`].
const PATTERNS_MAX: usize = 500;

/// A schema that inputs are compared with.
#[derive(Clone, Debug)]
pub(crate) struct Schema(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    document: Value,
    validator: Validator,
}

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
    /// What is wrong with it, as the rest of a sentence.
    pub(crate) fn new(schema: &Json) -> Result<Self, String> {
        let is_none = |error: &dyn std::fmt::Display| format!("is no JSON Schema: {}", cut(&error.to_string()));
        let document: Value = schema.read().map_err(|error| is_none(&error))?;
        let patterns = patterns(&document);
        if patterns > PATTERNS_MAX {
            return Err(format!("has {patterns} regular expressions; the limit is {PATTERNS_MAX}"));
        }
        Cost::new(&document, PAIRS_MAX).of(None).map_err(|why| format!("cannot be used: {why}"))?;
        let pattern = PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_MAX).size_limit(PATTERN_BYTES_MAX);
        let options = jsonschema::options().with_retriever(Nowhere).with_pattern_options(pattern);
        let validator = options.build(&document).map_err(|error| is_none(&error))?;
        Ok(Self(Arc::new(Compiled { document, validator })))
    }

    /// Whether an input fits. What takes long is done on another thread, so that whoever asks is free meanwhile.
    ///
    /// # Errors
    /// The places where it does not, with the reasons; or comparing them may take too long.
    pub(crate) async fn check(&self, input: &Json) -> Result<(), String> {
        if input.as_str().len() <= BYTES_AT_ONCE {
            let value: Value = read(input)?;
            let cost = Cost::new(&self.0.document, COMPARISONS_AT_ONCE as usize).of(Some(&value));
            if cost.is_ok_and(|cost| cost <= COMPARISONS_AT_ONCE) {
                return self.compare(&value);
            }
        }
        let (schema, input) = (self.clone(), input.clone());
        let checking = tokio::task::spawn_blocking(move || {
            let value: Value = read(&input)?;
            let cost = Cost::new(&schema.0.document, PAIRS_MAX).of(Some(&value));
            match cost {
                Ok(cost) if cost <= COMPARISONS_MAX => schema.compare(&value),
                Ok(_) => Err(beyond(&cost::Beyond::Comparisons)),
                Err(why) => Err(beyond(&why)),
            }
        });
        checking.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    fn compare(&self, input: &Value) -> Result<(), String> {
        let mut reasons = Vec::new();
        let mut more = 0;
        for error in self.0.validator.iter_errors(input) {
            if reasons.len() == SHOWN {
                more += 1;
                continue;
            }
            let (path, why) = (error.instance_path().to_string(), cut(&error.to_string()));
            reasons.push(if path.is_empty() { why } else { format!("at {}: {why}", cut(&path)) });
        }
        if more > 0 {
            reasons.push(format!("and {more} more"));
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }
}

fn beyond(why: &cost::Beyond) -> String {
    format!("comparing it with its schema is refused: {why} (make the schema or the input simpler)")
}

fn read(input: &Json) -> Result<Value, String> {
    if let Some(number) = input.inexact_number() {
        return Err(format!("{} has more digits than a check can tell apart (pass it as text)", shortened(number)));
    }
    input.read().map_err(|error| error.to_string())
}

/// How many regular expressions a schema may have, at most.
fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(keywords) => {
            let named = keywords.get("patternProperties").and_then(Value::as_object).map_or(0, |named| named.len());
            let own = usize::from(keywords.contains_key("pattern"));
            own + named + keywords.values().map(patterns).sum::<usize>()
        }
        Value::Array(all) => all.iter().map(patterns).sum(),
        _ => 0,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(REASON_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into(),
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

    async fn check(schema: &str, input: &str) -> Result<(), String> {
        Schema::new(&Json::parse(schema).unwrap())?.check(&Json::parse(input).unwrap()).await
    }

    /// U2: with doubles, the input would fit a schema that allows one wei less.
    #[tokio::test]
    async fn numbers_are_exact_or_refused() {
        let schema = r#"{"properties":{"wei":{"maximum":1000000000000000000000000}}}"#;
        assert_eq!(check(schema, r#"{"wei":1000000000000000000000000}"#).await, Ok(()));
        let told = check(schema, r#"{"wei":1000000000000000000000001}"#).await.unwrap_err();
        assert_eq!(told, "`1000000000000000000000001` has more digits than a check can tell apart (pass it as text)");
    }

    #[tokio::test]
    async fn places_and_reasons_are_told() {
        let schema = r#"{"type":"object","required":["sku"],
            "properties":{"quantity":{"type":"integer","minimum":0},"sku":{"type":"string"}}}"#;
        assert_eq!(check(schema, r#"{"sku":"tea","quantity":2}"#).await, Ok(()));
        assert_eq!(
            check(schema, r#"{"sku":"tea","quantity":-1}"#).await.unwrap_err(),
            "at /quantity: -1 is less than the minimum of 0"
        );
        assert_eq!(check(schema, "{}").await.unwrap_err(), "\"sku\" is a required property");
        let two = check(schema, r#"{"sku":1,"quantity":"x"}"#).await.unwrap_err();
        assert!(two.contains("at /quantity: \"x\" is not of type \"integer\"") && two.contains("; at /sku"), "{two}");
        // On another thread, with the same words.
        let large = format!(r#"{{"sku":{{"a":"{}"}}}}"#, "x".repeat(1 << 20));
        let told = check(schema, &large).await.unwrap_err();
        assert!(told.starts_with(r#"at /sku: {"a":"xxx"#) && told.len() < 400, "{} bytes", told.len());
    }

    #[tokio::test]
    async fn nothing_is_fetched() {
        let told = check(r#"{"$ref":"https://example.com/order.json"}"#, "1").await.unwrap_err();
        assert!(told.contains("https://example.com/order.json"), "{told}");
    }

    /// S14, X4: without bounds this test would not end.
    #[tokio::test]
    async fn what_may_take_long_is_refused() {
        let twice = r##"{"properties":{"a":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}"##;
        let deep = format!("{}1{}", r#"{"a":"#.repeat(60), "}".repeat(60));
        let told = check(twice, &deep).await.unwrap_err();
        assert!(told.contains("it may take more than 20000000 comparisons"), "{told}");
        let backtracking = r#"{"pattern":"^(a|aa|a?)*\\1b$"}"#;
        let told = check(backtracking, &format!("\"{}\"", "a".repeat(10_000))).await.unwrap_err();
        assert!(told.contains("Backtrack") || told.contains("backtrack"), "{told}");
        let large = check(r#"{"pattern":"((a{100}){100}){100}"}"#, "1").await.unwrap_err();
        assert!(large.starts_with("is no JSON Schema: "), "{large}");
        let many = format!(r#"{{"allOf":[{}true]}}"#, r#"{"pattern":"a"},"#.repeat(501));
        let told = check(&many, "1").await.unwrap_err();
        assert_eq!(told, "has 501 regular expressions; the limit is 500");
    }

    /// On the stack that a thread of the runtime has; an overflow ends the process, so this test with it.
    #[tokio::test]
    async fn the_deepest_that_is_compared_fits_the_stack() {
        let chain: Vec<String> =
            (0..120).map(|i| format!(r##""c{i}":{{"allOf":[{{"$ref":"#/$defs/c{}"}}]}}"##, i + 1)).collect();
        let chain = format!(r##"{{"$ref":"#/$defs/c0","$defs":{{{},"c120":{{"type":"integer"}}}}}}"##, chain.join(","));
        assert_eq!(check(&chain, "1").await, Ok(()));
        assert_eq!(check(&chain, "true").await.unwrap_err(), "true is not of type \"integer\"");
        let tree = r##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##;
        let deep = |within: &str| format!("{}{within}{}", r#"{"a":"#.repeat(120), "}".repeat(120));
        assert_eq!(check(tree, &deep("1")).await, Ok(()));
        assert!(check(tree, &deep(r#"{"b":1}"#)).await.unwrap_err().contains("'b' was unexpected"));
    }
}
