//! What a person sees of a transaction: a live row for each step or participant on a terminal, a line for each
//! thing that ended elsewhere, nothing where a program reads. Deliberately absent: what happened; it
//! is all in the report.

pub(crate) mod compiling;
mod live;
mod plain;
mod row;

use std::io::IsTerminal as _;
use std::sync::Arc;

use parking_lot::Mutex;
use wasaga_core::{Record, Report, Status, Transaction};
use wasaga_engine::Watch;
use wasaga_journal::Identity;

use crate::exit::Exit;
use crate::{text, wiring};
use live::Live;
use plain::Plain;

pub(crate) use row::{closing, colored, rows_of};

/// Shows one transaction.
#[derive(Debug)]
pub(crate) struct View {
    /// A plain lock: it is held while a few lines are written.
    way: Mutex<Way>,
    /// The first line, until it is written: with the first thing that happens, not before.
    heading: Mutex<Option<String>>,
}

#[derive(Debug)]
enum Way {
    Quiet,
    Plain(Plain),
    Live(Live),
}

impl View {
    /// A view for where standard output goes; a quiet one shows nothing.
    pub(crate) fn new(quiet: bool) -> Arc<Self> {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let way = match (quiet, terminal) {
            (true, _) => Way::Quiet,
            (false, true) => Way::Live(Live::default()),
            (false, false) => Way::Plain(Plain::default()),
        };
        Arc::new(Self { way: Mutex::new(way), heading: Mutex::new(None) })
    }

    fn is_quiet(&self) -> bool {
        matches!(*self.way.lock(), Way::Quiet)
    }

    /// Says what runs and where it is kept, once something happens.
    pub(crate) fn begin(&self, definition: &str, identity: &Identity) {
        if !self.is_quiet() {
            let name = console::style(definition).bold();
            *self.heading.lock() = Some(format!("{name}  {}\n\n", wiring::describe(identity)));
        }
    }

    fn heading(&self) -> String {
        self.heading.lock().take().unwrap_or_default()
    }

    /// Says what is allowed and yet likely to hurt.
    pub(crate) fn warn(&self, warnings: &[String]) {
        if self.is_quiet() {
            return;
        }
        for warning in warnings {
            eprintln!("{} {warning}", console::style("warning:").yellow().bold().for_stderr());
        }
    }

    /// A remark beside the rows.
    pub(crate) fn say(&self, remark: &str) -> anyhow::Result<()> {
        if self.is_quiet() {
            return Ok(());
        }
        let line = format!("{}  {}\n", self.heading(), console::style(remark).dim());
        crate::logs::view().suspend(|| text::print(&line))
    }

    /// Leaves the rows as they are: nothing more is drawn.
    pub(crate) fn end(&self) {
        if let Way::Live(live) = &mut *self.way.lock() {
            live.end();
        }
    }

    /// The last line: what it came to.
    pub(crate) fn conclude(&self, report: &Report) -> anyhow::Result<()> {
        let mut lines = self.heading();
        match &mut *self.way.lock() {
            Way::Quiet => return Ok(()),
            // Its end may have been written in another process.
            Way::Plain(plain) => lines.push_str(&plain.rest(report)),
            Way::Live(live) => {
                live.show(report);
                live.end();
                // The last row has no end of line.
                lines.push('\n');
            }
        }
        lines.push_str(&format!("\n{}{}\n", closing(report), exit_note(report)));
        lines.push_str(&remedies(report));
        text::print(&lines)
    }
}

fn exit_note(report: &Report) -> String {
    match Exit::of(report).code() {
        0 => String::new(),
        code => console::style(format!("  (exit {code})")).dim().to_string(),
    }
}

/// What a person can do about a transaction that waits for one.
pub(crate) fn remedies(report: &Report) -> String {
    let id = report.transaction;
    match (report.status, report.paused) {
        (Status::Stuck, _) => {
            let step = report.stuck.first().map_or("STEP", String::as_str);
            format!(
                "  try again: wasaga retry {id}\n  give up on it: wasaga skip {id} {step} --reason …\n  \
                 with other arguments: wasaga patch {id} {step} --arguments …\n"
            )
        }
        (status, true) if !status.is_ended() => format!("  go on: wasaga resume {id}\n"),
        _ => String::new(),
    }
}

impl Watch for View {
    fn recorded(&self, transaction: &Transaction, records: &[Record]) {
        match &mut *self.way.lock() {
            Way::Quiet => {}
            Way::Plain(plain) => {
                let lines = self.heading() + &plain.lines(transaction, records);
                // Who reads may have gone; the transaction goes on.
                drop(text::print(&lines));
            }
            Way::Live(live) => {
                drop(text::print(&self.heading()));
                live.show_in_time(|| transaction.report());
            }
        }
    }
}
