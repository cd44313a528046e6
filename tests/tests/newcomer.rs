//! A newcomer's path, in an empty folder outside the repository: `new`, a native test, `build`, `run`.

use std::time::SystemTime;

use wasaga_tests::{User, binary, in_project, target};

#[test]
fn from_an_empty_folder_to_a_running_saga_in_rust() {
    let user = User::new();
    let made = user.wasaga(&["new", "rust", "web-shop"]).with(0);
    assert!(made.stdout.contains("wasaga build"), "{}", made.stdout);
    let folder = user.directory().join("web-shop");
    let wasaga = binary().canonicalize().unwrap();

    let tested = in_project("cargo", &["test"], &folder).with(0);
    assert!(tested.stdout.contains("2 passed"), "{}", tested.stdout);
    let built = in_project(wasaga.to_str().unwrap(), &["build"], &folder).with(0);
    assert!(built.stdout.starts_with("web-shop.wasm  "), "{}", built.stdout);
    assert!(built.stdout.ends_with("saga `web_shop`: reserve, charge\n"), "{}", built.stdout);
    let ran = user.wasaga(&["run", "web-shop/web-shop.wasm", "--input", "@web-shop/input.json", "--json"]).with(0);
    assert_eq!(ran.json()["output"]["charge"], "receipt over 1180 cents");
    let mut declined = vec!["run", "web-shop/web-shop.wasm", "--input"];
    declined.push(r#"{"id":"o-2","sku":"tea","quantity":1,"card":"declined"}"#);
    user.wasaga(&declined).with(3);

    // Errors of the user's own code are shown as the compiler shows them.
    let source = folder.join("src/lib.rs");
    let broken = std::fs::read_to_string(&source).unwrap().replace("of = reserve", "of = reserv");
    std::fs::write(&source, broken).unwrap();
    let refused = in_project(wasaga.to_str().unwrap(), &["build"], &folder).with(2);
    assert!(
        refused.stderr.contains("`reserv` is not a step of this saga (did you mean `reserve`?)"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("src/lib.rs:"), "{}", refused.stderr);
    assert_eq!(refused.error(), "the guest does not compile; cargo says why above");
}

#[test]
fn from_an_empty_folder_to_a_running_saga_in_python() {
    let user = User::new();
    user.wasaga(&["new", "python", "tea-shop"]).with(0);
    let folder = user.directory().join("tea-shop");
    let wasaga = binary().canonicalize().unwrap();

    let tools = target().join("test-newcomer/python");
    if !tools.join("bin/pytest").is_file() {
        in_project("python3", &["-m", "venv", tools.to_str().unwrap()], &folder).with(0);
        let pip = tools.join("bin/pip");
        in_project(pip.to_str().unwrap(), &["install", "--quiet", "pytest==9.0.1"], &folder).with(0);
    }
    let python = tools.canonicalize().unwrap().join("bin/python");
    let tested = in_project(python.to_str().unwrap(), &["-m", "pytest"], &folder).with(0);
    assert!(tested.stdout.contains("2 passed"), "{}", tested.stdout);
    // A file that was never built: what was built before is given again.
    let source = folder.join("tea_shop.py");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    std::fs::write(&source, format!("{}# {now}\n", std::fs::read_to_string(&source).unwrap())).unwrap();
    let built = in_project(wasaga.to_str().unwrap(), &["build"], &folder).with(0);
    assert!(built.stdout.starts_with("tea-shop.wasm  "), "{}", built.stdout);
    assert!(built.stdout.ends_with("saga `tea_shop`: reserve, charge\n"), "{}", built.stdout);
    // Compiling it takes seconds, once, and that is told.
    let (compiling, kept) = ("compiling `./tea-shop.wasm` (", "what comes of it is kept, so this happens once");
    assert!(built.stderr.contains(compiling) && built.stderr.contains(kept), "{}", built.stderr);
    let ran = user.wasaga(&["run", "tea-shop/tea-shop.wasm", "--input", "@tea-shop/input.json", "--json"]).with(0);
    assert_eq!(ran.json()["output"]["charge"], "receipt over 1180 cents");

    // Errors of the user's own code are shown with their file and line.
    let broken = std::fs::read_to_string(&source).unwrap().replace("2s", "2 fortnights");
    std::fs::write(&source, broken).unwrap();
    let refused = in_project(wasaga.to_str().unwrap(), &["build"], &folder).with(2);
    assert!(refused.stderr.contains("tea_shop.py") && refused.stderr.contains("2 fortnights"), "{}", refused.stderr);
    assert_eq!(refused.error(), "the guest cannot be built; the reason is above");
}

/// S20: what the caller's folder says of cargo and of the toolchain is not the project's.
#[test]
fn cargo_runs_in_the_folder_of_the_project() {
    use std::os::unix::fs::PermissionsExt as _;
    let user = User::new();
    let (project, tools) = (user.directory().join("shop"), user.directory().join("tools"));
    std::fs::create_dir_all(&project).expect("a folder can be made");
    std::fs::create_dir_all(&tools).expect("a folder can be made");
    std::fs::write(project.join("Cargo.toml"), "[package]\nname = \"shop\"\n").expect("a file can be written");
    // Tools that tell where they were started, and build nothing.
    for tool in ["cargo", "rustc"] {
        let told = user.directory().join(format!("{tool}.told"));
        let script =
            format!("#!/bin/sh\npwd >> '{}'\nif [ {tool} = rustc ]; then echo /; else exit 1; fi\n", told.display());
        std::fs::write(tools.join(tool), script).expect("a file can be written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(tools.join(tool), mode).expect("a mode can be set");
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let output = user.command(&["build", "shop"]).env("PATH", path).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let project = project.canonicalize().expect("it is there");
    for tool in ["cargo", "rustc"] {
        let told = std::fs::read_to_string(user.directory().join(format!("{tool}.told"))).expect("it was started");
        assert!(told.lines().all(|line| line == project.display().to_string()), "{tool}: {told}");
    }
}

#[test]
fn wrong_uses_are_told() {
    let user = User::new();
    let told = user.wasaga(&["new", "rust", "Web Shop"]).with(2);
    assert!(told.error().starts_with("`Web Shop` is no name for a project"), "{}", told.stderr);
    let told = user.wasaga(&["build"]).with(2);
    assert!(told.error().contains("make one with `wasaga new"), "{}", told.stderr);
}
