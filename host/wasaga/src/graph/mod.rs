//! Draws a saga's plan; a TCC's is drawn in `tcc`. `⇠` stands before what undoes a step, `!` after a critical
//! compensation, `@` before the module that provides a step.

mod names;
pub(crate) mod tcc;

use serde::Serialize;
use wasaga_core::{Json, Plan, Step};

use crate::shown::{Shown, shown};
use names::quoted;

/// One line where each step follows the one before it; otherwise a line for each step, by layers. A
/// dependency that another one implies is left out.
pub(crate) fn ascii(plan: &Plan) -> Shown {
    let steps = plan.steps();
    let needed = needed(plan).0;
    let follows = |at: usize| needed[at].iter().copied().eq(at.checked_sub(1));
    if (0..steps.len()).all(follows) {
        return shown!("{}\n", Shown::join(steps.iter().map(name), " ──▶ "));
    }
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|at| steps[*at].layer);
    let mut rows = Vec::new();
    let mut last = None;
    for at in order {
        let step = &steps[at];
        let number = if last == Some(step.layer) { Shown::default() } else { shown!("{}", step.layer + 1) };
        last = Some(step.layer);
        let after = Shown::join(needed[at].iter().map(|before| Shown::of(&steps[*before].id)), ", ");
        let after = if after.is_empty() { after } else { shown!("◀── {}", after) };
        rows.push(vec![number, name(step), after]);
    }
    crate::text::table(&rows)
}

/// For each step, by place, the dependencies that no other of them implies; and how many words of sets were put together.
/// A set is a bit for each step, so that joining two of a thousand steps is sixteen operations.
fn needed(plan: &Plan) -> (Vec<Vec<usize>>, usize) {
    let count = plan.steps().len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|at| plan.steps()[*at].layer);
    let (mut before, mut dependencies) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    let mut words = 0;
    for at in order {
        let direct: Vec<usize> = plan.steps()[at].depends_on.iter().map(|ix| ix.place()).collect();
        // What ends before one of those that this step depends on.
        let mut implied = vec![0_u64; count.div_ceil(BITS)];
        for one in &direct {
            implied.iter_mut().zip(&before[*one]).for_each(|(into, from)| *into |= from);
            words += implied.len();
        }
        let is_implied = |one: &usize| implied[one / BITS] >> (one % BITS) & 1 == 1;
        dependencies[at] = direct.iter().copied().filter(|one| !is_implied(one)).collect();
        direct.iter().for_each(|one| implied[one / BITS] |= 1 << (one % BITS));
        before[at] = implied;
    }
    (dependencies, words)
}

/// Of one word of a set.
const BITS: usize = 64;

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
            text.line(&shown!("  s{} --> s{}", ix.place(), i));
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

    /// X5: 700 steps that depend on all before took 37 s.
    #[test]
    fn a_thousand_steps_that_depend_on_all_before_are_one_line() {
        let names: Vec<String> = (0..1_000).map(|i| format!("s{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let edges: Vec<(&str, &[&str])> = names.iter().enumerate().map(|(i, name)| (*name, &names[..i])).collect();
        let plan = plan(&edges);
        assert_eq!(needed(&plan).1, 1_000 * 999 / 2 * 16);
        let drawn = ascii(&plan);
        let drawn = drawn.as_str();
        assert!(drawn.starts_with("s0 ⇠ uns0 ──▶ s1 ⇠ uns1 ──▶ s2"), "{drawn}");
        assert_eq!(drawn.lines().count(), 1);
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
