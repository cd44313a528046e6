//! Rows on a terminal, each with its state, attempts and time, drawn anew as records become durable.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use wasaga_core::Report;

use super::row::{Mark, Row, rows_of};

/// Rows that are drawn; a fan-out with more items is summed up in the last.
const ROWS_MAX: usize = 40;
/// Drawing takes one part in so many of the time.
const SHARE: u32 = 20;
/// How often a row that runs shows its time.
const TICK: Duration = Duration::from_millis(80);

/// The rows as they are drawn.
#[derive(Debug, Default)]
pub(super) struct Live {
    drawn: Vec<(Row, ProgressBar)>,
    ended: bool,
    /// When the rows were drawn last, and how long that took.
    last: Option<(Instant, Duration)>,
}

impl Live {
    /// Draws the rows, unless that would take more than a small part of the time: a fan-out of thousands becomes
    /// durable in hundreds of pieces. What is passed over is drawn with the next piece, or at the end.
    pub(super) fn show_in_time(&mut self, report: impl FnOnce() -> Report) {
        if self.last.is_some_and(|(drawn, took)| drawn.elapsed() < took * SHARE) {
            return;
        }
        let begun = Instant::now();
        self.show(&report());
        self.last = Some((Instant::now(), begun.elapsed()));
    }

    pub(super) fn show(&mut self, report: &Report) {
        if self.ended {
            return;
        }
        let mut rows = rows_of(report);
        if rows.len() > ROWS_MAX {
            let hidden = rows.len() - ROWS_MAX + 1;
            rows.truncate(ROWS_MAX - 1);
            rows.push(Row { mark: Mark::Waiting, name: format!("and {hidden} more"), us: None, text: String::new() });
        }
        for (place, row) in rows.into_iter().enumerate() {
            match self.drawn.get_mut(place) {
                Some((drawn, bar)) if *drawn != row => {
                    draw(bar, &row);
                    *drawn = row;
                }
                Some(_) => {}
                None => {
                    let bar = crate::logs::view().add(ProgressBar::no_length());
                    draw(&bar, &row);
                    self.drawn.push((row, bar));
                }
            }
        }
    }

    /// Leaves the rows on the screen as they are.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            for (_, bar) in &self.drawn {
                bar.abandon();
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
        bar.set_prefix(row.name.clone());
        bar.set_message(row.text.clone());
        bar.enable_steady_tick(TICK);
    } else {
        bar.disable_steady_tick();
        bar.set_style(style("{wide_msg}"));
        bar.set_message(row.line());
        bar.tick();
    }
}
