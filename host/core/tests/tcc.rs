//! The TCC section of semantics.md, line by line, and what of the other sections holds for a TCC. Each
//! test begins with the line that it shows.

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::sync::Arc;

use wasaga_core::definition::{self, Source};
use wasaga_core::{
    Checked, Decided, Fact, Forward, Moment, Outcome, PhaseReached, Record, Status, TccPlan, Transaction, Writes,
};
use world::*;

fn facts(world: &World) -> Vec<&Fact> {
    world.journal.iter().map(|record| &record.fact).collect()
}

// ---- trying -> confirming -> confirmed

#[test]
fn trying_confirming_confirmed() {
    let mut world = World::tcc(&together());
    assert_eq!((world.status(), world.report().phase), (Status::Trying, Some(PhaseReached::Try)));
    world.completes(&["a", "b", "c"]);
    assert_eq!((world.status(), world.report().decision), (Status::Confirming, Some(Decided::Confirm)));
    assert_eq!(world.in_flight(), ["a confirm 1", "b confirm 1", "c confirm 1"]);
    world.completes(&["a", "b"]);
    // The transaction is not a success before all have confirmed.
    assert_eq!((world.status(), world.report().output), (Status::Confirming, None));
    world.completes(&["c"]);
    let report = world.report();
    assert_eq!((report.status, report.phase), (Status::Confirmed, Some(PhaseReached::Confirm)));
    assert_eq!(report.confirmed, ["a", "b", "c"]);
    assert_eq!(report.output.unwrap().as_str(), r#"{"a":"a","b":"b","c":"c"}"#);
    assert!(report.status.is_ended() && report.status.is_success());
}

#[test]
fn trying_cancelling_cancelled() {
    let mut world = World::tcc(&in_turn());
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!((world.status(), world.report().decision), (Status::Cancelling, Some(Decided::Cancel)));
    assert_eq!(world.in_flight(), ["b cancel 1"]);
    world.completes(&["b", "a"]);
    let report = world.report();
    assert_eq!((report.status, report.phase), (Status::Cancelled, Some(PhaseReached::Cancel)));
    assert_eq!((report.cancelled, report.failed), (vec!["a".into(), "b".into()], vec!["b".to_owned()]));
    assert_eq!(world.node("c"), "waiting");
    assert_eq!(world.report().output, None);
    let cause = report.cause.unwrap();
    assert_eq!((cause.node.unwrap().as_str(), cause.outcome.as_str()), ("b", "rejected"));
}

// ---- Participants are registered in the journal before they are tried.

#[test]
fn participants_are_registered_before_they_are_tried() {
    let world = World::tcc(&in_turn());
    let Fact::Created(created) = facts(&world)[0] else { panic!("the first record creates") };
    assert_eq!(created.participants.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let other = Arc::new(TccPlan::new(&tcc(vec![participant("a", 1)]), &Default::default()).unwrap());
    let refused = Transaction::replay(&Checked::Tcc(other), &world.journal).unwrap_err();
    assert!(refused.what.contains("registers"), "{refused}");
}

// ---- Try and confirm go in rising `order`, equal ones together; cancel goes in falling order.

#[test]
fn try_and_confirm_rise_and_cancel_falls() {
    let mixed = tcc(vec![participant("c", 7), participant("a", 0), participant("b2", 3), participant("b1", 3)]);
    let mut world = World::tcc(&mixed);
    assert_eq!(world.in_flight(), ["a try 1"]);
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["b2 try 1", "b1 try 1"]);
    world.completes(&["b1"]);
    assert_eq!(world.in_flight(), ["b2 try 1"], "c waits for both");
    world.completes(&["b2"]);
    assert_eq!(world.in_flight(), ["c try 1"]);
    let mut refused = World::found(&world.plan, &world.journal[..world.journal.len() - 1], world.now);
    world.completes(&["c"]);
    assert_eq!(world.in_flight(), ["a confirm 1"]);
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["b2 confirm 1", "b1 confirm 1"]);
    world.completes(&["b1", "b2"]);
    assert_eq!(world.in_flight(), ["c confirm 1"]);
    world.completes(&["c"]);
    assert_eq!(world.status(), Status::Confirmed);

    refused.answer("c", rejected("no"));
    assert_eq!(refused.in_flight(), ["c cancel 1"]);
    refused.completes(&["c"]);
    assert_eq!(refused.in_flight(), ["b2 cancel 1", "b1 cancel 1"]);
    refused.completes(&["b2", "b1"]);
    assert_eq!(refused.in_flight(), ["a cancel 1"]);
    refused.completes(&["a"]);
    assert_eq!(refused.status(), Status::Cancelled);
}

