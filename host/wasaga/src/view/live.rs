//! Rows on a terminal, each with its state, attempts and time, drawn anew as records become durable. A thread of its own draws
//! them: a terminal that stands still stops no transaction.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use wasaga_core::Report;

use super::row::{Mark, Row, rows_of};
use crate::out;
use crate::shown::{Shown, shown};

/// Rows that are drawn; a fan-out with more items is summed up in the last.
const ROWS_MAX: usize = 40;
/// Making reports takes one part in so many of the time.
const SHARE: u32 = 20;
/// How long the end of a view waits for the painter.
const LAST_DRAW: Duration = Duration::from_secs(1);
/// How often a row that runs shows its time.
const TICK: Duration = Duration::from_millis(80);
/// What waits for the painter: a few remarks, and the rows as they are.
const WAITING_MAX: usize = 16;
/// Columns of a terminal that does not tell its width.
const USUAL_COLUMNS: usize = 80;

/// Columns of the terminal that standard output is; none where it is not one.
pub(crate) fn columns() -> Option<usize> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| terminal.size_checked().map_or(USUAL_COLUMNS, |(_, columns)| usize::from(columns)))
}

enum Draw {
    /// Text above the rows.
    Text(Shown),
    /// The rows, as the latest report has them.
    Rows,
}

/// The way to the painter.
#[derive(Debug)]
pub(super) struct Live {
    /// None once it has ended.
    draws: Option<SyncSender<Draw>>,
    painter: Option<JoinHandle<()>>,
    /// What the painter draws next. A plain lock, held to put it there or to take it.
    latest: Arc<Mutex<Option<Report>>>,
    /// When a report was made last, and how long that took.
    last: Mutex<Option<(Instant, Duration)>>,
}

impl Live {
    pub(super) fn begin() -> Self {
        let (draws, received) = sync_channel(WAITING_MAX);
        let latest = Arc::<Mutex<Option<Report>>>::default();
        let next = latest.clone();
        // Where the machine gives no thread nothing is drawn; the last word is said by whoever waits.
        let painter = std::thread::Builder::new().name("view".into()).spawn(move || paint(&received, &next));
        Self { draws: Some(draws), painter: painter.ok(), latest, last: Mutex::default() }
    }

    /// A text above the rows.
    pub(super) fn say(&self, text: Shown) {
        if let Some(draws) = &self.draws {
            // A terminal that stands still misses remarks.
            drop(draws.try_send(Draw::Text(text)));
        }
    }

    /// Has the rows drawn, unless a report of them would take more than a small part of the time: a fan-out of thousands
    /// becomes durable in hundreds of pieces. What is passed over is drawn with the next piece, or at the end.
    pub(super) fn show_in_time(&self, report: impl FnOnce() -> Report) {
        let Some(draws) = &self.draws else { return };
        if self.last.lock().is_some_and(|(made, took)| made.elapsed() < took * SHARE) {
            return;
        }
        let begun = Instant::now();
        *self.latest.lock() = Some(report());
        *self.last.lock() = Some((Instant::now(), begun.elapsed()));
        // Where the painter is behind it finds the latest report when it comes to it.
        drop(draws.try_send(Draw::Rows));
    }

    /// Leaves the rows on the screen as they are: nothing more is drawn. A terminal that stands still is not waited for.
    pub(super) fn end(&mut self) {
        self.draws = None;
        let end = Instant::now() + LAST_DRAW;
        while self.painter.as_ref().is_some_and(|painter| !painter.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Draws the rows for the last time, and waits until they are on the screen.
    pub(super) fn conclude(&mut self, report: &Report) {
        if let Some(draws) = self.draws.take() {
            *self.latest.lock() = Some(report.clone());
            // A painter that has gone draws nothing.
            drop(draws.send(Draw::Rows));
        }
        if let Some(painter) = self.painter.take() {
            drop(painter.join());
        }
    }
}

fn paint(received: &Receiver<Draw>, latest: &Mutex<Option<Report>>) {
    let mut rows = Rows::default();
    for draw in received {
        match draw {
            Draw::Text(text) => {
                out::pass(&text);
                out::settle();
            }
            Draw::Rows => {
                let report = latest.lock().take();
                report.iter().for_each(|report| rows.show(report));
            }
        }
    }
    if rows.drawn.is_empty() {
        return;
    }
    rows.drawn.iter().for_each(|(_, bar)| bar.abandon());
    out::leave_rows();
    // A bar that is dropped would be taken off the screen by the next one that is drawn.
    std::mem::forget(rows);
}

/// The rows as they are drawn.
#[derive(Default)]
struct Rows {
    drawn: Vec<(Row, ProgressBar)>,
}

impl Rows {
    fn show(&mut self, report: &Report) {
        let mut rows = rows_of(report);
        if rows.len() > ROWS_MAX {
            let hidden = rows.len() - ROWS_MAX + 1;
            rows.truncate(ROWS_MAX - 1);
            let name = shown!("and {} more", hidden);
            rows.push(Row { mark: Mark::Waiting, name, us: None, text: Shown::default() });
        }
        for (place, row) in rows.into_iter().enumerate() {
            match self.drawn.get_mut(place) {
                Some((drawn, bar)) if *drawn != row => {
                    draw(bar, &row);
                    *drawn = row;
                }
                Some(_) => {}
                None => {
                    let bar = out::bars().add(ProgressBar::no_length());
                    draw(&bar, &row);
                    self.drawn.push((row, bar));
                }
            }
        }
    }
}

fn draw(bar: &ProgressBar, row: &Row) {
    // The templates are constants, so they are right; a wrong one would only lose the style.
    let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    if row.mark == Mark::Running {
        bar.reset_elapsed();
        bar.set_style(style("  {spinner:.cyan} {prefix:<20} {elapsed:>9}   {wide_msg}"));
        bar.set_prefix(row.name.as_str().to_owned());
        bar.set_message(row.text.as_str().to_owned());
        bar.enable_steady_tick(TICK);
    } else {
        bar.disable_steady_tick();
        bar.set_style(style("{msg}"));
        bar.set_message(row.lines(Some(columns().unwrap_or(USUAL_COLUMNS))).as_str().to_owned());
        bar.tick();
    }
}
