//! Draws a saga's plan; a TCC's is drawn in `tcc`. `⇠` stands before what undoes a step, `!` after a critical
//! compensation, `@` before the module that provides a step.

mod names;
pub(crate) mod tcc;

use std::collections::BTreeSet;

use serde::Serialize;
use wasaga_core::{Json, Name, Plan, Step};

use crate::shown::{Shown, shown};
use names::quoted;

/// One line where each step follows the one before it; otherwise a line for each step, by layers. A
/// dependency that another one implies is left out.
pub(crate) fn ascii(plan: &Plan) -> Shown {
    let steps = plan.steps();
    let before = before(plan);
    let follows = |at: usize| needed(plan, &before, at).eq(at.checked_sub(1).map(|before| &steps[before].id));
    if (0..steps.len()).all(follows) {
        return shown!("{}\n", Shown::join(steps.iter().map(name), " ──▶ "));
    }
    let layers = steps.iter().map(|step| step.layer).max().unwrap_or(0);
    let mut rows = Vec::new();
    for layer in 0..=layers {
        let of_layer = steps.iter().enumerate().filter(|(_, step)| step.layer == layer);
        for (place, (at, step)) in of_layer.enumerate() {
            let number = if place == 0 { shown!("{}", layer + 1) } else { Shown::default() };
            let after = Shown::join(needed(plan, &before, at).map(Shown::of), ", ");
            let after = if after.is_empty() { after } else { shown!("◀── {}", after) };
            rows.push(vec![number, name(step), after]);
        }
    }
    crate::text::table(&rows)
}

/// For each step the places of all that end before it.
fn before(plan: &Plan) -> Vec<BTreeSet<usize>> {
    let mut order: Vec<usize> = (0..plan.steps().len()).collect();
    order.sort_by_key(|at| plan.steps()[*at].layer);
    let mut before = vec![BTreeSet::new(); order.len()];
    for at in order {
        let direct = places(plan, at);
        before[at] = direct.iter().flat_map(|d| before[*d].iter().copied()).chain(direct.iter().copied()).collect();
    }
    before
}

fn places(plan: &Plan, at: usize) -> Vec<usize> {
    let ids = plan.steps()[at].depends_on.iter().map(|ix| &plan.step(*ix).id);
    ids.filter_map(|id| plan.steps().iter().position(|step| step.id == *id)).collect()
}

/// The dependencies of a step that no other of them implies.
fn needed<'p>(plan: &'p Plan, before: &[BTreeSet<usize>], at: usize) -> impl Iterator<Item = &'p Name> {
    let direct = places(plan, at);
    let implied = |d: &usize| direct.iter().any(|other| before[*other].contains(d));
    let needed: Vec<usize> = direct.iter().copied().filter(|d| !implied(d)).collect();
    needed.into_iter().map(|d| &plan.steps()[d].id)
}

fn name(step: &Step) -> Shown {
    let mut text = shown!("{}{}", step.id, marks(step));
    if let Some(module) = &step.provider {
        text.push(&shown!(" @{}", module));
    }
    if let Some(undo) = &step.compensation {
        text.push(&shown!(" ⇠ {}{}", undo.name, critical(undo.critical)));
    }
    text
}

/// `[]` for a fan-out, `?` for a condition.
fn marks(step: &Step) -> String {
    format!("{}{}", if step.each.is_some() { "[]" } else { "" }, if step.condition.is_some() { "?" } else { "" })
}

fn critical(is_critical: bool) -> &'static str {
    if is_critical { " !" } else { "" }
}

/// For Graphviz.
pub(crate) fn dot(plan: &Plan) -> Shown {
    let mut text = shown!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", quoted(&plan.name));
    for step in plan.steps() {
        let provider = step.provider.as_ref().map(|module| format!(" @{module}")).unwrap_or_default();
        let label = format!("{}{}{provider}", step.id, marks(step));
        text.line(&match label == *step.id {
            true => shown!("  {};", quoted(&step.id)),
            false => shown!("  {} [label={}];", quoted(&step.id), quoted(&label)),
        });
        if let Some(undo) = &step.compensation {
            let (id, from) = (quoted(&format!("{}/{}", step.id, undo.name)), quoted(&step.id));
            let color = if undo.critical { "red" } else { "gray" };
            text.line(&shown!("  {} [label={}, style=dashed, color={}];", id, quoted(&undo.name), color));
            text.line(&shown!("  {} -> {} [style=dashed, color={}];", id, from, color));
        }
        for ix in &step.depends_on {
            text.line(&shown!("  {} -> {};", quoted(&plan.step(*ix).id), quoted(&step.id)));
        }
    }
    text.push(&shown!("}}\n"));
    text
}

