//! What sleeps is in the journal and not in memory. In a process of its own, for it measures the process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the support")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use support::*;
use wasaga_core::{Failure, Outcome};
use wasaga_journal::Journal;
use wasaga_journal::sqlite::{Options, Sqlite};

/// Transactions that sleep for an hour.
const SLEEPERS: usize = 20_000;
/// Bytes of the host's memory for each of them: 100,000 in 50 MB.
const BYTES_EACH: usize = 500;
/// What the first ones cost, which is not for them: connections, caches, tasks.
const FIRST: usize = 2_000;

/// The memory of this process that is in use.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}

/// C14: a retry in an hour holds no driver.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sleepers_cost_next_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options: Options = format!("{}?synchronous=off", directory.path().join("j.db").display()).parse().unwrap();
    let journal: Arc<dyn Journal> = Arc::new(Sqlite::open(options).await.unwrap());
    let guests = Scripted::new(chain(), |_| {
        let failure = Failure::new("busy", "not now");
        (Duration::ZERO, Outcome::Retryable { failure, after: Some(3_600_000) })
    });
    let engine = engine(journal, guests.clone()).await;
    let request = request(&engine).await;
    let start = |count: usize| {
        futures::stream::iter(0..count).for_each_concurrent(256, |_| async {
            engine.start(request.clone()).await.unwrap();
        })
    };
    let all_sleep = async || {
        while engine.stats().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    start(FIRST).await;
    all_sleep().await;
    guests.diary.lock().calls = Vec::new();
    let before = resident_bytes();
    start(SLEEPERS).await;
    all_sleep().await;
    guests.diary.lock().calls = Vec::new();
    let each = resident_bytes().saturating_sub(before) / SLEEPERS;
    assert!(each < BYTES_EACH, "each of {SLEEPERS} costs {each} bytes");
    assert_eq!(engine.stats().started as usize, FIRST + SLEEPERS);
}
