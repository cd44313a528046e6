//! Python guests beside their Rust twins: the same definitions, the same answers.

use wasaga_core::definition::Definition;
use wasaga_core::{Call, CallId, Failure, Forward, Json, Operation};
use wasaga_sandbox::Module;

use crate::{Guest, sandbox};

/// Guests that are written in both languages.
const TWINS: [&str; 20] = [
    "hello",
    "order",
    "payment",
    "travel",
    "diamond",
    "fan-out",
    "conditional",
    "variables",
    "flaky",
    "stubborn",
    "slow",
    "noop",
    "noop-warm",
    "transfer",
    "order-tcc",
    "lock",
    "bank",
    "shop",
    "caller",
    "remote",
];

fn definitions(module: &Module) -> Vec<Definition> {
    let mut definitions = module.description.definitions.clone();
    definitions.iter_mut().for_each(without_schemas);
    definitions
}

/// The schemas say the same in other words: Rust knows how wide an integer is.
fn without_schemas(definition: &mut Definition) {
    match definition {
        Definition::Saga(saga) => {
            saga.input_schema = saga.input_schema.as_ref().map(|_| Json::null());
            for step in &mut saga.steps {
                step.output_schema = None;
                let undo = step.compensation.iter_mut().flat_map(|undo| &mut undo.parameters);
                step.parameters.iter_mut().chain(undo).for_each(|parameter| parameter.schema = None);
            }
        }
        Definition::Tcc(tcc) => {
            tcc.input_schema = tcc.input_schema.as_ref().map(|_| Json::null());
            let parameters = tcc.participants.iter_mut().flat_map(|participant| &mut participant.parameters);
            parameters.for_each(|parameter| parameter.schema = None);
        }
    }
}

#[tokio::test]
async fn twins_describe_the_same_definitions() {
    for name in TWINS {
        let (ours, theirs) = (Guest::python(name).await, Guest::rust(name).await);
        assert_eq!(definitions(&ours.0), definitions(&theirs.0), "{name}");
        let calls = |guest: &Guest| guest.0.description.calls_per_instance;
        assert_eq!(calls(&ours), calls(&theirs), "{name}");
        assert_eq!(ours.0.description.capabilities, theirs.0.description.capabilities, "{name}");
        assert_eq!(ours.0.description.name, name, "the file's name, or what it says");
    }
}

/// One call, and what both languages are to make of it.
struct Case {
    guest: &'static str,
    node: (&'static str, &'static str),
    arguments: &'static str,
    operation: Operation,
    forward: Option<Forward>,
    attempt: u32,
}

fn case(guest: &'static str, definition: &'static str, node: &'static str, arguments: &'static str) -> Case {
    Case { guest, node: (definition, node), arguments, operation: Operation::Run, forward: None, attempt: 1 }
}

fn undo(of: Case, forward: Forward) -> Case {
    after(of, Operation::Compensate, forward)
}

fn tried(of: Case) -> Case {
    Case { operation: Operation::Try, ..of }
}

fn confirm(of: Case, output: &str) -> Case {
    after(of, Operation::Confirm, completed(output))
}

fn cancel(of: Case, forward: Forward) -> Case {
    after(of, Operation::Cancel, forward)
}

/// A call that is told what came before it.
fn after(mut of: Case, operation: Operation, forward: Forward) -> Case {
    of.operation = operation;
    of.forward = Some(forward);
    of
}

fn completed(output: &str) -> Forward {
    Forward::Completed(Json::parse(output).unwrap())
}

fn attempt(of: Case, attempt: u32) -> Case {
    Case { attempt, ..of }
}

const ORDER: &str = r#"{"input":{"id":"o-1","sku":"tea","quantity":2,"card":"good"}}"#;
const EMPTY: &str = r#"{"input":{"id":"o-1","sku":"tea","quantity":0,"card":"good"}}"#;
const LARGE: &str = r#"{"input":{"id":"o-1","sku":"tea","quantity":101,"card":"good"}}"#;
const SHIP: &str =
    r#"{"input":{"id":"o-1","sku":"t","quantity":1,"card":"c"},"reserve":{"shelf":"T3","total_cents":1}}"#;
const NOWHERE: &str = r#"{"input":{"id":"o","sku":"t","quantity":1,"card":"c","address":"nowhere"},"reserve":{"shelf":"T3","total_cents":1}}"#;
const JOURNEY: &str = r#"{"input":{"to":"rome","nights":3,"card":"good","full":"car"}}"#;
const PAY: &str =
    r#"{"card":"good","flight":{"code":"f","cents":1},"hotel":{"code":"h","cents":2},"car":{"code":"c","cents":3}}"#;

