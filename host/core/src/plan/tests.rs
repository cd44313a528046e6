//! Every mistake a definition can have, with the words that a user reads.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::*;
use crate::{
    Json, RetryPolicy,
    definition::{self, Action, Parameter, Saga, Source, Step as DefinedStep},
};

fn step(id: &str, depends_on: &[&str]) -> DefinedStep {
    DefinedStep {
        id: id.into(),
        depends_on: depends_on.iter().map(|d| (*d).into()).collect(),
        ..DefinedStep::default()
    }
}

fn saga(steps: Vec<DefinedStep>) -> Saga {
    Saga { name: "order".into(), steps, ..Saga::default() }
}

fn mistakes(saga: &Saga) -> Vec<String> {
    match Plan::new(saga, &Defaults::default()) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

fn parameter(name: &str, source: Source) -> Parameter {
    Parameter { name: name.into(), source, required: true, schema: None }
}

#[test]
fn a_diamond_is_right_and_has_layers() {
    let plan = Plan::new(
        &saga(alloc::vec![step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b", "c", "b"])]),
        &Defaults::default(),
    )
    .unwrap();
    assert_eq!(plan.steps().iter().map(|s| s.layer).collect::<Vec<_>>(), [0, 1, 1, 2]);
    assert_eq!(plan.leaves().collect::<Vec<_>>(), [StepIx(3)]);
    assert_eq!(plan.step(StepIx(3)).depends_on, [StepIx(1), StepIx(2)]);
}

#[test]
fn a_binding_is_a_dependency() {
    let mut second = step("b", &[]);
    second.parameters.push(parameter("x", Source::StepOutput { step: "a".into(), pointer: None }));
    let plan = Plan::new(&saga(alloc::vec![step("a", &[]), second]), &Defaults::default()).unwrap();
    assert_eq!(plan.step(StepIx(1)).depends_on, [StepIx(0)]);
}

#[test]
fn all_mistakes_come_at_once_each_with_its_place() {
    let mut charge = step("charge", &["reserv", "charge"]);
    charge.parameters.push(parameter("address", Source::Input(Some("/address".into()))));
    charge.parameters.push(parameter("address", Source::Cause));
    charge.action = Action::Provided(String::new());
    charge.limits.retry =
        Some(RetryPolicy { max_attempts: 0, multiplier: f64::NAN, jitter: 2.0, ..RetryPolicy::ONCE }.into());
    let mut wrong = saga(alloc::vec![step("reserve", &[]), charge, step("reserve", &[]), step("a b", &[])]);
    wrong.input_schema = Some(Json::parse(r#"{"properties":{"id":{},"card":{}}}"#).unwrap());
    wrong.concurrency = Some(0);
    assert_eq!(
        mistakes(&wrong),
        [
            "saga `order`: has a concurrency of 0, so no step could ever start (leave it out for no limit)",
            "saga `order`, step `reserve`: stands more than once (ids are unique in a saga)",
            "saga `order`, step `a b`: its id has the character ' ' (letters, digits, `-`, `_` and `.` are allowed)",
            "saga `order`, step `charge`: depends on `reserv`, which is not a step (did you mean `reserve`?)",
            "saga `order`, step `charge`: depends on itself",
            "saga `order`, step `charge`: is provided by a module without a name (name the module, or leave the provider out)",
            "saga `order`, step `charge`: its retry has 0 attempts (from 1 to 1000000)",
            "saga `order`, step `charge`: its retry has a multiplier of NaN (at least 1)",
            "saga `order`, step `charge`: its retry has a jitter of 2 (from 0 to 1)",
            "saga `order`, step `charge`: parameter `address` is a field that the input schema does not have (fields: card, id)",
            "saga `order`, step `charge`: parameter `address` stands more than once",
            "saga `order`, step `charge`: parameter `address` is the cause of the unwinding, which only a compensation has",
        ]
    );
}

#[test]
fn a_cycle_is_named_whole() {
    let cycle = saga(alloc::vec![step("a", &[]), step("b", &["a", "d"]), step("c", &["b"]), step("d", &["c"])]);
    assert_eq!(mistakes(&cycle), ["saga `order`: its steps wait for each other: `b` needs `d` needs `c` needs `b`"]);
}

#[test]
fn a_saga_without_steps_is_refused() {
    assert_eq!(mistakes(&saga(Vec::new())), ["saga `order`: has no steps (add at least one)"]);
}

#[test]
fn a_compensation_that_needs_an_output_is_warned_of() {
    let mut reserve = step("reserve", &[]);
    reserve.compensation = Some(definition::Compensation {
        name: "release".into(),
        parameters: alloc::vec![parameter("output", Source::OwnOutput(None))],
        ..definition::Compensation::default()
    });
    let plan = Plan::new(&saga(alloc::vec![reserve]), &Defaults::default()).unwrap();
    assert_eq!(
        plan.warnings,
        [
            "saga `order`: compensation `release` requires the output of `reserve`; when its outcome is unknown there is \
          none, and the saga would be stuck (make the parameter optional)"
        ]
    );
}

#[test]
fn limits_take_defaults_and_stay_under_ceilings() {
    let mut greedy = step("a", &[]);
    greedy.limits.fuel = Some(u64::MAX);
    greedy.limits.timeout = Some(5);
    let defaults = Defaults::default();
    let plan = Plan::new(&saga(alloc::vec![greedy]), &defaults).unwrap();
    let limits = plan.step(StepIx(0)).limits;
    assert_eq!((limits.fuel, limits.timeout), (defaults.fuel_max, 5));
    assert_eq!(limits.memory_bytes, defaults.limits.memory_bytes);
}

fn participant(id: &str, order: u32) -> definition::Participant {
    definition::Participant { id: id.into(), order, ..definition::Participant::default() }
}

fn tcc(participants: Vec<definition::Participant>) -> definition::Tcc {
    definition::Tcc { name: "transfer".into(), participants, ..definition::Tcc::default() }
}

fn tcc_mistakes(tcc: &definition::Tcc) -> Vec<String> {
    match TccPlan::new(tcc, &Defaults::default()) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn all_mistakes_of_a_tcc_come_at_once_each_with_its_place() {
    let output_of = |step: &str| Source::StepOutput { step: step.into(), pointer: None };
    let mut credit = participant("credit", 1);
    credit.parameters = alloc::vec![
        parameter("account", Source::Input(Some("/acount".into()))),
        parameter("a", output_of("debit")),
        parameter("a", output_of("debt")),
        parameter("b", output_of("credit")),
        parameter("c", Source::OwnOutput(None)),
        parameter("d", Source::Item(None)),
        parameter("e", Source::Cause),
        parameter("f", Source::CompensationOutput("debit".into())),
        parameter("g", Source::Variable(String::new())),
        parameter("h", Source::Input(Some("account".into()))),
    ];
    credit.provider = Some(String::new());
    credit.confirm_limits.timeout = Some(0);
    credit.cancel_limits.retry = Some(RetryPolicy { max_attempts: 0, ..RetryPolicy::ONCE }.into());
    let mut wrong = tcc(alloc::vec![participant("debit", 1), credit, participant("debit", 0), participant("a b", 0)]);
    wrong.input_schema = Some(Json::parse(r#"{"properties":{"account":{}}}"#).unwrap());
    wrong.deadline = Some(0);
    assert_eq!(
        tcc_mistakes(&wrong),
        [
            "tcc `transfer`: has a deadline of 0 ms, which has always passed (leave it out for none)",
            "tcc `transfer`, participant `debit`: stands more than once (ids are unique in a tcc)",
            "tcc `transfer`, participant `a b`: its id has the character ' ' (letters, digits, `-`, `_` and `.` are allowed)",
            "tcc `transfer`, participant `credit`: is provided by a module without a name (name the module, or leave the provider out)",
            "tcc `transfer`, participant `credit`: its confirm has a timeout of 0, so no attempt could succeed",
            "tcc `transfer`, participant `credit`: its cancel retry has 0 attempts (from 1 to 1000000)",
            "tcc `transfer`, participant `credit`: parameter `account` is a field that the input schema does not have (did you mean `account`?) (fields: account)",
            "tcc `transfer`, participant `credit`: parameter `a` is taken from `debit` of order 1, which is not tried before order 1 (give `debit` a lower order)",
            "tcc `transfer`, participant `credit`: parameter `a` stands more than once",
            "tcc `transfer`, participant `credit`: parameter `a` is taken from `debt`, which is not a participant (did you mean `debit`?)",
            "tcc `transfer`, participant `credit`: parameter `b` is taken from the participant itself",
            "tcc `transfer`, participant `credit`: parameter `c` is the participant's own output, which confirm and cancel are given without asking",
            "tcc `transfer`, participant `credit`: parameter `d` is an item of a fan-out, which only a saga has",
            "tcc `transfer`, participant `credit`: parameter `e` is the cause of an unwinding, which only a saga has",
            "tcc `transfer`, participant `credit`: parameter `f` is a compensation's output, which only a saga has",
            "tcc `transfer`, participant `credit`: parameter `g` names a variable or header without a name",
            "tcc `transfer`, participant `credit`: parameter `h` has `account`, which is not a JSON Pointer (such as `/lines/0/sku`)",
        ]
    );
    assert_eq!(tcc_mistakes(&tcc(Vec::new())), ["tcc `transfer`: has no participants (add at least one)"]);
    let many = (0..=PARTICIPANTS_MAX).map(|i| participant(&alloc::format!("p{i}"), 0)).collect();
    assert_eq!(tcc_mistakes(&tcc(many)), ["tcc `transfer`: has 257 participants; the limit is 256"]);
}

#[test]
fn a_tcc_without_a_required_participant_is_warned_of() {
    let optional = |id: &str| definition::Participant { optional: true, ..participant(id, 0) };
    let plan = TccPlan::new(&tcc(alloc::vec![optional("a"), optional("b")]), &Defaults::default()).unwrap();
    assert_eq!(
        plan.warnings,
        ["tcc `transfer`: every participant is optional, so it is confirmed also when all refuse (make one required)"]
    );
    let plan = TccPlan::new(&tcc(alloc::vec![optional("a"), participant("b", 0)]), &Defaults::default()).unwrap();
    assert!(plan.warnings.is_empty());
}

#[test]
fn confirm_and_cancel_have_the_hosts_patience_and_no_more() {
    let mut one = participant("a", 0);
    one.cancel_limits.retry = Some(RetryPolicy { max_attempts: 5, ..RetryPolicy::ONCE }.into());
    let mut two = participant("b", 0);
    two.confirm_limits.retry = Some(RetryPolicy { max_attempts: 1_000, ..RetryPolicy::ONCE }.into());
    let plan = TccPlan::new(&tcc(alloc::vec![one, two]), &Defaults::default()).unwrap();
    let [a, b] = plan.participants() else { panic!("there are two") };
    assert_eq!(a.try_limits.retry.max_attempts, 3);
    assert_eq!((a.confirm_limits.retry.max_attempts, a.cancel_limits.retry.max_attempts), (70, 5));
    assert_eq!((b.confirm_limits.retry.max_attempts, b.confirm_limits.retry.max_delay), (70, 0));
    assert_eq!(a.confirm_limits.retry.max_delay, 30_000);
}

#[test]
fn a_step_that_takes_the_place_of_a_field_is_told() {
    let mut second = step("charge", &[]);
    second.parameters.push(parameter("card", Source::StepOutput { step: "card".into(), pointer: None }));
    let mut saga = saga(alloc::vec![step("card", &[]), second]);
    let warnings = |saga: &Saga| Plan::new(saga, &Defaults::default()).unwrap().warnings;
    assert_eq!(warnings(&saga), Vec::<String>::new());
    saga.input_schema = Json::parse(r#"{"type":"object","properties":{"card":{"type":"string"}}}"#).ok();
    let told = "saga `order`, step `charge`: parameter `card` takes the output of step `card`, and the input has a field \
                `card` as well (say which is meant, or give one of them another name)";
    assert_eq!(warnings(&saga), [told]);
}

/// What is told of a definition, all of it.
fn told(saga: &Saga) -> String {
    Plan::new(saga, &Defaults::default()).unwrap_err().to_string()
}

/// S9, X5: whatever a guest says of itself, what is told fits on some screens and is safe to show.
fn check_told(told: &str, expected: &str) {
    assert!(told.len() <= 24 << 10, "{} bytes", told.len());
    assert!(told.contains(expected), "{told}");
    assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told}");
    assert!(told.lines().count() <= MISTAKES_MAX + 2, "{told}");
}

#[test]
fn long_names_are_cut_and_stop_the_other_checks() {
    let long = "n".repeat(300_000);
    let mut whole = saga(alloc::vec![step("a", &[])]);
    whole.name = "n".repeat(2 << 20);
    check_told(&told(&whole), "nnn…`: its name has more than 128 characters");
    let steps = (0..500).map(|i| step(&alloc::format!("{long}{i}"), &[&long])).collect();
    check_told(&told(&saga(steps)), "and 480 more");
    let mut one = step("a", &[]);
    one.parameters.push(parameter(&long, Source::Variable("v".into())));
    one.parameters.push(parameter("p", Source::StepOutput { step: long.clone(), pointer: None }));
    one.parameters.push(parameter("q", Source::Input(Some(alloc::format!("/{long}")))));
    one.compensation = Some(definition::Compensation { name: long.clone(), ..definition::Compensation::default() });
    one.action = Action::Provided(long);
    let told = told(&saga(alloc::vec![one]));
    for expected in [
        "the name of the module that provides it has more than 128 characters",
        "parameter `nnn",
        "parameter `p` has more than 128 characters",
        "parameter `q` has a pointer of 300001 bytes; the limit is 1024",
        "the name of its compensation has more than 128 characters",
    ] {
        check_told(&told, expected);
    }
}

#[test]
fn text_that_would_forge_a_screen_is_shown_as_what_it_is() {
    let told = told(&saga(alloc::vec![step("a\u{1b}[2J\u{202e}\n", &["b\r"])]));
    check_told(&told, r"step `a\u{1b}[2J\u{202e}\u{a}`: depends on `b\u{d}`, which is not a step");
}

#[test]
fn what_is_too_many_is_told_alone() {
    let mut wide = step("wide", &[]);
    wide.parameters = (0..100_000).map(|_| parameter("p", Source::Cause)).collect();
    assert_eq!(
        mistakes(&saga(alloc::vec![wide])),
        ["saga `order`, step `wide`: has 100000 parameters; the limit is 64"]
    );
    let names: Vec<String> = (0..1_001).map(|i| alloc::format!("s{i}")).collect();
    let steps = names.iter().map(|name| step(name, &["nobody"])).collect();
    assert_eq!(mistakes(&saga(steps)), ["saga `order`: has 1001 steps; the limit is 1000"]);
    let mut waiting = step("waiting", &[]);
    waiting.depends_on = alloc::vec!["nobody".into(); 100_000];
    let told = mistakes(&saga(alloc::vec![waiting]));
    assert_eq!(told, ["saga `order`, step `waiting`: depends on 100000 steps; a saga has 1000 at most"]);
}

/// S9: each of a thousand steps told all fields of a large schema: 80 GB.
#[test]
fn fields_and_cycles_are_listed_in_part() {
    let fields: Vec<String> = (0..10_000).map(|i| alloc::format!(r#""field{i}":{{}}"#)).collect();
    let mut wrong = saga((0..1_000).map(|i| step(&alloc::format!("s{i}"), &[])).collect());
    wrong.input_schema = Some(Json::parse(&alloc::format!(r#"{{"properties":{{{}}}}}"#, fields.join(","))).unwrap());
    for step in &mut wrong.steps {
        step.parameters = alloc::vec![parameter("p", Source::Input(Some("/feld1".into())))];
    }
    let fields = told(&wrong);
    check_told(&fields, "(did you mean `field1`?) (fields: field0, field1, field10,");
    check_told(&fields, "and 9980 more)");
    check_told(&fields, "1000 mistakes\n");
    check_told(&fields, "and 980 more");
    let round = (0..1_000).map(|i| step(&alloc::format!("s{i}"), &[&alloc::format!("s{}", (i + 1) % 1_000)])).collect();
    check_told(&told(&saga(round)), "`s0` needs `s1` needs `s2`");
    check_told(&told(&saga((0..1_000).map(|i| step("a", &[&alloc::format!("b{i}")])).collect())), "1001 mistakes");
}

/// X10: a time a thousand times as long overflowed where it was shown.
#[test]
fn times_are_bounded() {
    let mut late = saga(alloc::vec![step("a", &[])]);
    late.deadline = Some(1 << 63);
    late.steps[0].limits.timeout = Some(u64::MAX);
    late.steps[0].limits.total_timeout = Some(TIME_MS_MAX);
    let slow = RetryPolicy { initial_delay: u64::MAX, max_delay: u64::MAX, ..RetryPolicy::ONCE };
    late.steps[0].limits.retry = Some(slow.into());
    let limit = "the limit is 3153600000000, a hundred years (leave it out for none)";
    assert_eq!(
        mistakes(&late),
        [
            alloc::format!("saga `order`: has a deadline of 9223372036854775808 ms; {limit}"),
            alloc::format!("saga `order`, step `a`: has a timeout of 18446744073709551615 ms; {limit}"),
            alloc::format!("saga `order`, step `a`: its retry has a longest delay of 18446744073709551615 ms; {limit}"),
        ]
    );
    let late = definition::Tcc { deadline: Some(1 << 63), ..tcc(alloc::vec![participant("a", 1)]) };
    let told = TccPlan::new(&late, &Defaults::default()).unwrap_err().to_string();
    assert!(told.contains("tcc `transfer`: has a deadline of 9223372036854775808 ms"), "{told}");
}
