//! The table of semantics.md, line by line. Each test begins with the line that it shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use wasaga_core::definition::{CompensationPolicy, Source};
use wasaga_core::{Answer, Fact, Failure, Forward, Moment, Outcome, Published, Status, Usage, Writes};
use world::*;

// ---- Outcomes of a call

#[test]
fn completed_the_node_is_done() {
    let mut world = World::new(&chain());
    world.completes(&["a", "b", "c"]);
    assert_eq!(world.status(), Status::Completed);
    assert_eq!(
        world.report().output.unwrap().as_str(),
        r#"{"c":"\"c\""}"#.replace("\\\"", "").replace("\"\"", "\"").as_str()
    );
}

#[test]
fn rejected_no_more_attempts_the_saga_unwinds() {
    let mut world = World::new(&chain());
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Compensated);
    assert_eq!(world.report().undone, ["a"]);
    assert_eq!(world.report().failed, ["b"]);
    assert_eq!(world.node("c"), "waiting");
}

#[test]
fn retryable_next_attempt_after_the_policys_delay_or_after_if_longer() {
    let mut one = step("a", &[]);
    one.limits.retry = attempts(4);
    let mut world = World::new(&saga(vec![one]));
    assert_eq!(world.answer("a", retryable("busy")).wait(), 1_000);
    assert_eq!(world.answer("a", retryable("busy")).wait(), 2_000);
    let failure = Failure::new("busy", "busy");
    assert_eq!(world.answer("a", Outcome::Retryable { failure, after: Some(9_000) }).wait(), 9_000);
    assert_eq!(world.in_flight(), ["a run 4"]);
    world.answer("a", retryable("busy"));
    assert_eq!(world.status(), Status::Compensated);
    // One whose every attempt was rejected or retryable is not undone.
    assert!(world.undone_in_order().is_empty());
    assert_eq!(world.report().cause.unwrap().outcome, "used-up");
}

#[test]
fn a_guest_that_asks_for_no_delay_gets_the_policys() {
    let mut world = World::new(&chain());
    let failure = Failure::new("busy", "busy");
    world.answer("a", Outcome::Retryable { failure, after: Some(0) });
    assert_eq!(world.wait(), 999);
}

#[test]
fn unknown_retried_like_retryable_and_the_node_is_now_maybe_done() {
    let mut world = World::new(&chain());
    world.answer("a", unknown()).wait();
    assert_eq!(world.in_flight(), ["a run 2"]);
    world.answer("a", rejected("no"));
    // If a later attempt is rejected, the node is undone all the same, with forward `unknown`.
    assert_eq!(world.call("a").forward, Some(Forward::Unknown));
    world.completes(&["a"]);
    assert_eq!(world.report().undone, ["a"]);
}

#[test]
fn only_a_completed_attempt_clears_maybe_done() {
    let mut world = World::new(&chain());
    world.answer("a", unknown()).wait();
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!(world.call("a").forward, Some(Forward::Completed(json("\"a\""))));
}

#[test]
fn attempts_that_end_unknown_are_undone() {
    let mut world = World::new(&chain());
    world.answer("a", unknown()).wait();
    world.answer("a", retryable("busy")).wait();
    world.answer("a", retryable("busy"));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    assert_eq!(world.call("a").forward, Some(Forward::Unknown));
}

#[test]
fn pending_is_called_again_after_poll_with_the_same_attempt_number() {
    let mut world = World::new(&chain());
    let key = world.call("a").key.clone();
    assert_eq!(world.answer("a", Outcome::Pending { poll: 500, token: None }).wait(), 500);
    assert_eq!(world.in_flight(), ["a run 1"]);
    assert_eq!(world.call("a").key, key);
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["b run 1"]);
}

#[test]
fn pending_goes_on_until_the_deadline_and_is_unknown_then() {
    let mut one = step("a", &[]);
    one.limits.total_timeout = Some(10_000);
    let mut world = World::new(&saga(vec![one]));
    world.answer("a", Outcome::Pending { poll: 6_000, token: None }).wait();
    assert_eq!(world.answer("a", Outcome::Pending { poll: 6_000, token: None }).wait(), 3_998);
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    assert_eq!(world.call("a").forward, Some(Forward::Unknown));
}

#[test]
fn pending_after_a_crash_is_asked_again_as_the_same_attempt() {
    let mut one = step("a", &[]);
    one.at_most_once = true;
    let mut world = World::new(&saga(vec![one]));
    world.answer("a", Outcome::Pending { poll: 500, token: None }).wait();
    world.crash();
    assert_eq!(world.wait(), 1_000, "a poll that kills its host does not do so in a loop");
    assert_eq!(world.in_flight(), ["a run 1"]);
    world.crash().wait();
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Completed);
}

#[test]
fn at_most_once_an_unknown_outcome_is_not_tried_again_and_the_compensation_is_told_unknown() {
    let mut charge = step("b", &["a"]);
    charge.at_most_once = true;
    let mut world = World::new(&saga(vec![step("a", &[]), charge.clone()]));
    world.completes(&["a"]).answer("b", unknown());
    assert_eq!(world.in_flight(), ["b compensate 1"]);
    assert_eq!(world.call("b").forward, Some(Forward::Unknown));
    assert_eq!(world.report().cause.unwrap().outcome, "unknown");

    // Also a `started` without outcome found at recovery.
    let mut world = World::new(&saga(vec![step("a", &[]), charge.clone()]));
    world.completes(&["a"]).crash();
    assert_eq!(world.in_flight(), ["b compensate 1"]);

    // A retryable answer is still repeated.
    let mut world = World::new(&saga(vec![step("a", &[]), charge]));
    world.completes(&["a"]).answer("b", retryable("busy")).wait();
    assert_eq!(world.in_flight(), ["b run 2"]);
}

