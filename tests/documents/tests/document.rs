//! What a module is described by: everything that is said, in its order, and nothing that is not. And calls by the names
//! that stand there.

#![expect(missing_docs, reason = "a guest for a test")]

use serde_json::{Value, json};
use wasaga::__private::{attempt, cancel, compensate, describe, run};
use wasaga::{Call, Error, Forward, IntoError, saga, tcc};

wasaga::module! {
    name = "shop",
    instances(calls = 256),
    http = ["https://api.example.com"],
    secrets = ["payments"],
}

/// Says no, and says so.
pub struct Declined;

impl IntoError for Declined {
    fn into_error(self) -> Error {
        Error::rejected("declined", "the card was declined")
    }
}

/// An alias of a result is one.
pub type Charged = Result<u64, Declined>;

/// Charges for what it prices.
#[saga(
    name = "order",
    labels(customer = "/customer/id", size(name = "lot-size", at = "/size", integer)),
    policy = "grouped-parallel",
    deadline = "2m",
    concurrency = 8
)]
pub mod order {
    use super::*;

    #[step(id = "get-price", retry(attempts = 5))]
    pub fn price(zone: &str, sku: String, _depth: Option<u8>) -> wasaga::Result<u64> {
        Ok(zone.parse::<u64>()? + sku.len() as u64)
    }

    #[step(depends_on = [get_price], timeout = "2s", condition = "input.size > 1", at_most_once)]
    pub fn charge(
        get_price: u64,
        #[from(header = "tenant")] tenant: Option<String>,
        #[from(json = "{\"b\":1, \"a\":[1.50]}")] fixed: Value,
        #[from(call)] served: &Call,
    ) -> Charged {
        assert_eq!((tenant, &fixed["b"], served.attempt()), (None, &json!(1), 1));
        if get_price > 100 { Err(Declined) } else { Ok(get_price) }
    }

    #[compensation(of = charge, critical, retry(delay = "1s", jitter = 0))]
    pub fn refund(
        output: Option<u64>,
        cause: Option<Value>,
        #[from(compensation_of = "get_price")] _freed: Option<u8>,
    ) -> u64 {
        assert!(cause.is_none());
        output.unwrap_or(0)
    }

    #[step(each(step = "get_price", at = "/parcels"), provider = "carrier", memory = "16MiB", fuel = 7)]
    pub fn ship(item: String);

    #[compensation(of = get_price)]
    pub fn free() {}
}

#[tcc(deadline = "1m", labels(paid(at = "/paid", flag)))]
pub mod transfer {
    use super::*;

    #[participant(id = "the-debit", order = 1)]
    pub fn debit(from: String) -> String {
        from
    }

    #[confirm(of = the_debit, total_timeout = "1h")]
    pub fn take(the_debit: String) -> String {
        the_debit
    }

    #[cancel(of = the_debit)]
    pub fn release(#[from(output)] held: Option<String>, #[from(forward)] known: &Forward) -> (Option<String>, bool) {
        (held, known.is_unknown())
    }

