//! TCCs, by the binary: confirmed, cancelled, stuck, and what people and programs get of it.

use serde_json::json;
use wasaga_tests::{User, effects, guest};

const GOOD: &str = r#"{"from":"ada","to":"bob","cents":500}"#;
const TOO_MUCH: &str = r#"{"from":"ada","to":"bob","cents":500000}"#;
const CLOSED: &str = r#"{"from":"ada","to":"closed","cents":500}"#;
const WALL: &str = r#"{"from":"ada","to":"wall","cents":500}"#;

#[test]
fn it_is_confirmed_and_says_so() {
    let ended = User::new().run("transfer", GOOD, &[]).with(0);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{lines:?}"));
    let order = ["transfer  journal", "✔ debit", "✔ credit", "✔ confirm debit", "✔ confirm credit", "confirmed in "];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{lines:?}");
    assert_eq!(effects(&ended.stderr).len(), 4, "guests' lines are seen: {}", ended.stderr);
}

#[test]
fn a_refusal_cancels_what_was_tried() {
    let ended = User::new().run("transfer", CLOSED, &[]).with(3);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(at("✔ debit") < at("✘ credit") && at("✘ credit") < at("↩ cancel credit"), "{lines:?}");
    assert!(at("↩ cancel credit") < at("↩ cancel debit"), "{lines:?}");
    assert!(lines[at("cancelled in")].contains("`credit` rejected `account-closed`"), "{lines:?}");
}

#[test]
fn programs_get_the_decision_and_the_phase() {
    let user = User::new();
    let confirmed = user.run("transfer", GOOD, &["--json"]).with(0).json();
    assert_eq!((&confirmed["kind"], &confirmed["status"]), (&json!("tcc"), &json!("confirmed")));
    assert_eq!((&confirmed["decision"], &confirmed["phase"]), (&json!("confirm"), &json!("confirm")));
    assert_eq!(confirmed["confirmed"], json!(["debit", "credit"]));
    let hold = |of: &str| json!({"hold": format!("{of}-500"), "cents": 500});
    assert_eq!(confirmed["output"], json!({"debit": hold("ada"), "credit": hold("bob")}));
    let debit = &confirmed["nodes"][0];
    assert_eq!((&debit["id"], &debit["status"], &debit["attempts"]), (&json!("debit"), &json!("confirmed"), &json!(1)));
    assert_eq!((&debit["confirm"]["status"], &debit["confirm"]["output"]), (&json!("completed"), &json!(500)));

    let cancelled = user.run("transfer", TOO_MUCH, &["--json"]).with(3).json();
    assert_eq!((&cancelled["decision"], &cancelled["phase"]), (&json!("cancel"), &json!("cancel")));
    assert_eq!((&cancelled["cancelled"], &cancelled["output"]), (&json!(["debit"]), &json!(null)));
    assert_eq!(cancelled["cause"]["failure"]["details"], json!(100_000));
    assert_eq!(cancelled["nodes"][1]["status"], "waiting");
    assert!(cancelled.get("policy").is_none(), "{cancelled}");
    let statuses: Vec<_> = user.list().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["cancelled", "confirmed"]);
    let shown = user.wasaga(&["transactions", "list", "--status", "confirmed", "--json"]).json();
    assert_eq!(shown.as_array().map(Vec::len), Some(1));
}

#[test]
fn a_confirm_that_refuses_is_stuck_and_never_cancelled() {
    let user = User::new();
    let stuck = user.run("transfer", WALL, &["--json"]).with(4).json();
    assert_eq!((&stuck["status"], &stuck["decision"]), (&json!("stuck"), &json!("confirm")));
    assert_eq!((&stuck["stuck"], &stuck["confirmed"]), (&json!(["credit"]), &json!(["debit"])));
    assert_eq!(stuck["nodes"][1]["confirm"]["attempts"], json!(5));
    let id = stuck["transaction"].as_str().unwrap();
    let refused = user.wasaga(&["cancel", id]).with(7);
    assert_eq!(refused.error(), "it is stuck, and can no longer be cancelled");
    let shown = user.wasaga(&["transactions", "show", id]).with(0).stdout;
    assert!(
        shown.contains("✘ confirm credit") && shown.contains("stuck after 5 attempts: `no-way-through`"),
        "{shown}"
    );
    assert!(shown.contains(", to be confirmed") && shown.contains(&format!("wasaga skip {id} credit")), "{shown}");
    // Other arguments are taken by the confirm as by the try.
    let arguments = r#"{"to":"bob","delay_ms":null,"from":"ada","cents":500}"#;
    let patched = user.wasaga(&["patch", id, "credit", "--arguments", arguments, "--json"]).with(0).json();
    assert_eq!((&patched["status"], &patched["confirmed"]), (&json!("confirmed"), &json!(["debit", "credit"])));
    let words: Vec<String> = user.records(id).iter().map(|record| format!("{}", record["fact"])).collect();
    assert!(words.iter().all(|fact| !fact.contains("cancel")), "{words:?}");
}