// ---- All tried: the decision to confirm is durable and never changes.

#[test]
fn the_decision_to_confirm_is_durable_and_never_changes() {
    let mut world = World::tcc(&together());
    world.completes(&["a", "b", "c"]);
    let at = facts(&world).iter().position(|fact| **fact == Fact::Confirming).unwrap();
    assert!(matches!(facts(&world)[at + 1], Fact::Started { .. }), "it is written before the first confirm");
    assert_eq!(world.refused(|t, by, m| t.cancel(by, m)), "it is confirming, and can no longer be cancelled");
    // No record makes a cancel of it.
    for fact in [
        Fact::Cancelling { cause: wasaga_core::Cause::Deadline },
        Fact::CancelRequested { by: operator() },
        Fact::Cancelled,
        Fact::Confirming,
    ] {
        let records = [world.journal.clone(), vec![Record { at: world.now, fact }]].concat();
        Transaction::replay(&world.plan, &records).unwrap_err();
    }
}

// ---- A try rejected, attempts used up, the deadline, or a cancel request: the decision to cancel, likewise.

#[test]
fn attempts_used_up_cancel() {
    let mut one = participant("a", 1);
    one.try_limits.retry = attempts(2);
    let mut world = World::tcc(&tcc(vec![one]));
    assert_eq!(world.answer("a", retryable("busy")).wait(), 1_000);
    assert_eq!(world.in_flight(), ["a try 2"]);
    world.answer("a", retryable("busy"));
    assert_eq!(world.in_flight(), ["a cancel 1"]);
    assert_eq!(world.report().cause.unwrap().outcome, "used-up");
    // Nothing remains done where every attempt was refused for now.
    assert!(matches!(world.call("a").forward, Some(Forward::Rejected(_))));
}

#[test]
fn the_deadline_cancels_and_is_that_of_the_try_phase() {
    let late = definition::Tcc { deadline: Some(5_000), ..in_turn() };
    let mut world = World::tcc(&late);
    world.completes(&["a"]);
    assert_eq!(world.wait(), 4_999);
    assert_eq!((world.status(), world.report().cause.unwrap().outcome.as_str()), (Status::Cancelling, "deadline"));
    // The call in flight is let finish; its participant is cancelled with the others.
    assert_eq!(world.in_flight(), ["b try 1"]);
    world.completes(&["b"]);
    assert_eq!(world.in_flight(), ["b cancel 1"]);
    assert_eq!(world.call("b").forward, Some(Forward::Completed(json("\"b\""))));

    let mut world = World::tcc(&late);
    world.completes(&["a", "b", "c"]);
    world.pass_ms(60_000);
    assert_eq!(world.status(), Status::Confirming);
    assert_eq!(world.transaction.due(), None);
}

#[test]
fn a_deadline_that_has_passed_goes_before_the_decision_to_confirm() {
    let mut world = World::tcc(&definition::Tcc { deadline: Some(5_000), ..together() });
    world.completes(&["a", "b"]);
    world.now = world.now.after_ms(60_000);
    world.completes(&["c"]);
    assert_eq!(world.status(), Status::Cancelling);
}

#[test]
fn a_cancel_request_cancels() {
    let mut world = World::tcc(&in_turn());
    world.completes(&["a"]).operate(|t, by, m| t.cancel(by, m));
    assert_eq!((world.status(), world.report().cause.unwrap().outcome.as_str()), (Status::Cancelling, "cancelled"));
    // Idempotent.
    let length = world.journal.len();
    world.operate(|t, by, m| t.cancel(by, m));
    assert_eq!(world.journal.len(), length);
    world.completes(&["b", "b", "a"]);
    assert_eq!(world.status(), Status::Cancelled);
    assert_eq!(world.made, ["a try 1", "b try 1", "b cancel 1", "a cancel 1"]);
}

#[test]
fn a_cancel_before_anything_started_is_over_at_once() {
    let plan = Arc::new(TccPlan::new(&together(), &Default::default()).unwrap());
    let world = World::tcc(&together());
    let created = &world.journal[..1];
    let mut found = Transaction::replay(&Checked::Tcc(plan), created).unwrap();
    let decision = found.cancel(operator(), &moment(world.now)).unwrap();
    assert_eq!(decision.summary().status, Status::Cancelled);
    assert_eq!(decision.records().len(), 3, "asked for, decided, over");
}