    #[participant(order = 2, optional, provider = "points")]
    pub fn loyalty(#[from(step = "the_debit", at = "/hold")] hold: String);
}

/// Without the schemas, which schemars knows best.
fn without_schemas(document: &mut Value) {
    match document {
        Value::Object(members) => {
            members.retain(|name, value| value.get("$schema").is_none() && (name != "input" || value.is_string()));
            members.values_mut().for_each(without_schemas);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_schemas),
        _ => {}
    }
}

#[test]
fn everything_that_is_said_and_nothing_else() {
    let text = describe().unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../../wit/0.1/module.schema.json")).unwrap();
    let mistakes: Vec<String> =
        jsonschema::draft202012::new(&schema).unwrap().iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(mistakes, Vec::<String>::new());
    let arguments = &text[text.find("\"arguments\"").expect("there are arguments")..];
    let places = ["zone", "sku", "depth"].map(|name| arguments.find(&format!("\"{name}\"")));
    assert!(places.is_sorted() && places[0].is_some(), "in the order of the parameters: {places:?}");
    assert!(text.contains(r#"{"b":1, "a":[1.50]}"#), "a literal is passed as it stands");
    without_schemas(&mut document);
    assert_eq!(document["module"]["name"], "shop");
    assert_eq!(document["instances"], json!({"calls": 256}));
    assert_eq!(document["asks"], json!({"http": ["https://api.example.com"], "secrets": ["payments"]}));
    assert_eq!(document["sagas"], sagas());
    assert_eq!(document["tccs"], tccs());
}

fn sagas() -> Value {
    json!([{
        "name": "order",
        "description": "Charges for what it prices.",
        "labels": {"customer": {"at": "/customer/id"}, "lot-size": {"at": "/size", "type": "integer"}},
        "policy": "grouped-parallel",
        "deadline_ms": 120_000,
        "concurrency": 8,
        "steps": [
            {
                "id": "get-price",
                "arguments": {
                    "zone": {"input": "/zone", "required": true},
                    "sku": {"input": "/sku", "required": true},
                    "depth": {"input": "/depth"},
                },
                "limits": {"retry": {"attempts": 5}},
                "compensation": {"name": "free"},
            },
            {
                "id": "charge",
                "after": ["get-price"],
                "arguments": {
                    "get_price": {"step": "get-price", "required": true},
                    "tenant": {"header": "tenant"},
                    "fixed": {"literal": {"b": 1, "a": [1.5]}, "required": true},
                },
                "if": "input.size > 1",
                "at_most_once": true,
                "limits": {"timeout_ms": 2_000},
                "compensation": {
                    "name": "refund",
                    "critical": true,
                    "arguments": {
                        "output": {"own": ""},
                        "cause": {"cause": ""},
                        "freed": {"compensation": "get-price"},
                    },
                    "limits": {"retry": {"delay_ms": 1_000, "jitter": 0.0}},
                },
            },
            {
                "id": "ship",
                "provided": "carrier",
                "arguments": {"item": {"item": "", "required": true}},
                "each": {"step": "get-price", "at": "/parcels"},
                "limits": {"memory_bytes": 16_777_216, "fuel": 7},
            },
        ],
    }])
}

fn tccs() -> Value {
    json!([{
        "name": "transfer",
        "labels": {"paid": {"at": "/paid", "type": "flag"}},
        "deadline_ms": 60_000,
        "participants": [
            {
                "id": "the-debit",
                "order": 1,
                "arguments": {"from": {"input": "/from", "required": true}},
                "confirm": {"limits": {"total_timeout_ms": 3_600_000}},
            },
            {
                "id": "loyalty",
                "provided": "points",
                "order": 2,
                "optional": true,
                "arguments": {"hold": {"participant": "the-debit", "at": "/hold", "required": true}},
            },
        ],
    }])
}

#[test]
fn a_call_is_by_the_names_that_stand_there() {
    assert_eq!(run("order", "get-price", r#"{"zone":"7","sku":"tea"}"#).unwrap(), "10");
    let failed = run("order", "get-price", r#"{"zone":"x","sku":"tea"}"#).unwrap_err();
    assert_eq!((failed.kind(), failed.code()), (wasaga::Kind::Unknown, "error"));
    let arguments = |price: u64| format!(r#"{{"get_price":{price},"fixed":{{"b":1}}}}"#);
    assert_eq!(run("order", "charge", &arguments(7)).unwrap(), "7");
    let refused = run("order", "charge", &arguments(700)).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (wasaga::Kind::Rejected, "declined"));
    assert_eq!(compensate("order", "charge", r#"{"output":3}"#, &Forward::Unknown).unwrap(), "3");
    assert_eq!(compensate("order", "get-price", "{}", &Forward::Unknown).unwrap(), "null");
    assert_eq!(attempt("transfer", "the-debit", r#"{"from":"ada"}"#).unwrap(), "\"ada\"");
    assert_eq!(cancel("transfer", "the-debit", "{}", &Forward::Unknown).unwrap(), "[null,true]");
    assert_eq!(run("order", "ship", "{}").unwrap_err().code(), "no-such-step");
}
