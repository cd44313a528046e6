//! Rows on a terminal, each with its state, attempts and time, drawn anew as records become durable. A thread of its own draws
//! them: a terminal that stands still stops no transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// Drawing takes one part in so many of the time.
const SHARE: u32 = 20;
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
    Rows(Box<Report>),
}

/// The way to the painter.
#[derive(Debug)]
pub(super) struct Live {
    /// None once it has ended.
    draws: Option<SyncSender<Draw>>,
    painter: Option<JoinHandle<()>>,
    /// Whether rows are on their way to the painter.
    is_busy: Arc<AtomicBool>,
    /// When the rows were drawn last, and how long that took.
    last: Arc<Mutex<Option<(Instant, Duration)>>>,
}

impl Live {
    pub(super) fn begin() -> Self {
        let (draws, received) = sync_channel(WAITING_MAX);
        let (is_busy, last) = (Arc::<AtomicBool>::default(), Arc::default());
        let (busy, drawn) = (is_busy.clone(), Arc::clone(&last));
        // Where the machine gives no thread nothing is drawn; the last word is said by whoever waits.
        let painter = std::thread::Builder::new().name("view".into()).spawn(move || paint(&received, &busy, &drawn));
        Self { draws: Some(draws), painter: painter.ok(), is_busy, last }
    }

    /// A text above the rows.
    pub(super) fn say(&self, text: Shown) {
        if let Some(draws) = &self.draws {
            // A terminal that stands still misses remarks.
            drop(draws.try_send(Draw::Text(text)));
        }
    }

    /// Draws the rows, unless that would take more than a small part of the time: a fan-out of thousands becomes
    /// durable in hundreds of pieces. What is passed over is drawn with the next piece, or at the end.
    pub(super) fn show_in_time(&self, report: impl FnOnce() -> Report) {
        let Some(draws) = &self.draws else { return };
        if self.last.lock().is_some_and(|(drawn, took)| drawn.elapsed() < took * SHARE) {
            return;
        }
        if !self.is_busy.swap(true, Ordering::AcqRel) && draws.try_send(Draw::Rows(Box::new(report()))).is_err() {
            self.is_busy.store(false, Ordering::Release);
        }
    }

    /// Leaves the rows on the screen as they are: nothing more is drawn.
    pub(super) fn end(&mut self) {
        self.draws = None;
    }

    /// Draws the rows for the last time, and waits until they are on the screen.
    pub(super) fn conclude(&mut self, report: &Report) {
        if let Some(draws) = self.draws.take() {
            // A painter that has gone draws nothing.
            drop(draws.send(Draw::Rows(Box::new(report.clone()))));
        }
        if let Some(painter) = self.painter.take() {
            drop(painter.join());
        }
    }
}

fn paint(received: &Receiver<Draw>, is_busy: &AtomicBool, last: &Mutex<Option<(Instant, Duration)>>) {
    let mut rows = Rows::default();
    for draw in received {
        match draw {
            Draw::Text(text) => {
                out::pass(&text);
                out::settle();
            }
            Draw::Rows(report) => {
                let begun = Instant::now();
                rows.show(&report);
                *last.lock() = Some((Instant::now(), begun.elapsed()));
                is_busy.store(false, Ordering::Release);
            }
        }
    }
    rows.drawn.iter().for_each(|(_, bar)| bar.abandon());
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
