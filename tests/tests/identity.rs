//! Which module an operator's policy is for: a name is bound to bytes, a grant names its module, and a secret is had only for
//! a module that may use it. By the binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};

use serde_json::json;
use wasaga_tests::server::Server;
use wasaga_tests::{Ended, User, guest};

/// The same module in other bytes: with a section that says nothing at its end.
fn other_bytes(user: &User, file: &Path) -> PathBuf {
    const CUSTOM: [u8; 7] = [0, 5, 4, b't', b'e', b's', b't'];
    let path = user.directory().join("other.wasm");
    let bytes = [std::fs::read(file).unwrap(), CUSTOM.to_vec()].concat();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn fetch(user: &User, file: &Path, server: &Server, more: &[&str]) -> Ended {
    let input = json!({"url": server.url("/")}).to_string();
    let args = [&["run", file.to_str().unwrap(), "fetch", "--json", "--input", &input], more].concat();
    user.wasaga(&args)
}

fn write_policy(user: &User, text: &str) {
    std::fs::write(user.directory().join("policy.toml"), text).unwrap();
}

fn granted(port: u16) -> String {
    format!(
        "[modules.caller.grants]\nhttp = [\"http://localhost:{port}\"]\naddresses = [\"127.0.0.1:{port}\", \
         \"[::1]:{port}\"]\n"
    )
}

/// S15: a module that gives itself the name of another gets nothing of it, and is told apart.
#[test]
fn a_name_that_is_bound_gives_nothing_to_other_bytes() {
    let (user, server, own) = (User::new(), Server::ok("hello"), guest("caller"));
    let (port, other) = (server.port(), other_bytes(&user, &own));
    let bound = format!("[modules.caller]\nfile = \"{}\"\n{}", own.display(), granted(port));
    write_policy(&user, &bound);
    let fine = fetch(&user, &own, &server, &["--policy", "policy.toml"]).with(0);
    assert!(!fine.stderr.contains("of the policy"), "{}", fine.stderr);

    let evil = fetch(&user, &other, &server, &["--policy", "policy.toml"]);
    assert_ne!(evil.code, Some(0));
    let digest = user.wasaga(&["inspect", other.to_str().unwrap(), "--json"]).json()["digest"].clone();
    let digest = digest.as_str().unwrap();
    let told = format!("module `caller` is {digest}, which `[modules.caller]` of the policy does not name");
    assert!(evil.stderr.contains(&told), "{}", evil.stderr);
    let inspected = user.wasaga(&["inspect", other.to_str().unwrap(), "--policy", "policy.toml"]).with(0);
    assert!(inspected.stdout.contains("the policy names other digests"), "{}", inspected.stdout);
    assert!(!inspected.stdout.contains(" granted: http"), "{}", inspected.stdout);

    // Its digest in the list is what the line says to do, and it helps.
    write_policy(
        &user,
        &format!("[modules.caller]\nfile = \"{}\"\ndigest = [\"{digest}\"]\n{}", own.display(), granted(port)),
    );
    fetch(&user, &other, &server, &["--policy", "policy.toml"]).with(0);
    fetch(&user, &own, &server, &["--policy", "policy.toml"]).with(0);
}

/// An edit loop needs no digest; that the name alone is trusted is said.
#[test]
fn a_name_that_is_not_bound_is_trusted_and_that_is_told() {
    let (user, server) = (User::new(), Server::ok("hello"));
    write_policy(&user, &granted(server.port()));
    let other = other_bytes(&user, &guest("caller"));
    let fine = fetch(&user, &other, &server, &["--policy", "policy.toml"]).with(0);
    assert!(fine.stderr.contains("any module that calls itself `caller` gets what"), "{}", fine.stderr);
    write_policy(&user, "[modules.caller]\nfuel_max = 1_000_000_000\n");
    let limited = user.run("hello", r#"{"name":"Ada"}"#, &["--policy", "policy.toml"]).with(0);
    assert_eq!(limited.stderr, "", "a ceiling gives nothing, and it is another module's");
}

/// S15: `[defaults]` hold for modules of any name.
#[test]
fn defaults_hold_for_every_module() {
    let user = User::new();
    write_policy(&user, "[defaults]\nfuel_max = 1000\n[modules.guest-hello]\nfuel_max = 1_000_000_000\n");
    let input = r#"{"numbers":[1]}"#;
    let args = ["--policy", "policy.toml", "--json"];
    user.run("hello", r#"{"name":"Ada"}"#, &args).with(0);
    // Its compensation has no more.
    let spent = user.run("fan-out", input, &args).with(4).json();
    assert_eq!(spent["cause"]["failure"]["code"], "out-of-fuel", "{spent}");
}

/// S18: a grant names its module, and what is shown grants no other.
#[test]
fn a_grant_is_for_the_module_that_it_names() {
    let (user, server, own) = (User::new(), Server::ok("hello"), guest("caller"));
    let port = server.port();
    let of = |module: &str| {
        let origin = format!("{module}http:http://localhost:{port}");
        let address = format!("{module}address:127.0.0.1:{port}");
        fetch(&user, &own, &server, &["--grant", &origin, "--grant", &address])
    };
    of("caller:").with(0);
    of("").with(0);
    let refused = of("shop:");
    let wanted = format!("`--grant caller:http:http://localhost:{port}`");
    assert!(refused.code != Some(0) && (refused.stdout + &refused.stderr).contains(&wanted), "{wanted}");
}

/// S18: the secrets of other modules are not had, and looking at a module needs none.
#[test]
fn a_secret_is_had_only_for_a_module_that_uses_it() {
    let user = User::new();
    let secret = |module: &str| {
        let table = format!("[modules.{module}.secrets.token]");
        write_policy(&user, &format!("{table}\nenv = \"WASAGA_TEST_NONE\"\norigins = [\"https://api.example.com\"]\n"));
    };
    secret("caller");
    user.run("hello", r#"{"name":"Ada"}"#, &["--policy", "policy.toml"]).with(0);
    let caller = guest("caller");
    user.wasaga(&["inspect", caller.to_str().unwrap(), "--policy", "policy.toml"]).with(0);
    let missing = user.run("caller", r#"{"url":"https://x.example"}"#, &["fetch", "--policy", "policy.toml"]).with(2);
    let told = "its secret `token` cannot be had: environment variable `WASAGA_TEST_NONE` is not set";
    assert!(missing.error().contains(told), "{}", missing.stderr);
    secret("guest-hello");
    user.run("hello", r#"{"name":"Ada"}"#, &["--policy", "policy.toml"]).with(0);
}

#[test]
fn options_of_before_are_told_by_their_new_names() {
    let user = User::new();
    let told = user.run("hello", "{}", &["--policy-file", "policy.toml"]).with(2);
    assert!(told.error().contains("write `--policy policy.toml`"), "{}", told.stderr);
    let told = user.run("hello", "{}", &["--policy", "best-effort-parallel"]).with(2);
    assert!(told.error().contains("write `--compensation-policy best-effort-parallel`"), "{}", told.stderr);
    let told = user.wasaga(&["graph", "x.wasm", "--grant", "http:https://a.example"]).with(2);
    assert!(told.error().contains("unexpected argument '--grant'"), "{}", told.stderr);
    let endless = user.wasaga(&["run", "/dev/zero"]).with(2);
    assert!(endless.error().contains("it has more than 128.0 MiB"), "{}", endless.stderr);
    let endless = user.run("hello", "{}", &["--tls-roots", "/dev/zero"]).with(2);
    assert!(endless.error().starts_with("certificates `/dev/zero` cannot be read"), "{}", endless.stderr);
}