#[test]
fn an_optional_participant_is_left_out_and_the_rest_goes_on() {
    let user = User::new();
    let order = |wrap: &str, address: &str| {
        format!(r#"{{"sku":"tea","quantity":2,"card":"good","wrap":{wrap},"address":"{address}"}}"#)
    };
    let all = user.run("order-tcc", &order("\"red\"", "home"), &["--json"]).with(0).json();
    assert_eq!(all["confirmed"], json!(["inventory", "gift_wrap", "payment", "shipping"]));
    assert_eq!(all["output"]["shipping"], "500 g to home");
    let plain = user.run("order-tcc", &order("\"blue\"", "home"), &["--json"]).with(0).json();
    assert_eq!((&plain["cancelled"], &plain["failed"]), (&json!(["gift_wrap"]), &json!(["gift_wrap"])));
    assert_eq!(plain["output"].get("gift_wrap"), None);
    let nowhere = user.run("order-tcc", &order("null", "nowhere"), &["--json"]).with(3).json();
    assert_eq!(nowhere["cancelled"], json!(["inventory", "gift_wrap", "payment", "shipping"]));
}

#[test]
fn locks_are_taken_together_or_not_at_all() {
    let user = User::new();
    let busy = user.run("lock", r#"{"left":"a","right":"taken"}"#, &["--json"]).with(0).json();
    assert_eq!((&busy["nodes"][1]["attempts"], &busy["output"]), (&json!(3), &json!({"first":null,"second":null})));
    let file = guest("lock");
    let ended = user.wasaga(&[
        "run",
        file.to_str().unwrap(),
        "--input",
        r#"{"left":"gone","right":"lost"}"#,
        "--log",
        "info",
        "--json",
    ]);
    let report = ended.with(3);
    let done: Vec<String> = effects(&report.stderr).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(done.iter().filter(|operation| *operation == "free").count(), 2, "{done:?}");
    assert!(!done.contains(&"keep".to_owned()), "{done:?}");
    let freed: Vec<_> =
        report.json()["nodes"].as_array().unwrap().iter().map(|of| of["cancel"]["output"].clone()).collect();
    assert_eq!(freed, [json!(true), json!(false)], "one may be taken, the other is not");
}

#[test]
fn it_is_inspected_validated_and_drawn() {
    let user = User::new();
    let (transfer, order) = (guest("transfer"), guest("order-tcc"));
    let ask = |args: &[&str], file: &std::path::Path| {
        let args = [args, &[file.to_str().unwrap()]].concat();
        user.wasaga(&args).with(0).stdout
    };
    let said = ask(&["inspect"], &order);
    assert!(said.contains("tcc order-tcc  Stock, money and a carrier"), "{said}");
    assert!(said.contains("gift_wrap(wrap?: input/wrap)") && said.contains("optional"), "{said}");
    assert!(said.contains("cancelled unless all is tried after 1"), "{said}");
    assert!(ask(&["validate"], &transfer).starts_with("✔"));
    assert_eq!(ask(&["graph"], &transfer), "debit ──▶ credit\n");
    assert!(ask(&["graph", "-f", "mermaid"], &order).contains("gift_wrap?"));
    assert!(ask(&["graph", "--json"], &order).contains(r#""kind":"tcc""#));
}

#[test]
fn what_does_not_fit_is_refused() {
    let user = User::new();
    let refused = user.run("transfer", GOOD, &["--compensation-policy", "circuit-breaker"]).with(2);
    assert!(refused.error().contains("a compensation policy is for sagas"), "{}", refused.stderr);
    let refused = user.run("transfer", r#"{"from":"ada"}"#, &[]).with(2);
    assert!(refused.error().starts_with("input does not fit tcc `transfer`: "), "{}", refused.stderr);
}

#[test]
fn it_is_measured_like_a_saga() {
    let file = guest("transfer");
    let file = file.to_str().unwrap();
    let args = ["bench", file, "--input", GOOD, "-n", "2", "-s", "3", "--journal", "memory:", "--json"];
    let figures = User::new().wasaga(&args).with(0).json();
    assert_eq!((&figures["kind"], &figures["not_completed"]), (&json!("tcc"), &json!(0)));
    // Two tries and two confirms; transactions that were cut off at either end count in part.
    assert!((3.0..6.0).contains(&figures["calls_per_transaction"].as_f64().unwrap()), "{figures}");
}
