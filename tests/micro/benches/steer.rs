//! What every transaction passes through, part by part. Compare figures of one run: machines differ.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::cell::Cell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wasaga_core::{Record, Transaction};
use wasaga_journal::memory::Memory;
use wasaga_journal::sqlite::{Options, Sqlite};
use wasaga_journal::{HostId, Journal};
use wasaga_micro::{append, create, plan, run};

/// Appends that wait together, as with so many transactions in flight.
const IN_FLIGHT: u128 = 64;

fn core(c: &mut Criterion) {
    let plan = plan();
    let records: Vec<Record> = run(&plan, 1).into_iter().flat_map(|step| step.records).collect();
    let texts: Vec<String> = records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    let mut group = c.benchmark_group("a saga of three steps");
    group.bench_function("all decisions", |b| b.iter(|| black_box(run(&plan, 1))));
    group.bench_function("records to text", |b| {
        b.iter(|| records.iter().map(|record| serde_json::to_string(record).unwrap().len()).sum::<usize>());
    });
    group.bench_function("text to records", |b| {
        b.iter(|| texts.iter().map(|text| serde_json::from_str::<Record>(text).unwrap()).collect::<Vec<_>>());
    });
    group.bench_function("replay", |b| b.iter(|| Transaction::replay(&plan, black_box(&records)).unwrap()));
}

/// The time of one append where many wait together; the disk's flush is in it.
fn journals(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, options: &str| -> Options {
        format!("{}{options}", directory.path().join(name).display()).parse().unwrap()
    };
    let full = runtime.block_on(Sqlite::open(file("full.db", ""))).unwrap();
    let off = runtime.block_on(Sqlite::open(file("off.db", "?synchronous=off"))).unwrap();
    let journals: [(&str, &dyn Journal); 3] =
        [("memory", &Memory::new()), ("SQLite, flushed", &full), ("SQLite, never flushed", &off)];
    let plan = plan();
    let mut group = c.benchmark_group("four appends of each of 64 transactions");
    group.throughput(Throughput::Elements(4 * IN_FLIGHT as u64)).sample_size(30);
    for (name, journal) in journals {
        let _inside = runtime.enter();
        runtime.block_on(journal.join(&HostId("micro".into()), wasaga_core::RECORD_VERSION)).unwrap();
        let next = Cell::new(0_u128);
        let batch = || {
            let first = next.replace(next.get() + IN_FLIGHT);
            (first..first + IN_FLIGHT).map(|number| run(&plan, number)).collect::<Vec<_>>()
        };
        let write = |transactions: Vec<Vec<wasaga_core::Commit>>| {
            let all = transactions.into_iter().map(|steps| async move {
                for step in steps {
                    if step.before.0 == 0 {
                        journal.create(create(step)).await.unwrap();
                    } else {
                        journal.append(append(step)).await.unwrap();
                    }
                }
            });
            runtime.block_on(futures::future::join_all(all));
        };
        group.bench_function(name, |b| b.iter_batched(batch, write, BatchSize::LargeInput));
        runtime.block_on(journal.close());
    }
}

criterion_group!(benches, core, journals);
criterion_main!(benches);
