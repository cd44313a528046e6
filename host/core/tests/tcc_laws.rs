//! What holds of every TCC, read off its journal alone: over all interleavings of three participants,
//! over random schedules of random TCCs, and resumed after every record.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wasaga_core::definition;
use wasaga_core::{CallId, Decided, Fact, Operation, Outcome, Record, Status, TccPlan};
use world::*;

/// What a journal tells of one participant.
#[derive(Clone, Debug, Default)]
struct Told {
    tried: bool,
    reserved: bool,
    confirmed: bool,
    cancelled: bool,
    given_up: bool,
    /// The last answer of its confirm was a rejection.
    refused_last: bool,
}

/// Reads a journal record by record, and breaks off where a law is broken.
struct Laws<'a> {
    plan: &'a TccPlan,
    told: BTreeMap<String, Told>,
    decided: Option<Decided>,
}

impl<'a> Laws<'a> {
    fn read(plan: &'a TccPlan, journal: &[Record]) -> Self {
        let told = plan.participants().iter().map(|of| (of.id.to_string(), Told::default())).collect();
        let mut laws = Self { plan, told, decided: None };
        for record in journal {
            laws.take(&record.fact);
        }
        laws
    }

    fn order(&self, id: &str) -> u32 {
        self.plan.participant(self.plan.find(id).unwrap()).order
    }

    fn is_optional(&self, id: &str) -> bool {
        self.plan.participant(self.plan.find(id).unwrap()).optional
    }

    fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Confirming => {
                assert_eq!(self.decided, None, "it is decided once");
                for (id, told) in &self.told {
                    assert!(told.reserved || self.is_optional(id), "{id} is required, and was not tried");
                }
                self.decided = Some(Decided::Confirm);
            }
            Fact::Cancelling { .. } => {
                assert_eq!(self.decided, None, "it is decided once");
                self.decided = Some(Decided::Cancel);
            }
            Fact::Started { call, .. } => self.started(call),
            Fact::Completed { call, .. } => self.completed(call),
            Fact::Rejected { call, .. } if call.operation == Operation::Confirm => {
                self.of(&call.node).refused_last = true;
            }
            Fact::UndoSkipped { node, .. } => self.of(node).given_up = true,
            Fact::Confirmed => self.confirmed(),
            Fact::Cancelled => self.cancelled(),
            _ => {}
        }
    }

    fn of(&mut self, id: &str) -> &mut Told {
        self.told.get_mut(id).unwrap()
    }

    fn started(&mut self, call: &CallId) {
        let (id, order) = (call.node.to_string(), self.order(&call.node));
        let one = self.told[&id].clone();
        let others = self.told.iter().filter(|(other, _)| **other != id);
        match call.operation {
            Operation::Try => {
                assert_eq!(self.decided, None, "{call}: nothing is tried once it is decided");
                assert!(!one.reserved && !one.cancelled, "{call}: its try is over");
                for (other, told) in others.filter(|(other, _)| self.order(other) < order) {
                    assert!(told.reserved || self.is_optional(other), "{call}: {other} is of a lower order");
                }
                self.of(&id).tried = true;
            }
            Operation::Confirm => {
                assert_eq!(self.decided, Some(Decided::Confirm), "{call}");
                assert!(one.reserved && !one.confirmed && !one.cancelled, "{call}: there is nothing to confirm");
                for (other, told) in others.filter(|(other, told)| self.order(other) < order && told.reserved) {
                    assert!(told.confirmed || told.given_up, "{call}: {other} is of a lower order");
                }
            }
            Operation::Cancel => {
                let dropped = !one.reserved && self.is_optional(&id);
                assert!(dropped || self.decided == Some(Decided::Cancel), "{call}: it is not to be cancelled");
                assert!(one.tried && !one.confirmed && !one.cancelled, "{call}: there is nothing to cancel");
                let alone = |other: &str, told: &Told| !told.reserved && self.is_optional(other);
                let higher = others
                    .filter(|(other, told)| !dropped && self.order(other) > order && told.tried && !alone(other, told));
                for (other, told) in higher {
                    assert!(told.cancelled || told.given_up, "{call}: {other} is of a higher order");
                }
            }
            other => panic!("a TCC has no {other:?}"),
        }
    }

    fn completed(&mut self, call: &CallId) {
        let one = self.of(&call.node);
        match call.operation {
            Operation::Try => one.reserved = true,
            Operation::Confirm => (one.confirmed, one.refused_last) = (true, false),
            _ => one.cancelled = true,
        }
    }

    fn confirmed(&self) {
        assert_eq!(self.decided, Some(Decided::Confirm));
        for (id, told) in &self.told {
            let settled = told.given_up || if told.reserved { told.confirmed } else { !told.tried || told.cancelled };
            assert!(settled, "{id} is not settled, and it is confirmed: {told:?}");
            assert!(told.given_up || !told.refused_last, "{id} refused to confirm, and it is confirmed");
        }
    }

    fn cancelled(&self) {
        assert_eq!(self.decided, Some(Decided::Cancel));
        for (id, told) in &self.told {
            assert!(!told.confirmed, "{id} is confirmed, and it is cancelled");
            assert!(!told.tried || told.cancelled || told.given_up, "{id} was tried, and is not cancelled");
        }
    }
}

