//! Every mistake a definition can have, with the words that a user reads.

use alloc::string::ToString;

use super::*;
use crate::definition::{Action, Saga, Step as DefinedStep};

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
    charge.action = Action::Provided("bank".into());
    charge.limits.retry = Some(RetryPolicy { max_attempts: 0, multiplier: f64::NAN, jitter: 2.0, ..RetryPolicy::ONCE });
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
            "saga `order`, step `charge`: is provided by module `bank`; this version runs a saga's own steps only",
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
