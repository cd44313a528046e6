//! One row of a view: a step or its compensation, a try or what settles it, in words. The same for a live view, plain lines and
//! `transactions show`.

use console::Style;
use wasaga_core::{
    CauseReport, Decided, Failure, Json, NodeReport, Report, SettleReport, Status, UndoReport, unit_name,
};

use crate::shown::{Shown, shown};
use crate::text::{plural, span};

/// Characters of an output that are shown.
const OUTPUT_CHARS: usize = 72;
/// Characters of a list of names, and of a cause in a list.
const LIST_CHARS: usize = 400;
/// Characters of a message that are shown: a screen. A longer one is whole in the report and the records.
const MESSAGE_CHARS: usize = 2_000;
/// Columns of a name; one with more than 20 moves its row.
const NAME_COLUMNS_MAX: usize = 60;
/// Columns beside a text that are wide enough to wrap it there; otherwise it is wrapped under its row.
const BESIDE_COLUMNS: usize = 30;
/// Where a text stands that is wrapped under its row.
const UNDER_COLUMNS: usize = 6;

/// A step, a compensation, or an operation of a participant, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(super) mark: Mark,
    pub(super) name: Shown,
    pub(super) us: Option<u64>,
    pub(super) text: Shown,
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
    fn symbol(self) -> Shown {
        let (sign, style) = match self {
            Self::Waiting => ("·", Style::new().dim()),
            Self::Running => ("▸", Style::new().cyan()),
            Self::Again => ("↻", Style::new().yellow()),
            Self::Done => ("✔", Style::new().green()),
            Self::Failed => ("✘", Style::new().red()),
            Self::Undone => ("↩", Style::new().magenta()),
            Self::Passed => ("–", Style::new().dim()),
        };
        Shown::ours(sign).styled(&style)
    }
}

impl Row {
    /// `  ✔ reserve              2.1 ms   {"shelf":"B4"}`. Where the terminal has a width, why something failed is wrapped
    /// within it, and anything else is cut at it.
    pub(crate) fn lines(&self, width: Option<usize>) -> Shown {
        let time = self.us.map(span).unwrap_or_default();
        let head = shown!("  {} {:<20} {:>9}   ", self.mark.symbol(), self.name.cut(NAME_COLUMNS_MAX), time);
        let Some(width) = width else { return shown!("{}{}", head, self.text).trimmed_end() };
        let beside = head.width();
        if beside + self.text.width() < width {
            return shown!("{}{}", head, self.text).trimmed_end();
        }
        if !matches!(self.mark, Mark::Failed | Mark::Again) {
            return shown!("{}{}", head, self.text.cut(width.saturating_sub(beside + 1))).trimmed_end();
        }
        let indent = if width >= beside + BESIDE_COLUMNS { beside } else { UNDER_COLUMNS };
        shown!("{}{}", head, self.text.wrapped(beside, indent, width - 1))
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
        ("waiting", ..) => (Mark::Waiting, shown!("not started")),
        ("skipped", ..) => (Mark::Passed, shown!("skipped: its condition is false")),
        ("started", ..) => (Mark::Running, attempt(node.attempts)),
        ("polling", ..) => (Mark::Running, shown!("accepted, and not finished yet")),
        ("delayed", _, error) => {
            let told = told(error.as_ref());
            (Mark::Again, shown!("attempt {} failed and another follows: {}", node.attempts, told))
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
            (Mark::Failed, shown!("{}{} {}", word, times, told(error.as_ref())))
        }
    };
    let us = (node.attempts > 0 && node.status != "started").then_some(node.duration_us);
    Row { mark, name: Shown::of(node.name()), us, text }
}

/// The row of a participant's confirm or cancel; none where it has neither, or its turn has not come.
pub(super) fn settled(node: &NodeReport) -> Option<Row> {
    let (word, settled) = match (&node.confirm, &node.cancel) {
        (Some(confirm), _) => ("confirm", confirm),
        (None, Some(cancel)) => ("cancel", cancel),
        (None, None) => return None,
    };
    let SettleReport { status, attempts, duration_us, output, error } = settled;
    let told = || told(error.as_ref());
    let (mark, text) = match status.as_str() {
        "started" => (Mark::Running, attempt(*attempts)),
        "polling" => (Mark::Running, shown!("accepted, and not finished yet")),
        "delayed" => (Mark::Again, shown!("attempt {} failed and another follows: {}", attempts, told())),
        "completed" => {
            let mark = if node.confirm.is_some() { Mark::Done } else { Mark::Undone };
            let output = output.as_ref().filter(|output| !output.is_null());
            (mark, output.map(|output| output_text(output, *attempts)).unwrap_or_default())
        }
        "stuck" => (Mark::Failed, shown!("stuck after {}: {}", tries(*attempts), told())),
        "given-up" => (Mark::Passed, shown!("an operator gave it up")),
        _ => return None,
    };
    let us = (*attempts > 0 && status != "started").then_some(*duration_us);
    Some(Row { mark, name: shown!("{} {}", word, node.id), us, text })
}

