//! Decides conditions with CEL. Parsed once; what an expression may see is the scope alone, and what it
//! may cost is bounded before it is parsed and before it is evaluated.

mod cost;
mod reads;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::{Context, Program, Value};
use parking_lot::RwLock;
use wasaga_core::{Conditions, Json, Scope, Shown};

use reads::{Part, Tree};

/// Characters of one expression. Longer ones belong into a step.
const CHARS_MAX: usize = 4_096;
/// Words and signs of one expression. Each may go one level deeper into the parser, the evaluation and
/// what drops it: all are recursive, and a thread's stack of 2 MiB bears 800 of the worst.
const WORDS_MAX: usize = 400;
/// Bytes of all that one expression looks at. As values they take some thirty times as much memory.
const BYTES_MAX: usize = 2 << 20;
/// Expressions that are kept parsed. Above it, the cache begins anew.
const CACHED_MAX: usize = 10_000;

/// Parsed expressions.
#[derive(Default)]
pub(crate) struct Cel {
    programs: RwLock<HashMap<Arc<str>, Arc<Parsed>>>,
}

/// An expression, with what it looks at.
#[derive(Debug)]
struct Parsed {
    program: Program,
    reads: BTreeMap<String, Part>,
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
    if words(expression) > WORDS_MAX {
        return Err(format!(
            "it has more than {WORDS_MAX} words and signs (let a step find it out, or split the step)"
        ));
    }
    // The parser is another's code on a guest's text: a panic in it is a mistake in the text.
    let parsed = catch_unwind(AssertUnwindSafe(|| Program::compile(expression)));
    let parsed = parsed.map_err(|_| "it cannot be parsed".to_owned())?;
    parsed.map_err(|errors| first_mistake(&errors.to_string()))
}

/// Words, and every other sign that is no space; what stands in quotes counts as well.
fn words(expression: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut count, mut within) = (0, false);
    for c in expression.chars() {
        let begins = if is_word(c) { !within } else { !c.is_whitespace() };
        count += usize::from(begins);
        within = is_word(c);
    }
    count
}

/// The parser's first mistake, without its drawing of the place and its list of all that could follow.
fn first_mistake(errors: &str) -> String {
    let line = errors.lines().next().unwrap_or_default();
    let line = line.split(" expecting ").next().unwrap_or_default();
    let (place, what) =
        line.strip_prefix("ERROR: <input>:1:").and_then(|rest| rest.split_once(": ")).unwrap_or(("", line));
    // It shows what stands there, which is a guest's text.
    let what = Shown(what.strip_prefix("Syntax error: ").unwrap_or(what));
    if place.is_empty() { what.to_string() } else { format!("{what} at character {place}") }
}

impl Cel {
    fn program(&self, expression: &str) -> Result<Arc<Parsed>, String> {
        if let Some(program) = self.programs.read().get(expression) {
            return Ok(program.clone());
        }
        let program = parse(expression)?;
        let reads = Part::of(program.expression());
        let program = Arc::new(Parsed { program, reads });
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
        let parsed = self.program(expression)?;
        let run = || {
            let mut read = Read::default();
            let context = read.scope(&parsed.reads, scope)?;
            read.admit(&parsed.program)?;
            parsed.program.execute(&context).map_err(|error| error.to_string())
        };
        match catch_unwind(AssertUnwindSafe(run)).map_err(|_| "it cannot be evaluated".to_owned())?? {
            Value::Bool(holds) => Ok(holds),
            other => Err(format!("it gives {}, neither true nor false", other.type_of())),
        }
    }
}

/// What an expression may look at, as it is read, and how large it is.
#[derive(Default)]
struct Read {
    /// Elements of the longest list or map.
    length: usize,
    bytes: usize,
}

impl Read {
    /// The names of an expression, with what it looks at of each.
    fn scope(
        &mut self,
        reads: &BTreeMap<String, Part>,
        scope: &Scope<'_>,
    ) -> Result<Context<'static, 'static>, String> {
        let nothing = Part::default();
        let part = |name: &str| reads.get(name).unwrap_or(&nothing);
        let mut context = Context::default();
        context.add_variable_from_value("input", self.value(&part("input").texts(scope.input))?);
        let steps = scope.steps.iter().map(|(id, output)| (id.as_str(), output));
        context.add_variable_from_value("steps", self.members(part("steps"), steps)?);
        let variables = scope.variables.iter().map(|(name, json)| (name.as_str(), json));
        context.add_variable_from_value("variables", self.members(part("variables"), variables)?);
        let headers = part("headers");
        let mut texts = HashMap::new();
        for (name, value) in scope.headers.iter().filter(|(name, _)| is_read(headers, name)) {
            self.take(value.len())?;
            texts.insert(name.to_string(), Value::String(Arc::new(value.to_string())));
        }
        self.length = self.length.max(texts.len());
        context.add_variable_from_value("headers", map(texts));
        Ok(context)
    }