#[test]
fn the_decision_to_cancel_never_changes() {
    let mut world = World::tcc(&together());
    world.answer("a", rejected("no"));
    for fact in [Fact::Confirming, Fact::Confirmed, Fact::CancelRequested { by: operator() }] {
        let records = [world.journal.clone(), vec![Record { at: world.now, fact }]].concat();
        Transaction::replay(&world.plan, &records).unwrap_err();
    }
    assert_eq!(world.refused(|t, by, m| t.cancel(by, m)), "it is cancelling, and can no longer be cancelled");
}

// ---- An `optional` participant whose try is rejected or used up is cancelled alone, and the
// transaction goes on without it.

#[test]
fn an_optional_participant_is_cancelled_alone() {
    let wrapped = tcc(vec![participant("a", 1), optional("w", 2), participant("c", 3)]);
    let mut world = World::tcc(&wrapped);
    world.completes(&["a"]).answer("w", rejected("no-paper"));
    assert_eq!(world.in_flight(), ["c try 1", "w cancel 1"]);
    assert!(matches!(world.call("w").forward, Some(Forward::Rejected(_))));
    world.completes(&["c"]);
    assert_eq!(world.status(), Status::Confirming);
    world.completes(&["a", "c"]);
    // It ends when all that was begun is over.
    assert_eq!(world.status(), Status::Confirming);
    world.completes(&["w"]);
    let report = world.report();
    assert_eq!(report.status, Status::Confirmed);
    assert_eq!((report.confirmed, report.cancelled), (vec!["a".into(), "c".into()], vec!["w".to_owned()]));
    assert_eq!((report.failed, report.cause), (vec!["w".to_owned()], None));
    assert_eq!(report.output.unwrap().as_str(), r#"{"a":"a","c":"c"}"#);
}

#[test]
fn an_optional_participant_that_is_used_up_is_cancelled_alone_too() {
    let mut gift = optional("w", 1);
    gift.try_limits.retry = attempts(1);
    let mut world = World::tcc(&tcc(vec![participant("a", 1), gift]));
    world.answer("w", unknown());
    assert_eq!(world.in_flight(), ["a try 1", "w cancel 1"]);
    assert_eq!(world.call("w").forward, Some(Forward::Unknown));
    world.completes(&["w", "a", "a"]);
    assert_eq!(world.status(), Status::Confirmed);
}

#[test]
fn an_optional_participant_that_is_stuck_waits_until_the_others_are_confirmed() {
    let mut gift = optional("w", 1);
    gift.cancel_limits.retry = attempts(1);
    let mut world = World::tcc(&tcc(vec![gift, participant("a", 1)]));
    world.answer("w", rejected("no")).answer("w", retryable("broken"));
    assert_eq!(world.status(), Status::Trying);
    world.completes(&["a"]);
    assert_eq!(world.in_flight(), ["a confirm 1"]);
    world.completes(&["a"]);
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["w".to_owned()]));
    assert_eq!(world.report().decision, Some(Decided::Confirm));
    world.operate(|t, by, m| t.retry(None, by, m)).completes(&["w"]);
    assert_eq!(world.status(), Status::Confirmed);
}

