//! Steps and participants of another module, by the binary: in either language, undone, killed, and missing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use wasaga_tests::{Ended, User, effects, guest, python_guest, read_until};

const GOOD: &str = r#"{"sku":"tea","quantity":2,"card":"good"}"#;
const DECLINED: &str = r#"{"sku":"tea","quantity":2,"card":"declined"}"#;
const NOWHERE: &str = r#"{"sku":"tea","quantity":2,"card":"good","address":"nowhere"}"#;

/// A shop, and the bank beside it.
type Pair = (PathBuf, PathBuf);

fn shop(user: &User, definition: &str, (shop, bank): &Pair, input: &str) -> Ended {
    let (shop, bank) = (shop.to_str().unwrap(), bank.to_str().unwrap());
    user.wasaga(&["run", shop, definition, "--with", bank, "--json", "--log", "info", "--input", input])
}

/// One language from the other, both ways, and Rust from Rust.
fn pairs() -> [Pair; 3] {
    [(guest("shop"), guest("bank")), (guest("shop"), python_guest("bank")), (python_guest("shop"), guest("bank"))]
}

fn operations(ended: &Ended) -> Vec<String> {
    effects(&ended.stderr).into_iter().map(|(operation, _)| operation).collect()
}

#[test]
fn a_saga_has_steps_of_a_module_in_either_language() {
    let mut digests = Vec::new();
    for pair in pairs() {
        let user = User::new();
        let completed = shop(&user, "order", &pair, GOOD).with(0);
        assert_eq!(operations(&completed), ["reserve", "charge", "ship"]);
        let report = completed.json();
        assert_eq!(report["output"], json!({"ship": "tea-2 for r-1180"}));
        let inspected = user.wasaga(&["inspect", pair.1.to_str().unwrap(), "--json"]).json();
        assert_eq!(report["providers"], json!({"bank": inspected["digest"]}));
        assert_ne!(report["providers"]["bank"], report["module"]);
        digests.push(report["providers"]["bank"].clone());

        let refused = shop(&User::new(), "order", &pair, DECLINED).with(3);
        assert_eq!(operations(&refused), ["reserve", "charge", "release"]);
        assert_eq!(refused.json()["cause"]["failure"]["code"], "card-declined");

        let undone = shop(&User::new(), "order", &pair, NOWHERE).with(3);
        assert_eq!(operations(&undone), ["reserve", "charge", "ship", "refund", "release"]);
        assert_eq!(undone.json()["undone"], json!(["reserve", "charge"]));
        assert_eq!(undone.json()["nodes"][1]["compensation"]["output"], "r-1180");
    }
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn a_tcc_has_a_participant_of_another_module() {
    for pair in pairs() {
        let buy = |cents: u32| {
            let input = format!(r#"{{"sku":"tea","buyer":"ada","cents":{cents}}}"#);
            shop(&User::new(), "purchase", &pair, &input)
        };
        let confirmed = buy(5).with(0);
        assert_eq!(operations(&confirmed), ["set-aside", "hold", "hand-over", "take"]);
        assert_eq!(confirmed.json()["output"], json!({"goods": "tea", "account": {"hold": "ada-5"}}));
        let cancelled = buy(500_000).with(3);
        assert_eq!(operations(&cancelled), ["set-aside", "hold", "free", "put-back"]);
    }
}

#[test]
fn after_a_kill_the_journal_has_all_modules() {
    let user = User::new();
    let (shop, bank) = (guest("shop"), guest("bank"));
    let input = r#"{"sku":"tea","quantity":2,"card":"good","delay_ms":60000}"#;
    let args = ["run", shop.to_str().unwrap(), "order", "--with", bank.to_str().unwrap(), "--input", input];
    let mut command = user.command(&args);
    let mut child = command.env("WASAGA_LOG", "info").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let before = read_until(child.stderr.take().unwrap(), |lines| effects(&lines.join("\n")).len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(effects(&before.join("\n"))[1].0, "charge");
    // At-most-once: it may have happened, so it is not repeated, and the bank undoes it.
    let resumed = user.wasaga(&["resume", "--json", "--log", "info"]);
    assert_eq!(operations(&resumed), ["refund", "release"]);
    let report: Value = resumed.json()[0].clone();
    assert_eq!(report["status"], "compensated");
}

#[test]
fn a_module_that_is_missing_or_does_not_fit_is_told_before_anything_starts() {
    let user = User::new();
    let missing = user.run("shop", GOOD, &["order"]).with(2);
    assert_eq!(
        missing.error(),
        "saga `order` needs module `bank`, which is not loaded (load that as well: `--with FILE`)"
    );
    let other = guest("hello");
    let missing = user.run("shop", GOOD, &["order", "--with", other.to_str().unwrap()]).with(2);
    assert!(missing.error().starts_with("saga `order` needs module `bank`"), "{}", missing.error());
    // Another module of that name, which has neither cards nor accounts.
    let poor = guest("poor-bank");
    let refused = user.run("shop", GOOD, &["order", "--with", poor.to_str().unwrap()]).with(2);
    assert!(refused.error().contains("does not give parameter `currency`"), "{}", refused.error());
    let nowhere = user.run("shop", GOOD, &["order", "--with", "nowhere.wasm"]).with(2);
    assert!(nowhere.error().contains("nowhere.wasm"), "{}", nowhere.error());
    assert!(user.list().is_empty(), "{:?}", user.list());
}

#[test]
fn modules_are_validated_together() {
    let user = User::new();
    let (shop, bank, poor) = (guest("shop"), guest("bank"), guest("poor-bank"));
    let (shop, bank, poor) = (shop.to_str().unwrap(), bank.to_str().unwrap(), poor.to_str().unwrap());
    let alone = user.wasaga(&["validate", shop]).with(0);
    assert!(alone.stdout.contains("warning: saga `order` needs module `bank`"), "{}", alone.stdout);
    let both = user.wasaga(&["validate", shop, bank]).with(0);
    assert!(!both.stdout.contains("warning"), "{}", both.stdout);
    let unfit = user.wasaga(&["validate", shop, poor]).with(2);
    let mistakes = [
        "saga `order`, step `charge`: does not give parameter `currency`, which module `bank` needs",
        "saga `order`, step `charge`: gives parameter `delay_ms`, which module `bank` does not have",
        "parameter `cents` is not what module `bank` takes: the value may be of type integer, and is taken as string",
        "saga `order`, step `charge`: module `bank` cannot undo it: it has no compensation there",
        "tcc `purchase`, participant `account`: module `bank` has no participant of that id; it has none",
    ];
    assert!(mistakes.iter().all(|mistake| unfit.stdout.contains(mistake)), "{}", unfit.stdout);
}

#[test]
fn graphs_and_inspect_name_the_module() {
    let user = User::new();
    let shop = guest("shop");
    let shop = shop.to_str().unwrap();
    let drawn = user.wasaga(&["graph", shop, "order"]).with(0).stdout;
    assert!(drawn.contains("charge @bank ⇠ refund !"), "{drawn}");
    let drawn = user.wasaga(&["graph", shop, "purchase"]).with(0).stdout;
    assert_eq!(drawn, "goods ──▶ account @bank\n");
    let inspected = user.wasaga(&["inspect", shop]).with(0).stdout;
    assert!(inspected.contains("by module bank"), "{inspected}");
}
