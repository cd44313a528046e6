//! Draws a TCC: its participants in the order in which they are tried and confirmed. `?` stands after an
//! optional one, `@` before the module that provides one.

use std::collections::BTreeMap;

use serde::Serialize;
use wasaga_core::{Json, Participant, TccPlan};

use super::names::quoted;
use crate::shown::{Shown, shown};

/// Participants by their order, each order with its participants as they were declared.
fn groups(plan: &TccPlan) -> BTreeMap<u32, Vec<&Participant>> {
    let mut groups: BTreeMap<u32, Vec<&Participant>> = BTreeMap::new();
    for participant in plan.participants() {
        groups.entry(participant.order).or_default().push(participant);
    }
    groups
}

fn name(participant: &Participant) -> Shown {
    let provider = participant.provider.as_ref().map(|module| shown!(" @{}", module)).unwrap_or_default();
    shown!("{}{}{}", participant.id, if participant.optional { "?" } else { "" }, provider)
}

/// One line where each has an order of its own; otherwise a line for each order.
pub(crate) fn ascii(plan: &TccPlan) -> Shown {
    let groups = groups(plan);
    let names = |group: &Vec<&Participant>| Shown::join(group.iter().map(|of| name(of)), ", ");
    if groups.values().all(|group| group.len() == 1) {
        return shown!("{}\n", Shown::join(groups.values().map(names), " ──▶ "));
    }
    let rows: Vec<Vec<Shown>> = groups.iter().map(|(order, group)| vec![shown!("{}", order), names(group)]).collect();
    crate::text::table(&rows)
}

/// From each participant to each of the next order.
fn edges(plan: &TccPlan) -> Vec<(&Participant, &Participant)> {
    let groups: Vec<Vec<&Participant>> = groups(plan).into_values().collect();
    let mut edges = Vec::new();
    for pair in groups.windows(2) {
        for from in &pair[0] {
            edges.extend(pair[1].iter().map(|to| (*from, *to)));
        }
    }
    edges
}

/// For Graphviz.
pub(crate) fn dot(plan: &TccPlan) -> Shown {
    let name = quoted(&plan.name);
    let mut text = shown!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", name);
    for participant in plan.participants() {
        let style = if participant.optional { " [style=\"rounded,dashed\"]" } else { "" };
        text.line(&shown!("  {}{};", quoted(&participant.id), style));
    }
    for (from, to) in edges(plan) {
        text.line(&shown!("  {} -> {};", quoted(&from.id), quoted(&to.id)));
    }
    text.push(&shown!("}}\n"));
    text
}

/// For Markdown pages. Nodes are numbered, for ids may have characters that Mermaid does not take.
pub(crate) fn mermaid(plan: &TccPlan) -> Shown {
    let number = |of: &Participant| plan.participants().iter().position(|other| other.id == of.id).unwrap_or(0);
    let mut text = shown!("flowchart LR\n");
    for participant in plan.participants() {
        let (open, close) = if participant.optional { ("([", "])") } else { ("[", "]") };
        let label = name(participant).as_str().replace('"', "'");
        text.line(&shown!("  p{}{}\"{}\"{}", number(participant), open, label, close));
    }
    for (from, to) in edges(plan) {
        text.line(&shown!("  p{} --> p{}", number(from), number(to)));
    }
    text
}

#[derive(Serialize)]
struct Drawn<'a> {
    kind: &'a str,
    definition: &'a str,
    nodes: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    id: &'a str,
    description: &'a str,
    provider: Option<&'a str>,
    order: u32,
    optional: bool,
}

/// For programs.
pub(crate) fn json(plan: &TccPlan) -> anyhow::Result<Shown> {
    let nodes = plan.participants().iter().map(|of| Node {
        id: &of.id,
        description: &of.description,
        provider: of.provider.as_deref(),
        order: of.order,
        optional: of.optional,
    });
    let drawn = Drawn { kind: "tcc", definition: &plan.name, nodes: nodes.collect() };
    Ok(shown!("{}\n", Shown::json(&Json::of(&drawn)?)))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use wasaga_core::Defaults;
    use wasaga_core::definition::{self, Tcc};

    use super::*;

    fn plan(participants: &[(&str, u32, bool)]) -> TccPlan {
        let participants = participants.iter().map(|(id, order, optional)| definition::Participant {
            id: (*id).into(),
            order: *order,
            optional: *optional,
            ..definition::Participant::default()
        });
        let tcc = Tcc { name: "trip".into(), participants: participants.collect(), ..Tcc::default() };
        TccPlan::new(&tcc, &Defaults::default()).unwrap()
    }

    #[test]
    fn participants_in_turn_are_one_line() {
        let plan = plan(&[("credit", 2, false), ("debit", 1, false), ("mail", 3, true)]);
        expect!["debit ──▶ credit ──▶ mail?\n"].assert_eq(ascii(&plan).as_str());
    }

    #[test]
    fn participants_together_are_drawn_by_their_order() {
        let plan = plan(&[("stock", 0, false), ("money", 0, false), ("wrap", 7, true)]);
        expect![[r"
            0  stock, money
            7  wrap?
        "]]
        .assert_eq(ascii(&plan).as_str());
        expect![[r#"
            flowchart LR
              p0["stock"]
              p1["money"]
              p2(["wrap?"])
              p0 --> p2
              p1 --> p2
        "#]]
        .assert_eq(mermaid(&plan).as_str());
        assert!(dot(&plan).as_str().contains("\"money\" -> \"wrap\";"), "{}", dot(&plan));
        assert!(
            json(&plan)
                .unwrap()
                .as_str()
                .contains(r#"{"id":"wrap","description":"","provider":null,"order":7,"optional":true}"#)
        );
    }
}