/// For Markdown pages. Nodes are numbered, for ids may have characters that Mermaid does not take.
pub(crate) fn mermaid(plan: &Plan) -> Shown {
    let mut text = shown!("flowchart LR\n");
    let plain = |text: &str| text.replace('"', "'");
    for (i, step) in plan.steps().iter().enumerate() {
        let provider = step.provider.as_ref().map(|module| format!(" @{module}")).unwrap_or_default();
        text.line(&shown!("  s{}[\"{}{}{}\"]", i, plain(&step.id), marks(step), plain(&provider)));
        if let Some(undo) = &step.compensation {
            text.line(&shown!("  u{}([\"{}{}\"]) -.-> s{}", i, plain(&undo.name), critical(undo.critical), i));
        }
    }
    for (i, step) in plan.steps().iter().enumerate() {
        for ix in &step.depends_on {
            let from = plan.steps().iter().position(|other| other.id == plan.step(*ix).id).unwrap_or(0);
            text.line(&shown!("  s{} --> s{}", from, i));
        }
    }
    text
}

#[derive(Serialize)]
struct Drawn<'a> {
    definition: &'a str,
    policy: &'a str,
    nodes: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    id: &'a str,
    description: &'a str,
    provider: Option<&'a str>,
    layer: usize,
    depends_on: Vec<&'a str>,
    compensation: Option<&'a str>,
    critical: bool,
    condition: Option<&'a str>,
    fan_out: bool,
    at_most_once: bool,
}

/// For programs.
pub(crate) fn json(plan: &Plan) -> anyhow::Result<Shown> {
    let nodes = plan.steps().iter().map(|step| Node::of(plan, step)).collect();
    let drawn = Drawn { definition: &plan.name, policy: plan.policy.as_str(), nodes };
    Ok(shown!("{}\n", Shown::json(&Json::of(&drawn)?)))
}

impl<'a> Node<'a> {
    fn of(plan: &'a Plan, step: &'a Step) -> Self {
        Self {
            id: &step.id,
            description: &step.description,
            provider: step.provider.as_deref(),
            layer: step.layer,
            depends_on: step.depends_on.iter().map(|ix| &*plan.step(*ix).id).collect(),
            compensation: step.compensation.as_ref().map(|undo| undo.name.as_str()),
            critical: step.compensation.as_ref().is_some_and(|undo| undo.critical),
            condition: step.condition.as_deref(),
            fan_out: step.each.is_some(),
            at_most_once: step.at_most_once,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use wasaga_core::Defaults;
    use wasaga_core::definition::{Compensation, Saga, Step};

    use super::*;

    fn plan(edges: &[(&str, &[&str])]) -> Plan {
        let steps = edges.iter().map(|(id, depends_on)| Step {
            id: (*id).into(),
            depends_on: depends_on.iter().map(|id| (*id).into()).collect(),
            compensation: (*id != "ship").then(|| Compensation {
                name: format!("un{id}"),
                critical: *id == "charge",
                ..Compensation::default()
            }),
            ..Step::default()
        });
        Plan::new(&Saga { name: "order".into(), steps: steps.collect(), ..Saga::default() }, &Defaults::default())
            .unwrap()
    }

    fn check(drawn: &str, expected: &Expect) {
        expected.assert_eq(drawn);
    }

    #[test]
    fn a_chain_is_one_line() {
        let chain = plan(&[("reserve", &[]), ("charge", &["reserve"]), ("ship", &["charge", "reserve"])]);
        check(ascii(&chain).as_str(), &expect!["reserve ⇠ unreserve ──▶ charge ⇠ uncharge ! ──▶ ship\n"]);
    }

    #[test]
    fn other_graphs_are_drawn_by_layers() {
        let diamond = plan(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("ship", &["b", "c"])]);
        check(
            ascii(&diamond).as_str(),
            &expect![[r"
                1  a ⇠ una
                2  b ⇠ unb  ◀── a
                   c ⇠ unc  ◀── a
                3  ship     ◀── b, c
            "]],
        );
        check(
            mermaid(&diamond).as_str(),
            &expect![[r#"
                flowchart LR
                  s0["a"]
                  u0(["una"]) -.-> s0
                  s1["b"]
                  u1(["unb"]) -.-> s1
                  s2["c"]
                  u2(["unc"]) -.-> s2
                  s3["ship"]
                  s0 --> s1
                  s0 --> s2
                  s1 --> s3
                  s2 --> s3
            "#]],
        );
    }

    #[test]
    fn dot_and_json_name_every_edge() {
        let chain = plan(&[("charge", &[]), ("ship", &["charge"])]);
        let drawn = dot(&chain);
        let drawn = drawn.as_str();
        assert!(
            drawn.contains(r#""charge" -> "ship";"#) && drawn.contains(r#""charge/uncharge" -> "charge""#),
            "{drawn}"
        );
        let drawn = json(&chain).unwrap();
        let drawn = drawn.as_str();
        assert!(
            drawn.contains(r#""id":"ship","description":"","provider":null,"layer":1,"depends_on":["charge"]"#),
            "{drawn}"
        );
    }
}
