//! What comparing an input with a schema may cost at most, found without comparing anything. A reference stands for all
//! that it refers to, so a small schema may be a tree of any size, and one that refers to itself grows with the depth of
//! the input; each pair of a schema and a value is reckoned once here, however often it would be compared. Deliberately
//! absent: whether the input fits.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// Comparisons that one check may take: an input of 4 MiB with a schema of a hundred keywords needs less, and a
/// thread some seconds.
pub(super) const COMPARISONS_MAX: u64 = 20_000_000;
/// Pairs of a schema and a value that are reckoned: each takes some bytes of memory here.
pub(super) const PAIRS_MAX: usize = 2_000_000;
/// Schemas within schemas, references included: whoever compares calls himself for each.
const DEPTH_MAX: usize = 256;

/// Why an input is not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Beyond {
    #[error("it may take more than {COMPARISONS_MAX} comparisons")]
    Comparisons,
    #[error("its schemas lie more than {DEPTH_MAX} deep within each other")]
    Depth,
    #[error("`{0}` refers to itself, by way of others or at once")]
    Circle(String),
    #[error("`{0}` refers to no place in it (write `#/$defs/…`; nothing is fetched)")]
    Reference(String),
}

/// What is applied to the value itself.
const HERE: [&str; 4] = ["not", "if", "then", "else"];
const HERE_EACH: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const HERE_NAMED: [&str; 2] = ["dependentSchemas", "dependencies"];
/// What is applied to each member or item of the value.
const EACH: [&str; 7] = [
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Reckons.
pub(super) struct Cost<'a> {
    document: &'a Value,
    /// Schemas that are named otherwise than by their place.
    named: BTreeMap<String, &'a Value>,
    /// What is known of a schema and a value, by where they are in memory; none while it is reckoned.
    known: HashMap<(usize, usize), Option<u64>>,
    pairs_max: usize,
}

impl<'a> Cost<'a> {
    pub(super) fn new(document: &'a Value, pairs_max: usize) -> Self {
        let mut named = BTreeMap::new();
        name(document, &mut named);
        Self { document, named, known: HashMap::new(), pairs_max }
    }

    /// Of a value; without one, of a value that has everything that the schema speaks of, once.
    pub(super) fn of(&mut self, value: Option<&'a Value>) -> Result<u64, Beyond> {
        self.schema(self.document, value, 0)
    }

    fn schema(&mut self, schema: &'a Value, value: Option<&'a Value>, depth: usize) -> Result<u64, Beyond> {
        let Value::Object(keywords) = schema else { return Ok(1) };
        let place = |value: &Value| std::ptr::from_ref(value) as usize;
        let pair = (place(schema), value.map_or(0, place));
        match self.known.get(&pair) {
            Some(Some(known)) => return Ok(*known),
            // Without a value, a schema may well refer to itself; how deep that goes is the value's.
            Some(None) if value.is_none() => return Ok(1),
            Some(None) => return Err(Beyond::Circle(reference(keywords).unwrap_or("$ref").into())),
            None => {}
        }
        if depth >= DEPTH_MAX {
            return Err(Beyond::Depth);
        }
        if self.known.len() >= self.pairs_max {
            return Err(Beyond::Comparisons);
        }
        self.known.insert(pair, None);
        let cost = self.keywords(keywords, value, depth + 1)?;
        if cost > COMPARISONS_MAX {
            return Err(Beyond::Comparisons);
        }
        self.known.insert(pair, Some(cost));
        Ok(cost)
    }

    fn keywords(
        &mut self,
        keywords: &'a Map<String, Value>,
        value: Option<&'a Value>,
        depth: usize,
    ) -> Result<u64, Beyond> {
        let mut cost = keywords.len() as u64;
        // What is not evaluated is found by looking at all keywords again.
        let again = u64::from(keywords.keys().any(|keyword| keyword.starts_with("unevaluated")));
        for (keyword, what) in keywords {
            let keyword = keyword.as_str();
            let more = if REFERENCES.contains(&keyword) {
                let to = what.as_str().unwrap_or_default();
                let target = self.target(to).ok_or_else(|| Beyond::Reference(to.chars().take(100).collect()))?;
                self.schema(target, value, depth)?
            } else if HERE.contains(&keyword) {
                self.schema(what, value, depth)?
            } else if HERE_EACH.contains(&keyword) {
                self.all(what.as_array().into_iter().flatten(), value, depth)?
            } else if HERE_NAMED.contains(&keyword) {
                self.all(what.as_object().into_iter().flat_map(Map::values), value, depth)?
            } else {
                self.within(keyword, what, value, depth)?
            };
            cost = cost.saturating_add(more);
        }
        Ok(cost.saturating_mul(1 + again))
    }

