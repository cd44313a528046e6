//! Modules of other days: a host goes on running every version of the contract that was released, and refuses the draft
//! before it with a remedy.

use std::path::{Path, PathBuf};

use serde_json::json;
use wasaga_tests::{User, python_guest};

const INPUT: &str = r#"{"id":"o-1","sku":"tea","quantity":2,"card":"good"}"#;
const DECLINED: &str = r#"{"id":"o-2","sku":"tea","quantity":2,"card":"declined"}"#;

fn kept(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gallery").join(file)
}

/// The order saga, of whichever day and language: it completes, and it is undone.
fn runs(module: &Path) {
    let user = User::new();
    let path = module.to_str().expect("a path of the tests");
    let run = |input: &str| user.wasaga(&["run", path, "order", "--input", input, "--json"]);
    let report = run(INPUT).with(0).json();
    assert_eq!(report["output"], json!({"ship":{"tracking":"T3-o-1"}}), "{path}");
    let report = run(DECLINED).with(3).json();
    assert_eq!(report["undone"], json!(["reserve"]), "{path}");
    assert_eq!(report["cause"]["failure"]["code"], "card-declined", "{path}");
}

#[test]
fn a_rust_guest_of_the_first_version_runs() {
    runs(&kept("0.1.0/order.wasm"));
}

#[test]
fn a_python_guest_of_the_first_version_runs() {
    runs(&python_guest("order"));
}

#[test]
fn a_guest_of_the_draft_is_refused_with_a_remedy() {
    let draft = kept("draft/hello.wasm");
    let ended = User::new().wasaga(&["inspect", draft.to_str().expect("a path of the tests")]).with(2);
    let expected =
        "it speaks the draft `wasaga:plugin` of the contract, which was never released (build it anew with the SDK";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}
