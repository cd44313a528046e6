//! What an expression looks at: only that is read, so that a large output which no condition names costs nothing.
//! Deliberately absent: what the values are (`conditions`).

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use serde_json::value::RawValue;
use wasaga_core::Json;

/// How much of a value an expression looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    All,
    /// These members, of an object. What is no object is read as it is.
    Members(BTreeMap<String, Part>),
}

impl Default for Part {
    fn default() -> Self {
        Self::Members(BTreeMap::new())
    }
}

impl Part {
    /// What an expression looks at of each name that it begins with.
    pub(super) fn of(expression: &IdedExpr) -> BTreeMap<String, Self> {
        let mut root = Self::default();
        root.walk(expression);
        match root {
            Self::Members(members) => members,
            Self::All => BTreeMap::new(),
        }
    }

    /// Notes that this path is looked at, with all that lies there.
    fn note(&mut self, path: &[&str]) {
        let mut part = self;
        for name in path {
            let Self::Members(members) = part else { return };
            part = members.entry((*name).to_owned()).or_default();
        }
        *part = Self::All;
    }

    /// Goes through an expression with a list of what is still to be seen, for depth costs stack.
    fn walk(&mut self, expression: &IdedExpr) {
        let mut left = vec![expression];
        while let Some(one) = left.pop() {
            if let Some(path) = path(one) {
                // A name that a walk over a list gives is noted as well; nothing bears it, and nothing is read for it.
                self.note(&path);
                continue;
            }
            match &one.expr {
                Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
                Expr::Select(select) => left.push(&select.operand),
                Expr::List(list) => left.extend(&list.elements),
                Expr::Map(map) => left.extend(map.entries.iter().flat_map(|entry| entry_parts(&entry.expr))),
                Expr::Struct(of) => left.extend(of.entries.iter().flat_map(|entry| entry_parts(&entry.expr))),
                Expr::Call(call) => left.extend(call.target.as_deref().into_iter().chain(&call.args)),
                Expr::Comprehension(of) => {
                    left.extend([&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result]);
                }
            }
        }
    }

    /// The texts of this part of a value, by the way to each.
    pub(super) fn texts<'j>(&self, value: &'j Json) -> Tree<'j> {
        tree(self, value.as_str())
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// Members of a path that are told apart; what lies deeper is read whole.
const DEPTH_MAX: usize = 16;

/// `a.b`, `a["b"]`: a name and the members that are taken of it.
fn path(expression: &IdedExpr) -> Option<Vec<&str>> {
    let (mut at, mut backwards) = (expression, Vec::new());
    loop {
        at = match &at.expr {
            Expr::Ident(name) => {
                backwards.push(name.as_str());
                break;
            }
            Expr::Select(select) => {
                backwards.push(select.field.as_str());
                &*select.operand
            }
            Expr::Call(call) => {
                let (of, member) = indexed(call)?;
                backwards.push(member);
                of
            }
            _ => return None,
        };
    }
    Some(backwards.into_iter().rev().take(DEPTH_MAX).collect())
}

fn indexed(call: &CallExpr) -> Option<(&IdedExpr, &str)> {
    let [of, index] = call.args.as_slice() else { return None };
    match &index.expr {
        Expr::Literal(LiteralValue::String(text)) if call.func_name == operators::INDEX => Some((of, text.inner())),
        _ => None,
    }
}

/// A value, as far as it is looked at.
#[derive(Debug)]
pub(super) enum Tree<'j> {
    Whole(&'j str),
    Members(BTreeMap<String, Tree<'j>>),
}

fn tree<'j>(part: &Part, text: &'j str) -> Tree<'j> {
    let Part::Members(wanted) = part else { return Tree::Whole(text) };
    match serde_json::from_str::<BTreeMap<String, &'j RawValue>>(text) {
        Ok(members) => {
            let named = members.into_iter().filter_map(|(name, member)| {
                let tree = tree(wanted.get(&name)?, member.get());
                Some((name, tree))
            });
            Tree::Members(named.collect())
        }
        Err(_) => Tree::Whole(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_read() {
        let reads = |expression: &str| Part::of(cel::Program::compile(expression).unwrap().expression());
        let members = |names: &[(&str, Part)]| {
            Part::Members(names.iter().map(|(name, part)| ((*name).to_owned(), part.clone())).collect())
        };
        let all = || Part::All;
        let steps = |expression: &str| reads(expression).remove("steps");
        assert_eq!(steps("input.total > 100"), None);
        assert_eq!(steps("steps.plan.parts == 3"), Some(members(&[("plan", members(&[("parts", all())]))])));
        assert_eq!(steps("steps[\"get-price\"] == 3"), Some(members(&[("get-price", all())])));
        assert_eq!(steps("size(steps) == 3"), Some(all()));
        assert_eq!(steps("'a' in steps && steps.plan.x"), Some(all()));
        assert_eq!(steps("has(steps.plan.x)"), Some(members(&[("plan", members(&[("x", all())]))])));
        assert_eq!(
            steps("steps.plan.list.exists(x, x.y > input.z)"),
            Some(members(&[("plan", members(&[("list", all())]))]))
        );
        assert_eq!(steps("steps.plan.list[0].y == 1"), Some(members(&[("plan", members(&[("list", all())]))])));
        assert_eq!(steps("input.list.all(i, steps[i] == 1)"), Some(all()));
        let value = Json::parse(r#"{"a":{"b":1,"c":[1,2]},"d":"x"}"#).unwrap();
        let read = format!("{:?}", members(&[("a", members(&[("b", all()), ("z", all())]))]).texts(&value));
        assert_eq!(read, r#"Members({"a": Members({"b": Whole("1")})})"#);
    }
}
