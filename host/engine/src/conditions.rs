//! Decides conditions with CEL. Parsed once; what an expression may see is the scope alone.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::{Context, Program, Value};
use parking_lot::RwLock;
use wasaga_core::{Conditions, Json, Scope};

/// Characters of one expression. Longer ones belong into a step.
const CHARS_MAX: usize = 4_096;
/// Expressions that are kept parsed. Above it, the cache begins anew.
const CACHED_MAX: usize = 10_000;

/// Parsed expressions.
#[derive(Default)]
pub(crate) struct Cel {
    programs: RwLock<HashMap<Arc<str>, Arc<Program>>>,
}

impl std::fmt::Debug for Cel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cel")
    }
}

/// Parses an expression.
///
/// # Errors
/// What is wrong with it, in one line.
pub(crate) fn parse(expression: &str) -> Result<Program, String> {
    if expression.chars().count() > CHARS_MAX {
        return Err(format!("it is longer than {CHARS_MAX} characters"));
    }
    // The parser is another's code on a guest's text: a panic in it is a mistake in the text.
    let parsed = catch_unwind(AssertUnwindSafe(|| Program::compile(expression)));
    let parsed = parsed.map_err(|_| "it cannot be parsed".to_owned())?;
    parsed.map_err(|errors| first_mistake(&errors.to_string()))
}

/// The parser's first mistake, without its drawing of the place and its list of all that could follow.
fn first_mistake(errors: &str) -> String {
    let line = errors.lines().next().unwrap_or_default();
    let line = line.split(" expecting ").next().unwrap_or_default();
    let (place, what) =
        line.strip_prefix("ERROR: <input>:1:").and_then(|rest| rest.split_once(": ")).unwrap_or(("", line));
    let what = what.strip_prefix("Syntax error: ").unwrap_or(what);
    if place.is_empty() { what.into() } else { format!("{what} at character {place}") }
}

impl Cel {
    fn program(&self, expression: &str) -> Result<Arc<Program>, String> {
        if let Some(program) = self.programs.read().get(expression) {
            return Ok(program.clone());
        }
        let program = Arc::new(parse(expression)?);
        let mut programs = self.programs.write();
        if programs.len() >= CACHED_MAX {
            programs.clear();
        }
        programs.insert(expression.into(), program.clone());
        Ok(program)
    }
}

impl Conditions for Cel {
    fn holds(&self, expression: &str, scope: &Scope<'_>) -> Result<bool, String> {
        let program = self.program(expression)?;
        let run = || {
            let mut context = Context::default();
            context.add_variable_from_value("input", value(scope.input)?);
            let steps = scope.steps.iter().map(|(id, output)| Ok((id.to_string(), value(output)?)));
            context.add_variable_from_value("steps", map(steps.collect::<Result<_, String>>()?));
            let variables = scope.variables.iter().map(|(name, json)| Ok((name.to_string(), value(json)?)));
            context.add_variable_from_value("variables", map(variables.collect::<Result<_, String>>()?));
            let text = |text: &str| Value::String(Arc::new(text.to_owned()));
            let headers = scope.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            context.add_variable_from_value("headers", map(headers.collect()));
            program.execute(&context).map_err(|error| error.to_string())
        };
        match catch_unwind(AssertUnwindSafe(run)).map_err(|_| "it cannot be evaluated".to_owned())?? {
            Value::Bool(holds) => Ok(holds),
            other => Err(format!("it gives {}, neither true nor false", other.type_of())),
        }
    }
}

fn value(json: &Json) -> Result<Value, String> {
    json.read::<serde_json::Value>().map(from_json).map_err(|error| error.to_string())
}

fn map(members: HashMap<String, Value>) -> Value {
    Value::from(members)
}

/// Whole numbers are CEL's `int`, so that they compare with literals; all others are `double`.
fn from_json(json: serde_json::Value) -> Value {
    use serde_json::Value as Tree;
    match json {
        Tree::Null => Value::Null,
        Tree::Bool(bool) => Value::Bool(bool),
        Tree::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::Null,
        },
        Tree::String(text) => Value::String(Arc::new(text)),
        Tree::Array(items) => Value::List(Arc::new(items.into_iter().map(from_json).collect())),
        Tree::Object(members) => map(members.into_iter().map(|(name, member)| (name, from_json(member))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(expression: &str) -> Result<bool, String> {
        let input =
            Json::parse(r#"{"total":150,"rate":1.5,"tags":["a","b"],"to":{"country":"de"},"none":null}"#).unwrap();
        let name = "plan".into();
        let steps = vec![(&name, Json::parse(r#"{"parts":3}"#).unwrap())];
        let variables = Arc::new(BTreeMap::from([("limit".into(), Json::parse("100").unwrap())]));
        let headers = Arc::new(BTreeMap::from([("tenant".into(), "t1".into())]));
        Cel::default().holds(expression, &Scope { input: &input, steps, variables: &variables, headers: &headers })
    }

    #[test]
    fn expressions_see_the_scope() {
        for holds in [
            "input.total > 100",
            "input.total > variables.limit && headers.tenant == 't1'",
            "steps.plan.parts == 3",
            "'a' in input.tags && size(input.tags) == 2",
            "input.to.country.startsWith('d')",
            "input.rate > 1.0",
            "has(input.total) && !has(input.missing)",
            "input.none == null",
            "input.tags.exists(t, t == 'b')",
        ] {
            assert_eq!(check(holds), Ok(true), "{holds}");
        }
        assert_eq!(check("input.total < 100"), Ok(false));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(check("input.total >").unwrap_err(), "mismatched input '<EOF>' at character 14");
        assert_eq!(check("input.total").unwrap_err(), "it gives int, neither true nor false");
        assert!(check("input.missing > 1").unwrap_err().contains("missing"));
        assert!(check("nobody").is_err());
        assert!(parse(&"a + ".repeat(3_000)).unwrap_err().contains("longer than"));
    }
}
