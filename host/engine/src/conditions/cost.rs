//! What a condition may cost at most, found out before it is evaluated: its text is a guest's, and a few
//! words can ask for more time and memory than any machine has. Deliberately absent: a sandbox around the
//! evaluation, which cannot be interrupted.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, LiteralValue, operators};

/// Steps of one evaluation: some tenths of a second of a thread that drives other transactions as well.
pub(super) const STEPS_MAX: f64 = 1_000_000.0;
/// Bytes that are compared or copied in about the time of one step.
const STEP_BYTES: f64 = 16.0;
/// Bytes of what stands for itself: a number, a truth.
const PLAIN_BYTES: f64 = 16.0;

/// A bound on a value: on itself, or where it is an element, on the mean of its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Elements, where it is a list or a map.
    pub(super) length: f64,
    /// The most elements of any list or map within it.
    pub(super) inner: f64,
    /// All of it.
    pub(super) bytes: f64,
}

impl Size {
    const PLAIN: Self = Self { length: 0.0, inner: 0.0, bytes: PLAIN_BYTES };

    fn or(self, other: Self) -> Self {
        Self {
            length: self.length.max(other.length),
            inner: self.inner.max(other.inner),
            bytes: self.bytes.max(other.bytes),
        }
    }

    /// One after the other.
    fn and(self, other: Self) -> Self {
        let (length, bytes) = (self.length + other.length, self.bytes + other.bytes);
        Self { length, inner: self.inner.max(other.inner), bytes }
    }

    /// Some part of it.
    fn part(self) -> Self {
        Self { length: self.inner, ..self }
    }

    /// A list or a map of these.
    fn within(parts: &[Self]) -> Self {
        let inner = parts.iter().fold(0.0, |most: f64, part| most.max(part.length).max(part.inner));
        let bytes = parts.iter().map(|part| part.bytes + PLAIN_BYTES).sum();
        Self { length: parts.len() as f64, inner, bytes }
    }
}

/// Walks an expression once; its depth is bounded by who parsed it.
struct Walk<'e> {
    scope: Size,
    /// The names that walks over lists give, innermost last.
    names: Vec<(&'e str, Size)>,
}

/// The steps that an expression takes at most, where its names stand for values of this size.
pub(super) fn steps(expression: &IdedExpr, scope: Size) -> f64 {
    Walk { scope, names: Vec::new() }.walk(expression).1
}

impl<'e> Walk<'e> {
    fn walk(&mut self, expression: &'e IdedExpr) -> (Size, f64) {
        match &expression.expr {
            Expr::Unspecified => (Size::PLAIN, 1.0),
            Expr::Literal(literal) => (of_literal(literal), 1.0),
            Expr::Ident(name) => {
                let found = self.names.iter().rev().find(|(known, _)| known == name);
                (found.map_or(self.scope, |(_, size)| *size), 1.0)
            }
            Expr::Select(select) => {
                let (of, steps) = self.walk(&select.operand);
                (if select.test { Size::PLAIN } else { of.part() }, steps + 1.0)
            }
            Expr::List(list) => self.parts(list.elements.iter()),
            Expr::Map(map) => self.parts(map.entries.iter().flat_map(|entry| of_entry(&entry.expr))),
            Expr::Struct(of) => self.parts(of.entries.iter().flat_map(|entry| of_entry(&entry.expr))),
            Expr::Call(call) => {
                let arguments = call.target.as_deref().into_iter().chain(&call.args);
                let walked: Vec<(Size, f64)> = arguments.map(|argument| self.walk(argument)).collect();
                called(&call.func_name, &walked)
            }
            Expr::Comprehension(_) => self.comprehension(expression),
        }
    }

    fn parts(&mut self, parts: impl Iterator<Item = &'e IdedExpr>) -> (Size, f64) {
        let walked: Vec<(Size, f64)> = parts.map(|part| self.walk(part)).collect();
        let sizes: Vec<Size> = walked.iter().map(|(size, _)| *size).collect();
        let size = Size::within(&sizes);
        (size, 1.0 + size.bytes / STEP_BYTES + walked.iter().map(|(_, steps)| steps).sum::<f64>())
    }

    /// What the macros become: `all`, `exists`, `exists_one`, `map`, `filter`. Each adds to what it
    /// gathers once a turn at most, so turns times one turn's part is the whole.
    fn comprehension(&mut self, expression: &'e IdedExpr) -> (Size, f64) {
        let Expr::Comprehension(of) = &expression.expr else { return (Size::PLAIN, 1.0) };
        let (range, range_steps) = self.walk(&of.iter_range);
        let (begun, init_steps) = self.walk(&of.accu_init);
        let turns = range.length;
        let element = Size { bytes: range.bytes / turns.max(1.0), ..range.part() };
        let depth = self.names.len();
        self.names.push((&of.iter_var, element));
        self.names.extend(of.iter_var2.as_deref().map(|name| (name, element)));
        self.names.push((&of.accu_var, Size { length: 0.0, inner: 0.0, bytes: 0.0 }));
        let (turn, turn_steps) = self.walk(&of.loop_step);
        let (_, condition_steps) = self.walk(&of.loop_cond);
        let grown = Size { length: turn.length * turns, inner: turn.inner, bytes: turn.bytes * turns };
        let whole = begun.and(grown);
        self.names.truncate(depth);
        self.names.push((&of.accu_var, whole));
        let (size, result_steps) = self.walk(&of.result);
        self.names.truncate(depth);
        // Each element is given its name by a copy of it.
        let turns_steps = turns * (turn_steps + condition_steps) + range.bytes / STEP_BYTES;
        (size, range_steps + init_steps + turns_steps + result_steps + 1.0)
    }
}

fn of_literal(literal: &LiteralValue) -> Size {
    let bytes = match literal {
        LiteralValue::String(text) => text.inner().len(),
        LiteralValue::Bytes(bytes) => bytes.inner().len(),
        _ => 0,
    };
    Size { bytes: PLAIN_BYTES + bytes as f64, ..Size::PLAIN }
}

fn of_entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// A function or an operator with its arguments.
fn called(name: &str, arguments: &[(Size, f64)]) -> (Size, f64) {
    let before: f64 = arguments.iter().map(|(_, steps)| steps).sum();
    let sizes = || arguments.iter().map(|(size, _)| *size);
    let bytes: f64 = sizes().map(|size| size.bytes).sum();
    let steps = before + 1.0 + bytes / STEP_BYTES;
    match name {
        operators::CONDITIONAL => (sizes().skip(1).reduce(Size::or).unwrap_or(Size::PLAIN), before + 1.0),
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => {
            (Size::PLAIN, before + 1.0)
        }
        operators::INDEX | operators::OPT_INDEX => (sizes().next().map_or(Size::PLAIN, Size::part), before + 1.0),
        operators::EQUALS
        | operators::NOT_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => {
            // Two are compared as far as the smaller goes.
            let least = sizes().map(|size| size.bytes).fold(f64::INFINITY, f64::min);
            (Size::PLAIN, before + 1.0 + least / STEP_BYTES)
        }
        operators::IN => (Size::PLAIN, steps + sizes().next_back().map_or(0.0, |list| list.length)),
        "size" => (Size::PLAIN, steps),
        // A number as a text is longer than as a number; nothing makes more of a text than this.
        _ => {
            let all = sizes().reduce(Size::and).unwrap_or(Size::PLAIN);
            (Size { bytes: 4.0 * PLAIN_BYTES + all.bytes, ..all }, steps)
        }
    }
}
