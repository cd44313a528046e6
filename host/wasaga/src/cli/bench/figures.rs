//! The figures of one run, and how people read them.

use serde::Serialize;
use wasaga_core::Kind;

use crate::shown::{Shown, shown};
use crate::text;

/// The figures. Times are in microseconds.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) module: String,
    pub(super) kind: Kind,
    pub(super) definition: String,
    pub(super) journal: String,
    pub(super) durability: String,
    pub(super) in_flight: u32,
    pub(super) seconds: f64,
    pub(super) transactions: u64,
    pub(super) per_second: f64,
    pub(super) p50_us: u64,
    pub(super) p90_us: u64,
    pub(super) p99_us: u64,
    pub(super) max_us: u64,
    pub(super) cpu_us_per_transaction: f64,
    /// The part of it that is the journal's writer; 0 for a journal that has none.
    pub(super) writer_cpu_us_per_transaction: f64,
    pub(super) calls_per_transaction: f64,
    pub(super) instances_per_transaction: f64,
    pub(super) appends_per_transaction: f64,
    pub(super) records_per_transaction: f64,
    pub(super) flushes_per_second: f64,
    pub(super) appends_per_flush: f64,
    /// What the kernel was given to write to disks; none where it does not tell.
    pub(super) disk_bytes_per_transaction: Option<f64>,
    /// System calls that write; none where the kernel does not tell.
    pub(super) write_calls_per_transaction: Option<f64>,
    /// The first call of the transaction repeated in the sandbox alone, one after the other.
    pub(super) call_us: Option<f64>,
    /// The same call through wasmtime alone, in turns with those.
    pub(super) bare_call_us: Option<f64>,
    /// Median of one write and flush of 4 KiB beside the journal; none for a journal in memory.
    pub(super) disk_flush_us: Option<f64>,
    pub(super) peak_memory_bytes: u64,
    pub(super) not_completed: u64,
}

pub(super) fn table(figures: &Figures) -> Shown {
    let Figures { module, kind, definition, journal, durability, in_flight, seconds, .. } = figures;
    let us = |us: u64| text::span(us);
    let row = |name: &str, value: String, note: String| vec![shown!("  {}", name), Shown::of(value), Shown::of(note)];
    let mut rows = vec![
        row(
            "transactions/s",
            format!("{:.0}", figures.per_second),
            format!("{} in {seconds:.1} s", figures.transactions),
        ),
        row("latency p50", us(figures.p50_us), format!("{in_flight} in flight")),
        row("latency p90", us(figures.p90_us), String::new()),
        row("latency p99", us(figures.p99_us), format!("max {}", us(figures.max_us))),
        row(
            "CPU a transaction",
            format!("{:.0} µs", figures.cpu_us_per_transaction),
            match figures.writer_cpu_us_per_transaction {
                0.0 => "user and system, all threads".into(),
                writer => format!("user and system, all threads; {writer:.0} µs of it the journal's writer"),
            },
        ),
        row(
            "calls",
            format!("{:.2}", figures.calls_per_transaction),
            format!("{:.2} instances made", figures.instances_per_transaction),
        ),
        row(
            "appends",
            format!("{:.2}", figures.appends_per_transaction),
            format!("{:.2} records", figures.records_per_transaction),
        ),
        row("peak memory", text::size(figures.peak_memory_bytes), String::new()),
    ];
    if let Some(flush) = figures.disk_flush_us {
        let shared = format!("{:.1} appends share one", figures.appends_per_flush);
        rows.push(row("flushes/s", format!("{:.0}", figures.flushes_per_second), shared));
        rows.push(row("the disk's flush", format!("{flush:.0} µs"), "median of 64, alone, before the run".into()));
    }
    if let Some(bytes) = figures.disk_bytes_per_transaction.filter(|_| figures.disk_flush_us.is_some()) {
        let calls = figures.write_calls_per_transaction.unwrap_or(0.0);
        rows.push(row("written", text::size(bytes as u64), format!("a transaction, by {calls:.1} system calls")));
    }
    if let Some((call, bare)) = figures.call_us.zip(figures.bare_call_us) {
        let share = (call / bare - 1.0) * 100.0;
        rows.push(row(
            "a call",
            format!("{call:.1} µs"),
            format!("{bare:.1} µs in wasmtime alone: {share:+.0} % ours"),
        ));
    }
    if figures.not_completed > 0 {
        rows.push(row(
            "not completed",
            figures.not_completed.to_string(),
            "compensated, cancelled, stuck or terminated".into(),
        ));
    }
    let head = shown!("{} `{}` of `{}` on {} ({})", kind, definition, module, journal, durability);
    shown!("{}\n\n{}", head, text::table(&rows))
}
