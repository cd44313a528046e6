use alloc::{collections::BTreeSet, format, string::String, vec, vec::Vec};

use serde_json::Value;

use super::{Unreadable, read};
use crate::{
    Json,
    definition::{Action, Capability, Definition, LabelKind, Retry, Source},
};

const EXAMPLE: &str = include_str!("../../../../wit/0.1/module.example.json");
const SCHEMA: &str = include_str!("../../../../wit/0.1/module.schema.json");

/// Members that the schema has and this host refuses.
const RESERVED: [&str; 5] = ["child", "timer", "signal", "errors", "events"];

fn of(definitions: &str) -> Result<crate::definition::Module, Unreadable> {
    read(&format!(r#"{{"wasaga":"0.1","module":{{"name":"shop"}},{definitions}}}"#))
}

fn step(members: &str) -> Result<crate::definition::Step, Unreadable> {
    let module = of(&format!(r#""sagas":[{{"name":"order","steps":[{{"id":"charge"{members}}}]}}]"#))?;
    match module.definitions.into_iter().next() {
        Some(Definition::Saga(saga)) => Ok(saga.steps.into_iter().next().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_example_is_read_whole() {
    let module = read(EXAMPLE).unwrap();
    assert_eq!(module.warnings, Vec::<String>::new());
    assert_eq!((&*module.name, &*module.version, module.calls_per_instance), ("shop", "1.4.0", 256));
    assert_eq!(
        module.capabilities,
        [
            Capability::OutgoingHttp("https://api.example.com".into()),
            Capability::Config("currency".into()),
            Capability::Secret("payments".into())
        ]
    );
    let [Definition::Saga(order), Definition::Tcc(transfer)] = &module.definitions[..] else { panic!() };
    assert_eq!((order.labels[1].pointer.as_str(), order.labels[1].kind), ("/express", LabelKind::Flag));
    let [reserve, charge, ship] = &order.steps[..] else { panic!() };
    let names: Vec<&str> = charge.parameters.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["card", "cents", "currency", "trace"], "in the order in which they are written");
    let cents = Source::StepOutput { step: "reserve".into(), pointer: Some("/total_cents".into()) };
    assert_eq!((&charge.parameters[1].source, charge.parameters[1].required), (&cents, true));
    assert_eq!(charge.action, Action::Provided("bank".into()));
    assert_eq!(ship.parameters[0].source, Source::Item(None));
    assert_eq!((&*ship.depends_on, ship.condition.as_deref()), (&["charge".into()][..], Some("input.express == true")));
    let undo = reserve.compensation.as_ref().unwrap();
    assert_eq!((&*undo.name, &undo.parameters[0].source), ("release", &Source::OwnOutput(None)));
    let asked = Retry { max_attempts: Some(3), initial_delay: Some(200), ..Retry::default() };
    assert_eq!(reserve.limits.retry, Some(asked));
    let [debit, loyalty] = &transfer.participants[..] else { panic!() };
    assert_eq!((debit.try_limits.timeout, debit.order, loyalty.optional), (Some(2_000), 1, true));
}

/// What the schema has is in the example, which the reader knows whole; so the three cannot part.
#[test]
fn the_schema_the_example_and_the_reader_agree() {
    fn members(of: &Value, all: &mut BTreeSet<String>) {
        match of {
            Value::Object(object) => object.iter().for_each(|(name, value)| {
                all.insert(name.clone());
                members(value, all);
            }),
            Value::Array(items) => items.iter().for_each(|item| members(item, all)),
            _ => {}
        }
    }
    fn properties(of: &Value, all: &mut BTreeSet<String>) {
        match of {
            Value::Object(object) => object.iter().for_each(|(name, value)| {
                if let ("properties", Value::Object(named)) = (name.as_str(), value) {
                    all.extend(named.keys().cloned());
                }
                properties(value, all);
            }),
            Value::Array(items) => items.iter().for_each(|item| properties(item, all)),
            _ => {}
        }
    }
    let (mut written, mut known) = (BTreeSet::new(), BTreeSet::new());
    members(&serde_json::from_str(EXAMPLE).unwrap(), &mut written);
    properties(&serde_json::from_str(SCHEMA).unwrap(), &mut known);
    let rest: Vec<&String> = known.difference(&written).filter(|name| !RESERVED.contains(&name.as_str())).collect();
    assert_eq!(rest, [&String::from("needs")], "the schema has members that the example does not use");
}

#[test]
fn what_a_later_host_can_do_is_refused_by_name() {
    for reserved in RESERVED {
        let told = step(&format!(r#","{reserved}":{{"x":1}}"#)).unwrap_err();
        let expected = format!("saga `order`, step `charge` has `{reserved}`, which this host cannot do");
        assert_eq!(told, Unreadable::Needs(expected));
    }
    let told = of(r#""needs":["timer"]"#).unwrap_err();
    assert_eq!(told, Unreadable::Needs("it needs `timer` of its host, which this host cannot do".into()));
    let told = of(r#""tccs":[{"name":"t","output":{},"participants":[]}]"#).unwrap_err();
    assert_eq!(told, Unreadable::Needs("tcc `t` has `output`, which this host cannot do".into()));
    let told = read(r#"{"wasaga":"0.2","modules":[]}"#).unwrap_err();
    assert_eq!(told, Unreadable::Needs("its document is of version `0.2`, and this host reads 0.1".into()));
    assert_eq!(told.remedy(), "update the host");
}

#[test]
fn members_that_nobody_knows_are_passed_over_and_told() {
    let module = of(r#""colour":1,"sagas":[{"name":"s","steps":[{"id":"a","retries":3}]}]"#).unwrap();
    let told = ["`colour` is unknown to this host", "`sagas.0.steps.0.retries` is unknown to this host"];
    assert_eq!(module.warnings, told);
    let many: Vec<String> = (0..1_000).map(|i| format!(r#""m{i}":1"#)).collect();
    let module = of(&many.join(",")).unwrap();
    assert_eq!(module.warnings.len(), 11);
    assert_eq!(module.warnings[10], "990 more members are unknown to this host");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let wrong = |told: Result<crate::definition::Step, Unreadable>| match told {
        Err(Unreadable::Wrong(why)) => why,
        other => panic!("{other:?}"),
    };
    let told = wrong(step(r#","limits":{"timeout_ms":"soon"}"#));
    assert_eq!(told, r#"at `sagas[0].steps[0].limits.timeout_ms`: invalid type: string "soon", expected u64"#);
    let told = wrong(step(r#","limits":{"retry":{"attempts":-1}}"#));
    assert_eq!(told, "at `sagas[0].steps[0].limits.retry.attempts`: invalid value: integer `-1`, expected u32");
    let place = "saga `order`, step `charge`, argument `a`";
    let argument = |members: &str| wrong(step(&format!(r#","arguments":{{"a":{{{members}}}}}"#)));
    assert_eq!(argument(r#""input":"","literal":null"#), format!("{place} says twice where its value comes from"));
    let nothing = "says nothing of where its value comes from (such as `\"input\": \"/id\"`)";
    assert_eq!(argument(""), format!("{place} {nothing}"));
    let beside = "has `at`, which stands beside `step` and `participant` alone";
    assert_eq!(argument(r#""input":"/a","at":"/b""#), format!("{place} {beside}"));
    assert!(argument(r#""cause":"/code""#).contains("a part of the cause"));
    assert!(wrong(step(r#","arguments":{"a":{"item":""},"a":{"item":""}}"#)).contains("a name stands twice"));
    assert!(matches!(read("[]"), Err(Unreadable::Wrong(_))));
    assert!(matches!(read(&" ".repeat(5 << 20)), Err(Unreadable::Wrong(_))));
}

#[test]
fn a_literal_may_be_null_and_keeps_its_digits() {
    let literals = [("null", Json::null()), ("1e400", Json::parse("1e400").unwrap())];
    for (text, value) in literals {
        let step = step(&format!(r#","arguments":{{"a":{{"literal":{text}}}}}"#)).unwrap();
        assert_eq!(step.parameters[0].source, Source::Literal(value));
    }
    let step = step(r#","arguments":{"a":{"input":""},"b":{"input":"/x"}}"#).unwrap();
    let sources: Vec<&Source> = step.parameters.iter().map(|one| &one.source).collect();
    assert_eq!(sources, vec![&Source::Input(None), &Source::Input(Some("/x".into()))]);
}

#[test]
fn a_retry_says_what_it_says_and_no_more() {
    let usual = crate::RetryPolicy::default();
    let over = |asked: Retry| asked.over(usual);
    assert_eq!(over(Retry::default()), usual);
    assert_eq!(over(Retry { max_attempts: Some(7), ..Retry::default() }).max_attempts, 7);
    let short = over(Retry { max_delay: Some(500), ..Retry::default() });
    assert_eq!((short.initial_delay, short.max_delay), (500, 500));
    let long = over(Retry { initial_delay: Some(60_000), ..Retry::default() });
    assert_eq!((long.initial_delay, long.max_delay), (60_000, 60_000));
}
