//! Which room may import which (invariant I8): the workspace's manifests against the list of
//! ARCHITECTURE.md. A new arrow is a decision, made there and here.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The rooms and what each may import of ours.
const ARROWS: [(&str, &[&str]); 12] = [
    ("wasaga-core", &[]),
    ("wasaga-journal", &["wasaga-core"]),
    ("wasaga-engine", &["wasaga-core", "wasaga-journal"]),
    ("wasaga-sandbox", &["wasaga-core", "wasaga-engine"]),
    ("wasaga-host", &["wasaga-core", "wasaga-journal", "wasaga-engine", "wasaga-sandbox"]),
    ("wasaga-macros", &[]),
    ("wasaga", &["wasaga-macros"]),
    ("wasaga-tests", &["wasaga-core", "wasaga-journal", "wasaga-engine", "wasaga-sandbox"]),
    ("wasaga-documents", &[]),
    ("wasaga-micro", &["wasaga-core", "wasaga-journal"]),
    ("wasaga-simulator", &["wasaga-core", "wasaga-journal", "wasaga-engine"]),
    // For the trouble that tests and `torture` make.
    ("xtask", &["wasaga-tests"]),
];

/// Libraries that one room alone may know, by the beginning of their names.
const OWNED: [(&str, &[&str]); 10] = [
    ("wasmtime", &["wasaga-sandbox"]),
    ("wasmparser", &["wasaga-sandbox"]),
    ("rusqlite", &["wasaga-journal"]),
    ("cel", &["wasaga-engine"]),
    ("jsonschema", &["wasaga-engine"]),
    ("clap", &["wasaga-host", "xtask"]),
    ("wit-bindgen", &["wasaga"]),
    ("indicatif", &["wasaga-host"]),
    ("hyper", &["wasaga-sandbox"]),
    ("rustls", &["wasaga-sandbox"]),
];

/// The core is decided by its arguments alone, so it needs little.
const CORE: [&str; 6] = ["serde", "serde_ignored", "serde_json", "serde_path_to_error", "sha2", "thiserror"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo tells about the workspace");
    let of = |package: &cargo_metadata::Package| {
        let used = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        // The tests are for testing, whatever kind their dependencies are.
        let used = used.map(|dependency| dependency.name.clone());
        (package.name.to_string(), used.collect())
    };
    metadata.workspace_packages().into_iter().map(of).collect()
}

#[test]
fn rooms_import_what_they_may() {
    let all = dependencies();
    let rooms: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    for (room, used) in &all {
        let ours: Vec<&String> = used.iter().filter(|name| all.contains_key(*name)).collect();
        if room.starts_with("guest-") {
            assert_eq!(ours, ["wasaga"], "a guest knows the SDK alone");
            continue;
        }
        let allowed = rooms.get(room.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("`{room}` is a new room (draw its arrows here)"));
        for name in ours {
            assert!(allowed.contains(&name.as_str()), "`{room}` imports `{name}`, and may not");
        }
    }
    for room in rooms.keys() {
        assert!(all.contains_key(*room), "`{room}` is gone (take it off the list)");
    }
}

#[test]
fn a_library_is_known_to_its_room_alone() {
    for (room, used) in dependencies() {
        for (library, owners) in OWNED {
            if let Some(name) = used.iter().find(|name| name.starts_with(library)) {
                assert!(owners.contains(&room.as_str()), "`{room}` imports `{name}`, which belongs to {owners:?}");
            }
        }
    }
}

#[test]
fn the_core_needs_no_io() {
    let core = &dependencies()["wasaga-core"];
    let more: Vec<_> = core.iter().filter(|name| !CORE.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "`wasaga-core` imports {more:?} (invariant I1)");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/core/src/lib.rs");
    assert!(std::fs::read_to_string(root).expect("the core is there").contains("#![no_std]"));
}
