//! Runs seeds on all cores, shows how far it is, and shows a failure so that a person can begin to
//! think: the seed, the smallest scenario that still fails, its journal, and the command.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use wasaga_simulator::checker::{self, Spread, Violation};
use wasaga_simulator::log::Counts;
use wasaga_simulator::{check_seed, draw, run as play, show, shrink};

/// Real time after which a run is taken for one that goes round and round: none takes a second.
const HANGS_AFTER: Duration = Duration::from_secs(20);
/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Which seeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) from: u64,
    pub(crate) count: u64,
    pub(crate) threads: usize,
}

/// What workers share.
struct Shared {
    next: AtomicU64,
    end: u64,
    stop: AtomicBool,
    /// Since when each worker is at its seed.
    at: Vec<parking_lot::Mutex<Option<(u64, Instant)>>>,
}

enum News {
    Done(Counts),
    Failed(u64, Vec<Violation>),
}

/// Runs them. The process ends with 1 where one fails.
pub(crate) fn run(order: &Order, quiet: bool) -> ExitCode {
    let began = Instant::now();
    let shared = Arc::new(Shared {
        next: AtomicU64::new(order.from),
        end: order.from.saturating_add(order.count),
        stop: AtomicBool::new(false),
        at: (0..order.threads).map(|_| parking_lot::Mutex::default()).collect(),
    });
    // As many messages as workers can make while the terminal is slow.
    let (tell, news) = mpsc::sync_channel(1_024);
    for worker in 0..order.threads {
        let (shared, tell) = (shared.clone(), tell.clone());
        std::thread::spawn(move || work(&shared, worker, &tell));
    }
    drop(tell);
    let (counts, failed) = listen(&shared, &news, began, quiet);
    println!("{}", summary(&counts, began.elapsed(), order.threads));
    let Spread { short, long } = counts.spread;
    match failed {
        None if counts.spread.is_lopsided() => {
            let seed = order.from;
            println!("FOUND seed {seed}: time: jitter goes one way: {short} delays are shorter for it, {long} longer");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
        Some((seed, violations)) => {
            println!("FOUND seed {seed}: {}", violations.first().map(ToString::to_string).unwrap_or_default());
            if !quiet {
                explain(seed, &violations);
            }
            ExitCode::FAILURE
        }
    }
}

fn work(shared: &Shared, worker: usize, tell: &mpsc::SyncSender<News>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let seed = shared.next.fetch_add(1, Ordering::Relaxed);
        if seed >= shared.end {
            break;
        }
        *shared.at[worker].lock() = Some((seed, Instant::now()));
        let checked = std::panic::catch_unwind(|| check_seed(seed));
        *shared.at[worker].lock() = None;
        let told = match checked {
            Ok((counts, violations)) if violations.is_empty() => tell.send(News::Done(counts)),
            Ok((_, violations)) => tell.send(News::Failed(seed, violations)),
            Err(_) => tell.send(News::Failed(seed, vec![panicked()])),
        };
        if told.is_err() {
            break;
        }
    }
}

fn panicked() -> Violation {
    Violation { rule: "rest", id: None, what: "the run panicked".into() }
}

/// Collects what workers tell, until all are done. Of several failures the lowest seed is the one.
fn listen(
    shared: &Shared,
    news: &mpsc::Receiver<News>,
    began: Instant,
    quiet: bool,
) -> (Counts, Option<(u64, Vec<Violation>)>) {
    let (mut counts, mut failed) = (Counts::default(), None::<(u64, Vec<Violation>)>);
    let mut shown = Instant::now();
    loop {
        match news.recv_timeout(Duration::from_millis(200)) {
            Ok(News::Done(more)) => counts.add(&more),
            Ok(News::Failed(seed, violations)) => {
                shared.stop.store(true, Ordering::Relaxed);
                if failed.as_ref().is_none_or(|(lowest, _)| seed < *lowest) {
                    failed = Some((seed, violations));
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return (counts, failed),
        }
        let hanging = shared.at.iter().find_map(|at| at.lock().filter(|(_, since)| since.elapsed() > HANGS_AFTER));
        if let Some((seed, _)) = hanging {
            println!("FOUND seed {seed}: rest: it goes round and round without any time passing");
            println!("again: cargo xtask simulate --seeds 1 --from {seed}");
            std::process::exit(1);
        }
        if !quiet && shown.elapsed() > SHOW_EVERY && std::io::stderr().is_terminal() {
            shown = Instant::now();
            let total = shared.end - (shared.next.load(Ordering::Relaxed) - counts.runs).min(shared.end);
            let rate = counts.runs as f64 / began.elapsed().as_secs_f64();
            // Progress that cannot be shown is no failure.
            let _ = write!(std::io::stderr(), "\r{} of {total} seeds, {rate:.0} a second ", counts.runs);
        }
    }
}

fn summary(counts: &Counts, took: Duration, threads: usize) -> String {
    let seconds = took.as_secs_f64();
    format!(
        "{} runs: {} transactions, {} calls, {} appends, {} faults, {} deaths, {} operators' words; \
         {seconds:.1} s on {threads} threads, {:.0} seeds/s",
        counts.runs,
        counts.transactions,
        counts.calls,
        counts.appends,
        counts.faults,
        counts.deaths,
        counts.words,
        counts.runs as f64 / seconds
    )
}

/// Shrinks a failure and shows it.
fn explain(seed: u64, violations: &[Violation]) {
    let Some(first) = violations.first() else { return };
    for violation in violations.iter().skip(1).take(9) {
        println!("          {violation}");
    }
    println!("shrinking; this takes some seconds");
    let smallest = Arc::new(shrink::shrink(draw::draw(seed), first.rule));
    let evidence = play(&smallest);
    println!("\nthe smallest scenario that breaks `{}`:\n\n{}", first.rule, show::scenario(&smallest));
    println!("what happened in it:\n\n{}", show::evidence(&evidence));
    for violation in checker::check(&smallest, &evidence) {
        println!("{violation}");
    }
    println!("\nagain: cargo xtask simulate --seeds 1 --from {seed}");
}
