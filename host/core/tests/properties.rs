//! Random graphs under random schedules: answers of every kind in any order, time that passes,
//! hosts that die, operators that interfere. What must hold holds after every decision.

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use wasaga_core::definition::{self, CompensationPolicy, Source};
use wasaga_core::{Outcome, Status};
use world::*;

#[derive(Clone, Debug)]
struct Shape {
    depends_on: Vec<bool>,
    undoable: bool,
    critical: bool,
    at_most_once: bool,
    fan: bool,
    skipped: bool,
    attempts: u32,
    undo_attempts: Option<u32>,
}

fn shape() -> impl Strategy<Value = Shape> {
    let flags = (prop::bool::weighted(0.8), any::<bool>(), prop::bool::weighted(0.2));
    let kinds = (prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let tries = (1..4u32, prop::option::of(1..3u32));
    (prop::collection::vec(prop::bool::weighted(0.4), 8), flags, kinds, tries).prop_map(
        |(depends_on, (undoable, critical, at_most_once), (fan, skipped), (attempts, undo_attempts))| Shape {
            depends_on,
            undoable,
            critical,
            at_most_once,
            fan,
            skipped,
            attempts,
            undo_attempts,
        },
    )
}

fn graph() -> impl Strategy<Value = definition::Saga> {
    let policy = prop::sample::select(CompensationPolicy::ALL.to_vec());
    let bounds = (prop::option::of(1..4u32), prop::option::weighted(0.3, 1..20_000u64));
    (prop::collection::vec(shape(), 1..7), policy, bounds).prop_map(|(shapes, policy, (concurrency, deadline))| {
        let steps = shapes.iter().enumerate().map(|(i, shape)| built(i, shape)).collect();
        definition::Saga { compensation_policy: Some(policy), concurrency, deadline, ..saga(steps) }
    })
}

fn built(i: usize, shape: &Shape) -> definition::Step {
    let depends_on: Vec<String> = (0..i).filter(|d| shape.depends_on[*d]).map(|d| format!("s{d}")).collect();
    let mut one = step(&format!("s{i}"), &depends_on.iter().map(String::as_str).collect::<Vec<_>>());
    one.limits.retry = attempts(shape.attempts);
    one.at_most_once = shape.at_most_once;
    one.each = shape.fan.then(|| Source::Input(Some("/lines".into())));
    one.condition = shape.skipped.then(|| "no".into());
    match &mut one.compensation {
        Some(undo) if shape.undoable => {
            undo.critical = shape.critical;
            undo.limits.retry = shape.undo_attempts.and_then(attempts);
        }
        undo => *undo = None,
    }
    one
}

/// What the schedule does next; the number picks among what is there.
#[derive(Clone, Copy, Debug)]
enum Act {
    Complete(u8),
    Reject(u8),
    Retry(u8),
    Lose(u8),
    Pend(u8),
    Wait,
    Crash,
    Cancel,
    PauseAndResume,
    SeeToIt(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => any::<u8>().prop_map(Act::Complete),
        2 => any::<u8>().prop_map(Act::Reject),
        2 => any::<u8>().prop_map(Act::Retry),
        2 => any::<u8>().prop_map(Act::Lose),
        1 => any::<u8>().prop_map(Act::Pend),
        3 => Just(Act::Wait),
        2 => Just(Act::Crash),
        1 => Just(Act::Cancel),
        1 => Just(Act::PauseAndResume),
        1 => any::<u8>().prop_map(Act::SeeToIt),
    ]
}

/// What is known to the partners, told apart from the machine: units whose effect is or may be there.
#[derive(Default)]
struct Diary {
    maybe_done: BTreeSet<String>,
    /// Accepted and not finished: when a later answer says that nothing remains done, nothing does.
    pending: BTreeSet<String>,
    undone: BTreeSet<String>,
}

struct Run {
    world: World,
    diary: Diary,
    concurrency: usize,
    unwinding_since: Option<usize>,
}

impl Run {
    fn answer(&mut self, pick: u8, outcome: Outcome) {
        if self.world.calls.is_empty() {
            return;
        }
        let call = self.world.calls[usize::from(pick) % self.world.calls.len()].clone();
        let name = call.id.to_string();
        let unit = name.split(' ').next().unwrap_or_default().to_owned();
        let forward = name.contains(" run ");
        if forward {
            self.diary.pending.remove(&unit);
        }
        match (&outcome, forward) {
            (Outcome::Completed(_) | Outcome::Unknown { .. }, true) => {
                self.diary.maybe_done.insert(unit.clone());
            }
            (Outcome::Pending { .. }, true) => {
                self.diary.pending.insert(unit.clone());
            }
            (Outcome::Completed(_), false) => {
                self.diary.undone.insert(unit.clone());
            }
            _ => {}
        }
        self.world.answer(&unit, outcome);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Complete(pick) => self.answer(pick, done("1")),
            Act::Reject(pick) => self.answer(pick, rejected("no")),
            Act::Retry(pick) => self.answer(pick, retryable("busy")),
            Act::Lose(pick) => self.answer(pick, unknown()),
            Act::Pend(pick) => self.answer(pick, Outcome::Pending { poll: 500, token: None }),
            Act::Wait => {
                if self.world.transaction.due().is_some() {
                    self.world.wait();
                }
            }
            Act::Crash => {
                let lost = self.world.calls.iter().filter(|c| c.id.operation == wasaga_core::Operation::Run);
                let lost = lost.map(|c| c.id.to_string().split(' ').next().unwrap_or_default().to_owned());
                let fresh: Vec<String> = lost.filter(|unit| !self.diary.pending.contains(unit)).collect();
                self.diary.maybe_done.extend(fresh);
                self.world.crash();
            }
            Act::Cancel => {
                let asked = self.world.transaction.cancel(operator(), &moment(self.world.now));
                if let Ok(decision) = asked {
                    self.world.perform(decision);
                }
            }
            Act::PauseAndResume => {
                if !self.world.status().is_ended() {
                    self.world.operate(|s, by, m| s.pause(by, m)).operate(|s, by, m| s.resume(by, m));
                }
            }
            Act::SeeToIt(pick) => self.see_to_it(pick),
        }
        self.check();
    }

    fn see_to_it(&mut self, pick: u8) {
        let stuck = self.world.report().stuck;
        let Some(unit) = stuck.get(usize::from(pick) % stuck.len().max(1)) else { return };
        if self.world.status() != Status::Stuck {
            return;
        }
        let node = unit.split('[').next().unwrap_or_default().to_owned();
        if pick.is_multiple_of(2) {
            self.world.operate(|s, by, m| s.retry(Some(&node), by, m));
        } else {
            self.world.operate(|s, by, m| s.skip(&node, by, m));
        }
    }

    /// What holds at any time.
    fn check(&mut self) {
        assert!(self.world.calls.len() <= self.concurrency, "at most {} in flight", self.concurrency);
        for made in &self.world.made {
            let Some((unit, _)) = made.split_once(" compensate ") else { continue };
            let done = self.diary.maybe_done.contains(unit) || self.diary.pending.contains(unit);
            assert!(done, "{unit} is undone, and nothing of it was ever done");
        }
        let forward = self.world.made.iter().filter(|m| m.ends_with(" run 1")).count();
        let unwinding = matches!(self.world.status(), Status::Compensating | Status::Compensated | Status::Stuck);
        if unwinding {
            let before = *self.unwinding_since.get_or_insert(forward);
            assert!(forward <= before + self.polled(), "nothing new starts while it unwinds");
        }
    }

    /// First attempts that were called more than once, for they were pending.
    fn polled(&self) -> usize {
        let firsts = self.world.made.iter().filter(|m| m.ends_with(" run 1"));
        let distinct: BTreeSet<&String> = firsts.clone().collect();
        firsts.count() - distinct.len()
    }

    /// What holds at the end.
    fn check_end(&self) {
        let (status, report) = (self.world.status(), self.world.report());
        match status {
            Status::Completed => assert!(self.diary.undone.is_empty(), "completed, and something was undone"),
            Status::Compensated | Status::Stuck => {
                let named: BTreeSet<&String> =
                    [&report.undone, &report.not_compensable, &report.given_up, &report.stuck]
                        .into_iter()
                        .flatten()
                        .collect();
                let units = report.nodes.iter().flat_map(|n| std::iter::once(n).chain(&n.items));
                let left: BTreeSet<String> =
                    units.filter(|n| n.status == "undo-waiting").map(wasaga_core::NodeReport::name).collect();
                for unit in self.diary.maybe_done.union(&self.diary.pending) {
                    let seen = named.contains(unit) || (status == Status::Stuck && left.contains(unit));
                    assert!(seen, "{unit} may be done, and is neither undone nor named: {report:?}");
                }
            }
            other => panic!("it neither ended nor is it stuck: {other}, {report:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_ends_well_or_is_stuck(
        graph in graph(),
        lines in 0..4usize,
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let concurrency = graph.concurrency.map_or(usize::MAX, |c| c as usize);
        let input = format!("{{\"lines\":[{}]}}", vec!["1"; lines].join(","));
        let world = World::with(&graph, &input, None);
        let mut run = Run { world, diary: Diary::default(), concurrency, unwinding_since: None };
        run.check();
        for act in acts {
            run.act(act);
        }
        // From here on all goes well, and so it must end.
        for _ in 0..500 {
            if run.world.calls.is_empty() {
                run.act(Act::Wait);
            } else {
                run.act(Act::Complete(0));
            }
        }
        run.check_end();
    }
}