    fn members<'j>(&mut self, part: &Part, all: impl Iterator<Item = (&'j str, &'j Json)>) -> Result<Value, String> {
        let mut members = HashMap::new();
        for (name, json) in all {
            let tree = match part {
                Part::All => Part::All.texts(json),
                Part::Members(named) => match named.get(name) {
                    Some(part) => part.texts(json),
                    None => continue,
                },
            };
            members.insert(name.to_owned(), self.value(&tree)?);
        }
        self.length = self.length.max(members.len());
        Ok(map(members))
    }

    fn value(&mut self, tree: &Tree<'_>) -> Result<Value, String> {
        match tree {
            Tree::Whole(text) => self.whole(text),
            Tree::Members(members) => {
                self.length = self.length.max(members.len());
                let read = members.iter().map(|(name, member)| Ok((name.clone(), self.value(member)?)));
                Ok(map(read.collect::<Result<_, String>>()?))
            }
        }
    }

    fn whole(&mut self, text: &str) -> Result<Value, String> {
        self.take(text.len())?;
        let json = Json::parse(text).map_err(|error| error.to_string())?;
        if let Some(number) = json.inexact_number() {
            let shown: String = number.chars().take(40).collect();
            return Err(format!(
                "it looks at `{shown}`, which has more digits than it can tell apart (pass it as text)"
            ));
        }
        let tree = json.read().map_err(|error| error.to_string())?;
        self.length = self.length.max(longest(&tree));
        Ok(from_json(tree))
    }

    /// Counts what is read, before it takes its place in memory.
    fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= BYTES_MAX {
            return Ok(());
        }
        let megabytes = BYTES_MAX >> 20;
        Err(format!("it looks at more than {megabytes} MiB (let a step find it out, and answer what counts)"))
    }

    /// Whether the expression may be evaluated on what was read.
    fn admit(&self, program: &Program) -> Result<(), String> {
        let (length, bytes) = (self.length as f64, self.bytes as f64);
        if cost::steps(program.expression(), cost::Size { length, inner: length, bytes }) <= cost::STEPS_MAX {
            return Ok(());
        }
        Err(format!(
            "it may take more than {} steps: it walks lists within lists, or doubles what it has, and there are lists \
             of {} elements and {} bytes (let a step find it out)",
            cost::STEPS_MAX,
            self.length,
            self.bytes
        ))
    }
}

fn is_read(part: &Part, name: &str) -> bool {
    match part {
        Part::All => true,
        Part::Members(named) => named.contains_key(name),
    }
}

/// Elements of the longest list or map in it. What is nested too deeply for this was refused on reading.
fn longest(tree: &serde_json::Value) -> usize {
    match tree {
        serde_json::Value::Array(items) => items.iter().map(longest).max().unwrap_or(0).max(items.len()),
        serde_json::Value::Object(members) => members.values().map(longest).max().unwrap_or(0).max(members.len()),
        _ => 0,
    }
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
        Tree::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), ..) => Value::Int(int),
            (None, Some(int), _) => Value::UInt(int),
            (None, None, Some(float)) => Value::Float(float),
            (None, None, None) => Value::Null,
        },
        Tree::String(text) => Value::String(Arc::new(text)),
        Tree::Array(items) => Value::List(Arc::new(items.into_iter().map(from_json).collect())),
        Tree::Object(members) => map(members.into_iter().map(|(name, member)| (name, from_json(member))).collect()),
    }
}

#[cfg(test)]
mod tests {
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