#[test]
fn a_lost_host_does_not_use_attempts_up() {
    let mut one = step("a", &[]);
    one.limits.retry = attempts(1);
    let mut world = World::new(&saga(vec![one, step("b", &["a"])]));
    world.crash();
    assert_eq!(world.in_flight(), ["a run 2"], "the first loss is repeated at once");
    for (attempt, delay) in (3..=40).zip([2_000, 4_000, 8_000, 16_000].into_iter().chain([30_000; 40])) {
        world.crash();
        assert_eq!(world.wait(), delay, "a later one after the delays of the policy");
        assert_eq!(world.in_flight(), [format!("a run {attempt}")]);
    }
    world.completes(&["a"]).answer("b", rejected("no"));
    // Nor those of a compensation that is tried once.
    world.crash().crash();
    assert_eq!(world.wait(), 1_999);
    assert_eq!(world.in_flight(), ["a compensate 3"]);
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn a_step_that_takes_its_host_down_each_time_does_not_do_so_for_ever() {
    let mut one = step("a", &[]);
    one.limits.retry = attempts(1);
    let mut world = World::new(&saga(vec![one]));
    let mut crashes = 0;
    while world.in_flight().first().is_some_and(|call| call.contains("run")) {
        world.crash();
        crashes += 1;
        if world.in_flight().is_empty() {
            world.wait();
        }
    }
    assert_eq!(crashes, 101);
    assert_eq!(world.report().cause.unwrap().outcome, "used-up");
}

#[test]
fn an_answer_that_comes_late_or_twice_changes_nothing() {
    let mut world = World::new(&chain());
    let call = world.call("a").clone();
    world.completes(&["a"]);
    let answer = Answer { outcome: rejected("late"), writes: Writes::default(), usage: Default::default() };
    let decision = world.transaction.handle_answer(&call.id, answer, &moment(world.now));
    assert!(decision.records().is_empty());
    world.perform(decision);
    assert_eq!(world.in_flight(), ["b run 1"]);
}

// ---- Steps

#[test]
fn a_step_starts_when_all_it_depends_on_are_completed_by_node_not_by_layer() {
    // `d` needs only `b`; it does not wait for `c` of the same layer.
    let graph = saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b"])]);
    let mut world = World::new(&graph);
    world.completes(&["a", "b"]);
    assert_eq!(world.in_flight(), ["c run 1", "d run 1"]);
}

#[test]
fn at_most_concurrency_at_once_in_declaration_order() {
    let mut graph = saga(vec![step("a", &[]), step("b", &[]), step("c", &[]), step("d", &[])]);
    graph.concurrency = Some(2);
    let mut world = World::new(&graph);
    assert_eq!(world.in_flight(), ["a run 1", "b run 1"]);
    world.completes(&["b"]);
    assert_eq!(world.in_flight(), ["a run 1", "c run 1"]);
    world.completes(&["a", "c"]);
    assert_eq!(world.in_flight(), ["d run 1"]);
}

#[test]
fn a_step_whose_dependency_was_skipped_runs_with_null() {
    let mut skipped = step("a", &[]);
    skipped.condition = Some("no".into());
    let mut after = step("b", &[]);
    after.parameters = vec![parameter("x", output_of("a"), false)];
    let mut world = World::new(&saga(vec![skipped, after]));
    assert_eq!(world.call("b").arguments.text(), r#"{"x":null}"#);
    world.completes(&["b"]);
    assert_eq!((world.status(), world.node("a")), (Status::Completed, "skipped".into()));
}

#[test]
fn a_required_binding_to_a_skipped_output_is_a_rejection() {
    let mut skipped = step("a", &[]);
    skipped.condition = Some("no".into());
    let mut after = step("b", &[]);
    after.parameters = vec![parameter("x", output_of("a"), true)];
    let world = World::new(&saga(vec![skipped, after]));
    assert_eq!(world.status(), Status::Compensated);
    let failure = world.report().cause.unwrap().failure.unwrap();
    assert_eq!(failure.message, "parameter `x`: step `a` was skipped or has no output");
}

#[test]
fn null_is_an_output_like_any_other() {
    let mut after = step("b", &[]);
    after.parameters = vec![parameter("x", output_of("a"), true)];
    let mut world = World::new(&saga(vec![step("a", &[]), after]));
    world.answer("a", done("null"));
    assert_eq!(world.call("b").arguments.text(), r#"{"x":null}"#);
}

#[test]
fn a_condition_is_decided_when_the_step_becomes_ready() {
    let mut second = step("b", &["a"]);
    second.condition = Some("set-by-a".into());
    let mut world = World::new(&saga(vec![step("a", &[]), second.clone()]));
    let writes = Writes { variables: vec![("set-by-a".into(), json("1"))], ..Writes::default() };
    world.answer_with("a", done("1"), writes);
    assert_eq!(world.in_flight(), ["b run 1"]);
    let mut world = World::new(&saga(vec![step("a", &[]), second]));
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Completed);
}

#[test]
fn an_error_in_a_condition_rejects_the_step() {
    let mut second = step("b", &["a"]);
    second.condition = Some("broken".into());
    let mut world = World::new(&saga(vec![step("a", &[]), second]));
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    assert_eq!(world.report().cause.unwrap().failure.unwrap().code, "bad-condition");
}

fn fan_out() -> wasaga_core::definition::Saga {
    let mut fan = step("f", &["a"]);
    fan.each = Some(Source::Input(Some("/lines".into())));
    fan.parameters = vec![parameter("line", Source::Item(Some("/sku".into())), true)];
    let mut last = step("z", &[]);
    last.parameters = vec![parameter("all", output_of("f"), true)];
    saga(vec![step("a", &[]), fan, last])
}

#[test]
fn each_expands_and_the_output_is_the_array_in_order() {
    let mut world = World::with(&fan_out(), r#"{"lines":[{"sku":1},{"sku":2},{"sku":3}]}"#, None);
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["f[0] run 1", "f[1] run 1", "f[2] run 1"]);
    assert_eq!(world.call("f[1]").arguments.text(), r#"{"line":2}"#);
    let keys: std::collections::BTreeSet<_> = world.calls.iter().map(|c| c.key.as_str().to_owned()).collect();
    assert_eq!(keys.len(), 3, "each item has its own idempotency key");
    world.answer("f[2]", done("30")).answer("f[0]", done("10")).answer("f[1]", done("20"));
    assert_eq!(world.call("z").arguments.text(), r#"{"all":[10,20,30]}"#);
    world.answer("z", rejected("no"));
    // Each has its own compensation, in reverse order of completion.
    world.completes(&["f[1]", "f[0]", "f[2]", "a"]);
    assert_eq!(world.undone_in_order(), ["f[1]", "f[0]", "f[2]", "a"]);
    assert_eq!(world.report().undone, ["a", "f[0]", "f[1]", "f[2]"]);
}

#[test]
fn an_empty_array_completes_at_once() {
    let mut world = World::with(&fan_out(), r#"{"lines":[]}"#, None);
    world.completes(&["a"]);
    assert_eq!(world.call("z").arguments.text(), r#"{"all":[]}"#);
}

#[test]
fn a_source_that_is_no_array_rejects_the_step() {
    let mut world = World::with(&fan_out(), r#"{"lines":7}"#, None);
    world.completes(&["a"]);
    let failure = world.report().cause.unwrap().failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("bad-items", "`each`: its source is not an array"));
}

#[test]
fn a_binding_that_cannot_be_resolved_rejects_the_step_and_so_unwinds() {
    let mut second = step("b", &["a"]);
    second.parameters = vec![parameter("x", Source::Variable("nowhere".into()), true)];
    let mut world = World::new(&saga(vec![step("a", &[]), second]));
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["a compensate 1"]);
}

#[test]
fn same_named_variables_the_later_durable_write_wins_and_failed_calls_write_nothing() {
    let write = |value: &str| Writes {
        variables: vec![("v".into(), json(value))],
        headers: vec![("h".into(), value.into())],
        published: vec![Published {
            kind: "t".into(),
            topic: None,
            key: None,
            subject: None,
            headers: Default::default(),
            payload: json("1"),
        }],
        ..Writes::default()
    };
    let mut last = step("c", &["a", "b"]);
    last.parameters =
        vec![parameter("v", Source::Variable("v".into()), true), parameter("t", Source::Header("tenant".into()), true)];
    let mut world = World::new(&saga(vec![step("a", &[]), step("b", &[]), last]));
    world.answer_with("b", retryable("busy"), write("3"));
    world.answer_with("a", done("1"), write("1")).wait();
    assert_eq!(world.call("b").variables.get("v"), Some(&json("1")));
    world.answer_with("b", done("1"), write("2"));
    assert_eq!(world.call("c").arguments.text(), r#"{"v":2,"t":"t1"}"#);
}

#[test]
fn variables_and_headers_can_be_removed() {
    let set = Writes {
        variables: vec![("v".into(), json("1"))],
        headers: vec![("h".into(), "x".into())],
        ..Writes::default()
    };
    let removed = Writes {
        removed_variables: vec!["v".into(), "nowhere".into()],
        removed_headers: vec!["h".into()],
        ..Writes::default()
    };
    let mut world = World::new(&saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["b"])]));
    world.answer_with("a", done("1"), set);
    assert_eq!((world.call("b").variables.len(), world.call("b").headers.contains_key("h")), (1, true));
    world.answer_with("b", done("1"), removed);
    world.crash();
    assert_eq!((world.call("c").variables.len(), world.call("c").headers.contains_key("h")), (0, false));
    let versions: Vec<u32> = world.journal.iter().map(|record| record.fact.version()).collect();
    assert_eq!(versions.iter().filter(|version| **version == 2).count(), 1, "an older host passes it over");
}

#[test]
fn arguments_are_bound_once_at_the_first_attempt() {
    let mut second = step("b", &[]);
    second.parameters = vec![parameter("v", Source::Variable("v".into()), false)];
    let mut world = World::new(&saga(vec![step("a", &[]), second]));
    let writes = Writes { variables: vec![("v".into(), json("1"))], ..Writes::default() };
    world.answer("b", retryable("busy")).answer_with("a", done("1"), writes).wait();
    assert_eq!(world.call("b").arguments.text(), r#"{}"#);
    world.crash();
    assert_eq!(world.call("b").arguments.text(), r#"{}"#);
}

#[test]
fn on_the_first_failure_nothing_new_starts_and_calls_in_flight_are_let_finish() {
    let mut world = World::new(&diamond());
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!(world.in_flight(), ["c run 1"]);
    assert_eq!(world.status(), Status::Compensating);
    world.completes(&["c"]);
    assert_eq!(world.in_flight(), ["c compensate 1"]);
    world.completes(&["c", "a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn a_call_in_flight_that_fails_while_unwinding_is_not_tried_again() {
    let mut world = World::new(&diamond());
    world.completes(&["a"]).answer("b", rejected("no")).answer("c", unknown());
    assert_eq!(world.in_flight(), ["c compensate 1"]);
}

#[test]
fn an_attempt_that_waits_when_the_saga_unwinds_is_given_up() {
    let mut world = World::new(&diamond());
    world.completes(&["a"]).answer("c", retryable("busy")).answer("b", rejected("no"));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    assert_eq!(world.node("c"), "given-up");
}

// ---- Undoing

#[test]
fn a_maybe_done_step_counts_as_completed_when_its_last_attempt_ended() {
    let mut world = World::new(&saga(vec![step("a", &[]), step("b", &[]), step("c", &[])]));
    world.answer("a", unknown()).completes(&["b"]).answer("c", rejected("no"));
    world.completes(&["b", "a"]);
    assert_eq!(world.undone_in_order(), ["b", "a"]);
}

#[test]
fn a_step_without_a_compensation_is_passed_over_and_reported_as_not_compensable() {
    let mut first = step("a", &[]);
    first.compensation = None;
    let mut world = World::new(&saga(vec![first, step("b", &["a"])]));
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!(world.status(), Status::Compensated);
    assert_eq!(world.report().not_compensable, ["a"]);
    assert!(world.report().undone.is_empty());
}

#[test]
fn one_that_requires_its_steps_output_while_the_outcome_is_unknown_is_stuck_with_that_cause() {
    let mut first = step("a", &[]);
    first.at_most_once = true;
    first.compensation.as_mut().unwrap().parameters = vec![parameter("output", Source::OwnOutput(None), true)];
    let mut world = World::new(&saga(vec![first]));
    world.answer("a", unknown());
    assert_eq!((world.status(), world.alarms), (Status::Stuck, 1));
    let undo = world.report().nodes[0].compensation.clone().unwrap();
    assert!(undo.error.unwrap().message.contains("the outcome of the step is unknown"));
    // `patch` gives it the arguments that could not be bound.
    world.operate(|s, by, m| s.patch("a", None, json(r#"{"output":5}"#), by, m));
    assert_eq!(world.call("a").arguments.text(), r#"{"output":5}"#);
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn a_compensation_gets_outputs_and_the_cause() {
    let mut first = step("a", &[]);
    first.compensation.as_mut().unwrap().parameters = vec![
        parameter("output", Source::OwnOutput(None), true),
        parameter("cause", Source::Cause, true),
        parameter("b", Source::CompensationOutput("b".into()), true),
        parameter("c", output_of("c"), false),
    ];
    let mut world = World::new(&saga(vec![first, step("b", &["a"]), step("c", &["b"])]));
    world.completes(&["a", "b"]).answer("c", rejected("no")).answer("b", done("{\"refund\":1}"));
    assert_eq!(
        world.call("a").arguments.text(),
        r#"{"output":"a","cause":{"node":"c","outcome":"rejected","failure":{"code":"no","message":"no"}},"b":{"refund":1},"c":null}"#
    );
}

fn unwound(policy: CompensationPolicy) -> World {
    let mut graph = saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b", "c"])]);
    graph.compensation_policy = Some(policy);
    for node in &mut graph.steps {
        node.limits.retry = attempts(2);
    }
    graph.steps[1].compensation.as_mut().unwrap().critical = true;
    let mut world = World::new(&graph);
    world.completes(&["a", "c", "b"]).answer("d", rejected("no"));
    world
}

#[test]
fn strict_sequential_one_at_a_time_reverse_order_of_completion_stuck_at_that_step() {
    let mut world = unwound(CompensationPolicy::StrictSequential);
    assert_eq!(world.in_flight(), ["b compensate 1"]);
    world.completes(&["b"]);
    assert_eq!(world.in_flight(), ["c compensate 1"]);
    // It tries once unless the compensation declares a retry policy.
    world.answer("c", retryable("busy"));
    assert_eq!((world.status(), world.report().stuck, world.alarms), (Status::Stuck, vec!["c".to_owned()], 1));
    world.operate(|s, by, m| s.retry(None, by, m));
    assert_eq!(world.in_flight(), ["c compensate 2"]);
    world.completes(&["c", "a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn grouped_parallel_reverse_layers_a_layer_at_once_the_layer_ends_then_stuck() {
    let mut world = unwound(CompensationPolicy::GroupedParallel);
    assert_eq!(world.in_flight(), ["b compensate 1", "c compensate 1"]);
    world.answer("b", rejected("no"));
    assert_eq!(world.status(), Status::Compensating);
    world.completes(&["c"]);
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["b".to_owned()]));
    world.operate(|s, by, m| s.skip("undo-b", by, m));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Compensated);
    assert_eq!(world.report().given_up, ["b"]);
}

#[test]
fn retry_with_backoff_the_compensations_own_retry_policy_or_else_the_steps() {
    let mut world = unwound(CompensationPolicy::RetryWithBackoff);
    assert_eq!(world.answer("b", retryable("busy")).wait(), 1_000);
    assert_eq!(world.in_flight(), ["b compensate 2"]);
    world.answer("b", unknown());
    assert_eq!(world.status(), Status::Stuck);
    // After an operator's word there is a whole round of attempts again.
    world.operate(|s, by, m| s.retry(Some("b"), by, m)).answer("b", retryable("busy")).wait();
    assert_eq!(world.in_flight(), ["b compensate 4"]);
    world.completes(&["b", "c", "a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn circuit_breaker_not_critical_goes_on_and_is_stuck_at_the_end() {
    let mut world = unwound(CompensationPolicy::CircuitBreaker);
    world.completes(&["b"]).answer("c", rejected("no"));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    world.completes(&["a"]);
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["c".to_owned()]));
}

#[test]
fn circuit_breaker_critical_the_circuit_opens_the_rest_is_skipped_stuck() {
    let mut world = unwound(CompensationPolicy::CircuitBreaker);
    world.answer("b", rejected("no"));
    assert_eq!((world.status(), world.in_flight().len()), (Status::Stuck, 0));
    assert!(world.journal.iter().any(|r| matches!(&r.fact, Fact::CircuitOpened { node } if &**node == "b")));
    assert_eq!((world.node("c"), world.node("a")), ("undo-waiting".into(), "undo-waiting".into()));
    world.operate(|s, by, m| s.retry(None, by, m)).completes(&["b", "c", "a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn best_effort_parallel_all_at_once_stuck_at_the_end_listing_what_failed() {
    let mut world = unwound(CompensationPolicy::BestEffortParallel);
    assert_eq!(world.in_flight(), ["a compensate 1", "b compensate 1", "c compensate 1"]);
    world.answer("b", rejected("no")).answer("a", rejected("no")).completes(&["c"]);
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn the_nearest_policy_wins() {
    let mut graph = chain();
    graph.compensation_policy = Some(CompensationPolicy::StrictSequential);
    let mut world = World::with(&graph, "{}", Some(CompensationPolicy::BestEffortParallel));
    world.completes(&["a", "b"]).answer("c", rejected("no"));
    assert_eq!(world.in_flight(), ["a compensate 1", "b compensate 1"]);
}

#[test]
fn compensations_stay_under_the_concurrency_cap() {
    let mut graph = chain();
    graph.concurrency = Some(1);
    let mut world = World::with(&graph, "{}", Some(CompensationPolicy::BestEffortParallel));
    world.completes(&["a", "b"]).answer("c", rejected("no"));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
    world.completes(&["a", "b"]);
    assert_eq!(world.status(), Status::Compensated);
}

// ---- Time

#[test]
fn total_timeout_of_all_attempts_after_which_they_count_as_used_up() {
    let mut one = step("a", &[]);
    one.limits.retry = attempts(100);
    one.limits.total_timeout = Some(2_500);
    let mut world = World::new(&saga(vec![one]));
    assert_eq!(world.answer("a", retryable("busy")).wait(), 1_000);
    // The call's own deadline is not beyond it.
    assert_eq!(world.call("a").deadline.since(world.now).as_millis(), 1_499);
    world.answer("a", retryable("busy"));
    assert_eq!(world.report().cause.unwrap().outcome, "used-up");
}

#[test]
fn the_transactions_deadline_unwinds_softly() {
    let mut graph = chain();
    graph.deadline = Some(5_000);
    let mut world = World::new(&graph);
    world.completes(&["a"]);
    assert_eq!(world.wait(), 4_999);
    assert_eq!((world.status(), world.in_flight()), (Status::Compensating, vec!["b run 1".to_owned()]));
    world.completes(&["b"]).pass_ms(100_000);
    // Compensation has its own time.
    world.completes(&["b", "a"]);
    assert_eq!(world.status(), Status::Compensated);
    assert_eq!(world.report().cause.unwrap().outcome, "deadline");
}

#[test]
fn a_pending_compensation_is_not_bound_by_the_deadline_that_has_passed() {
    let mut graph = chain();
    graph.deadline = Some(5_000);
    let mut world = World::new(&graph);
    world.completes(&["a"]).wait();
    world.completes(&["b"]).answer("b", Outcome::Pending { poll: 500, token: None });
    assert_eq!((world.status(), world.node("b")), (Status::Compensating, "undo-polling".into()));
    assert_eq!(world.wait(), 500);
    world.completes(&["b", "a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn a_critical_compensation_that_is_given_up_for_its_total_timeout_opens_the_circuit() {
    let mut graph = chain();
    graph.compensation_policy = Some(CompensationPolicy::CircuitBreaker);
    let undo = graph.steps[1].compensation.as_mut().unwrap();
    (undo.critical, undo.limits.total_timeout) = (true, Some(2_000));
    let mut world = World::new(&graph);
    world
        .completes(&["a", "b"])
        .answer("c", rejected("no"))
        .answer("b", Outcome::Pending { poll: 5_000, token: None })
        .wait();
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["b".to_owned()]));
    assert_eq!(world.node("a"), "undo-waiting", "the rest is left as it is");
}

#[test]
fn a_circuit_that_was_closed_is_not_opened_by_what_failed_before() {
    let mut fan = step("f", &[]);
    fan.each = Some(Source::Input(Some("/lines".into())));
    fan.compensation.as_mut().unwrap().critical = true;
    let mut graph = saga(vec![fan, step("g", &["f"]), step("z", &["g"])]);
    graph.compensation_policy = Some(CompensationPolicy::CircuitBreaker);
    let mut world = World::with(&graph, r#"{"lines":[1,2]}"#, None);
    world.completes(&["f[0]", "f[1]", "g"]).answer("z", rejected("no"));
    world.answer("g", rejected("no")).answer("f[1]", rejected("no"));
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["f[1]".to_owned(), "g".to_owned()]));
    world.operate(|s, by, m| s.patch("g", None, json("{}"), by, m)).completes(&["g", "f[0]"]);
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["f[1]".to_owned()]));
    let opened = world.journal.iter().filter(|record| matches!(record.fact, Fact::CircuitOpened { .. })).count();
    assert_eq!(opened, 1);
}

#[test]
fn deadlines_are_absolute_so_a_restart_does_not_extend_them() {
    let mut graph = chain();
    graph.deadline = Some(5_000);
    let mut world = World::new(&graph);
    world.now = world.now.after_ms(6_000);
    world.crash();
    assert_eq!(world.report().cause.unwrap().outcome, "deadline");
    assert_eq!(world.in_flight(), ["a compensate 1"]);
}

#[test]
fn a_due_time_is_durable() {
    let mut world = World::new(&chain());
    world.answer("a", retryable("busy"));
    let due = world.transaction.due();
    world.now = world.now.after_ms(200);
    world.crash();
    assert_eq!((world.transaction.due(), world.in_flight().len()), (due, 0));
}

// ---- Operating

#[test]
fn cancel_running_unwinds_and_is_idempotent() {
    let mut world = World::new(&chain());
    world.completes(&["a"]).operate(|s, by, m| s.cancel(by, m)).operate(|s, by, m| s.cancel(by, m));
    assert_eq!(world.in_flight(), ["b run 1"]);
    world.completes(&["b", "b", "a"]);
    assert_eq!(world.status(), Status::Compensated);
    assert_eq!(world.report().cause.unwrap().outcome, "cancelled");
    // Ended by that cancel: asking once more changes nothing.
    world.operate(|s, by, m| s.cancel(by, m));
}

#[test]
fn cancel_compensating_or_ended_is_refused_with_the_reason() {
    let mut world = World::new(&chain());
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!(world.refused(|s, by, m| s.cancel(by, m)), "it is compensating, and can no longer be cancelled");
    let mut world = World::new(&chain());
    world.completes(&["a", "b", "c"]);
    assert_eq!(world.refused(|s, by, m| s.cancel(by, m)), "it is completed, and can no longer be cancelled");
}

#[test]
fn paused_on_top_keeps_the_state_beneath() {
    let mut world = World::new(&chain());
    world.operate(|s, by, m| s.pause(by, m)).completes(&["a"]);
    assert_eq!((world.status(), world.in_flight().len()), (Status::Running, 0));
    world.crash();
    assert!(world.in_flight().is_empty() && world.transaction.summary().paused);
    world.operate(|s, by, m| s.resume(by, m));
    assert_eq!(world.in_flight(), ["b run 1"]);
    assert_eq!(world.refused(|s, by, m| s.resume(by, m)), "it is not paused");
}

#[test]
fn what_fails_while_paused_unwinds_after_the_pause() {
    let mut world = World::new(&chain());
    world.completes(&["a"]).operate(|s, by, m| s.pause(by, m)).answer("b", rejected("no"));
    assert_eq!(world.status(), Status::Running);
    world.crash().operate(|s, by, m| s.resume(by, m));
    assert_eq!(world.in_flight(), ["a compensate 1"]);
}

#[test]
fn terminated_lists_what_was_not_undone() {
    let mut world = World::new(&chain());
    world.completes(&["a"]).operate(|s, by, m| s.terminate(by, m));
    assert_eq!(world.status(), Status::Terminated);
    let Some(Fact::Terminated { not_undone, by }) = world.journal.last().map(|r| r.fact.clone()) else { panic!() };
    assert_eq!((not_undone, by), (vec!["a".into(), "b".into()], operator()));
    assert_eq!(world.refused(|s, by, m| s.pause(by, m)), "it is terminated, and can no longer be paused");
}

#[test]
fn what_is_not_stuck_cannot_be_seen_to() {
    let mut world = World::new(&chain());
    let refused = world.refused(|s, by, m| s.skip("a", by, m));
    assert_eq!(refused, "it is running; only what is stuck can be seen to");
    world.completes(&["a", "b"]).answer("c", rejected("no")).answer("b", rejected("no"));
    assert_eq!(world.refused(|s, by, m| s.skip("a", by, m)), "step `a` is not stuck (stuck: `b`)");
    assert_eq!(world.refused(|s, by, m| s.skip("undo-bb", by, m)), "the saga has no step or compensation `undo-bb`");
    let array = world.refused(|s, by, m| s.patch("b", None, json("[]"), by, m));
    assert!(array.starts_with("the arguments are not a JSON object"), "{array}");
}

// ---- Idempotency

#[test]
fn the_attempt_is_not_in_the_key() {
    let mut world = World::new(&chain());
    let key = world.call("a").key.clone();
    world.answer("a", unknown()).wait();
    assert_eq!(world.call("a").key, key);
    world.crash();
    assert_eq!(world.call("a").key, key);
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_ne!(world.call("a").key, key, "undoing has its own");
}

#[test]
fn a_chain_of_n_steps_costs_n_and_one_appends() {
    let mut world = World::new(&chain());
    let mut appends = vec![world.journal.len()];
    for unit in ["a", "b", "c"] {
        world.completes(&[unit]);
        appends.push(world.journal.len());
    }
    // {created, started}, {completed, started} twice, {completed, finished}.
    assert_eq!(appends, [2, 4, 6, 8]);
}

/// A host that leaves lets calls end and begins none; the next one goes on as if nothing had been.
#[test]
fn a_host_that_leaves_begins_nothing() {
    let mut world = World::new(&chain());
    let call = world.calls.remove(0);
    let answer = Answer { outcome: done("1"), writes: Writes::default(), usage: Usage::default() };
    let held = Moment { hold: true, ..moment(world.now) };
    let decision = world.transaction.handle_answer(&call.id, answer, &held);
    world.perform(decision);
    assert_eq!((world.node("a"), world.node("b")), ("completed".into(), "waiting".into()));
    assert!(world.in_flight().is_empty() && !world.transaction.is_calling());
    world.crash();
    assert_eq!(world.in_flight(), ["b run 1"]);
    world.completes(&["b"]);
    let call = world.calls.remove(0);
    let answer = Answer { outcome: rejected("no"), writes: Writes::default(), usage: Usage::default() };
    let decision = world.transaction.handle_answer(&call.id, answer, &held);
    world.perform(decision);
    assert_eq!(world.status(), Status::Compensating);
    assert!(world.in_flight().is_empty());
    world.crash();
    world.completes(&["b", "a"]);
    assert_eq!(world.status(), Status::Compensated);
}

// ---- What several ends at once are told as

#[test]
fn the_earlier_of_the_steps_end_and_the_deadline_is_the_cause() {
    let pending = || Outcome::Pending { poll: 3_600_000, token: None };
    let of = |total_timeout: Option<u64>, deadline: u64| {
        let mut one = step("a", &[]);
        one.limits.total_timeout = total_timeout;
        let mut definition = saga(vec![one]);
        definition.deadline = Some(deadline);
        World::new(&definition)
    };
    // Y2: no total timeout is declared, so the deadline ends it, and is told.
    let mut world = of(None, 5_000);
    world.answer("a", pending()).pass_ms(4_999);
    let report = world.report();
    assert_eq!(report.cause.unwrap().outcome, "deadline");
    assert_eq!((world.node("a").as_str(), world.in_flight()), ("undo-started", vec!["a compensate 1".to_owned()]));
    assert!(report.failed.is_empty(), "it is left, and did not fail: {:?}", report.failed);
    // Also where a host finds both long past.
    for (total_timeout, deadline, outcome) in [(60_000, 5_000, "deadline"), (5_000, 60_000, "used-up")] {
        let mut world = of(Some(total_timeout), deadline);
        world.answer("a", pending()).pass_ms(600_000);
        assert_eq!(world.report().cause.unwrap().outcome, outcome);
    }
    // A step that says nothing is pending for a day at most, whatever the deadline.
    let mut world = of(None, 72 * 3_600_000);
    world.answer("a", pending()).pass_ms(24 * 3_600_000);
    let cause = world.report().cause.unwrap();
    assert_eq!((cause.outcome.as_str(), cause.failure.unwrap().code.as_str()), ("used-up", "total-timeout"));
}

#[test]
fn what_ends_retryable_after_another_step_failed_is_given_up_and_not_among_the_failed() {
    // Y4: in flight, waiting, and at its last attempt.
    let mut last = step("d", &[]);
    last.limits.retry = attempts(1);
    let mut world = World::new(&saga(vec![step("a", &[]), step("b", &[]), step("c", &[]), last]));
    world.answer("c", retryable("busy")).answer("a", rejected("no"));
    world.answer("b", retryable("busy")).answer("d", retryable("busy"));
    let nodes = ["b", "c", "d"].map(|step| world.node(step));
    assert_eq!(nodes, ["given-up"; 3]);
    assert_eq!(world.report().failed, ["a"]);
    assert_eq!(world.status(), Status::Compensated);
}

#[test]
fn a_step_that_waits_past_its_total_timeout_keeps_its_real_failure() {
    // C20: as a TCC does.
    let mut one = step("a", &[]);
    one.limits.total_timeout = Some(10_000);
    one.limits.retry = attempts(9);
    let mut world = World::new(&saga(vec![one]));
    world.answer("a", retryable("busy")).pass_ms(60_000);
    assert_eq!(world.report().cause.unwrap().failure.unwrap().code, "busy");
}

// ---- Names of items, patches

/// A fan-out of three, of which two are stuck.
fn stuck_items() -> World {
    let mut fan = step("piece", &[]);
    fan.each = Some(Source::Literal(json("[1,2,3]")));
    let mut world =
        World::with(&saga(vec![fan, step("z", &["piece"])]), "{}", Some(CompensationPolicy::BestEffortParallel));
    world.completes(&["piece[0]", "piece[1]", "piece[2]"]).answer("z", rejected("no"));
    for item in ["piece[1]", "piece[2]"] {
        world.answer(item, rejected("never"));
    }
    world.completes(&["piece[0]"]);
    assert_eq!(world.report().stuck, ["piece[1]", "piece[2]"]);
    world
}

#[test]
fn items_have_one_name_in_every_word_and_list() {
    // Y3
    let mut world = stuck_items();
    let stuck = world.journal.iter().find_map(|record| match &record.fact {
        Fact::Stuck { nodes } => Some(nodes.iter().map(ToString::to_string).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(stuck.unwrap(), ["piece[1]", "piece[2]"]);
    let refused = world.refused(|t, by, m| t.retry(Some("piece[0]"), by, m));
    assert_eq!(refused, "step `piece[0]` is not stuck (stuck: `piece[1]`, `piece[2]`)");
    let refused = world.refused(|t, by, m| t.patch("piece", None, json("{}"), by, m));
    assert_eq!(refused, "step `piece` is a fan-out; name the item: `piece[1]`, `piece[2]`");
    world.operate(|t, by, m| t.retry(Some("piece[1]"), by, m));
    assert_eq!(world.in_flight(), ["piece[1] compensate 2"], "and not the other one");
    world.completes(&["piece[1]"]).operate(|t, by, m| t.skip("piece[2]", by, m));
    assert_eq!((world.status(), world.report().given_up), (Status::Compensated, vec!["piece[2]".to_owned()]));

    let mut world = stuck_items();
    world.operate(|t, by, m| t.patch("piece[2]", None, json(r#"{"by":"hand"}"#), by, m));
    assert_eq!(world.call("piece[2]").arguments.text(), r#"{"by":"hand"}"#);
    let mut world = stuck_items();
    world.operate(|t, by, m| t.skip("piece", by, m));
    assert_eq!(world.report().given_up, ["piece[1]", "piece[2]"], "a step means all of its items that are stuck");
    let mut world = stuck_items();
    world.operate(|t, by, m| t.terminate(by, m));
    let named = world.journal.iter().any(|record| matches!(&record.fact, Fact::Terminated { not_undone, .. } if not_undone.iter().map(|name| name.as_str()).eq(["piece[1]", "piece[2]"])));
    assert!(named, "{:?}", world.journal.last());
}

#[test]
fn a_patch_holds_until_another_one() {
    // C22
    let mut world = World::new(&chain());
    world.completes(&["a"]).answer("b", rejected("no")).answer("a", rejected("no"));
    world.operate(|t, by, m| t.patch("a", None, json(r#"{"p":1}"#), by, m)).answer("a", rejected("no"));
    world.operate(|t, by, m| t.retry(None, by, m)).crash();
    assert_eq!(world.call("a").arguments.text(), r#"{"p":1}"#);
    world.answer("a", rejected("no")).operate(|t, by, m| t.patch("a", None, json(r#"{"p":2}"#), by, m));
    assert_eq!(world.call("a").arguments.text(), r#"{"p":2}"#);
}

// ---- Numbers from outside

#[test]
fn polls_grow_rarer_and_no_patience_is_without_end() {
    // C13: a poll of 10 ms for a day would be 17 million records.
    let mut world = World::new(&saga(vec![step("a", &[])]));
    world.check = false;
    let mut polls = 0;
    while world.status() == Status::Running {
        world.answer("a", Outcome::Pending { poll: 10, token: None });
        let waited = world.wait();
        polls += 1;
        assert!(polls < 2_000 && waited < 700_000, "{polls} polls; the last after {waited} ms");
    }
    assert!(polls > 1_000, "{polls}");
    let mut world = World::new(&saga(vec![step("a", &[])]));
    world.answer("a", Outcome::Retryable { failure: Failure::new("busy", "busy"), after: Some(u64::MAX) });
    assert_eq!(world.wait(), 30 * 24 * 3_600_000, "a guest's `after` has an end");
}

// ---- The table

#[test]
fn each_fact_is_legal_in_named_states_only() {
    // C20
    let by = operator;
    let started = |node: &str, operation: wasaga_core::Operation| Fact::Started {
        call: wasaga_core::CallId { node: node.into(), item: None, operation, attempt: 1 },
        deadline: wasaga_core::Timestamp::from_unix_us(0),
        until: None,
    };
    let (run, compensate) = (wasaga_core::Operation::Run, wasaga_core::Operation::Compensate);
    let mut running = World::new(&chain());
    running.completes(&["a"]);
    let mut unwinding = World::new(&chain());
    unwinding.completes(&["a"]).answer("b", rejected("no"));
    let stuck = stuck_items();
    let failure = || Failure::new("x", "x");
    let illegal = [
        (&running, started("a", compensate)),
        (&running, started("c", run)),
        (&running, Fact::Stuck { nodes: vec![] }),
        (&running, Fact::Compensated),
        (&running, Fact::Finished),
        (&running, Fact::CircuitOpened { node: "a".into() }),
        (&running, Fact::UndoRefused { node: "a".into(), item: None, failure: failure() }),
        (&running, Fact::UndoSkipped { by: by(), node: "a".into(), item: None }),
        (&unwinding, started("c", run)),
        (&unwinding, Fact::Stuck { nodes: vec![] }),
        (&unwinding, Fact::Compensated),
        (&unwinding, Fact::Finished),
        (&unwinding, Fact::CancelRequested { by: by() }),
        (&unwinding, Fact::UndoSkipped { by: by(), node: "a".into(), item: None }),
        (&unwinding, Fact::RetryRequested { by: by(), node: None, item: None }),
        (&stuck, Fact::UndoSkipped { by: by(), node: "z".into(), item: None }),
        (&stuck, Fact::UndoSkipped { by: by(), node: "piece".into(), item: Some(0) }),
        (&stuck, Fact::RetryRequested { by: by(), node: Some("piece".into()), item: Some(9) }),
        (&stuck, Fact::Patched { by: by(), node: "piece".into(), item: None, arguments: json("{}") }),
        (&stuck, Fact::Compensated),
    ];
    for (world, fact) in illegal {
        let mut records = world.journal.clone();
        records.push(wasaga_core::Record { at: world.now, fact: fact.clone() });
        let replayed = wasaga_core::Transaction::replay(&world.plan, &records);
        assert!(replayed.is_err(), "{fact:?} follows {}", world.status());
    }
}