fn plan_of(world: &World) -> &TccPlan {
    world.plan.tcc().unwrap()
}

fn check(world: &World) {
    let laws = Laws::read(plan_of(world), &world.journal);
    assert_eq!(world.report().decision, laws.decided);
    let rests = world.calls.is_empty() && world.transaction.due().is_none();
    let status = world.status();
    assert!(!rests || status.is_ended() || status == Status::Stuck, "it neither goes on nor ends: {status}");
    for call in &world.calls {
        assert_eq!(call.forward.is_none(), call.id.operation == Operation::Try, "{}", call.id);
    }
}

// ---- Every interleaving

/// All that tells two worlds apart, save times.
fn key(world: &World) -> String {
    let report = world.report();
    let nodes: Vec<_> =
        report.nodes.iter().map(|node| (&node.status, node.attempts, &node.confirm, &node.cancel)).collect();
    let calls: BTreeSet<String> = world.calls.iter().map(|call| format!("{} {:?}", call.id, call.forward)).collect();
    format!("{:?} {:?} {nodes:?} {calls:?}", report.status, report.cause)
}

fn copy(world: &World) -> World {
    World {
        transaction: world.transaction.clone(),
        plan: world.plan.clone(),
        now: world.now,
        journal: world.journal.clone(),
        calls: world.calls.clone(),
        made: Vec::new(),
        alarms: world.alarms,
        check: true,
    }
}

/// What may happen besides answers, once each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Faults {
    crash: bool,
    cancel: bool,
}

/// Goes through all that can happen, each state once; answers how many there are, by status.
fn explore(definition: &definition::Tcc, faults: Faults) -> BTreeMap<&'static str, usize> {
    let (mut seen, mut ends) = (BTreeSet::new(), BTreeMap::new());
    let mut open = vec![(World::tcc(definition), faults)];
    while let Some((world, faults)) = open.pop() {
        if !seen.insert((key(&world), faults)) {
            continue;
        }
        check(&world);
        *ends.entry(world.status().as_str()).or_default() += 1;
        let mut next = |faults, then: &dyn Fn(&mut World)| {
            let mut next = copy(&world);
            then(&mut next);
            open.push((next, faults));
        };
        for call in &world.calls {
            for outcome in [done("1"), rejected("no"), unknown()] {
                next(faults, &|world| {
                    world.answer(&call.id.node, outcome.clone());
                });
            }
        }
        if world.transaction.due().is_some() {
            next(faults, &|world| {
                world.wait();
            });
        }
        if faults.crash && !world.calls.is_empty() {
            next(Faults { crash: false, ..faults }, &|world| {
                world.crash();
            });
        }
        if faults.cancel && world.status() == Status::Trying {
            next(Faults { cancel: false, ..faults }, &|world| {
                ask(world, |world| world.transaction.cancel(operator(), &moment(world.now)));
            });
        }
    }
    ends
}

fn once(mut participant: definition::Participant) -> definition::Participant {
    participant.try_limits.retry = attempts(1);
    participant.confirm_limits.retry = attempts(1);
    participant.cancel_limits.retry = attempts(1);
    participant
}

fn twice(participant: definition::Participant) -> definition::Participant {
    let mut participant = once(participant);
    participant.confirm_limits.retry = attempts(2);
    participant.cancel_limits.retry = attempts(2);
    participant
}