    /// Of a keyword about members or items.
    fn within(
        &mut self,
        keyword: &str,
        what: &'a Value,
        value: Option<&'a Value>,
        depth: usize,
    ) -> Result<u64, Beyond> {
        let named = || what.as_object().into_iter().flatten();
        let mut cost = 0_u64;
        let mut add = |more: u64| cost = cost.saturating_add(more);
        match (keyword, what) {
            ("properties", _) => {
                for (name, schema) in named() {
                    if let Some(member) = value.map_or(Some(None), |value| value.get(name).map(Some)) {
                        add(self.schema(schema, member, depth)?);
                    }
                }
            }
            ("prefixItems", Value::Array(schemas)) | ("items", Value::Array(schemas)) => {
                for (place, schema) in schemas.iter().enumerate() {
                    if let Some(item) = value.map_or(Some(None), |value| value.get(place).map(Some)) {
                        add(self.schema(schema, item, depth)?);
                    }
                }
            }
            ("patternProperties", _) => {
                for (_, schema) in named() {
                    add(self.each(schema, value, depth)?);
                }
            }
            ("enum", Value::Array(values)) => add(values.len() as u64),
            ("uniqueItems", _) => add(value.and_then(Value::as_array).map_or(1, |items| items.len() as u64)),
            (each, _) if EACH.contains(&each) => add(self.each(what, value, depth)?),
            _ => {}
        }
        Ok(cost)
    }

    fn each(&mut self, schema: &'a Value, value: Option<&'a Value>, depth: usize) -> Result<u64, Beyond> {
        match value {
            None => self.schema(schema, None, depth),
            Some(Value::Array(items)) => self.of_values(schema, items.iter(), depth),
            Some(Value::Object(members)) => self.of_values(schema, members.values(), depth),
            Some(_) => Ok(0),
        }
    }

    fn of_values(
        &mut self,
        schema: &'a Value,
        values: impl Iterator<Item = &'a Value>,
        depth: usize,
    ) -> Result<u64, Beyond> {
        let mut cost = 0_u64;
        for value in values {
            cost = cost.saturating_add(self.schema(schema, Some(value), depth)?);
        }
        Ok(cost)
    }

    fn all(
        &mut self,
        schemas: impl Iterator<Item = &'a Value>,
        value: Option<&'a Value>,
        depth: usize,
    ) -> Result<u64, Beyond> {
        let mut cost = 0_u64;
        for schema in schemas {
            cost = cost.saturating_add(self.schema(schema, value, depth)?);
        }
        Ok(cost)
    }

    /// What a reference leads to: a place in the document, or a name.
    fn target(&self, to: &str) -> Option<&'a Value> {
        let own = self.document.get("$id").and_then(Value::as_str).unwrap_or_default();
        let to = to.strip_prefix(own).unwrap_or(to);
        match to.strip_prefix('#') {
            Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => {
                self.document.pointer(pointer).or_else(|| self.document.pointer(&decoded(pointer)))
            }
            Some(name) => self.named.get(name).copied(),
            None if to.is_empty() => Some(self.document),
            None => self.named.get(to).copied(),
        }
    }
}

fn reference(keywords: &Map<String, Value>) -> Option<&str> {
    REFERENCES.iter().find_map(|keyword| keywords.get(*keyword)).and_then(Value::as_str)
}

/// The percent signs of a URI's fragment, undone.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]).0,
            None => (bytes.push(*first), rest = after).0,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Collects what names itself. A document is no deeper than JSON is read.
