//! What loading a module may cost the host: hostile files are refused before they are compiled, and compiling is a process
//! of its own with limits of time and memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasaga_sandbox::{Sandbox, Settings};
use wasaga_tests::wasm::{component, functions, section};
use wasaga_tests::{COMMAND_MAX, User, binary, guest};

/// Within all bounds of what a file may have, and half a minute of computing.
fn heavy() -> Vec<u8> {
    // The local variable, one more than it was.
    functions(30, &[0x20, 0, 0x41, 1, 0x6a, 0x21, 0].repeat(290_000))
}

/// X3, S12: each of these took gigabytes, minutes, or the host's stack.
#[test]
fn files_that_would_fill_the_compiler_are_refused() {
    let user = User::new();
    let nested = (0..10_000).fold(component(&[]), |inner, _| component(&section(4, &inner)));
    let types = component(&section(7, &[&[1], &*[0x42, 1, 1].repeat(1_000_000), &[0x42, 0]].concat()));
    let split = "(split it into several modules, or build it optimised)";
    for (bytes, why) in [
        (nested, "its components lie more than 16 deep within each other"),
        (types, "its types lie more than 32 deep within each other"),
        (functions(1_000_000, &[]), "it has more than 120000 functions"),
    ] {
        let path = user.directory().join("hostile.wasm");
        std::fs::write(&path, bytes).unwrap();
        let ended = user.wasaga(&["inspect", path.to_str().unwrap()]).with(2);
        assert!(ended.error().ends_with(&format!("cannot be used: it is not compiled: {why} {split}")), "{ended:?}");
    }
}

/// S12: what the file does not tell is bounded by the operating system, and ends that process alone.
#[tokio::test]
async fn compiling_has_limits_of_time_and_memory() {
    let settings = || Settings { compiler: Some(binary()), calls_max: 4, ..Settings::default() };
    let cases = [
        (Settings { compile_cpu_max: Duration::from_secs(1), ..settings() }, "more than 1 s of computing"),
        (Settings { compile_memory_bytes_max: 32 << 20, ..settings() }, "more than 32 MiB of memory"),
    ];
    let heavy: Arc<[u8]> = heavy().into();
    for (settings, limit) in cases {
        let sandbox = Sandbox::new(settings).unwrap();
        let told = sandbox.load(heavy.clone()).await.unwrap_err().to_string();
        let remedy = "(split it into several modules, or build it optimised)";
        assert_eq!(told, format!("compiling it takes {limit} {remedy}"));
    }
    let sandbox = Sandbox::new(settings()).unwrap();
    let hello = std::fs::read(guest("hello")).unwrap();
    assert_eq!(sandbox.load(hello.into()).await.unwrap().description.name, "guest-hello");
    assert_eq!(sandbox.stats().compiled, 1);
}

/// The process that compiles for another one, while it does.
fn compiling_for(parent: u32) -> Option<PathBuf> {
    let is_its = |process: &PathBuf| {
        let read = |name: &str| std::fs::read_to_string(process.join(name)).unwrap_or_default();
        let is_child = read("status").lines().any(|line| line == format!("PPid:\t{parent}"));
        is_child && read("cmdline").contains("compile-module")
    };
    std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).find(is_its)
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < COMMAND_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn compiling_ends_with_the_host() {
    let user = User::new();
    let path = user.directory().join("heavy.wasm");
    std::fs::write(&path, heavy()).unwrap();
    let mut host = user.command(&["inspect", path.to_str().unwrap()]).stderr(Stdio::null()).spawn().unwrap();
    let process = until("nothing compiles", || compiling_for(host.id()));
    host.kill().unwrap();
    host.wait().unwrap();
    let command = || std::fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    until("it goes on compiling", || (!command().contains("compile-module")).then_some(()));
}