#[test]
fn every_interleaving_of_three_participants_keeps_the_laws() {
    let (plain, harsh) = (Faults { crash: false, cancel: true }, Faults { crash: true, cancel: false });
    let shapes = [
        (tcc(vec![twice(participant("a", 1)), once(participant("b", 1)), once(participant("c", 1))]), plain),
        (tcc(vec![once(participant("a", 1)), twice(participant("b", 2)), once(participant("c", 3))]), harsh),
        (tcc(vec![once(participant("a", 1)), once(optional("b", 1)), once(participant("c", 2))]), harsh),
    ];
    for (shape, faults) in shapes {
        let ends = explore(&shape, faults);
        for status in ["trying", "confirming", "confirmed", "cancelling", "cancelled", "stuck"] {
            assert!(ends.contains_key(status), "{status} is never reached: {ends:?}");
        }
        assert!(ends.values().sum::<usize>() > 100, "{ends:?}");
    }
}

// ---- Random schedules

#[derive(Clone, Copy, Debug)]
enum Act {
    Answer(u8, u8),
    Wait,
    Crash,
    Cancel,
    Pause,
    Resume,
    Retry,
    Skip(u8),
    Patch(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (any::<u8>(), 0..8u8).prop_map(|(pick, how)| Act::Answer(pick, how)),
        4 => Just(Act::Wait),
        1 => Just(Act::Crash),
        1 => Just(Act::Cancel),
        1 => Just(Act::Pause),
        2 => Just(Act::Resume),
        2 => Just(Act::Retry),
        1 => any::<u8>().prop_map(Act::Skip),
        1 => any::<u8>().prop_map(Act::Patch),
    ]
}

fn member(i: usize, (order, optional, tries, settles): (u32, bool, u32, u32)) -> definition::Participant {
    let mut one = participant(&format!("p{i}"), order);
    one.optional = optional;
    one.try_limits.retry = attempts(tries);
    one.confirm_limits.retry = attempts(settles);
    one.cancel_limits.retry = attempts(settles);
    one
}

fn any_tcc() -> impl Strategy<Value = definition::Tcc> {
    let shape = (0..3u32, prop::bool::weighted(0.3), 1..4u32, 1..5u32);
    (prop::collection::vec(shape, 1..6), prop::option::weighted(0.3, 1..20_000u64)).prop_map(|(shapes, deadline)| {
        let members = shapes.into_iter().enumerate().map(|(i, shape)| member(i, shape)).collect();
        definition::Tcc { deadline, ..tcc(members) }
    })
}

fn outcome(how: u8) -> Outcome {
    match how {
        0 => rejected("no"),
        1 => retryable("busy"),
        2 => unknown(),
        3 => Outcome::Pending { poll: 500, token: None },
        _ => done("1"),
    }
}

fn stuck(world: &World, pick: u8) -> Option<String> {
    let stuck = world.report().stuck;
    stuck.get(usize::from(pick) % stuck.len().max(1)).cloned().filter(|_| world.status() == Status::Stuck)
}

fn do_it(world: &mut World, act: Act) {
    match act {
        Act::Answer(..) if world.calls.is_empty() => {}
        Act::Answer(pick, how) => {
            let node = world.calls[usize::from(pick) % world.calls.len()].id.node.to_string();
            world.answer(&node, outcome(how));
        }
        Act::Wait if world.transaction.due().is_some() => {
            world.wait();
        }
        Act::Wait => {}
        Act::Crash => {
            world.crash();
        }
        Act::Cancel => ask(world, |world| world.transaction.cancel(operator(), &moment(world.now))),
        Act::Pause => ask(world, |world| world.transaction.pause(operator(), &moment(world.now))),
        Act::Resume => ask(world, |world| world.transaction.resume(operator(), &moment(world.now))),
        Act::Retry => ask(world, |world| world.transaction.retry(None, operator(), &moment(world.now))),
        Act::Skip(pick) => {
            if let Some(node) = stuck(world, pick) {
                world.operate(|t, by, m| t.skip(&node, by, m));
            }
        }
        Act::Patch(pick) => {
            if let Some(node) = stuck(world, pick) {
                world.operate(|t, by, m| t.patch(&node, None, json("{}"), by, m));
            }
        }
    }
}

