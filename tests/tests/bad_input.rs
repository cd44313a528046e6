//! What bad input gets: a message that names the culprit and the remedy, a documented exit code, and
//! nothing lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use wasaga_tests::{Ended, User, guest};

fn write(user: &User, name: &str, bytes: &[u8]) -> PathBuf {
    let path = user.directory().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn run(user: &User, file: &Path) -> Ended {
    user.wasaga(&["run", file.to_str().unwrap()])
}

/// The file is refused by every command that takes one, with the same words.
fn check_file(name: &str, bytes: &[u8], expected: &str) {
    let user = User::new();
    let path = write(&user, name, bytes);
    let ended = run(&user, &path).with(2);
    let start = format!("module `{}` cannot be used: {expected}", path.display());
    assert!(ended.error().starts_with(&start), "{}", ended.stderr);
    let validated = user.wasaga(&["validate", path.to_str().unwrap()]).with(2);
    assert!(validated.stdout.contains(expected), "{}", validated.stdout);
    assert!(user.list().is_empty());
}

#[test]
fn files_that_are_no_guests_are_told_apart() {
    check_file("empty.wasm", b"", "it is empty (was it copied whole?)");
    check_file("note.wasm", b"hello", "it is not WebAssembly (give a component");
    check_file("core.wasm", &wat::parse_str("(module)").unwrap(), "it is a core WebAssembly module, not a component");
    check_file("bare.wasm", &wat::parse_str("(component)").unwrap(), "it is a component and neither saga nor TCC");
    check_file("native.wasm", b"\x7fELF\x02\x01\x01", "it is native code");
    let mut cut = std::fs::read(guest("hello")).unwrap();
    cut.truncate(5_000);
    check_file("cut.wasm", &cut, "it is not a valid component: ");
    let later = r#"(component (component $i) (instance $x (instantiate $i)) (export "wasaga:guest/metadata@0.9.0" (instance $x)))"#;
    check_file("later.wasm", &wat::parse_str(later).unwrap(), "it speaks version 0.9.0 of the contract");
}

#[test]
fn a_missing_file_is_named() {
    let user = User::new();
    let ended = user.wasaga(&["run", "nowhere.wasm"]).with(2);
    assert!(ended.error().starts_with("module `nowhere.wasm` cannot be read: No such file"), "{}", ended.stderr);
    let ended = user.wasaga(&["run", "."]).with(2);
    assert!(ended.error().contains("name the `.wasm` file in it"), "{}", ended.stderr);
}

#[test]
fn a_describe_that_fails_or_never_ends_is_told() {
    let user = User::new();
    let ended = run(&user, &guest("hostile-describe")).with(2);
    assert!(
        ended.error().contains("it failed to say what it is: `trap`: it panicked: I would rather not say"),
        "{}",
        ended.stderr
    );
    let ended = run(&user, &guest("hostile-init")).with(2);
    // The speed of the machine decides which of the two limits it runs into first.
    let told = ["it did not say what it is within", "`out-of-fuel`: it used up its fuel of 20000000000 units"];
    assert!(told.iter().any(|told| ended.error().contains(told)), "{}", ended.stderr);
}

#[test]
fn a_wrong_graph_is_told_with_all_its_mistakes() {
    let ended = run(&User::new(), &guest("invalid")).with(2);
    let lines: Vec<&str> = ended.error().lines().map(str::trim).collect();
    assert_eq!(lines[0], "module `guest-invalid` has 3 mistakes");
    assert!(
        lines[1].starts_with("saga `circle`, step `second`: parameter `adress` is a field that the input"),
        "{lines:?}"
    );
    assert!(lines[2].contains("its steps wait for each other: `first` needs `second` needs `first`"), "{lines:?}");
    assert!(lines[3].starts_with("saga `circle`, step `third`: its condition is not CEL:"), "{lines:?}");
}

#[test]
fn a_definition_must_be_named_where_there_are_several() {
    let user = User::new();
    let ended = user.run("hostile", "{}", &[]).with(2);
    assert!(
        ended.error().starts_with("module `guest-hostile` has several definitions; name one of: `"),
        "{}",
        ended.stderr
    );
    let ended = user.run("hello", "{}", &["helo"]).with(2);
    assert_eq!(ended.error(), "module `guest-hello` has no definition `helo` (it has: `hello`)");
}

#[test]
fn inputs_are_checked_before_anything_starts() {
    let user = User::new();
    let ended = user.run("order", "{", &[]).with(2);
    assert!(ended.error().starts_with("`--input` is not JSON: EOF while parsing"), "{}", ended.stderr);
    let ended = user.run("order", r#"{"id":"o","sku":"tea","quantity":-1,"card":"good"}"#, &[]).with(2);
    assert_eq!(ended.error(), "input does not fit saga `order`: at /quantity: -1 is less than the minimum of 0");
    let ended = user.run("order", "@nowhere.json", &[]).with(2);
    assert!(ended.error().starts_with("input file `nowhere.json` cannot be read"), "{}", ended.stderr);
    let ended = user.run("order", "{}", &["--header", "tenant"]).with(2);
    assert_eq!(ended.error(), "header `tenant` is not `name=value`");
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    write(&user, "deep.json", deep.as_bytes());
    let ended = user.run("order", "@deep.json", &[]).with(2);
    assert!(ended.error().contains("recursion limit exceeded"), "{}", ended.stderr);
    assert!(user.list().is_empty(), "nothing was started");
}

#[test]
fn unknown_transactions_are_told() {
    let user = User::new();
    user.run("hello", r#"{"name":"Ada"}"#, &[]).with(0);
    let shown = |id: &str| user.wasaga(&["transactions", "show", id]).with(2).error().to_owned();
    assert!(shown("no-id").starts_with("`no-id` is not a transaction id"));
    assert!(shown("7Z").starts_with("no transaction begins with `7Z`"));
    assert_eq!(shown("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), "transaction 7ZZZZZZZZZZZZZZZZZZZZZZZZZ is not in this journal");
}

#[test]
fn journals_that_cannot_be_used_are_told() {
    let user = User::new();
    let on = |journal: &str| user.wasaga(&["transactions", "list", "--journal", journal]);
    for (journal, expected) in [
        ("postgres:x", "there is no journal of the kind `postgres`"),
        ("journal.db", "it is not a journal's URL (write `sqlite:journal.db`"),
        ("sqlite:", "the path is missing"),
        ("sqlite:x.db?sync=1", "option `sync=1` is not known"),
    ] {
        let ended = on(journal).with(2);
        assert!(ended.error().contains(expected), "{}", ended.stderr);
    }
    write(&user, "note.db", &[b'x'; 4_096]);
    let ended = on("sqlite:note.db").with(1);
    assert!(ended.error().contains("`sqlite:note.db`") && ended.error().contains("not a database"), "{}", ended.stderr);
    assert_eq!(std::fs::read(user.directory().join("note.db")).unwrap(), [b'x'; 4_096], "it was not touched");
    let ended = on("sqlite:/proc/nowhere/journal.db").with(1);
    assert!(ended.error().contains("needs a directory that may be written to"), "{}", ended.stderr);
}

/// A full disk: what was answered stays, what is not answered is told, and more room goes on.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let user = User::new();
    user.run("hello", r#"{"name":"Ada"}"#, &[]).with(0);
    let file = guest("order");
    let long = "x".repeat(3 << 20);
    let input = format!(r#"{{"id":"o-1","sku":"tea","quantity":2,"card":"good","address":"{long}"}}"#);
    write(&user, "input.json", input.as_bytes());
    // A limit on the size of files stands for the disk: writes beyond it fail in the same place. X11: its signal would end
    // the process without a word.
    let script = format!("ulimit -f 3072; exec \"$0\" run {} --input @input.json", file.to_str().unwrap());
    let binary = wasaga_tests::binary();
    let command = user.command(&[]);
    let environment: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).arg(binary).current_dir(user.directory());
    for (name, value) in environment {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let ended = Ended::from(shell.output().unwrap()).with(1);
    assert!(
        ended.error().contains("journal `sqlite:") && ended.error().contains("limit on the size"),
        "{}",
        ended.stderr
    );
    assert_eq!(user.list().len(), 1, "what was there before is there");
    user.run("order", "@input.json", &[]).with(0);
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let user = User::new();
    user.run("hello", r#"{"name":"Ada"}"#, &[]).with(0);
    let path = user.directory().join("journal.db");
    Connection::open(path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
    let ended = user.wasaga(&["transactions", "list"]).with(1);
    assert!(ended.error().contains("is of version 9999, which this wasaga does not know"), "{}", ended.stderr);
}

/// What cannot be read is JSON for a program too, and colours are where they are asked for.
#[test]
fn errors_are_json_and_colours_are_asked_for() {
    let user = User::new();
    for (args, kind) in [(&["runn", "--json"][..], "usage"), (&["run", "nowhere.wasm", "--json"], "bad-input")] {
        let told = user.wasaga(args).with(2);
        let error = told.json()["error"].clone();
        assert_eq!((error["kind"].as_str(), error["exit"].as_u64()), (Some(kind), Some(2)), "{error}");
        assert!(told.error().starts_with(error["message"].as_str().unwrap().lines().next().unwrap()), "{told:?}");
    }
    let failed = user.wasaga(&["transactions", "show", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "--json"]).with(2).json();
    assert_eq!(failed["error"]["kind"], "bad-input");
    let colored =
        |when: &str| user.wasaga(&["transactions", "list", "--color", when]).with(0).stdout.contains('\u{1b}');
    user.run("hello", r#"{"name":"Ada"}"#, &[]).with(0);
    assert_eq!([colored("always"), colored("never"), colored("auto")], [true, false, false]);
}

#[test]
fn help_has_the_exit_codes() {
    let help = User::new().wasaga(&["--help"]).with(0).stdout;
    for line in ["0  completed", "1  host error", "2  bad input", "3  compensated", "4  stuck", "6  unfinished"] {
        assert!(help.contains(line), "{help}");
    }
    let wrong = User::new().wasaga(&["runn"]).with(2);
    assert!(wrong.stderr.contains("similar subcommand exists: 'run'"), "{}", wrong.stderr);
}
