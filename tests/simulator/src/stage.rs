//! What all parts of a run share: its clock, its log, the partner that guests call, and who lives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wasaga_core::{Operation, Outcome, Timestamp, TransactionId};
use wasaga_engine::clock::{Machine, World};
use wasaga_journal::HostId;

use crate::chance::Chance;
use crate::log::{Entry, What};
use crate::scenario::{HostEnd, Lack, Scenario, ScriptKey};

/// Where virtual time begins.
const EPOCH_US: u64 = 1_750_000_000_000_000;

/// One run's shared part.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) scenario: Arc<Scenario>,
    randomness: Randomness,
    began: Instant,
    log: Mutex<Vec<Entry>>,
    pub(crate) partner: Mutex<Partner>,
    /// Journal operations so far: writes, and all others.
    pub(crate) operations: [AtomicU64; 2],
    calm: AtomicBool,
    pub(crate) invocations: AtomicU64,
    pub(crate) troubles: Mutex<Vec<String>>,
}

/// What the guests' partner knows. It honours idempotency keys, and keeps the barrier of
/// semantics.md: what comes after its undoing is passed over.
#[derive(Debug, Default)]
pub(crate) struct Partner {
    units: BTreeMap<(TransactionId, String, Option<u32>), Effects>,
    /// How often each operation was called.
    pub(crate) visits: BTreeMap<ScriptKey, usize>,
}

#[derive(Debug, Default)]
struct Effects {
    done: bool,
    undone: bool,
    /// What was tried is made final.
    confirmed: bool,
    /// The attempts that did it.
    by: BTreeSet<u32>,
    /// Attempts that were answered with no, and how: what they still bring is passed over, and who
    /// asks again is told the same.
    closed: BTreeMap<u32, Outcome>,
}

/// One operation of one unit at the partner.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) id: TransactionId,
    pub(crate) node: String,
    pub(crate) item: Option<u32>,
    pub(crate) operation: Operation,
    pub(crate) attempt: u32,
}

impl Partner {
    fn unit(&mut self, visit: &Visit) -> &mut Effects {
        self.units.entry((visit.id, visit.node.clone(), visit.item)).or_default()
    }

    /// Takes an effect; says what became of it.
    pub(crate) fn take(&mut self, visit: &Visit) -> &'static str {
        let unit = self.unit(visit);
        match visit.operation {
            Operation::Run | Operation::Try if unit.closed.contains_key(&visit.attempt) => {
                "passed over: the attempt was refused"
            }
            Operation::Run | Operation::Try if unit.undone => "passed over: it was undone",
            Operation::Run | Operation::Try => {
                unit.by.insert(visit.attempt);
                if std::mem::replace(&mut unit.done, true) { "done already" } else { "done" }
            }
            Operation::Confirm => {
                if std::mem::replace(&mut unit.confirmed, true) {
                    "confirmed already"
                } else {
                    "confirmed"
                }
            }
            Operation::Compensate | Operation::Cancel => {
                if std::mem::replace(&mut unit.undone, true) {
                    "undone already"
                } else {
                    "undone"
                }
            }
        }
    }

    /// Whether this very attempt has done it: then it cannot be answered with no.
    pub(crate) fn has_done(&mut self, visit: &Visit) -> bool {
        let unit = self.unit(visit);
        match visit.operation {
            Operation::Run | Operation::Try => unit.by.contains(&visit.attempt) && !unit.undone,
            Operation::Compensate | Operation::Confirm | Operation::Cancel => false,
        }
    }

    /// Remembers that this attempt was answered with no.
    pub(crate) fn close(&mut self, visit: &Visit, answer: &Outcome) {
        if visit.operation.is_forward() {
            self.unit(visit).closed.insert(visit.attempt, answer.clone());
        }
    }

    /// The no that this attempt was answered with.
    pub(crate) fn refusal(&mut self, visit: &Visit) -> Option<Outcome> {
        match visit.operation {
            Operation::Run | Operation::Try => self.unit(visit).closed.get(&visit.attempt).cloned(),
            Operation::Compensate | Operation::Confirm | Operation::Cancel => None,
        }
    }

    /// Participants that were told to make it final.
    pub(crate) fn confirmed(&self) -> Vec<(TransactionId, String, Option<u32>)> {
        self.units.iter().filter(|(_, unit)| unit.confirmed).map(|(unit, _)| unit.clone()).collect()
    }

    /// Units whose effect is there.
    pub(crate) fn present(&self) -> Vec<(TransactionId, String, Option<u32>)> {
        self.units.iter().filter(|(_, unit)| unit.done && !unit.undone).map(|(unit, _)| unit.clone()).collect()
    }
}

