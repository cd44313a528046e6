//! One row of a view: a step or its compensation, a try or what settles it, in words. The same for a live view, plain lines and
//! `transactions show`.

use console::{StyledObject, style};
use wasaga_core::{
    CauseReport, Decided, Failure, Json, NodeReport, Report, SettleReport, Status, UndoReport, unit_name,
};

use crate::text::{clipped, span};

/// Characters of an output that are shown.
const OUTPUT_CHARS: usize = 72;
/// Characters of a message that are shown.
const MESSAGE_CHARS: usize = 400;
/// Columns of a name; a longer one moves its row.
const NAME_COLUMNS: usize = 20;

/// A step, a compensation, or an operation of a participant, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(super) mark: Mark,
    pub(super) name: String,
    pub(super) us: Option<u64>,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Waiting,
    Running,
    Again,
    Done,
    Failed,
    Undone,
    Passed,
}

impl Mark {
    fn symbol(self) -> StyledObject<&'static str> {
        match self {
            Self::Waiting => style("·").dim(),
            Self::Running => style("▸").cyan(),
            Self::Again => style("↻").yellow(),
            Self::Done => style("✔").green(),
            Self::Failed => style("✘").red(),
            Self::Undone => style("↩").magenta(),
            Self::Passed => style("–").dim(),
        }
    }
}

impl Row {
    /// `  ✔ reserve              2.1 ms   {"shelf":"B4"}`.
    pub(crate) fn line(&self) -> String {
        let time = self.us.map(span).unwrap_or_default();
        format!("  {} {}", self.mark.symbol(), self.rest(&time)).trim_end().to_owned()
    }

    pub(super) fn rest(&self, time: &str) -> String {
        let Self { name, text, .. } = self;
        format!("{name:<NAME_COLUMNS$} {time:>9}   {text}")
    }
}

/// All rows of a transaction: each step, and under the steps what was undone; each try, and under the
/// tries what was confirmed or cancelled.
pub(crate) fn rows_of(report: &Report) -> Vec<Row> {
    let units = || report.nodes.iter().flat_map(units);
    units().map(forward).chain(units().filter_map(undo)).chain(units().filter_map(settled)).collect()
}

/// A node, or the items of one that fans out.
pub(super) fn units(node: &NodeReport) -> &[NodeReport] {
    if node.items.is_empty() { std::slice::from_ref(node) } else { &node.items }
}

/// The row of a step, or of a participant's try.
pub(super) fn forward(node: &NodeReport) -> Row {
    let (mark, text) = match (node.status.as_str(), &node.output, &node.error) {
        ("waiting", ..) => (Mark::Waiting, "not started".into()),
        ("skipped", ..) => (Mark::Passed, "skipped: its condition is false".into()),
        ("started", ..) => (Mark::Running, attempt(node.attempts)),
        ("polling", ..) => (Mark::Running, "accepted, and not finished yet".into()),
        ("delayed", _, error) => {
            (Mark::Again, format!("attempt {} failed and another follows: {}", node.attempts, told(error.as_ref())))
        }
        (_, Some(output), _) => (Mark::Done, output_text(output, node.attempts)),
        (status, None, error) => {
            let word = match status {
                "rejected" | "unknown" => status,
                "used-up" => "failed for good",
                "given-up" => "given up",
                _ if node.cancel.is_some() => "failed",
                _ => "may have happened",
            };
            let times = if node.attempts > 1 { format!(" after {} attempts", node.attempts) } else { String::new() };
            (Mark::Failed, format!("{word}{times} {}", told(error.as_ref())))
        }
    };
    let us = (node.attempts > 0 && node.status != "started").then_some(node.duration_us);
    Row { mark, name: node.name(), us, text }
}

/// The row of a participant's confirm or cancel; none where it has neither, or its turn has not come.
pub(super) fn settled(node: &NodeReport) -> Option<Row> {
    let (word, settled) = match (&node.confirm, &node.cancel) {
        (Some(confirm), _) => ("confirm", confirm),
        (None, Some(cancel)) => ("cancel", cancel),
        (None, None) => return None,
    };
    let SettleReport { status, attempts, duration_us, output, error } = settled;
    let (mark, text) = match status.as_str() {
        "started" => (Mark::Running, attempt(*attempts)),
        "polling" => (Mark::Running, "accepted, and not finished yet".into()),
        "delayed" => (Mark::Again, format!("attempt {attempts} failed and another follows: {}", told(error.as_ref()))),
        "completed" => {
            let mark = if node.confirm.is_some() { Mark::Done } else { Mark::Undone };
            let output = output.as_ref().filter(|output| !output.is_null());
            (mark, output.map(|output| output_text(output, *attempts)).unwrap_or_default())
        }
        "stuck" => (Mark::Failed, format!("stuck after {}: {}", tries(*attempts), told(error.as_ref()))),
        "given-up" => (Mark::Passed, "an operator gave it up".into()),
        _ => return None,
    };
    let us = (*attempts > 0 && status != "started").then_some(*duration_us);
    Some(Row { mark, name: format!("{word} {}", node.id), us, text })
}

