//! `wasaga bench`: transactions a second, latencies, and where the time goes. In the same run it
//! measures the disk's flush and a bare wasmtime call, so that figures of one machine compare with
//! those of another.

mod figures;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use wasaga_core::{Answer, Call, Digest, Name, NotMade, definition};
use wasaga_engine::port::{Guest, Guests, LoadError};
use wasaga_engine::{Engine, Recover, StartRequest};
use wasaga_sandbox::{Module, Sandbox, Settings};

use crate::exit::{BadInput, Exit, print_json};
use crate::loading::{self, Providers, add_module, add_providers};
use crate::options::{GuestOptions, JournalOptions, Speech};
use crate::{input, out, text, wiring};
use figures::{Figures, table};

/// The longest latency that is told apart, in microseconds: ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// The module: a component, a `.wasm` file
    file: PathBuf,
    /// Which of its sagas and TCCs; may be left out where there is one
    definition: Option<String>,
    #[command(flatten)]
    providers: Providers,
    /// What each is started with: JSON, `@FILE`, or `-`
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    input: String,
    /// Transactions in flight at once
    #[arg(long, short = 'n', default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: u32,
    /// How long it is measured, in seconds
    #[arg(long, short, default_value_t = 5.0)]
    seconds: f64,
    /// How long it runs before that, in seconds
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// How many calls one instance may serve at most; 1 makes a fresh one for every call
    #[arg(long, value_name = "CALLS")]
    calls_per_instance: Option<u32>,
    #[command(flatten)]
    journal: JournalOptions,
    #[command(flatten)]
    guests: GuestOptions,
}