impl Stage {
    pub(crate) fn new(scenario: Arc<Scenario>, randomness: Randomness) -> Self {
        Self {
            scenario,
            randomness,
            began: Instant::now(),
            log: Mutex::default(),
            partner: Mutex::default(),
            operations: Default::default(),
            calm: AtomicBool::new(false),
            invocations: AtomicU64::new(0),
            troubles: Mutex::default(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether so much virtual time has passed.
    pub(crate) fn is_over(&self, at_ms: u64) -> bool {
        self.elapsed() >= Duration::from_millis(at_ms)
    }

    pub(crate) fn note(&self, what: What) {
        let at_us = self.elapsed().as_micros() as u64;
        self.log.lock().push(Entry { at_us, what });
    }

    pub(crate) fn trouble(&self, what: String) {
        self.troubles.lock().push(what);
    }

    pub(crate) fn take_log(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.log.lock())
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(crate) fn be_calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.note(What::Calm);
    }

    /// Whether modules cannot be had for this reason now.
    pub(crate) fn lacks(&self, lack: Lack) -> bool {
        !self.is_calm() && self.scenario.lacks(lack, self.elapsed().as_millis() as u64)
    }

    /// What a clock that is so far ahead shows.
    pub(crate) fn time(&self, skew_ms: u64) -> Timestamp {
        Timestamp::from_unix_us(EPOCH_US + self.elapsed().as_micros() as u64).after_ms(skew_ms)
    }
}

/// One host's life, as its journal and its guests see it. Once it is over neither does anything for
/// it any more: that is what death looks like from outside.
#[derive(Debug)]
pub(crate) struct Living {
    pub(crate) number: usize,
    pub(crate) place: usize,
    dead: AtomicBool,
    pub(crate) host: Mutex<Option<HostId>>,
    /// How often it has joined.
    pub(crate) joined: AtomicU64,
    /// When it said last to the journal that it lives.
    pub(crate) beat: Mutex<Instant>,
    /// Appends and calls so far.
    pub(crate) appends: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) end: Option<HostEnd>,
    /// Is told that this life is over before its time.
    pub(crate) over: mpsc::UnboundedSender<usize>,
}

impl Living {
    pub(crate) fn new(number: usize, place: usize, end: Option<HostEnd>, over: mpsc::UnboundedSender<usize>) -> Self {
        Self {
            number,
            place,
            dead: AtomicBool::new(false),
            host: Mutex::default(),
            joined: AtomicU64::new(0),
            beat: Mutex::new(Instant::now()),
            appends: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            end,
            over,
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Cuts it off; true the first time.
    pub(crate) fn die(&self) -> bool {
        !self.dead.swap(true, Ordering::Relaxed)
    }

    /// Goes on while it lives, and never after.
    pub(crate) async fn gate(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Says that its end has come. Who sees to it decides how it ends.
    pub(crate) fn ends_now(&self) {
        // The receiver lives as long as the run.
        let _ = self.over.send(self.number);
    }
}

/// Where a host's random bits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Randomness {
    /// They follow from the seed, so that a run can be had again.
    Seed,
    /// From where those of a real host come.
    Machine,
}

/// A host's clock and chance.
#[derive(Debug)]
pub(crate) struct HostWorld {
    stage: Arc<Stage>,
    skew_ms: u64,
    chance: Mutex<Chance>,
}

impl HostWorld {
    pub(crate) fn new(stage: Arc<Stage>, skew_ms: u64, seed: u64) -> Self {
        Self { stage, skew_ms, chance: Mutex::new(Chance::new(seed)) }
    }
}

impl World for HostWorld {
    fn now(&self) -> Timestamp {
        self.stage.time(self.skew_ms)
    }

    fn random(&self) -> u128 {
        if self.stage.randomness == Randomness::Machine {
            return Machine.random();
        }
        let mut chance = self.chance.lock();
        (u128::from(chance.bits()) << 64) | u128::from(chance.bits())
    }
}
