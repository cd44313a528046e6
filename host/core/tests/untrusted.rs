//! Bytes from a store or a guest never panic: damaged journals, definitions that make no sense, and
//! pointers into anything are refused, or are taken and go on as if they were meant.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use proptest::prelude::*;
use wasaga_core::definition::{self, Action, Compensation, Parameter, Source};
use wasaga_core::{Defaults, Json, Outcome, Plan, Record, RetryPolicy, TIME_MS_MAX, TccPlan, Transaction, lookup};
use world::*;

/// A journal with something of everything: a fan-out, retries, an unwinding, a stuck compensation,
/// and an operator.
fn journal() -> World {
    let mut fan = step("f", &["a"]);
    fan.each = Some(Source::Input(Some("/lines".into())));
    fan.limits.retry = attempts(3);
    let definition = saga(vec![step("a", &[]), fan, step("z", &["f"])]);
    let mut world = World::with(&definition, r#"{"lines":[1,2]}"#, None);
    world.completes(&["a"]);
    world.answer("f[0]", retryable("busy")).answer("f[1]", done("2"));
    world.wait();
    world.answer("f[0]", unknown());
    world.wait();
    world.answer("f[0]", done("1")).answer("z", rejected("no"));
    while !world.calls.is_empty() {
        let unit = world.in_flight()[0].clone();
        let unit = unit.split(' ').next().unwrap().to_owned();
        world.answer(&unit, if unit == "a" { rejected("stuck") } else { done("null") });
    }
    world
}

/// The same of a TCC: retries, an optional participant that is dropped, a stuck confirm, an operator.
fn tcc_journal() -> World {
    let mut first = participant("a", 1);
    first.try_limits.retry = attempts(3);
    let mut confirm_once = participant("b", 2);
    confirm_once.confirm_limits.retry = attempts(1);
    let mut world = World::tcc(&tcc(vec![first, confirm_once, optional("f", 2)]));
    world.answer("a", retryable("busy"));
    world.wait();
    world.answer("a", done("1")).answer("f", rejected("no")).answer("b", done("2"));
    world.answer("a", done("null")).answer("f", done("null")).answer("b", rejected("stuck"));
    world.operate(|t, by, m| t.retry(None, by, m));
    world.answer("b", Outcome::Pending { poll: 500, token: None });
    world
}

#[derive(Clone, Debug)]
enum Damage {
    Remove(usize),
    Repeat(usize),
    Swap(usize, usize),
    /// A number, a name or a word of one record is replaced in its text.
    Replace(usize, usize, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0..64usize;
    let words =
        ["0", "1", "4294967295", "18446744073709551615", "-1", "null", "\"a\"", "\"f\"", "\"\"", "[]", "{}", "\"run\""];
    prop_oneof![
        place.clone().prop_map(Damage::Remove),
        place.clone().prop_map(Damage::Repeat),
        (place.clone(), place.clone()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (place, 0..32usize, prop::sample::select(words.to_vec())).prop_map(|(record, value, word)| Damage::Replace(
            record,
            value,
            word.into()
        )),
    ]
}

/// Replaces the `number`-th value that is no object or array.
fn replace(value: &mut serde_json::Value, number: &mut usize, word: &str) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().any(|item| replace(item, number, word)),
        serde_json::Value::Object(members) => members.values_mut().any(|member| replace(member, number, word)),
        plain if *number == 0 => {
            *plain = serde_json::from_str(word).unwrap();
            true
        }
        _ => {
            *number -= 1;
            false
        }
    }
}

/// The records as far as they can be read at all.
fn damaged(records: &[Record], damages: &[Damage]) -> Option<Vec<Record>> {
    let mut texts: Vec<serde_json::Value> =
        records.iter().map(|record| serde_json::to_value(record).unwrap()).collect();
    for damage in damages {
        let count = texts.len();
        match damage {
            _ if count == 0 => return None,
            Damage::Remove(at) => drop(texts.remove(at % count)),
            Damage::Repeat(at) => texts.insert(at % count, texts[at % count].clone()),
            Damage::Swap(a, b) => texts.swap(a % count, b % count),
            Damage::Replace(record, value, word) => {
                replace(&mut texts[record % count], &mut value.clone(), word);
            }
        }
    }
    texts.into_iter().map(|text| serde_json::from_str(&text.to_string()).ok()).collect()
}

fn source() -> impl Strategy<Value = Source> {
    let text = prop::sample::select(vec!["", "/", "/a", "a", "~", "/~2", "\u{0}", "lines", "s0", "s1", "ünïcode"]);
    let pointer = prop::option::of(text.clone().prop_map(String::from));
    prop_oneof![
        pointer.clone().prop_map(Source::Input),
        (text.clone(), pointer.clone()).prop_map(|(step, pointer)| Source::StepOutput { step: step.into(), pointer }),
        text.clone().prop_map(|name| Source::Variable(name.into())),
        text.clone().prop_map(|name| Source::Header(name.into())),
        pointer.clone().prop_map(Source::Item),
        pointer.prop_map(Source::OwnOutput),
        text.prop_map(|step| Source::CompensationOutput(step.into())),
        Just(Source::Cause),
        Just(Source::Literal(json("{}"))),
    ]
}

fn any_step() -> impl Strategy<Value = definition::Step> {
    let id = prop::sample::select(vec!["s0", "s1", "s2", "", "a b", "\n"]).prop_map(String::from);
    let number = prop::sample::select(vec![0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, 1e300]);
    // Most are times that a definition may name.
    let time = || prop_oneof![4 => 0..=TIME_MS_MAX, 1 => any::<u64>()];
    let retry = (any::<u32>(), time(), time(), number.clone(), number).prop_map(
        |(max_attempts, initial_delay, max_delay, multiplier, jitter)| RetryPolicy {
            max_attempts,
            initial_delay,
            max_delay,
            multiplier,
            jitter,
        },
    );
    let limits = (prop::option::of(time()), prop::option::of(any::<u64>()), prop::option::of(retry)).prop_map(
        |(timeout, fuel, retry)| definition::Limits {
            timeout,
            total_timeout: timeout,
            fuel,
            memory_bytes: fuel,
            retry: retry.map(Into::into),
        },
    );
    let parameter = (any::<bool>(), source()).prop_map(|(required, source)| Parameter {
        name: "p".into(),
        source,
        required,
        schema: None,
    });
    let parameters = prop::collection::vec(parameter, 0..3);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (id.clone(), prop::collection::vec(id, 0..3), parameters, prop::option::of(source()), limits, flags).prop_map(
        |(id, depends_on, parameters, each, limits, (elsewhere, undoable, critical))| definition::Step {
            id,
            depends_on,
            compensation: undoable.then(|| Compensation {
                name: "undo".into(),
                parameters: parameters.clone(),
                limits,
                critical,
            }),
            parameters,
            each,
            limits,
            action: if elsewhere { Action::Provided(String::new()) } else { Action::Here },
            ..definition::Step::default()
        },
    )
}

/// Found by the damages below: the times of two attempts, one of which is as large as can be, were added.
#[test]
fn what_records_say_was_used_has_no_end() {
    for world in [journal(), tcc_journal()] {
        let mut texts: Vec<serde_json::Value> =
            world.journal.iter().map(|record| serde_json::to_value(record).unwrap()).collect();
        for usage in texts.iter_mut().filter_map(|record| record["fact"].as_object_mut()).flatten() {
            if usage.1.get("usage").is_some() {
                usage.1["usage"] =
                    serde_json::json!({"duration_us": u64::MAX, "fuel": u64::MAX, "memory_bytes": u64::MAX});
            }
        }
        let records: Vec<Record> = texts.into_iter().map(|text| serde_json::from_value(text).unwrap()).collect();
        assert_ne!(records, world.journal);
        let report = Transaction::replay(&world.plan, &records).unwrap().report();
        assert_eq!(report.nodes[0].fuel, u64::MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_journal_is_refused_or_goes_on(
        damages in prop::collection::vec(damage(), 0..4),
        of_tcc in any::<bool>(),
    ) {
        let world = if of_tcc { tcc_journal() } else { journal() };
        prop_assert!(!damages.is_empty() || damaged(&world.journal, &[]).as_ref() == Some(&world.journal));
        if let Some(records) = damaged(&world.journal, &damages)
            && let Ok(mut found) = Transaction::replay(&world.plan, &records)
        {
            found.report();
            let decision = found.recover(&moment(world.now));
            prop_assert!(decision.after() >= decision.commit().before);
        }
    }

    #[test]
    fn a_definition_is_a_plan_or_has_mistakes(
        steps in prop::collection::vec(any_step(), 0..5),
        concurrency in prop::option::of(any::<u32>()),
        deadline in prop::option::of(0..=TIME_MS_MAX + 1_000_000_000),
    ) {
        let definition = definition::Saga { concurrency, deadline, ..saga(steps) };
        match Plan::new(&definition, &Defaults::default()) {
            // A plan that exists is right: it runs.
            Ok(_) => drop(World::with(&definition, r#"{"lines":[1]}"#, None)),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }

    #[test]
    fn a_tcc_is_a_plan_or_has_mistakes(
        steps in prop::collection::vec((any_step(), 0..3u32, any::<bool>()), 0..5),
        deadline in prop::option::of(0..=TIME_MS_MAX + 1_000_000_000),
    ) {
        let member = |(step, order, optional): (definition::Step, u32, bool)| definition::Participant {
            id: step.id,
            order,
            optional,
            parameters: step.parameters,
            try_limits: step.limits,
            confirm_limits: step.limits,
            cancel_limits: step.compensation.map(|undo| undo.limits).unwrap_or_default(),
            ..definition::Participant::default()
        };
        let definition = definition::Tcc { deadline, ..tcc(steps.into_iter().map(member).collect()) };
        match TccPlan::new(&definition, &Defaults::default()) {
            Ok(_) => drop(World::tcc(&definition)),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }

    #[test]
    fn a_pointer_into_anything_finds_a_part_or_nothing(text in "[\\[\\]{}\",:0-9a-z~/\\\\ ]{0,40}", pointer in "[/~0-9a-z]{0,12}") {
        if let Ok(whole) = Json::parse(&text)
            && let Some(part) = lookup(&whole, &pointer)
        {
            prop_assert!(Json::parse(part.as_str()).is_ok());
        }
    }
}
