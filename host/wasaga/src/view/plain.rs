//! Lines for where there is no terminal: one for each thing that came to something, as it did.

use std::collections::HashSet;

use wasaga_core::{CallId, Fact, Name, NodeReport, Operation, Operator, Record, Report, Transaction, unit_name};

use super::row::{Mark, Row, forward, settled, undo, units};
use crate::shown::{Shown, shown};

/// Characters of an operator's reason.
const REASON_CHARS: usize = 200;

/// What was written so far.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// Rows by their text without the time: a row that says the same again is not repeated.
    said: HashSet<Shown>,
    begun: bool,
}

impl Plain {
    /// The lines of these records.
    pub(super) fn lines(&mut self, of: &Transaction, records: &[Record]) -> Shown {
        let mut text = Shown::default();
        if !std::mem::replace(&mut self.begun, true) {
            text.push(&self.before(&of.report(), records));
        }
        for record in records {
            match &record.fact {
                Fact::Started { .. } | Fact::Created(_) | Fact::Expanded { .. } => {}
                Fact::Completed { call, .. }
                | Fact::Rejected { call, .. }
                | Fact::Retryable { call, .. }
                | Fact::Unknown { call, .. }
                | Fact::NotMade { call, .. }
                | Fact::Pending { call, .. } => text.push(&self.of_call(of, call)),
                Fact::Skipped { node } => text.push(&self.of(of, node, None, forward)),
                Fact::Refused { node, item, .. } => text.push(&self.of(of, node, *item, forward)),
                Fact::GivenUp { node, item, .. } => {
                    text.push(&self.of(of, node, *item, forward));
                    text.push(&self.of_settled(of, node));
                }
                Fact::UndoRefused { node, item, .. } => text.push(&self.of_undo(of, node, *item)),
                Fact::Unwinding { .. } | Fact::Cancelling { .. } => text.push(&self.not_started(&of.report())),
                Fact::CancelRequested { by } => text.push(&by_whom("cancelled", by)),
                Fact::Paused { by } => text.push(&by_whom("paused", by)),
                Fact::Resumed { by } => text.push(&by_whom("resumed", by)),
                Fact::Terminated { by, .. } => text.push(&by_whom("terminated", by)),
                Fact::RetryRequested { by, .. } => text.push(&by_whom("to be tried again", by)),
                Fact::UndoSkipped { by, node, item } => {
                    text.push(&by_whom(&format!("{} given up", unit_name(node, *item)), by));
                }
                Fact::Patched { by, node, item, .. } => {
                    text.push(&by_whom(&format!("{} patched", unit_name(node, *item)), by));
                }
                Fact::CircuitOpened { .. }
                | Fact::Stuck { .. }
                | Fact::Finished
                | Fact::Compensated
                | Fact::Confirming
                | Fact::Confirmed
                | Fact::Cancelled => {}
            }
        }
        text
    }

    /// What had come to something before this process took the transaction up.
    fn before(&mut self, report: &Report, records: &[Record]) -> Shown {
        let now = |node: &NodeReport| records.iter().any(|record| record.fact.node() == Some((&node.id, node.item)));
        let settled = report.nodes.iter().flat_map(units).filter(|node| node.attempts > 0 && !now(node));
        settled.map(|node| self.say(&forward(node))).collect()
    }

    /// Rows that were never written: those of steps that ended before this process looked.
    pub(super) fn rest(&mut self, report: &Report) -> Shown {
        super::rows_of(report).iter().map(|row| self.say(row)).collect()
    }

    fn not_started(&mut self, report: &Report) -> Shown {
        let waiting = report.nodes.iter().flat_map(units).filter(|node| node.status == "waiting");
        waiting.map(|node| self.say(&forward(node))).collect()
    }

    fn of_call(&mut self, of: &Transaction, call: &CallId) -> Shown {
        match call.operation {
            Operation::Run | Operation::Try => self.of(of, &call.node, call.item, forward),
            Operation::Compensate => self.of_undo(of, &call.node, call.item),
            Operation::Confirm | Operation::Cancel => self.of_settled(of, &call.node),
        }
    }

    fn of(&mut self, of: &Transaction, node: &Name, item: Option<u32>, row: impl Fn(&NodeReport) -> Row) -> Shown {
        of.unit(node, item).map(|node| self.say(&row(&node))).unwrap_or_default()
    }

    fn of_undo(&mut self, of: &Transaction, node: &Name, item: Option<u32>) -> Shown {
        of.unit(node, item).as_ref().and_then(undo).map(|row| self.say(&row)).unwrap_or_default()
    }

    fn of_settled(&mut self, of: &Transaction, node: &Name) -> Shown {
        of.unit(node, None).as_ref().and_then(settled).map(|row| self.say(&row)).unwrap_or_default()
    }

    fn say(&mut self, row: &Row) -> Shown {
        // What is called again at once, after its host was lost, has come to nothing yet.
        if row.mark == Mark::Running && row.us.is_none() {
            return Shown::default();
        }
        let what = shown!("{} {} {}", row.name, format!("{:?}", row.mark), row.text);
        if self.said.insert(what) { shown!("{}\n", row.lines(None)) } else { Shown::default() }
    }
}

fn by_whom(what: &str, by: &Operator) -> Shown {
    let said = |text: &str| Shown::clipped(text, REASON_CHARS);
    shown!("  ‖ {} by {}: {}\n", what, said(&by.who), said(&by.why))
}