#[test]
fn a_binding_to_a_dropped_participant_is_null_and_a_required_one_is_a_rejection() {
    let bound = |required| {
        let mut second = participant("b", 2);
        second.parameters = vec![parameter("w", output_of("w"), required)];
        tcc(vec![optional("w", 1), second, participant("c", 2)])
    };
    let mut world = World::tcc(&bound(false));
    world.answer("w", rejected("no"));
    assert_eq!(world.call("b").arguments.text(), r#"{"w":null}"#);
    let mut world = World::tcc(&bound(true));
    world.answer("w", rejected("no"));
    assert_eq!(world.in_flight(), ["w cancel 1"], "b was never tried, and c never starts");
    assert_eq!((world.status(), world.node("b")), (Status::Cancelling, "rejected".into()));
    world.completes(&["w"]);
    assert_eq!((world.status(), world.report().cancelled), (Status::Cancelled, vec!["w".to_owned()]));
}

#[test]
fn an_optional_participant_that_cannot_be_called_is_passed_over() {
    let mut gift = optional("w", 1);
    gift.parameters = vec![parameter("paper", Source::Input(Some("/paper".into())), true)];
    let mut world = World::tcc(&tcc(vec![gift, participant("a", 2)]));
    assert_eq!(world.in_flight(), ["a try 1"]);
    world.completes(&["a", "a"]);
    assert_eq!((world.status(), world.node("w")), (Status::Confirmed, "rejected".into()));
    assert!(world.report().cancelled.is_empty(), "cancel goes to participants whose try was started");
}

// ---- Confirm is retried until it succeeds.

#[test]
fn confirm_is_retried_at_a_capped_delay_with_an_alarm_after_3_and_is_stuck_after_70() {
    let mut world = World::tcc(&tcc(vec![participant("a", 1)]));
    world.completes(&["a"]);
    let mut longest = 0;
    for attempt in 1..70 {
        assert_eq!(world.in_flight(), [format!("a confirm {attempt}")]);
        world.answer("a", if attempt % 2 == 0 { unknown() } else { retryable("busy") });
        assert_eq!(world.alarms, usize::from(attempt >= 3), "after attempt {attempt}");
        longest = longest.max(world.wait());
    }
    assert!((28_000..=30_000).contains(&longest), "{longest}");
    world.answer("a", unknown());
    assert_eq!((world.status(), world.alarms), (Status::Stuck, 2));
    assert_eq!((world.node("a"), world.report().decision), ("confirm-stuck".into(), Some(Decided::Confirm)));
}

// ---- A rejected confirm is a breach of contract: alarm, keep trying, stuck; never cancel.

#[test]
fn a_rejected_confirm_is_an_alarm_is_tried_again_and_is_stuck() {
    let mut one = participant("a", 1);
    one.confirm_limits.retry = attempts(5);
    let mut world = World::tcc(&tcc(vec![one, participant("b", 1)]));
    world.completes(&["a", "b", "b"]);
    for attempt in 1..5 {
        world.answer("a", rejected("account-closed"));
        assert_eq!(world.status(), Status::Confirming);
        // At once, after three, and no more until it is stuck.
        assert_eq!(world.alarms, if attempt < 3 { 1 } else { 2 });
        world.wait();
    }
    world.answer("a", rejected("account-closed"));
    assert_eq!((world.status(), world.alarms), (Status::Stuck, 3));
    assert!(world.made.iter().all(|made| !made.contains("cancel")), "{:?}", world.made);
    assert_eq!(world.refused(|t, by, m| t.cancel(by, m)), "it is stuck, and can no longer be cancelled");
}

#[test]
fn a_rejected_confirm_that_succeeds_in_the_end_is_confirmed() {
    let mut world = World::tcc(&tcc(vec![participant("a", 1)]));
    world.completes(&["a"]).answer("a", rejected("not-yet"));
    world.wait();
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Confirmed);
}

// ---- Cancel goes to every participant whose try was started: completed, unknown and rejected; it
// gets `forward`.

#[test]
fn cancel_goes_to_every_participant_whose_try_was_started_with_what_is_known_of_it() {
    let mut world =
        World::tcc(&tcc(vec![participant("a", 1), participant("b", 1), participant("c", 1), participant("d", 2)]));
    world.completes(&["a"]).answer("b", unknown()).answer("c", rejected("no"));
    assert_eq!(world.in_flight(), ["a cancel 1", "b cancel 1", "c cancel 1"]);
    assert_eq!(world.call("a").forward, Some(Forward::Completed(json("\"a\""))));
    assert_eq!(world.call("b").forward, Some(Forward::Unknown));
    assert!(matches!(&world.call("c").forward, Some(Forward::Rejected(failure)) if failure.code == "no"));
    world.completes(&["a", "b", "c"]);
    assert_eq!(
        (world.status(), world.report().cancelled),
        (Status::Cancelled, vec!["a".into(), "b".into(), "c".to_owned()])
    );
}

#[test]
fn maybe_done_sticks() {
    let mut world = World::tcc(&tcc(vec![participant("a", 1)]));
    world.answer("a", unknown()).wait();
    world.answer("a", rejected("no"));
    assert_eq!(world.call("a").forward, Some(Forward::Unknown));
}

// ---- After it, no try of that participant is ever called again.

