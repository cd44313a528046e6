//! The documents of all guests of this repository: each fits the schema of the contract. Deliberately absent:
//! `hostile-describe`, which panics, and `hostile-init`, which is only so in a component.

#![expect(unreachable_pub, clippy::module_inception, reason = "the guests are components, and modules only here")]

use serde_json::Value;
use wasaga::__private::{ModuleEntry, describe_as, inventory};

/// Takes guests in, by their folders.
macro_rules! guests {
    ($($name:ident: $path:literal,)*) => {
        $(#[path = $path] mod $name;)*

        const PATHS: &[&str] = &[$($path),*];
    };
}

guests! {
    bank: "../../../guests/bank/src/lib.rs",
    caller: "../../../guests/caller/src/lib.rs",
    conditional: "../../../guests/conditional/src/lib.rs",
    diamond: "../../../guests/diamond/src/lib.rs",
    fan_out: "../../../guests/fan-out/src/lib.rs",
    flaky: "../../../guests/flaky/src/lib.rs",
    hello: "../../../guests/hello/src/lib.rs",
    hostile: "../../../guests/hostile/src/lib.rs",
    invalid: "../../../guests/invalid/src/lib.rs",
    lock: "../../../guests/lock/src/lib.rs",
    noop: "../../../guests/noop/src/lib.rs",
    noop_each: "../../../guests/noop-each/src/lib.rs",
    noop_tcc: "../../../guests/noop-tcc/src/lib.rs",
    noop_warm: "../../../guests/noop-warm/src/lib.rs",
    order: "../../../guests/order/src/lib.rs",
    order_tcc: "../../../guests/order-tcc/src/lib.rs",
    payment: "../../../guests/payment/src/lib.rs",
    poor_bank: "../../../guests/poor-bank/src/lib.rs",
    remote: "../../../guests/remote/src/lib.rs",
    shop: "../../../guests/shop/src/lib.rs",
    slow: "../../../guests/slow/src/lib.rs",
    stubborn: "../../../guests/stubborn/src/lib.rs",
    transfer: "../../../guests/transfer/src/lib.rs",
    travel: "../../../guests/travel/src/lib.rs",
    variables: "../../../guests/variables/src/lib.rs",
}

/// Natively nobody makes one: the function that gives it is another module's.
const _: fn(String) -> shop::Hold = |hold| shop::Hold { hold };

#[test]
fn every_document_fits_the_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../wit/0.1/module.schema.json")).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let modules = inventory::iter::<ModuleEntry>().map(|entry| Some(entry.0));
    for module in modules.chain([None]) {
        let document: Value = serde_json::from_str(&describe_as(module).unwrap()).unwrap();
        let mistakes: Vec<String> =
            schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(mistakes.is_empty(), "{mistakes:#?}");
    }
}

#[test]
fn no_guest_is_left_out() {
    let folders = std::fs::read_dir("../../guests").unwrap().map(|entry| entry.unwrap().path());
    let mut own: Vec<String> = folders.map(|path| format!("../{}/src/lib.rs", path.display())).collect();
    own.retain(|path| std::path::Path::new("src").join(path).exists() && !path.contains("hostile-"));
    own.sort();
    let mut paths = PATHS.to_vec();
    paths.sort_unstable();
    assert_eq!(own, paths);
}