/// A status in its colour.
pub(crate) fn colored(status: Status) -> Shown {
    let style = match status {
        Status::Completed | Status::Confirmed => Style::new().green(),
        Status::Compensated | Status::Cancelled => Style::new().yellow(),
        Status::Stuck | Status::Terminated => Style::new().red(),
        Status::Scheduled
        | Status::Running
        | Status::Compensating
        | Status::Trying
        | Status::Confirming
        | Status::Cancelling => Style::new().cyan(),
    };
    Shown::ours(status.as_str()).styled(&style)
}

/// The row of a step's compensation; none where it is not to be undone, or its turn has not come.
pub(super) fn undo(node: &NodeReport) -> Option<Row> {
    let undo = node.compensation.as_ref()?;
    let UndoReport { name, status, attempts, duration_us, error, .. } = undo;
    let name = node.item.map_or_else(|| name.clone(), |item| format!("{name}[{item}]"));
    let of = node.name();
    let told = || told(error.as_ref());
    let (mark, text) = match status.as_str() {
        "started" => (Mark::Running, shown!("undoes {}, {}", of, attempt(*attempts))),
        "polling" => (Mark::Running, shown!("undoes {}: accepted, and not finished yet", of)),
        "delayed" => (Mark::Again, shown!("attempt {} failed and another follows: {}", attempts, told())),
        "completed" => (Mark::Undone, shown!("{} undone", of)),
        "stuck" => (Mark::Failed, shown!("{} is not undone, after {}: {}", of, tries(*attempts), told())),
        "given-up" => (Mark::Passed, shown!("{} is not undone: an operator gave it up", of)),
        _ => return None,
    };
    let us = (*attempts > 0 && status != "started").then_some(*duration_us);
    Some(Row { mark, name: Shown::of(name), us, text })
}

fn attempt(number: u32) -> Shown {
    if number > 1 { shown!("attempt {}", number) } else { Shown::default() }
}

fn tries(number: u32) -> String {
    plural(number as usize, "attempt")
}

fn output_text(output: &Json, attempts: u32) -> Shown {
    let text = Shown::clipped(output.as_str(), OUTPUT_CHARS);
    if attempts > 1 { shown!("{}  (attempt {})", text, attempts) } else { text }
}

/// `` `card-declined`: the card was declined ``.
fn told(failure: Option<&Failure>) -> Shown {
    failure.map(|failure| Shown::clipped(&failure.to_string(), MESSAGE_CHARS)).unwrap_or_default()
}

/// The last line, such as ``compensated in 6.4 ms: `charge` rejected `card-declined` ``.
pub(crate) fn closing(report: &Report) -> Shown {
    let mut text = shown!("{} in {}", colored(report.status).bold(), span(report.duration_us));
    if matches!(report.status, Status::Stuck | Status::Terminated) {
        text.push(&match report.decision {
            Some(Decided::Confirm) => shown!(", to be confirmed"),
            Some(Decided::Cancel) => shown!(", to be cancelled"),
            None => Shown::default(),
        });
    }
    if let Some(cause) = &report.cause {
        text.push(&shown!(": {}", cause_text(cause)));
    }
    if report.paused {
        text.push(&shown!(", paused"));
    }
    if let Some(held) = &report.held {
        text.push(&shown!("; it waits: {}", Shown::clipped(held, MESSAGE_CHARS)));
    }
    let lists =
        [(&report.stuck, "stuck"), (&report.not_compensable, "cannot be undone"), (&report.given_up, "given up")];
    for (units, what) in lists.into_iter().filter(|(units, _)| !units.is_empty()) {
        text.push(&shown!("; {}: {}", what, Shown::clipped(&units.join(", "), LIST_CHARS)));
    }
    text
}

fn cause_text(cause: &CauseReport) -> Shown {
    let node = cause.node.as_ref().map(|node| shown!("`{}` ", unit_name(node, cause.item)));
    let word = match cause.outcome.as_str() {
        "used-up" => "failed for good with",
        "deadline" => "the deadline passed",
        "cancelled" => "it was cancelled",
        other => other,
    };
    let code = cause.failure.as_ref().map(|failure| shown!(" `{}`", Shown::clipped(&failure.code, OUTPUT_CHARS)));
    shown!("{}{}{}", node.unwrap_or_default(), word, code.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V1: why something failed is read at 80 columns, whole.
    #[test]
    fn a_message_is_wrapped_under_its_row_and_an_output_is_cut() {
        let message = "rejected `card-declined`: the card was declined by the bank, which wants to be called first";
        let row = |mark, text: &str| Row { mark, name: Shown::of("charge"), us: Some(200), text: Shown::of(text) };
        let failed = row(Mark::Failed, message).lines(Some(80));
        let expected = [
            "  ✘ charge                  0.2 ms   rejected `card-declined`: the card was",
            "                                     declined by the bank, which wants to be",
            "                                     called first",
        ];
        assert_eq!(failed.as_str(), expected.join("\n"));
        let narrow = row(Mark::Failed, message).lines(Some(50));
        assert!(narrow.as_str().contains("\n      the bank, which wants to be called first"), "{narrow}");
        let done = row(Mark::Done, &"x".repeat(72)).lines(Some(80));
        assert_eq!((done.width(), done.as_str().ends_with("x…")), (79, true), "{done}");
        assert!(row(Mark::Failed, message).lines(None).as_str().ends_with("called first"));
    }
}
