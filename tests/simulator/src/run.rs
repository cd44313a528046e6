//! One run: hosts begin, transactions are started, operators interfere, things go wrong; then all is
//! calm, what came to rest is seen to, and everything must end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use wasaga_core::Report;
use wasaga_core::{Status, TransactionId};
use wasaga_journal::{Filter, Journal as _, Page, Row};

use crate::callers::Callers;
use crate::hosts::Hosts;
use crate::log::Evidence;
use crate::scenario::Scenario;
use crate::stage::{Randomness, Stage};

/// How long after the calm everything may take to come to rest. Far more than the sum of all
/// attempts, delays and timeouts that a scenario has.
const REST_MAX: Duration = Duration::from_secs(900);
/// How long all of it may take, with every mend. Beyond this somebody waits for what never comes.
const SETTLE_MAX: Duration = Duration::from_secs(4 * 3_600);
/// How long a host may take to answer about what rests.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any call takes.
const LONG: Duration = Duration::from_secs(30);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs a scenario to its end, on a clock of its own. Each time the same comes of it.
pub fn run(scenario: &Arc<Scenario>) -> Evidence {
    run_with(scenario, Randomness::Seed)
}

/// Runs a scenario to its end; with the machine's randomness each time another.
pub fn run_with(scenario: &Arc<Scenario>, randomness: Randomness) -> Evidence {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without IO needs nothing of the machine");
    runtime.block_on(play(scenario.clone(), randomness))
}

async fn play(scenario: Arc<Scenario>, randomness: Randomness) -> Evidence {
    let stage = Arc::new(Stage::new(scenario.clone(), randomness));
    let (hosts, ends) = Hosts::new(stage.clone());
    for (place, host) in scenario.hosts.iter().enumerate() {
        let hosts = hosts.clone();
        let begins = Duration::from_millis(host.begins_ms);
        tokio::spawn(async move {
            tokio::time::sleep(begins).await;
            hosts.begin(place).await;
        });
    }
    tokio::spawn(see_to_ends(hosts.clone(), ends));
    let callers = Arc::new(Callers::new(hosts.clone()));
    callers.begin();
    tokio::time::sleep(Duration::from_millis(scenario.calm_ms())).await;
    stage.be_calm();
    if tokio::time::timeout(SETTLE_MAX, settle(&hosts, &callers)).await.is_err() {
        stage.trouble("somebody waits for an answer that never comes".into());
    }
    gather(&stage, &hosts).await
}

async fn see_to_ends(hosts: Arc<Hosts>, mut ends: mpsc::UnboundedReceiver<usize>) {
    while let Some(number) = ends.recv().await {
        tokio::spawn(hosts.clone().end(number));
    }
}

/// Waits until all have come to rest, and mends what did not end, as long as there are mends.
async fn settle(hosts: &Arc<Hosts>, callers: &Callers) {
    let stage = &hosts.stage;
    let mut left = REST_MAX;
    let mut mends = stage.scenario.mends.clone().into_iter();
    while left > Duration::ZERO {
        tokio::time::sleep(LOOK_EVERY).await;
        left = left.saturating_sub(LOOK_EVERY);
        if !hosts.is_complete() || !callers.is_done() {
            continue;
        }
        let rows = rows(hosts).await;
        let resting: Vec<&Row> = rows.iter().filter(|row| !row.status.is_ended()).collect();
        if !resting.iter().all(|row| is_at_rest(stage, row)) {
            continue;
        }
        // What was answered late by a host that died may still be under way.
        let (Some(row), Some(mend)) = (resting.first(), mends.next()) else { return };
        callers.mend(row, mend).await;
        left = REST_MAX;
    }
    for row in rows(hosts).await.iter().filter(|row| !is_at_rest(stage, row)) {
        stage.trouble(format!("transaction {} does not come to rest: it is {}", row.id, row.status));
    }
    if !hosts.is_complete() {
        stage.trouble("a host does not begin".into());
    }
    if !callers.is_done() {
        stage.trouble("a caller is not answered".into());
    }
}

/// A host whose release failed may be named as the owner of what rests; then it must have rested long.
fn is_at_rest(stage: &Stage, row: &Row) -> bool {
    let rests = row.status == Status::Stuck || row.paused;
    row.status.is_ended() || (rests && (row.owner.is_none() || stage.time(0).since(row.updated) > LONG))
}

async fn rows(hosts: &Hosts) -> Vec<Row> {
    let all = Page { limit: usize::MAX, below: None };
    hosts.memory.list(&Filter::default(), all).await.unwrap_or_default()
}

/// What each host says of a transaction that has come to rest, asked and waited for.
async fn ask_all(stage: &Stage, hosts: &Hosts, id: TransactionId) -> Vec<Report> {
    let mut reports = Vec::new();
    for engine in hosts.engines(0) {
        for answer in [
            tokio::time::timeout(PATIENCE, engine.result(id)).await,
            tokio::time::timeout(PATIENCE, engine.wait(id)).await,
        ] {
            match answer {
                Ok(Ok(report)) => reports.push(report),
                Ok(Err(error)) => stage.trouble(format!("transaction {id} cannot be reported: {error}")),
                Err(_) => stage.trouble(format!("transaction {id} is not reported")),
            }
        }
    }
    reports
}

async fn gather(stage: &Stage, hosts: &Hosts) -> Evidence {
    // Effects that are still on their way arrive.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut ids: Vec<TransactionId> = rows(hosts).await.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    let (mut stored, mut reports) = (Vec::new(), Vec::new());
    for id in ids {
        stored.extend(hosts.memory.load(id).await.ok().flatten());
        reports.extend(ask_all(stage, hosts, id).await);
    }
    for engine in hosts.engines(0) {
        if tokio::time::timeout(PATIENCE, engine.drain(Duration::ZERO)).await.is_err() {
            stage.trouble("a host that drives nothing does not come to an end of its drain".into());
        }
    }
    let (present, confirmed) = {
        let partner = stage.partner.lock();
        (partner.present(), partner.confirmed())
    };
    let troubles = std::mem::take(&mut *stage.troubles.lock());
    Evidence { log: stage.take_log(), stored, reports, present, confirmed, troubles }
}
