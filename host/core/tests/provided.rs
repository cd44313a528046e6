//! Steps and participants of other modules: whom a call goes to, and what does not fit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::definition::{
    Action, Compensation, Definition, Module, Parameter, Participant, Saga, Source, Step, Tcc,
};
use wasaga_core::{
    Answer, Checked, Command, Conditions, Defaults, Digest, Json, Moment, Outcome, Plan, Record, Scope, Start, TccPlan,
    Timestamp, Transaction, TransactionId, Usage, Writes,
};

struct Yes;

impl Conditions for Yes {
    fn holds(&self, _: &str, _: &Scope<'_>) -> Result<bool, String> {
        Ok(true)
    }
}

fn moment() -> Moment<'static> {
    Moment { now: Timestamp::from_unix_us(1_000), random: 0, conditions: &Yes, hold: false }
}

fn parameter(name: &str, schema: &str) -> Parameter {
    let schema = Some(Json::parse(schema).unwrap());
    Parameter { name: name.into(), source: Source::Input(Some(format!("/{name}"))), required: true, schema }
}

/// `charge`, which `bank` does.
fn asked(parameters: Vec<Parameter>, undo: Option<Vec<Parameter>>) -> Saga {
    let charge = Step {
        id: "charge".into(),
        action: Action::Provided("bank".into()),
        parameters,
        output_schema: Some(
            Json::parse(r#"{"type":"object","properties":{"receipt":{"type":"string"}},"required":["receipt"]}"#)
                .unwrap(),
        ),
        compensation: undo.map(|parameters| Compensation {
            name: "refund".into(),
            parameters,
            ..Compensation::default()
        }),
        ..Step::default()
    };
    let own = Step { id: "ship".into(), depends_on: vec!["charge".into()], ..Step::default() };
    Saga { name: "order".into(), steps: vec![charge, own], ..Saga::default() }
}

fn checked(saga: &Saga) -> Checked {
    Checked::Saga(Arc::new(Plan::new(saga, &Defaults::default()).unwrap()))
}

/// What `bank` says of itself.
fn bank(steps: Vec<Step>) -> Module {
    let saga = Saga { name: "cards".into(), steps, ..Saga::default() };
    Module {
        name: "bank".into(),
        version: "1.0.0".into(),
        description: String::new(),
        definitions: vec![Definition::Saga(saga)],
        capabilities: Vec::new(),
        calls_per_instance: 1,
        ..Default::default()
    }
}

fn charge(parameters: Vec<Parameter>, output: &str) -> Step {
    Step {
        id: "charge".into(),
        parameters,
        output_schema: Some(Json::parse(output).unwrap()),
        compensation: Some(Compensation { name: "refund".into(), ..Compensation::default() }),
        ..Step::default()
    }
}

fn mistakes(plan: &Checked, module: &Module) -> Vec<String> {
    let found = plan.check_providers(&[module]).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

const RECEIPT: &str = r##"{"$ref":"#/$defs/P","$defs":{"P":{"type":"object","properties":{"receipt":{"type":"string"}},"required":["receipt"]}}}"##;

#[test]
fn what_fits_has_no_mistakes() {
    let plan = checked(&asked(vec![parameter("cents", r#"{"type":"integer"}"#)], Some(vec![])));
    let bank = bank(vec![charge(vec![parameter("cents", r#"{"type":"number"}"#)], RECEIPT)]);
    assert_eq!(mistakes(&plan, &bank), [""; 0]);
    assert_eq!(plan.check_providers(&[]), Ok(()), "what is not there is not looked at");
}

#[test]
fn all_that_does_not_fit_comes_at_once() {
    let given = vec![parameter("cent", r#"{"type":"integer"}"#), parameter("card", r#"{"type":["string","null"]}"#)];
    let plan = checked(&asked(given, None));
    let wanted = vec![parameter("cents", r#"{"type":"integer"}"#), parameter("card", r#"{"type":"string"}"#)];
    let bank = bank(vec![charge(wanted, r#"{"type":"object","properties":{"receipt":{"type":"string"}}}"#)]);
    let place = "saga `order`, step `charge`:";
    assert_eq!(
        mistakes(&plan, &bank),
        [
            format!("{place} does not give parameter `cents`, which module `bank` needs"),
            format!("{place} gives parameter `cent`, which module `bank` does not have (did you mean `cents`?)"),
            format!(
                "{place} parameter `card` is not what module `bank` takes: the value may be of type null, and is taken as string"
            ),
            format!(
                "{place} what module `bank` answers is not what this saga takes from it: the value may lack `receipt`, which is needed"
            ),
            format!(
                "{place} module `bank` undoes it by `refund`, which this saga does not ask for (declare the compensation)"
            ),
        ]
    );
}

#[test]
fn a_step_is_found_once_and_in_the_module_itself() {
    let plan = checked(&asked(vec![], Some(vec![])));
    let place = "saga `order`, step `charge`:";
    let other = Step { id: "charged".into(), ..Step::default() };
    assert_eq!(
        mistakes(&plan, &bank(vec![other])),
        [format!("{place} module `bank` has no step of that id (did you mean `charged`?); it has `charged`")]
    );
    let mut twice = bank(vec![charge(vec![], RECEIPT)]);
    let Definition::Saga(first) = twice.definitions[0].clone() else { panic!("it is a saga") };
    twice.definitions.push(Definition::Saga(Saga { name: "wires".into(), ..first }));
    assert_eq!(
        mistakes(&plan, &twice),
        [format!("{place} module `bank` has a step of that id in `cards` and `wires` (give one another id)")]
    );
    let passed_on = Step { action: Action::Provided("mint".into()), ..charge(vec![], RECEIPT) };
    assert_eq!(
        mistakes(&plan, &bank(vec![passed_on])),
        [format!("{place} module `bank` has it from another module in turn (name that one)")]
    );
    let one_way = Step { compensation: None, ..charge(vec![], RECEIPT) };
    assert_eq!(
        mistakes(&plan, &bank(vec![one_way])),
        [format!("{place} module `bank` cannot undo it: it has no compensation there")]
    );
}

fn start(providers: BTreeMap<wasaga_core::Name, Digest>) -> Start {
    let input = Json::parse("{}").unwrap();
    Start { providers, ..Start::new(TransactionId::from_u128(7), Digest::of(b"shop"), "test".into(), input) }
}

/// Runs to its end; answers whom each call went to, and the records.
fn run(plan: &Checked) -> (Vec<(String, Digest)>, Vec<Record>) {
    let providers = BTreeMap::from([("bank".into(), Digest::of(b"bank"))]);
    let (mut transaction, mut decision) = Transaction::create(plan, start(providers), &moment());
    let (mut calls, mut journal) = (Vec::new(), Vec::new());
    loop {
        journal.extend(decision.take_commit().records);
        let durable = decision.after();
        let commands = decision.release(durable).unwrap();
        let Some(call) = commands.into_iter().find_map(|command| match command {
            Command::Call(call) => Some(call),
            Command::Alarm => None,
        }) else {
            return (calls, journal);
        };
        calls.push((format!("{} {}", call.id.node, call.id.operation.as_str()), call.module));
        let outcome = Outcome::Completed(Json::null());
        let answer = Answer { outcome, writes: Writes::default(), usage: Usage::default() };
        decision = transaction.handle_answer(&call.id, answer, &moment());
    }
}

#[test]
fn each_call_goes_to_the_module_that_has_it() {
    let (bank, shop) = (Digest::of(b"bank"), Digest::of(b"shop"));
    let plan = checked(&asked(vec![], Some(vec![])));
    let (calls, journal) = run(&plan);
    assert_eq!(calls, [("charge run".into(), bank), ("ship run".into(), shop)]);
    let again = Transaction::replay(&plan, &journal).unwrap();
    assert_eq!(again.created().providers, BTreeMap::from([("bank".into(), bank)]));
    assert_eq!(again.report().providers, again.created().providers);

    let account = Participant { id: "account".into(), provider: Some("bank".into()), ..Participant::default() };
    let goods = Participant { id: "goods".into(), order: 1, ..Participant::default() };
    let tcc = Tcc { name: "buy".into(), participants: vec![account, goods], ..Tcc::default() };
    let plan = Checked::Tcc(Arc::new(TccPlan::new(&tcc, &Defaults::default()).unwrap()));
    let whom: Vec<Digest> = run(&plan).0.into_iter().map(|(_, whom)| whom).collect();
    assert_eq!(whom, [bank, shop, bank, shop]);
}

#[test]
fn records_without_the_module_of_a_provider_are_refused() {
    let plan = checked(&asked(vec![], Some(vec![])));
    let (_, mut journal) = run(&plan);
    let wasaga_core::Fact::Created(created) = &mut journal[0].fact else { panic!("the first record creates") };
    let created = Arc::make_mut(created);
    created.providers.clear();
    let illegal = Transaction::replay(&plan, &journal).unwrap_err();
    assert_eq!(illegal.what, "it has no module for provider `bank`");
}

/// S9: references make a small schema as large as a tree of ten branches and sixteen levels, and without a bound this test
/// would not end.
#[test]
fn schemas_that_refer_to_themselves_are_compared_in_part() {
    let fields: Vec<String> = (0..10).map(|i| format!(r##""f{i}":{{"$ref":"#"}}"##)).collect();
    let schema = format!(r#"{{"properties":{{{}}}}}"#, fields.join(","));
    let parameters: Vec<Parameter> = (0..64).map(|i| parameter(&format!("p{i}"), &schema)).collect();
    let plan = checked(&asked(parameters.clone(), Some(vec![])));
    assert_eq!(mistakes(&plan, &bank(vec![charge(parameters, RECEIPT)])), [""; 0]);
}
