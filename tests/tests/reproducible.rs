//! The same files give the same component, wherever the project lies: what a digest pins can be built again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::Path;

use wasaga_tests::{User, binary, in_project};

/// Makes a project in each of two folders, builds it there, and gives the components.
fn built_twice(language: &str) -> [Vec<u8>; 2] {
    let user = User::new();
    let wasaga = binary().canonicalize().unwrap();
    ["here", "elsewhere/and deeper"].map(|place| {
        let folder = user.directory().join(place).join("shop");
        std::fs::create_dir_all(&folder).unwrap();
        user.wasaga(&["new", language, "shop", "--path", folder.to_str().unwrap()]).with(0);
        in_project(wasaga.to_str().unwrap(), &["build"], &folder).with(0);
        std::fs::read(folder.join("shop.wasm")).unwrap()
    })
}

/// Whether some text is anywhere in a component.
fn has(component: &[u8], text: &str) -> bool {
    component.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[test]
fn a_rust_project_is_built_to_the_same_bytes_in_another_folder() {
    let [here, elsewhere] = built_twice("rust");
    assert!(here == elsewhere, "{} and {} bytes", here.len(), elsewhere.len());
    // What a message of a panic names is nobody's home.
    let home = std::env::home_dir().unwrap();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), Into::into);
    for folder in [&*std::env::temp_dir(), Path::new(&cargo)] {
        let folder = format!("{}/", folder.display());
        assert!(!has(&here, &folder), "`{folder}` is in the component");
    }
    assert!(has(&here, "/cargo/registry/src/"), "sources are named all the same");
}

#[test]
fn a_python_project_is_given_again_in_another_folder() {
    let [here, elsewhere] = built_twice("python");
    assert!(here == elsewhere, "{} and {} bytes", here.len(), elsewhere.len());
    for text in ["wasaga-build-", "elsewhere/and deeper"] {
        assert!(!has(&here, text), "`{text}` is in the component");
    }
}