fn name<'a>(schema: &'a Value, named: &mut BTreeMap<String, &'a Value>) {
    match schema {
        Value::Object(keywords) => {
            for keyword in ["$anchor", "$dynamicAnchor", "$id"] {
                if let Some(Value::String(own)) = keywords.get(keyword) {
                    named.entry(own.clone()).or_insert(schema);
                }
            }
            keywords.values().for_each(|within| name(within, named));
        }
        Value::Array(all) => all.iter().for_each(|within| name(within, named)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(schema: &str, value: Option<&str>) -> Result<u64, Beyond> {
        let schema = serde_json::from_str(schema).unwrap();
        let value: Option<Value> = value.map(|value| serde_json::from_str(value).unwrap());
        let mut cost = Cost::new(&schema, PAIRS_MAX);
        let found = cost.of(value.as_ref());
        assert!(cost.known.len() <= PAIRS_MAX);
        found
    }

    /// A schema of two references to the one before, so many levels deep.
    fn doubled(levels: usize) -> String {
        let before = |at: usize| format!(r##"{{"$ref":"#/$defs/d{at}"}}"##);
        let levels: Vec<String> = (1..=levels)
            .map(|at| format!(r#""d{at}":{{"allOf":[{0},{0}]}}"#, before(at - 1)))
            .chain([r#""d0":{"type":"object"}"#.to_owned()])
            .collect();
        format!(r##"{{"$ref":"#/$defs/d{}","$defs":{{{}}}}}"##, levels.len() - 1, levels.join(","))
    }

    const TREE: &str = r##"{"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{
        "left":{"$ref":"#/$defs/Node"},"right":{"$ref":"#/$defs/Node"},"name":{"type":"string"}}}}}"##;

    #[test]
    fn what_people_write_costs_little() {
        assert_eq!(cost(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#, None), Ok(3));
        assert!(cost(TREE, None).unwrap() < 20);
        let tree = r#"{"left":{"left":{"name":"a"},"right":{}},"right":{"name":"b"}}"#;
        assert!(cost(TREE, Some(tree)).unwrap() < 50);
        let list = format!("[{}1]", "1,".repeat(99_999));
        assert!(cost(r#"{"items":{"type":"integer","minimum":0}}"#, Some(&list)).unwrap() < 300_000);
    }

    /// X4: 2^40 comparisons, of forty schemas.
    #[test]
    fn references_are_reckoned_with_all_that_they_stand_for() {
        assert!(cost(&doubled(10), None).unwrap() > 1 << 10);
        assert_eq!(cost(&doubled(40), None), Err(Beyond::Comparisons));
    }

    /// S14: nothing of the schema alone tells this: each level of the input doubles what is compared.
    #[test]
    fn what_doubles_with_the_depth_of_the_input_is_found() {
        let twice = r##"{"properties":{"a":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}"##;
        assert!(cost(twice, None).unwrap() < 20);
        let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(cost(twice, Some(&deep(5))).unwrap() < 1_000);
        assert_eq!(cost(twice, Some(&deep(50))), Err(Beyond::Comparisons));
    }

    #[test]
    fn circles_depth_and_places_that_are_not_there_are_told() {
        let circle = r##"{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}}}"##;
        assert_eq!(cost(circle, Some("1")), Err(Beyond::Circle("$ref".into())));
        let chain: Vec<String> = (0..300).map(|i| format!(r##""c{i}":{{"$ref":"#/$defs/c{}"}}"##, i + 1)).collect();
        let chain = format!(r##"{{"$ref":"#/$defs/c0","$defs":{{{},"c300":true}}}}"##, chain.join(","));
        assert_eq!(cost(&chain, None), Err(Beyond::Depth));
        let elsewhere = r#"{"$ref":"https://example.com/order.json"}"#;
        assert_eq!(cost(elsewhere, None), Err(Beyond::Reference("https://example.com/order.json".into())));
    }

    #[test]
    fn references_are_followed_in_all_their_spellings() {
        for to in
            ["#/$defs/a%20b", "#/$defs/a b", "#named", "https://example.com/s#/$defs/a b", "https://example.com/s"]
        {
            let schema = format!(
                r#"{{"$id":"https://example.com/s","properties":{{"p":{{"$ref":"{to}"}}}},
                    "$defs":{{"a b":{{"$anchor":"named","type":"string"}}}}}}"#
            );
            assert!(cost(&schema, None).is_ok(), "{to}");
        }
    }
}
