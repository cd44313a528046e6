//! Undoing, record by record: what may be undone, in which order, and what follows when it fails.

use std::collections::BTreeSet;

use wasaga_core::definition::CompensationPolicy;
use wasaga_core::{CallId, Fact, Name};

use super::story::{Phase, Reader, Story};
use super::units::{Unit, name, unit_of};

impl Story<'_> {
    /// Units that are or may be done and have a compensation, with their layer.
    pub(crate) fn undoable(&self) -> Vec<(&str, Option<u32>, usize, &Unit)> {
        let all = self.units.iter().filter(|(_, unit)| unit.may_be_done() && !unit.run.is_open());
        all.filter_map(|((node, item), unit)| {
            let known = self.graph.steps.get(node.as_str())?;
            known.step.compensation.as_ref().map(|_| (node.as_str(), *item, known.layer, unit))
        })
        .collect()
    }
}

impl Reader<'_, '_> {
    pub(super) fn undo_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::UndoRefused { node, item, .. } => self.undo_refused(node, *item),
            Fact::CircuitOpened { node } => self.circuit_opened(node),
            Fact::Stuck { nodes } => self.stuck(nodes),
            Fact::Compensated => self.compensated(),
            Fact::Terminated { not_undone, .. } => self.terminated(not_undone),
            Fact::RetryRequested { node, item, .. } => {
                self.unstick();
                for ((of, at), unit) in &mut self.story.units {
                    let meant = node.as_ref().is_none_or(|node| **node == **of) && (item.is_none() || item == at);
                    if unit.undo.failed && meant {
                        unit.undo.another_round();
                    }
                }
            }
            Fact::UndoSkipped { node, item, .. } => {
                self.unstick();
                for ((of, at), unit) in &mut self.story.units {
                    unit.given_up |= unit.undo.failed && **of == **node && (item.is_none() || item == at);
                }
            }
            Fact::Patched { node, item, .. } => {
                self.unstick();
                let undo = &mut self.unit(node, *item).undo;
                undo.patched = true;
                undo.another_round();
            }
            _ => {}
        }
    }

    fn unstick(&mut self) {
        if self.story.phase != Phase::Stuck {
            self.wrong("ends", "it is seen to, and is not stuck");
        }
        self.story.phase = Phase::Unwinding;
        (self.story.circuit_open, self.story.circuit_due) = (false, false);
    }

    /// Whether a compensation may start: only what may be done is undone, in its order.
    pub(super) fn may_undo(&mut self, call: &CallId) {
        let (node, item) = unit_of(call);
        if self.story.phase != Phase::Unwinding {
            self.wrong("cause", &format!("{call} is started, and that it unwinds is not on record"));
        }
        if let Some(open) = self.story.units.iter().find(|(_, unit)| unit.run.is_open()) {
            let open = name(&open.0.0, open.0.1);
            self.wrong("undo-order", &format!("{call} is started before `{open}` has ended"));
        }
        let unit = self.unit(&node, item).clone();
        if !unit.may_be_done() {
            self.wrong("undone-for-a-reason", &format!("{call} is started, and nothing of it was ever done"));
        }
        if self.node(&node).is_none_or(|node| node.step.compensation.is_none()) {
            self.wrong("undone-for-a-reason", &format!("{call} is started, and the step has no compensation"));
        }
        if unit.given_up {
            self.wrong("undone-for-a-reason", &format!("{call} is started, and an operator gave it up"));
        }
        if self.story.circuit_open || self.story.circuit_due {
            self.wrong("circuit", &format!("{call} is started, and the circuit is open"));
        }
        self.in_order(call, &node, item);
    }

    fn in_order(&mut self, call: &CallId, node: &str, item: Option<u32>) {
        use CompensationPolicy::{BestEffortParallel, CircuitBreaker, GroupedParallel};
        let policy = self.story.policy;
        let undoable = self.story.undoable();
        let Some((_, _, layer, unit)) = undoable.iter().find(|(n, i, ..)| (*n, *i) == (node, item)) else { return };
        let others = undoable.iter().filter(|(n, i, ..)| (*n, *i) != (node, item));
        let mut left = others.filter(|(_, _, _, other)| !other.is_over());
        let before = match policy {
            BestEffortParallel => None,
            GroupedParallel => left.find(|(_, _, above, _)| above > layer),
            CircuitBreaker => left.find(|(_, _, _, other)| {
                !other.undo.failed && (other.undo.is_open() || other.run.ended_at > unit.run.ended_at)
            }),
            _ => left.find(|(_, _, _, other)| other.undo.is_open() || other.run.ended_at > unit.run.ended_at),
        };
        if let Some((n, i, ..)) = before {
            let before = name(n, *i);
            self.wrong("undo-order", &format!("{call} is started before `{before}` is undone"));
        }
    }

    pub(super) fn note_critical(&mut self, node: &str) {
        let critical =
            self.node(node).and_then(|node| node.step.compensation.as_ref()).is_some_and(|undo| undo.critical);
        self.story.circuit_due |= critical && self.story.policy == CompensationPolicy::CircuitBreaker;
    }

    fn undo_refused(&mut self, node: &str, item: Option<u32>) {
        let unit = self.unit(node, item);
        let waits = unit.may_be_done() && !unit.undo.is_open() && !unit.is_over();
        unit.undo.failed = true;
        if !waits {
            self.wrong("undone-for-a-reason", &format!("`{}` is not to be undone", name(node, item)));
        }
        self.note_critical(node);
    }

    fn circuit_opened(&mut self, node: &Name) {
        let failed = self.story.undoable().iter().any(|(of, _, _, unit)| *of == &**node && unit.undo.failed);
        if !self.story.circuit_due || !failed {
            self.wrong("circuit", &format!("the circuit opens, and `{node}` is no critical one that failed"));
        }
        (self.story.circuit_open, self.story.circuit_due) = (true, false);
    }

    fn stuck(&mut self, nodes: &[Name]) {
        let undoable = self.story.undoable();
        let failed = undoable.iter().filter(|(_, _, _, unit)| unit.undo.failed && !unit.is_over());
        let failed: BTreeSet<String> = failed.map(|(node, item, ..)| name(node, *item)).collect();
        let named: BTreeSet<String> = nodes.iter().map(ToString::to_string).collect();
        let lists = failed == named && !named.is_empty();
        let rest: Vec<_> = undoable.iter().filter(|(_, _, _, unit)| !unit.is_over() && !unit.undo.failed).collect();
        use CompensationPolicy::{BestEffortParallel, CircuitBreaker, GroupedParallel};
        let top = undoable.iter().filter(|(_, _, _, unit)| !unit.is_over()).map(|(_, _, layer, _)| *layer).max();
        let ends_early = match self.story.policy {
            BestEffortParallel => !rest.is_empty(),
            CircuitBreaker => !rest.is_empty() && !self.story.circuit_open,
            GroupedParallel => rest.iter().any(|(_, _, layer, _)| Some(*layer) == top),
            _ => {
                let stuck = undoable.iter().filter(|(_, _, _, unit)| unit.undo.failed && !unit.is_over());
                let last = stuck.map(|(_, _, _, unit)| unit.run.ended_at).max();
                rest.iter().any(|(_, _, _, unit)| Some(unit.run.ended_at) > last)
            }
        };
        let calls = self.story.flying() > 0 || self.story.units.values().any(|u| u.undo.is_open() || u.run.is_open());
        if !lists {
            self.wrong("ends", "it is stuck, and does not list what failed");
        }
        if self.story.phase != Phase::Unwinding || ends_early || calls {
            self.wrong("ends", "it is stuck, and there is more to be done");
        }
        self.story.phase = Phase::Stuck;
    }

    fn compensated(&mut self) {
        let left: Vec<String> =
            self.story.undoable().iter().filter(|(.., unit)| !unit.is_over()).map(|(n, i, ..)| name(n, *i)).collect();
        if self.story.phase != Phase::Unwinding {
            self.wrong("ends", "it is compensated, and that it unwinds is not on record");
        }
        if !left.is_empty() {
            self.wrong("ends", &format!("it is compensated, and {left:?} is not undone"));
        }
        if self.story.flying() > 0 || self.story.units.values().any(|unit| unit.run.is_open()) {
            self.wrong("ends", "it is compensated, and calls are under way");
        }
        self.story.phase = Phase::Compensated;
    }

    fn terminated(&mut self, not_undone: &[Name]) {
        let named: BTreeSet<String> = not_undone.iter().map(ToString::to_string).collect();
        let remain = self.story.units.iter().filter(|(_, unit)| unit.remains());
        let remain: BTreeSet<String> = remain.map(|((node, item), _)| name(node, *item)).collect();
        if named != remain {
            let what = format!("it is terminated and names {named:?}, and what may remain is {remain:?}");
            self.wrong("ends", &what);
        }
        self.story.phase = Phase::Terminated;
    }
}