impl Bench {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        if !(self.seconds > 0.0 && self.seconds <= 3_600.0 && (0.0..=3_600.0).contains(&self.warm_up)) {
            return Err(BadInput::new("`--seconds` is above 0 and at most 3600, `--warm-up` from 0 to 3600").into());
        }
        let input = input::json(&self.input)?;
        let bytes = input::module(&self.file)?;
        let providers = self.providers.read()?;
        // What it starts is for nothing, so it does not go into the user's own journal unasked.
        let journal = JournalOptions { journal: self.journal.journal.clone().or(Some("memory:".into())) };
        let journal = wiring::journal(&journal).await?;
        let calls_per_instance_max = self.calls_per_instance.unwrap_or(u32::MAX);
        let calls_max = self.in_flight.clamp(16, 1_024);
        let sandbox =
            wiring::sandbox(&self.guests, Settings { calls_max, calls_per_instance_max, ..Settings::default() })?;
        let tap = Arc::new(Tap { sandbox: sandbox.clone(), first: Arc::default() });
        let engine = wiring::engine(journal, tap.clone())
            .recover(Recover::Nothing)
            .in_flight_max(self.in_flight as usize)
            .start()
            .await?;
        let module = add_module(&engine, bytes, &self.file).await?;
        add_providers(&engine, providers).await?;
        let names = engine.definitions(module.digest)?;
        let definition = loading::choose(self.definition.as_deref(), &names, &module.description.name)?;
        let request = StartRequest::new(module.digest, definition.clone(), input);
        let figures = self.measure(&engine, &sandbox, request, &module.description.name, &definition).await;
        wiring::close(&engine).await;
        let cost = match tap.first.get() {
            Some(call) => sandbox.cost(call).await,
            None => None,
        };
        let (call_us, bare_call_us) = cost.map(|cost| (cost.sandbox_us, cost.bare_us)).unzip();
        let figures = Figures { call_us, bare_call_us, ..figures? };
        if speech.json {
            print_json(&figures)?;
        } else {
            out::answer(&table(&figures))?;
        }
        Ok(Exit::Completed)
    }

    async fn measure(
        &self,
        engine: &Engine,
        sandbox: &Sandbox,
        request: StartRequest,
        module: &str,
        definition: &Name,
    ) -> anyhow::Result<Figures> {
        let identity = engine.journal().identity();
        let disk_flush_us = match identity.location.strip_prefix("sqlite:") {
            Some(path) => Some(disk_flush_us(Path::new(path))?),
            None => None,
        };
        let kind = engine.plan(request.module, definition)?.kind();
        let Run { before, after, latencies, not_completed } = self.load(engine, sandbox, request).await?;
        let transactions = after.transactions - before.transactions;
        if transactions == 0 {
            return Err(BadInput::new("no transaction ended while it was measured (give it more `--seconds`)").into());
        }
        let seconds = (after.at - before.at).as_secs_f64();
        let each = |before: u64, after: u64| (after - before) as f64 / transactions as f64;
        let flushes = after.flushes - before.flushes;
        Ok(Figures {
            module: module.into(),
            kind,
            definition: definition.to_string(),
            durability: identity.durability.as_str().into(),
            journal: identity.location,
            in_flight: self.in_flight,
            seconds,
            transactions,
            per_second: transactions as f64 / seconds,
            p50_us: latencies.value_at_quantile(0.5),
            p90_us: latencies.value_at_quantile(0.9),
            p99_us: latencies.value_at_quantile(0.99),
            max_us: latencies.max(),
            cpu_us_per_transaction: each(before.cpu_us, after.cpu_us),
            writer_cpu_us_per_transaction: each(before.writer_cpu_us, after.writer_cpu_us),
            calls_per_transaction: each(before.calls, after.calls),
            instances_per_transaction: each(before.instances, after.instances),
            appends_per_transaction: each(before.appends, after.appends),
            records_per_transaction: each(before.records, after.records),
            flushes_per_second: flushes as f64 / seconds,
            appends_per_flush: if flushes == 0 {
                0.0
            } else {
                (after.appends - before.appends) as f64 / flushes as f64
            },
            disk_bytes_per_transaction: before.written.zip(after.written).map(|(b, a)| each(b.bytes, a.bytes)),
            write_calls_per_transaction: before.written.zip(after.written).map(|(b, a)| each(b.calls, a.calls)),
            call_us: None,
            bare_call_us: None,
            disk_flush_us,
            peak_memory_bytes: peak_memory_bytes(),
            not_completed,
        })
    }

    /// Keeps so many in flight, and reads the counters at both ends of what is measured.
    async fn load(&self, engine: &Engine, sandbox: &Sandbox, request: StartRequest) -> anyhow::Result<Run> {
        let load = Load::new(engine.clone(), request);
        let workers: Vec<_> = (0..self.in_flight).map(|_| tokio::spawn(load.clone().work())).collect();
        let progress = self.progress();
        watch(&load, &progress, "warming up", Duration::from_secs_f64(self.warm_up)).await;
        let before = Reading::take(engine, sandbox);
        load.begin();
        watch(&load, &progress, "measuring", Duration::from_secs_f64(self.seconds)).await;
        load.end();
        let after = Reading::take(engine, sandbox);
        progress.finish_and_clear();
        let mut run = Run { before, after, latencies: latencies()?, not_completed: 0 };
        for worker in workers {
            let done = worker.await??;
            run.latencies.add(&done.latencies)?;
            run.not_completed += done.not_completed;
        }
        Ok(run)
    }

    fn progress(&self) -> ProgressBar {
        let whole = ((self.warm_up + self.seconds) * 10.0) as u64;
        let style = ProgressStyle::with_template("  {msg:<24} {bar:40} {eta:>4}");
        let bar = out::bars().add(ProgressBar::new(whole.max(1)));
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

/// What came of a load.
struct Run {
    before: Reading,
    after: Reading,
    latencies: Histogram<u64>,
    not_completed: u64,
}

/// Latencies, none yet, to three digits.
fn latencies() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?)
}

/// Shows how it goes until the time has passed.
async fn watch(load: &Load, progress: &ProgressBar, what: &str, span: Duration) {
    let end = tokio::time::Instant::now() + span;
    while tokio::time::Instant::now() < end {
        let next = end.min(tokio::time::Instant::now() + Duration::from_millis(100));
        let before = load.ended.load(Ordering::Relaxed);
        tokio::time::sleep_until(next).await;
        let rate = (load.ended.load(Ordering::Relaxed) - before) * 10;
        progress.set_message(format!("{what}, {}/s", text::count(rate)));
        progress.inc(1);
    }
}

/// What all workers share.
#[derive(Clone)]
struct Load {
    engine: Engine,
    request: Arc<StartRequest>,
    /// Transactions that ended, also before the measurement.
    ended: Arc<AtomicU64>,
    phase: tokio::sync::watch::Sender<Phase>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// What one worker saw.
struct Done {
    latencies: Histogram<u64>,
    not_completed: u64,
}

impl Load {
    fn new(engine: Engine, request: StartRequest) -> Self {
        let phase = tokio::sync::watch::Sender::new(Phase::WarmUp);
        Self { engine, request: Arc::new(request), ended: Arc::default(), phase }
    }

