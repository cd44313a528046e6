//! What a person sees of a transaction: a live row for each step or participant on a terminal, a line for each
//! thing that ended elsewhere, nothing where a program reads. Nothing here makes a transaction wait. Deliberately absent:
//! what happened; it is all in the report.

pub(crate) mod compiling;
mod live;
mod plain;
mod row;

use std::io::IsTerminal as _;
use std::sync::Arc;

use console::Style;
use parking_lot::Mutex;
use wasaga_core::{Record, Report, Status, Transaction};
use wasaga_engine::Watch;
use wasaga_journal::Identity;

use crate::exit::Exit;
use crate::hints::Hints;
use crate::options::Rows;
use crate::shown::{Shown, shown};
use crate::{out, wiring};
use live::Live;
use plain::Plain;

pub(crate) use live::columns;
pub(crate) use row::{closing, colored, rows_of};

/// Shows one transaction.
#[derive(Debug)]
pub(crate) struct View {
    /// A plain lock: it is held while a text is put together and passed on.
    way: Mutex<Way>,
    /// The first line, until it is written: with the first thing that happens, not before.
    heading: Mutex<Option<Shown>>,
    hints: Hints,
}

#[derive(Debug)]
enum Way {
    Hidden,
    Plain(Plain),
    Live(Live),
}

impl View {
    /// A view for where standard output goes.
    pub(crate) fn new(rows: Rows, hints: Hints) -> Arc<Self> {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let way = match (rows, terminal) {
            (Rows::Hidden, _) => Way::Hidden,
            (Rows::Shown, true) => Way::Live(Live::begin()),
            (Rows::Shown, false) => Way::Plain(Plain::default()),
        };
        Arc::new(Self { way: Mutex::new(way), heading: Mutex::new(None), hints })
    }

    /// The commands that it proposes.
    pub(crate) fn hints(&self) -> &Hints {
        &self.hints
    }

    fn is_hidden(&self) -> bool {
        matches!(*self.way.lock(), Way::Hidden)
    }

    /// Says what runs and where it is kept, once something happens.
    pub(crate) fn begin(&self, definition: &str, identity: &Identity) {
        if !self.is_hidden() {
            let name = Shown::of(definition).bold();
            *self.heading.lock() = Some(shown!("{}  {}\n\n", name, wiring::describe(identity)));
        }
    }

    fn heading(&self) -> Shown {
        self.heading.lock().take().unwrap_or_default()
    }

    /// Says what is allowed and yet likely to hurt.
    pub(crate) fn warn(&self, warnings: &[String]) {
        if !self.is_hidden() {
            warnings.iter().for_each(|warning| out::remark(&shown!("{} {}", out::warning(), warning)));
        }
    }

    /// A remark beside the rows.
    pub(crate) fn say(&self, remark: &Shown) {
        let way = self.way.lock();
        if matches!(*way, Way::Hidden) {
            return;
        }
        let line = shown!("{}  {}\n", self.heading(), remark.styled(&Style::new().dim()));
        match &*way {
            Way::Live(live) => live.say(line),
            Way::Plain(_) | Way::Hidden => out::pass(&line),
        }
    }

    /// Leaves the rows as they are: nothing more is drawn.
    pub(crate) fn end(&self) {
        if let Way::Live(live) = &mut *self.way.lock() {
            live.end();
        }
    }

    /// The last line: what it came to.
    pub(crate) fn conclude(&self, report: &Report) {
        let mut text = self.heading();
        match &mut *self.way.lock() {
            Way::Hidden => {}
            // Its end may have been written in another process.
            Way::Plain(plain) => {
                text.push(&plain.rest(report));
                text.push(&shown!("\n"));
            }
            Way::Live(live) => {
                live.conclude(report);
                text.push(&shown!("\n"));
            }
        }
        text.push(&ending(report, &exit_note(report), &self.hints));
        if !report.status.is_success() {
            text.line(&match self.hints.about("transactions show", report.transaction, &[]) {
                Some(command) => shown!("  look at it: {}", command),
                None => shown!("  transaction {}", report.transaction),
            });
        }
        out::last_word(&text);
    }
}

/// How a transaction stands, and what a person can do about it.
pub(crate) fn standing(report: &Report, hints: &Hints) -> Shown {
    ending(report, &Shown::default(), hints)
}

fn ending(report: &Report, note: &Shown, hints: &Hints) -> Shown {
    let closing = shown!("{}{}", closing(report), note);
    let closing = columns().map_or_else(|| closing.clone(), |width| closing.wrapped(0, 2, width));
    shown!("{}\n{}", closing, remedies(report, hints))
}

fn exit_note(report: &Report) -> Shown {
    match Exit::of(report).code() {
        0 => Shown::default(),
        code => shown!("  (exit {})", code).styled(&Style::new().dim()),
    }
}

/// What a person can do about a transaction that waits for one.
fn remedies(report: &Report, hints: &Hints) -> Shown {
    let id = report.transaction;
    let step = report.stuck.first().map_or("STEP", String::as_str);
    let proposed: &[(&str, &str, &[&str])] = match (report.status, report.paused) {
        (Status::Stuck, _) => &[
            ("try again", "retry", &[]),
            ("give up on it", "skip", &[step, "--reason", "…"]),
            ("with other arguments", "patch", &[step, "--arguments", "…"]),
        ],
        (status, true) if !status.is_ended() => &[("go on", "resume", &[])],
        _ => &[],
    };
    let lines = proposed.iter().filter_map(|(what, verb, rest)| {
        let command = hints.about(verb, id, rest)?;
        Some(shown!("  {}: {}\n", what, command))
    });
    lines.collect()
}

impl Watch for View {
    fn recorded(&self, transaction: &Transaction, records: &[Record]) {
        match &mut *self.way.lock() {
            Way::Hidden => {}
            Way::Plain(plain) => {
                let mut lines = self.heading();
                lines.push(&plain.lines(transaction, records));
                out::pass(&lines);
            }
            Way::Live(live) => {
                let heading = self.heading();
                if !heading.is_empty() {
                    live.say(heading);
                }
                live.show_in_time(|| transaction.report());
            }
        }
    }
}