    /// On a stack as a thread of the runtime has it; an overflow ends the process, so this test with it.
    #[test]
    fn depth_is_bounded_before_it_is_parsed() {
        let repeated =
            |begin: &str, middle: &str, end: &str, times: usize| format!("{begin}{}{end}", middle.repeat(times));
        let deep = move |times: usize| {
            [
                format!("{}true{}", "(".repeat(times), ")".repeat(times)),
                format!("{}1{}[0] == 1", "[".repeat(times), "]".repeat(times)),
                repeated("", "1+", "1 == 2", times),
                repeated("", "!", "true", times),
                repeated("", "true?1:", "1", times),
                repeated("input", ".a", "", times),
                repeated("input", "[0]", "", times),
                repeated("input", ".size()", "", times),
                repeated("input.tags", ".map(x,[x])", ".size() == 2", times),
                format!("{}true{}", "[1].all(x,".repeat(times), ")".repeat(times)),
                repeated("", "'a' in ", "input.tags", times),
            ]
        };
        let small = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            for times in [5, 20, 35, 60, 100, 130, 180, 300, 350, 398] {
                // Whatever it comes to, it comes back.
                deep(times).iter().for_each(|expression| drop(check(expression)));
            }
            for expression in deep(2_000) {
                let told = check(&expression).unwrap_err();
                assert!(told.contains("more than 400 words and signs") || told.contains("longer than"), "{told}");
            }
        });
        small.unwrap().join().unwrap();
    }

    #[test]
    fn cost_is_bounded_before_it_is_evaluated() {
        let list = format!("[{}1]", "1,".repeat(9_999));
        let input = Json::parse(&format!(r#"{{"list":{list},"text":"{}"}}"#, "x".repeat(100_000))).unwrap();
        let (variables, headers) = (Arc::default(), Arc::default());
        let scope = || Scope { input: &input, steps: vec![], variables: &variables, headers: &headers };
        let refused = |expression: &str| Cel::default().holds(expression, &scope()).unwrap_err();
        for expression in [
            "input.list.all(a, input.list.all(b, a == b))",
            "input.list.map(a, input.list).size() > 0",
            "input.list.all(a, input.text.size() > 0 && input.text + 'x' != input.text)",
            &format!("[[1]]{}.size() == 1", ".map(x, x + x)".repeat(24)),
            &format!("['x']{}.size() == 1", ".map(x, x + x)".repeat(24)),
            &format!("[1]{}.size() == 1", ".map(x, [x, x, x])".repeat(20)),
            &format!("[[1,2]]{}.size() == 1", ".map(x, x.map(y, x))".repeat(16)),
        ] {
            let begun = std::time::Instant::now();
            let told = refused(expression);
            assert!(told.starts_with("it may take more than 1000000 steps"), "{expression}: {told}");
            assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{expression}");
        }
        for holds in [
            "input.list.all(a, a == 1)",
            "input.list.map(a, a + 1).filter(b, b > 1).size() == 10000",
            "input.list.exists(a, a == 1) && input.text.startsWith('x')",
            "[1, 2, 3].all(a, [1, 2, 3].exists(b, a == b))",
            "input.list == input.list && input.text == input.text",
        ] {
            assert_eq!(Cel::default().holds(holds, &scope()), Ok(true), "{holds}");
        }
    }

    /// C12: a few large outputs, which an expression does not name, are not turned into values; and what it names is
    /// bounded in bytes first.
    #[test]
    fn what_is_not_named_costs_nothing_and_what_is_named_is_bounded() {
        let large = format!(r#"{{"list":[{}1],"count":3}}"#, "1,".repeat(4 << 20));
        let large = Json::parse_owned(large).unwrap();
        let (plan, other) = ("plan".into(), "other".into());
        let steps = || vec![(&plan, Json::parse(r#"{"parts":3}"#).unwrap()), (&other, large.clone())];
        let (variables, headers) = (Arc::new(BTreeMap::from([("v".into(), large.clone())])), Arc::default());
        let check = |expression: &str| {
            let scope = Scope { input: &large, steps: steps(), variables: &variables, headers: &headers };
            Cel::default().holds(expression, &scope)
        };
        for expression in
            ["steps.plan.parts == 3", "input.count == 3", "steps[\"other\"].count + variables.v.count == 6"]
        {
            assert_eq!(check(expression), Ok(true), "{expression}");
        }
        for expression in ["input.list[0] == 1", "size(steps) == 2", "steps.other == input", "'v' in variables"] {
            let told = check(expression).unwrap_err();
            assert!(told.starts_with("it looks at more than 2 MiB"), "{expression}: {told}");
        }
    }

    /// U2: with doubles, the two would be equal.
    #[test]
    fn numbers_are_exact_or_refused() {
        let check = |input: &str, expression: &str| {
            let (input, variables, headers) = (Json::parse(input).unwrap(), Arc::default(), Arc::default());
            let scope = Scope { input: &input, steps: vec![], variables: &variables, headers: &headers };
            Cel::default().holds(expression, &scope)
        };
        let told =
            check(r#"{"wei":1000000000000000000000001}"#, "input.wei == 1000000000000000000000000.0").unwrap_err();
        assert!(told.contains("`1000000000000000000000001`, which has more digits"), "{told}");
        assert_eq!(check(r#"{"n":18446744073709551615}"#, "input.n == 18446744073709551615u"), Ok(true));
        assert_eq!(check(r#"{"n":9007199254740993}"#, "input.n == 9007199254740992"), Ok(false));
        assert_eq!(
            check(r#"{"wei":1000000000000000000000001,"n":1}"#, "input.n == 1"),
            Ok(true),
            "it is not looked at"
        );
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
