//! What one transaction may hold, and what a fan-out costs: in bytes and in work, not in time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use wasaga_core::definition::{self, CompensationPolicy, Source};
use wasaga_core::{Forward, Json, Status, TRANSACTION_BYTES_MAX, VARIABLES_BYTES_MAX, Writes};
use world::*;

fn text(bytes: u64) -> Json {
    Json::of(&"x".repeat(bytes as usize)).unwrap()
}

fn variables(name: &str, bytes: u64) -> Writes {
    Writes { variables: vec![(name.into(), text(bytes))], ..Writes::default() }
}

fn fan(items: usize) -> definition::Step {
    let mut fan = step("f", &[]);
    fan.each = Some(Source::Literal(Json::of(&(0..items).collect::<Vec<_>>()).unwrap()));
    fan
}

#[test]
fn the_variables_of_parallel_calls_stay_within_their_bound_together() {
    // C13: each is within the bound, and both are not.
    let mut world = World::new(&saga(vec![step("a", &[]), step("b", &[])]));
    let half = VARIABLES_BYTES_MAX / 2;
    world.answer_with("a", done("1"), variables("a", half + 100));
    world.answer_with("b", done("2"), variables("b", half));
    let cause = world.report().cause.unwrap();
    assert_eq!(cause.failure.unwrap().code, "variables-full");
    assert_eq!(world.call("b").forward, Some(Forward::Unknown), "it happened, and is undone");
    assert!(!world.call("b").variables.contains_key("b"));
    // Another value for the same name takes the place of the one before.
    let mut world = World::new(&saga(vec![step("a", &[]), step("b", &["a"])]));
    world.answer_with("a", done("1"), variables("v", half + 100));
    world.answer_with("b", done("2"), variables("v", half + 100));
    assert_eq!(world.status(), Status::Completed);
}

#[test]
fn a_transaction_that_is_full_turns_back_and_can_be_undone() {
    // C13: 10,000 outputs of 8 MiB are 80 GB.
    let large = 16_u64 << 20;
    let count = (TRANSACTION_BYTES_MAX / large) as usize + 1;
    let names: Vec<String> = (0..count).map(|i| format!("s{i}")).collect();
    let steps = names.iter().map(|name| step(name, &[])).collect();
    let mut world = World::with(&saga(steps), "{}", Some(CompensationPolicy::BestEffortParallel));
    world.check = false;
    let output = text(large - 64);
    for name in &names {
        world.answer(name, wasaga_core::Outcome::Completed(output.clone()));
    }
    let cause = world.report().cause.unwrap();
    assert_eq!((cause.outcome.as_str(), cause.failure.unwrap().code.as_str()), ("used-up", "transaction-full"));
    let full = names.last().unwrap();
    assert_eq!(world.call(full).forward, Some(Forward::Unknown));
    // What the compensations answer does not fit either, and none is stuck for that.
    for name in &names {
        world.answer(name, wasaga_core::Outcome::Completed(output.clone()));
    }
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn the_output_of_a_fan_out_is_put_together_once() {
    // C11: each item of the second fan-out binds the whole output of the first.
    let mut second = step("g", &["f"]);
    second.each = Some(output_of("f"));
    second.parameters = vec![parameter("all", output_of("f"), true)];
    let mut world = World::new(&saga(vec![fan(3), second]));
    let large = text(100_000);
    for item in ["f[0]", "f[1]", "f[2]"] {
        world.answer(item, wasaga_core::Outcome::Completed(large.clone()));
    }
    let part = |item: &str| format!("{:?}", world.call(item).arguments);
    assert_eq!(world.in_flight().len(), 3);
    assert_eq!(part("g[0]"), part("g[2]"));
    let report = world.report();
    let outputs: Vec<Json> = report.nodes.iter().filter_map(|node| node.output.clone()).collect();
    assert!(outputs[0].as_str().len() > 300_000);
}

/// Records that a fan-out of `items` comes to, and what is held while it goes on: no call but those in flight has
/// arguments, whatever their number.
#[test]
fn a_large_fan_out_starts_as_many_as_have_room() {
    // C8
    let mut world = World::new(&saga(vec![fan(1_000), step("z", &["f"])]));
    world.check = false;
    assert_eq!(world.in_flight().len(), 256, "calls in flight at once where a saga says nothing");
    for i in 0..1_000 {
        world.completes(&[&format!("f[{i}]")]);
        assert_eq!(world.in_flight().len(), 256.min(1_000 - 1 - i).max(1), "after item {i}");
    }
    world.completes(&["z"]);
    assert_eq!(world.status(), Status::Completed);
}