#[test]
fn no_try_is_called_once_it_cancels() {
    let mut world = World::tcc(&together());
    world
        .answer("a", retryable("busy"))
        .answer("b", Outcome::Pending { poll: 500, token: None })
        .answer("c", rejected("no"));
    // Neither the delayed nor the pending one is called again, and what was accepted may be done.
    assert_eq!(world.in_flight(), ["a cancel 1", "b cancel 1", "c cancel 1"]);
    assert!(matches!(world.call("a").forward, Some(Forward::Rejected(_))));
    assert_eq!(world.call("b").forward, Some(Forward::Unknown));
    world.completes(&["a", "b", "c"]);
    assert_eq!(world.status(), Status::Cancelled);
    assert_eq!(world.report().failed, ["c"]);
}

#[test]
fn a_try_in_flight_ends_before_anything_is_cancelled() {
    let mut world = World::tcc(&together());
    world.completes(&["a"]).answer("b", rejected("no"));
    assert_eq!(world.in_flight(), ["c try 1"]);
    world.answer("c", Outcome::Pending { poll: 500, token: None });
    assert_eq!(world.in_flight(), ["a cancel 1", "b cancel 1", "c cancel 1"]);
    assert_eq!(world.call("c").forward, Some(Forward::Unknown));
}

#[test]
fn a_try_lost_with_its_host_while_it_cancels_may_have_happened() {
    let mut world = World::tcc(&together());
    world.completes(&["a"]).answer("b", rejected("no"));
    world.crash();
    assert_eq!(world.in_flight(), ["a cancel 1", "b cancel 1", "c cancel 1"]);
    assert_eq!(world.call("c").forward, Some(Forward::Unknown));
}

// ---- A try that answers JSON null is a success like any other.