fn cases() -> Vec<Case> {
    let reservation = || completed(r#"{"shelf":"B4","total_cents":1}"#);
    vec![
        case("hello", "hello", "greet", r#"{"name":"ada \" \u00e9 \ud83d\ude00"}"#),
        case("order", "order", "validate", ORDER),
        case("order", "order", "validate", EMPTY),
        case("order", "order", "validate", LARGE),
        case("order", "order", "reserve", r#"{"sku":"tea","validate":2,"delay_ms":null}"#),
        case("order", "order", "charge", r#"{"card":"good","cents":1180,"delay_ms":2}"#),
        case("order", "order", "charge", r#"{"card":"declined","cents":5}"#),
        case("order", "order", "ship", SHIP),
        case("order", "order", "ship", NOWHERE),
        undo(case("order", "order", "reserve", r#"{"output":{"shelf":"B4","total_cents":1}}"#), reservation()),
        undo(case("order", "order", "reserve", r#"{"output":null}"#), Forward::Unknown),
        undo(case("order", "order", "charge", r#"{"output":{"receipt":"r-5"}}"#), Forward::Unknown),
        undo(case("order", "order", "ship", r#"{"id":"o-1"}"#), Forward::Rejected(Failure::new("x", "y"))),
        undo(case("order", "order", "validate", "{}"), Forward::Unknown),
        case("order", "order", "nothing", "{}"),
        case("diamond", "diamond", "split", r#"{"fail":null}"#),
        case("diamond", "diamond", "left", r#"{"fail":"left"}"#),
        case("diamond", "diamond", "join", r#"{"left":"left","right":"right","fail":null}"#),
        undo(case("diamond", "diamond", "split", "{}"), Forward::Unknown),
        case("fan-out", "squares", "square", r#"{"item":3,"all":[3]}"#),
        case("fan-out", "squares", "square", r#"{"item":-3,"all":[3,-3]}"#),
        case("fan-out", "squares", "sum", r#"{"square":[1,4,9]}"#),
        undo(case("fan-out", "squares", "square", r#"{"item":3,"output":9}"#), Forward::Unknown),
        case("conditional", "booking", "note", r#"{"amount":5,"tenant":"t1"}"#),
        case("conditional", "booking", "note", r#"{"amount":5,"tenant":null}"#),
        case("conditional", "booking", "approve", r#"{"limit":1000}"#),
        case("conditional", "booking", "book", r#"{"note":5,"approve":"above 1000"}"#),
        case("conditional", "booking", "book", r#"{"note":5,"approve":null}"#),
        attempt(case("flaky", "flaky", "work", "{}"), 1),
        attempt(case("flaky", "flaky", "work", "{}"), 3),
        attempt(case("flaky", "flaky", "work", r#"{"succeeds_at":2}"#), 2),
        undo(case("flaky", "flaky", "work", r#"{"output":3}"#), Forward::Unknown),
        case("slow", "slow", "wait", r#"{"until_unix_ms":99999999999999}"#),
        case("slow", "slow", "wait", "{}"),
        case("slow", "slow", "sleep", r#"{"ms":5}"#),
        undo(case("slow", "slow", "wait", r#"{"output":true}"#), Forward::Unknown),
        case("noop-warm", "noop", "third", "{}"),
        case("stubborn", "stubborn", "refuse", "{}"),
        undo(case("stubborn", "stubborn", "open", r#"{"key":"right"}"#), Forward::Unknown),
        undo(case("stubborn", "stubborn", "open", r#"{"key":null}"#), Forward::Unknown),
        case("payment", "payment", "validate", r#"{"input":{"id":"p-1","merchant":"m","cents":5}}"#),
        case("payment", "payment", "validate", r#"{"input":{"id":"p-1","merchant":"m","cents":0}}"#),
        case("payment", "payment", "validate", r#"{"input":{"id":"p","merchant":"m","cents":5,"currency":"E"}}"#),
        case("payment", "payment", "authorise", r#"{"id":"p-1","cents":5,"validate":"EUR"}"#),
        case("payment", "payment", "authorise", r#"{"id":"p-1","cents":1000001,"validate":"EUR"}"#),
        case("payment", "payment", "settle", r#"{"merchant":"m","code":"EUR-p-1"}"#),
        case("payment", "payment", "settle", r#"{"merchant":"closed","code":"EUR-p-1"}"#),
        undo(case("payment", "payment", "authorise", r#"{"id":"p-1","output":null}"#), Forward::Unknown),
        case("travel", "travel", "flight", JOURNEY),
        case("travel", "travel", "hotel", JOURNEY),
        case("travel", "travel", "car", JOURNEY),
        undo(case("travel", "travel", "car", r#"{"output":{"code":"car-rome","cents":1}}"#), Forward::Unknown),
        case("travel", "travel", "pay", PAY),
        case("variables", "variables", "begin", r#"{"start":null,"tenant":"t1"}"#),
        case("variables", "variables", "begin", r#"{"start":7,"tenant":null}"#),
        case("variables", "variables", "count", r#"{"count":7,"by":2}"#),
        case("variables", "variables", "tell", "{}"),
        undo(case("variables", "variables", "begin", r#"{"cause":{"node":"tell"}}"#), Forward::Unknown),
    ]
}

const HOLD: &str = r#"{"hold":"ada-500","cents":500}"#;

fn tcc_cases() -> Vec<Case> {
    let transfer = |node, arguments| case("transfer", "transfer", node, arguments);
    let order = |node, arguments| case("order-tcc", "order-tcc", node, arguments);
    let locks = |node, arguments| case("lock", "locks", node, arguments);
    vec![
        tried(transfer("debit", r#"{"from":"ada","cents":500,"delay_ms":2}"#)),
        tried(transfer("debit", r#"{"from":"ada","cents":100001,"delay_ms":null}"#)),
        confirm(transfer("debit", r#"{"from":"ada","cents":500,"delay_ms":null}"#), HOLD),
        cancel(transfer("debit", r#"{"delay_ms":null}"#), completed(HOLD)),
        cancel(transfer("debit", r#"{"delay_ms":null}"#), Forward::Unknown),
        cancel(transfer("debit", r#"{"delay_ms":null}"#), Forward::Rejected(Failure::new("x", "y"))),
        tried(transfer("credit", r#"{"to":"bob","debit":{"hold":"ada-500","cents":500}}"#)),
        tried(transfer("credit", r#"{"to":"closed","debit":{"hold":"ada-500","cents":500}}"#)),
        confirm(transfer("credit", r#"{"to":"bob"}"#), HOLD),
        confirm(transfer("credit", r#"{"to":"wall"}"#), HOLD),
        cancel(transfer("credit", "{}"), completed(HOLD)),
        cancel(transfer("credit", "{}"), Forward::Unknown),
        tried(transfer("nobody", "{}")),
        confirm(case("transfer", "nothing", "debit", "{}"), HOLD),
        tried(order("inventory", r#"{"sku":"tea","quantity":2}"#)),
        tried(order("inventory", r#"{"sku":"tea","quantity":0}"#)),
        tried(order("inventory", r#"{"sku":"tea","quantity":101}"#)),
        confirm(order("inventory", "{}"), r#"{"shelf":"tea-2","total_cents":1180}"#),
        cancel(order("inventory", "{}"), completed(r#"{"shelf":"tea-2","total_cents":1180}"#)),
        cancel(order("inventory", "{}"), Forward::Unknown),
        tried(order("gift_wrap", r#"{"wrap":"red"}"#)),
        tried(order("gift_wrap", r#"{"wrap":null}"#)),
        tried(order("gift_wrap", r#"{"wrap":"blue"}"#)),
        confirm(order("gift_wrap", "{}"), "null"),
        confirm(order("gift_wrap", "{}"), "\"red\""),
        cancel(order("gift_wrap", "{}"), Forward::Unknown),
        tried(order("payment", r#"{"card":"good","cents":1180}"#)),
        tried(order("payment", r#"{"card":"declined","cents":1180}"#)),
        confirm(order("payment", "{}"), r#"{"number":"a-1180"}"#),
        cancel(order("payment", "{}"), completed(r#"{"number":"a-1180"}"#)),
        tried(order("shipping", r#"{"address":"home","weight_g":500}"#)),
        tried(order("shipping", r#"{"address":"nowhere","weight_g":500}"#)),
        confirm(order("shipping", "{}"), "\"500 g to home\""),
        cancel(order("shipping", "{}"), completed("\"500 g to home\"")),
        tried(locks("first", r#"{"left":"a"}"#)),
        tried(locks("first", r#"{"left":"taken"}"#)),
        attempt(tried(locks("second", r#"{"right":"taken"}"#)), 3),
        tried(locks("second", r#"{"right":"lost"}"#)),
        tried(locks("second", r#"{"right":"gone"}"#)),
        confirm(locks("first", r#"{"left":"a"}"#), "null"),
        cancel(locks("second", r#"{"right":"a"}"#), completed("null")),
        cancel(locks("second", r#"{"right":"gone"}"#), Forward::Unknown),
    ]
}

#[tokio::test]
async fn twins_give_the_same_answers() {
    for Case { guest, node, arguments, operation, forward, attempt } in cases().into_iter().chain(tcc_cases()) {
        let mut answers = Vec::new();
        for twin in [Guest::python(guest).await, Guest::rust(guest).await] {
            let call = twin.call(node.0, node.1, arguments);
            let id = CallId { operation, attempt, ..call.id.clone() };
            let call = Call { id, forward: forward.clone(), ..call };
            let answer = sandbox().call(&call).await;
            answers.push((answer.outcome, answer.writes));
        }
        assert_eq!(answers[0], answers[1], "{guest} {node:?} {} {arguments}", operation.as_str());
    }
}