/// A status in its colour.
pub(crate) fn colored(status: Status) -> StyledObject<&'static str> {
    let word = style(status.as_str());
    match status {
        Status::Completed | Status::Confirmed => word.green(),
        Status::Compensated | Status::Cancelled => word.yellow(),
        Status::Stuck | Status::Terminated => word.red(),
        Status::Scheduled
        | Status::Running
        | Status::Compensating
        | Status::Trying
        | Status::Confirming
        | Status::Cancelling => word.cyan(),
    }
}

/// The row of a step's compensation; none where it is not to be undone, or its turn has not come.
pub(super) fn undo(node: &NodeReport) -> Option<Row> {
    let undo = node.compensation.as_ref()?;
    let UndoReport { name, status, attempts, duration_us, error, .. } = undo;
    let name = node.item.map_or_else(|| name.clone(), |item| format!("{name}[{item}]"));
    let of = node.name();
    let (mark, text) = match status.as_str() {
        "started" => (Mark::Running, format!("undoes {of}, {}", attempt(*attempts))),
        "polling" => (Mark::Running, format!("undoes {of}: accepted, and not finished yet")),
        "delayed" => (Mark::Again, format!("attempt {attempts} failed and another follows: {}", told(error.as_ref()))),
        "completed" => (Mark::Undone, format!("{of} undone")),
        "stuck" => (Mark::Failed, format!("{of} is not undone, after {}: {}", tries(*attempts), told(error.as_ref()))),
        "given-up" => (Mark::Passed, format!("{of} is not undone: an operator gave it up")),
        _ => return None,
    };
    let us = (*attempts > 0 && status != "started").then_some(*duration_us);
    Some(Row { mark, name, us, text })
}

fn attempt(number: u32) -> String {
    if number > 1 { format!("attempt {number}") } else { String::new() }
}

fn tries(number: u32) -> String {
    crate::text::plural(number as usize, "attempt")
}

fn output_text(output: &Json, attempts: u32) -> String {
    let text = clipped(output.as_str(), OUTPUT_CHARS);
    if attempts > 1 { format!("{text}  (attempt {attempts})") } else { text }
}

/// `` `card-declined`: the card was declined ``.
fn told(failure: Option<&Failure>) -> String {
    failure.map(|failure| clipped(&failure.to_string(), MESSAGE_CHARS)).unwrap_or_default()
}

/// The last line, such as ``compensated in 6.4 ms: `charge` rejected `card-declined` ``.
pub(crate) fn closing(report: &Report) -> String {
    let mut text = format!("{} in {}", colored(report.status).bold(), span(report.duration_us));
    if matches!(report.status, Status::Stuck | Status::Terminated) {
        text.push_str(match report.decision {
            Some(Decided::Confirm) => ", to be confirmed",
            Some(Decided::Cancel) => ", to be cancelled",
            None => "",
        });
    }
    if let Some(cause) = &report.cause {
        text.push_str(&format!(": {}", cause_text(cause)));
    }
    if report.paused {
        text.push_str(", paused");
    }
    if let Some(held) = &report.held {
        text.push_str(&format!("; it waits: {}", clipped(held, MESSAGE_CHARS)));
    }
    let lists =
        [(&report.stuck, "stuck"), (&report.not_compensable, "cannot be undone"), (&report.given_up, "given up")];
    for (units, what) in lists.into_iter().filter(|(units, _)| !units.is_empty()) {
        text.push_str(&format!("; {what}: {}", clipped(&units.join(", "), MESSAGE_CHARS)));
    }
    text
}

fn cause_text(cause: &CauseReport) -> String {
    let node = cause.node.as_ref().map(|node| format!("`{}` ", unit_name(node, cause.item)));
    let word = match cause.outcome.as_str() {
        "used-up" => "failed for good with",
        "deadline" => "the deadline passed",
        "cancelled" => "it was cancelled",
        other => other,
    };
    let code = cause.failure.as_ref().map(|failure| format!(" `{}`", clipped(&failure.code, OUTPUT_CHARS)));
    format!("{}{word}{}", node.unwrap_or_default(), code.unwrap_or_default())
}