#[test]
fn a_try_that_answers_null_is_a_success() {
    let mut world = World::tcc(&tcc(vec![participant("a", 1)]));
    world.answer("a", done("null"));
    assert_eq!(world.in_flight(), ["a confirm 1"]);
    assert_eq!(world.call("a").forward, Some(Forward::Completed(json("null"))));
    world.answer("a", done("null"));
    assert_eq!(world.report().output.unwrap().as_str(), r#"{"a":null}"#);
}

// ---- Outcomes of a call

#[test]
fn pending_is_called_again_with_the_same_attempt_in_every_phase() {
    let mut world = World::tcc(&tcc(vec![participant("a", 1)]));
    for operation in ["try", "confirm"] {
        let key = world.call("a").key.clone();
        assert_eq!(world.answer("a", Outcome::Pending { poll: 500, token: None }).wait(), 500);
        world.answer("a", Outcome::Pending { poll: 500, token: None }).crash();
        world.wait();
        assert_eq!(world.in_flight(), [format!("a {operation} 1")]);
        assert_eq!(world.call("a").key, key);
        world.completes(&["a"]);
    }
    assert_eq!(world.status(), Status::Confirmed);
}

#[test]
fn a_pending_try_ends_with_the_deadline_and_a_pending_confirm_does_not() {
    let mut world = World::tcc(&definition::Tcc { deadline: Some(5_000), ..tcc(vec![participant("a", 1)]) });
    assert_eq!(world.answer("a", Outcome::Pending { poll: 60_000, token: None }).wait(), 4_999);
    assert_eq!(world.in_flight(), ["a cancel 1"]);
    assert_eq!(world.report().cause.unwrap().outcome, "deadline", "Y2");

    let mut world = World::tcc(&definition::Tcc { deadline: Some(5_000), ..tcc(vec![participant("a", 1)]) });
    world.completes(&["a"]);
    assert_eq!(world.answer("a", Outcome::Pending { poll: 60_000, token: None }).wait(), 60_000);
    assert_eq!(world.in_flight(), ["a confirm 1"]);
}

#[test]
fn a_confirm_that_runs_out_of_its_own_total_timeout_is_stuck() {
    let mut one = participant("a", 1);
    one.confirm_limits.total_timeout = Some(10_000);
    let mut world = World::tcc(&tcc(vec![one]));
    world.completes(&["a"]).answer("a", Outcome::Pending { poll: 60_000, token: None });
    assert_eq!(world.wait(), 9_999);
    assert_eq!((world.status(), world.alarms), (Status::Stuck, 1));
}

// ---- Arguments, variables, keys

#[test]
fn arguments_are_bound_once_and_repeated_by_confirm_and_cancel() {
    let mut second = participant("b", 2);
    second.parameters = vec![
        parameter("from", output_of("a"), true),
        parameter("v", Source::Variable("v".into()), true),
        parameter("tenant", Source::Header("tenant".into()), true),
        parameter("fixed", Source::Literal(json("[1]")), true),
        parameter("gone", Source::Input(Some("/gone".into())), false),
    ];
    let mut world = World::tcc(&tcc(vec![participant("a", 1), second]));
    let write = |value: &str| Writes { variables: vec![("v".into(), json(value))], ..Writes::default() };
    world.answer_with("a", done("7"), write("1"));
    let expected = r#"{"from":7,"v":1,"tenant":"t1","fixed":[1]}"#;
    assert_eq!(world.call("b").arguments.text(), expected);
    world.answer_with("b", done("8"), write("2")).completes(&["a"]);
    assert_eq!(world.in_flight(), ["b confirm 1"]);
    assert_eq!(world.call("b").arguments.text(), expected);
    assert_eq!(world.call("b").variables.get("v").unwrap().as_str(), "2");
}

#[test]
fn each_operation_has_a_key_of_its_own_over_attempts_and_restarts() {
    let mut world = World::tcc(&tcc(vec![participant("a", 1)]));
    let tried = world.call("a").key.clone();
    world.crash();
    assert_eq!((world.in_flight(), &world.call("a").key), (vec!["a try 2".to_owned()], &tried));
    world.completes(&["a"]);
    let confirmed = world.call("a").key.clone();
    world.answer("a", unknown()).wait();
    assert_eq!(world.call("a").key, confirmed);
    assert_ne!(tried, confirmed);
}

#[test]
fn a_call_lost_with_its_host_is_free_of_charge() {
    let mut one = participant("a", 1);
    one.try_limits.retry = attempts(1);
    let mut world = World::tcc(&tcc(vec![one]));
    let crash_and_wait = |world: &mut World| {
        world.crash();
        for _ in 0..4 {
            world.crash().wait();
        }
    };
    crash_and_wait(&mut world);
    assert_eq!(world.in_flight(), ["a try 6"]);
    world.completes(&["a"]);
    crash_and_wait(&mut world);
    assert_eq!((world.alarms, world.in_flight()), (0, vec!["a confirm 6".to_owned()]));
}

// ---- Starting, cancelling, operating

fn stuck_at_a() -> World {
    let mut one = participant("a", 1);
    one.confirm_limits.retry = attempts(1);
    let mut world = World::tcc(&tcc(vec![one, participant("b", 1), participant("c", 2)]));
    world.completes(&["a", "b", "c", "b"]).answer("a", retryable("closed"));
    assert_eq!((world.status(), world.report().stuck), (Status::Stuck, vec!["a".to_owned()]));
    assert_eq!(world.in_flight(), [""; 0], "c waits for its order");
    world
}

#[test]
fn stuck_goes_back_to_confirming_by_retry() {
    let mut world = stuck_at_a();
    world.operate(|t, by, m| t.retry(Some("a"), by, m));
    assert_eq!((world.status(), world.in_flight()), (Status::Confirming, vec!["a confirm 2".to_owned()]));
    world.completes(&["a", "c"]);
    assert_eq!(world.status(), Status::Confirmed);
}

#[test]
fn stuck_goes_back_by_patch_with_other_arguments() {
    let mut world = stuck_at_a();
    world.operate(|t, by, m| t.patch("a", None, json(r#"{"account":"other"}"#), by, m));
    assert_eq!(world.call("a").arguments.text(), r#"{"account":"other"}"#);
    world.answer("a", retryable("closed"));
    assert_eq!(world.status(), Status::Stuck);
    // C22: they hold until others are given, also over a restart.
    world.operate(|t, by, m| t.retry(None, by, m)).crash();
    assert_eq!(world.call("a").arguments.text(), r#"{"account":"other"}"#);
}

#[test]
fn a_skipped_confirm_is_named() {
    let mut world = stuck_at_a();
    world.operate(|t, by, m| t.skip("a", by, m)).completes(&["c"]);
    let report = world.report();
    assert_eq!((report.status, report.given_up), (Status::Confirmed, vec!["a".to_owned()]));
    assert_eq!((report.confirmed, world.node("a")), (vec!["b".into(), "c".to_owned()], "confirm-given-up".into()));
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let mut world = stuck_at_a();
    assert_eq!(world.refused(|t, by, m| t.retry(Some("b"), by, m)), "participant `b` is not stuck (stuck: `a`)");
    assert_eq!(world.refused(|t, by, m| t.skip("aa", by, m)), "the TCC has no participant `aa` (did you mean `a`?)");
    assert!(world.refused(|t, by, m| t.patch("a", Some(1), json("{}"), by, m)).contains("no items"));
    assert!(world.refused(|t, by, m| t.patch("a", None, json("1"), by, m)).contains("not a JSON object"));
    let mut world = World::tcc(&together());
    assert_eq!(world.refused(|t, by, m| t.retry(None, by, m)), "it is trying; only what is stuck can be tried again");
}

#[test]
fn cancelling_is_stuck_and_goes_back() {
    let mut one = participant("a", 1);
    one.cancel_limits.retry = attempts(1);
    let mut world = World::tcc(&tcc(vec![one, participant("b", 2)]));
    world.completes(&["a"]).answer("b", rejected("no")).completes(&["b"]).answer("a", rejected("odd"));
    assert_eq!((world.status(), world.node("a")), (Status::Stuck, "cancel-stuck".into()));
    assert_eq!(world.report().cause.unwrap().outcome, "rejected");
    world.operate(|t, by, m| t.retry(None, by, m));
    assert_eq!(world.status(), Status::Cancelling);
    world.completes(&["a"]);
    assert_eq!(world.status(), Status::Cancelled);
}

#[test]
fn paused_on_top_keeps_the_state_beneath() {
    let mut world = World::tcc(&in_turn());
    world.operate(|t, by, m| t.pause(by, m)).completes(&["a"]);
    assert_eq!((world.status(), world.in_flight()), (Status::Trying, vec![]));
    world.crash();
    assert_eq!(world.in_flight(), [""; 0]);
    world.operate(|t, by, m| t.cancel(by, m));
    assert_eq!(world.status(), Status::Trying);
    world.operate(|t, by, m| t.resume(by, m));
    assert_eq!((world.status(), world.in_flight()), (Status::Cancelling, vec!["a cancel 1".to_owned()]));
}

#[test]
fn terminated_lists_what_is_neither_confirmed_nor_cancelled() {
    let mut world = stuck_at_a();
    world.operate(|t, by, m| t.terminate(by, m));
    assert_eq!((world.status(), world.report().decision), (Status::Terminated, Some(Decided::Confirm)));
    let Some(Fact::Terminated { not_undone, .. }) = facts(&world).last().copied() else { panic!("it ends so") };
    assert_eq!(not_undone.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(world.refused(|t, by, m| t.resume(by, m)), "it is terminated, and can no longer be resumed");
}

// ---- How it is written to disk

#[test]
fn what_ends_and_what_starts_next_share_an_append() {
    let mut world = World::tcc(&in_turn());
    let mut lengths = vec![world.journal.len()];
    for unit in ["a", "b", "c", "a", "b", "c"] {
        world.completes(&[unit]);
        lengths.push(world.journal.len());
    }
    assert_eq!(world.status(), Status::Confirmed);
    // {created, try a} {tried a, try b} {tried b, try c} {tried c, confirming, confirm a} … {confirmed c, confirmed}:
    // 2N+1 appends.
    assert_eq!(lengths, [2, 4, 6, 9, 11, 13, 15]);
}

#[test]
fn a_host_that_leaves_starts_nothing_and_decides_all_the_same() {
    let mut world = World::tcc(&together());
    world.completes(&["a", "b"]);
    let call = world.call("c").id.clone();
    let answer = wasaga_core::Answer { outcome: done("1"), writes: Writes::default(), usage: Default::default() };
    let decision = world.transaction.handle_answer(&call, answer, &Moment { hold: true, ..moment(world.now) });
    world.perform(decision);
    world.calls.clear();
    assert_eq!(world.status(), Status::Confirming);
    world.crash();
    assert_eq!(world.in_flight(), ["a confirm 1", "b confirm 1", "c confirm 1"]);
}

#[test]
fn a_sagas_records_are_not_a_tccs() {
    let (saga, tcc) = (World::new(&definition::Saga { name: "trip".into(), ..chain() }), World::tcc(&together()));
    assert!(Transaction::replay(&tcc.plan, &saga.journal).unwrap_err().what.contains("registers"));
    assert!(Transaction::replay(&saga.plan, &tcc.journal).unwrap_err().what.contains("TCC"));
}