fn ask(world: &mut World, word: impl FnOnce(&mut World) -> Result<wasaga_core::Decision, wasaga_core::Refused>) {
    if let Ok(decision) = word(world) {
        world.perform(decision);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_laws_hold_and_it_ends(shape in any_tcc(), acts in prop::collection::vec(act(), 0..60)) {
        let mut world = World::tcc(&shape);
        for act in acts {
            do_it(&mut world, act);
            if !world.transaction.report().paused {
                check(&world);
            }
        }
        // From here on all goes well, and so it must end.
        do_it(&mut world, Act::Resume);
        for _ in 0..200 {
            match (world.calls.is_empty(), world.status()) {
                (false, _) => do_it(&mut world, Act::Answer(0, 7)),
                (true, Status::Stuck) => do_it(&mut world, Act::Retry),
                (true, _) => do_it(&mut world, Act::Wait),
            }
        }
        check(&world);
        prop_assert!(matches!(world.status(), Status::Confirmed | Status::Cancelled), "{:?}", world.report());
    }
}

// ---- Every prefix

type Script = fn(node: &str, operation: &str, attempt: u32) -> Outcome;

fn play(world: &mut World, script: Script) {
    for _ in 0..1_000 {
        let Some(call) = world.calls.first().cloned() else {
            if world.transaction.due().is_none() {
                return;
            }
            world.wait();
            continue;
        };
        let outcome = script(&call.id.node, call.id.operation.as_str(), call.id.attempt);
        world.answer(&call.id.node, outcome);
    }
    panic!("it does not end: {:?}", world.report());
}

/// Resumed after any record, it comes to the same end; the reason for a cancel may be another where the
/// deadline was nearer than the answer that is asked for anew.
fn resume_everywhere(case: &str, definition: &definition::Tcc, script: Script, end: Status) {
    let mut whole = World::tcc(definition);
    play(&mut whole, script);
    assert_eq!(whole.status(), end, "{case}");
    check(&whole);
    for length in 1..=whole.journal.len() {
        let prefix = &whole.journal[..length];
        let mut resumed = World::found(&whole.plan, prefix, prefix[length - 1].at);
        play(&mut resumed, script);
        check(&resumed);
        let (left, right) = (resumed.report(), whole.report());
        let context = format!("{case}, resumed after record {length}");
        assert_eq!((left.status, left.decision), (right.status, right.decision), "{context}");
        assert_eq!((left.output, left.stuck), (right.output, right.stuck), "{context}");
        assert_eq!(left.confirmed, right.confirmed, "{context}");
        // A try that was lost with its host may have happened, so it is cancelled as well.
        assert!(right.cancelled.iter().all(|node| left.cancelled.contains(node)), "{context}: {:?}", left.cancelled);
    }
}

fn all_well(_: &str, _: &str, _: u32) -> Outcome {
    done("1")
}

#[test]
fn every_prefix_resumes_to_the_same_end() {
    resume_everywhere("together", &together(), all_well, Status::Confirmed);
    resume_everywhere("in turn", &in_turn(), all_well, Status::Confirmed);
    let refused: Script = |node, operation, attempt| match (node, operation, attempt) {
        ("b", "try", _) => rejected("no"),
        ("a", "cancel", 1) => unknown(),
        ("c", "try", 1) => retryable("busy"),
        _ => all_well(node, operation, attempt),
    };
    resume_everywhere("together, one refuses", &together(), refused, Status::Cancelled);
    resume_everywhere("in turn, one refuses", &in_turn(), refused, Status::Cancelled);
    let wrapped = tcc(vec![participant("a", 1), optional("b", 1), participant("c", 2)]);
    resume_everywhere("an optional one refuses", &wrapped, refused, Status::Confirmed);
    let late: Script = |node, operation, attempt| match (node, operation, attempt) {
        ("b", "confirm", 1..=4) => rejected("not yet"),
        _ => all_well(node, operation, attempt),
    };
    resume_everywhere("a confirm that refuses for a while", &in_turn(), late, Status::Confirmed);
    let never: Script = |node, operation, attempt| match (node, operation) {
        ("b", "confirm") => rejected("never"),
        _ => all_well(node, operation, attempt),
    };
    resume_everywhere("a confirm that always refuses", &in_turn(), never, Status::Stuck);
}