    fn begin(&self) {
        self.phase.send_replace(Phase::Measured);
    }

    fn end(&self) {
        self.phase.send_replace(Phase::Over);
    }

    /// One transaction after the other.
    async fn work(self) -> anyhow::Result<Done> {
        let mut done = Done { latencies: latencies()?, not_completed: 0 };
        let phase = self.phase.subscribe();
        while *phase.borrow() != Phase::Over {
            let began = (Instant::now(), *phase.borrow());
            let started = self.engine.start((*self.request).clone()).await?;
            let report = self.engine.wait(started.id).await?;
            self.ended.fetch_add(1, Ordering::Relaxed);
            if began.1 == Phase::Measured {
                done.latencies.saturating_record(began.0.elapsed().as_micros() as u64);
                done.not_completed += u64::from(!report.status.is_success());
            }
        }
        Ok(done)
    }
}

/// Counters at one moment.
struct Reading {
    at: Instant,
    transactions: u64,
    calls: u64,
    instances: u64,
    appends: u64,
    records: u64,
    flushes: u64,
    cpu_us: u64,
    writer_cpu_us: u64,
    written: Option<Written>,
}

impl Reading {
    fn take(engine: &Engine, sandbox: &Sandbox) -> Self {
        let (stats, made) = (engine.stats(), sandbox.stats());
        Self {
            at: Instant::now(),
            transactions: [
                stats.completed,
                stats.compensated,
                stats.confirmed,
                stats.cancelled,
                stats.stuck,
                stats.terminated,
            ]
            .into_iter()
            .sum(),
            calls: made.calls,
            instances: made.instances,
            appends: stats.appends,
            records: stats.records,
            flushes: engine.journal().flushes(),
            cpu_us: cpu_us(Path::new("/proc/self/stat")),
            writer_cpu_us: writer_cpu_us(),
            written: written(),
        }
    }
}

/// What this process has written so far.
#[derive(Clone, Copy)]
struct Written {
    bytes: u64,
    calls: u64,
}

fn written() -> Option<Written> {
    let io = std::fs::read_to_string("/proc/self/io").ok()?;
    let field = |name: &str| io.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Some(Written { bytes: field("write_bytes:")?, calls: field("syscw:")? })
}

/// The sandbox, which remembers the first call that is made: to be timed alone afterwards.
#[derive(Debug)]
struct Tap {
    sandbox: Arc<Sandbox>,
    first: Arc<OnceLock<Call>>,
}

/// A module behind the tap.
#[derive(Debug)]
struct Tapped {
    module: Module,
    first: Arc<OnceLock<Call>>,
}

#[async_trait]
impl Guests for Tap {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError> {
        let module = self.sandbox.load(bytes).await?;
        Ok(Arc::new(Tapped { module, first: self.first.clone() }))
    }
}

#[async_trait]
impl Guest for Tapped {
    fn digest(&self) -> Digest {
        self.module.digest
    }

    fn description(&self) -> &Arc<definition::Module> {
        &self.module.description
    }

    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade> {
        self.first.get_or_init(|| (*call).clone());
        self.module.call(call).await
    }
}

/// CPU time so far, user and system, of the process or thread that this file of the kernel tells of.
fn cpu_us(stat: &Path) -> u64 {
    // Linux counts in hundredths of a second; the fields come after the name, which ends with `)`.
    const US_PER_TICK: u64 = 10_000;
    let stat = std::fs::read_to_string(stat).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * US_PER_TICK
}

fn writer_cpu_us() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let is_writer = |thread: &Path| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim_end() == wasaga_journal::sqlite::WRITER)
    };
    threads
        .map(|thread| thread.path())
        .filter(|thread| is_writer(thread))
        .map(|thread| cpu_us(&thread.join("stat")))
        .sum()
}

fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// The median of a few dozen writes and flushes of one block, in a file beside the journal.
fn disk_flush_us(journal: &Path) -> anyhow::Result<f64> {
    const TIMES: usize = 64;
    let directory = journal.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::tempfile_in(directory)?;
    let mut spans = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        spans.push(began.elapsed().as_nanos() as f64 / 1_000.0);
    }
    spans.sort_by(f64::total_cmp);
    Ok(spans[TIMES / 2])
}
