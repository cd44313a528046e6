//! Every limit of the sandbox, one by one: a guest at the limit passes, one beyond it is told the limit
//! and the remedy, and its neighbour goes on (invariants I7 and I11).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::{Host, Written, call, completed, told, within_ms};
use wasaga_core::{Call, Json, NAME_CHARS_MAX, Name, Outcome, UnknownCause};
use wasaga_engine::{HEADER_BYTES_MAX, HEADERS_MAX};
use wasaga_sandbox::{MODULE_BYTES_MAX, PAYLOAD_BYTES_MAX};

/// Goes round `$n` times.
const TURNS: &str = "(loop $again
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (call $answer (i32.const 768) (i32.const 4))";
/// Goes round for ever.
const SPIN: &str = "(loop $again (br $again)) unreachable";

fn written(run: &'static str) -> Written {
    Written { run, ..Written::default() }
}

#[tokio::test]
async fn fuel() {
    let host = Host::new().await;
    let guest = host.load(&written(TURNS)).await;
    let used = host.run(&guest, 1_000).await.usage.fuel;
    let with = |fuel| Call { fuel, ..call(&guest, 1_000) };
    let enough = host.call(&with(used)).await;
    assert_eq!((completed(&enough), enough.usage.fuel), ("null", used));
    // Fuel is looked at in each turn and not at each instruction, so the last few units may be missing.
    let mut limit = used;
    let short = loop {
        limit -= 1;
        let answer = host.call(&with(limit)).await;
        match answer.outcome {
            Outcome::Completed(_) => assert!(used - limit < 10, "{limit} units are enough, and {used} were used"),
            _ => break answer,
        }
    };
    let expected = "units (allow the step more with `fuel`, or let it do less)";
    assert_eq!(told(&short), format!("`out-of-fuel`: it used up its fuel of {limit} {expected}"));
    assert!(matches!(short.outcome, Outcome::Unknown { cause: UnknownCause::Fuel, .. }));
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn wall_time() {
    let host = Host::new().await;
    let (turns, spin) = (host.load(&written(TURNS)).await, host.load(&written(SPIN)).await);
    let in_time = host.call(&Call { deadline: within_ms(5_000), ..call(&turns, 100_000) }).await;
    assert_eq!(completed(&in_time), "null");
    let began = Instant::now();
    let late = host.call(&Call { deadline: within_ms(200), ..call(&spin, 1) }).await;
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(190) && took < Duration::from_millis(300), "{took:?}");
    let message = told(&late);
    assert!(message.starts_with("`timed-out`: it was stopped at its deadline, after "), "{message}");
    assert!(message.ends_with(" ms (allow the step more with `timeout`, or let it do less)"), "{message}");
    let past = host.call(&Call { deadline: within_ms(0), ..call(&spin, 1) }).await;
    assert!(matches!(past.outcome, Outcome::Retryable { .. } | Outcome::Unknown { .. }), "{past:?}");
    host.neighbour_is_well().await;
}

/// Grows its memory by `$n` pages, or traps.
const GROW: &str = "(if (i32.eq (memory.grow (local.get $n)) (i32.const -1)) (then unreachable))
    (call $answer (i32.const 768) (i32.const 4))";
const PAGE: u64 = 64 << 10;

/// Guests that spin on every thread keep no timer of the runtime from being late, but they end in time.
#[tokio::test]
async fn wall_time_where_all_spin() {
    let host = Arc::new(Host::new().await);
    let spin = host.load(&written(SPIN)).await;
    let began = Instant::now();
    let spinning: Vec<_> = (0..3)
        .map(|_| {
            let (host, call) = (host.clone(), Call { deadline: within_ms(200), ..call(&spin, 1) });
            tokio::spawn(async move { (told(&host.call(&call).await), began.elapsed()) })
        })
        .collect();
    for task in spinning {
        let (told, took) = task.await.unwrap();
        assert!(told.starts_with("`timed-out`") && took < Duration::from_millis(300), "{took:?}: {told}");
    }
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn linear_memory() {
    let host = Host::new().await;
    let guest = host.load(&written(GROW)).await;
    let within = |pages: u64, n| Call { memory_bytes: pages * PAGE, ..call(&guest, n) };
    let full = host.call(&within(10, 8)).await;
    assert_eq!((completed(&full), full.usage.memory_bytes), ("null", 10 * PAGE));
    let over = host.call(&within(10, 9)).await;
    let remedy = "(allow the step more with `memory`, or let it hold less at once)";
    let expected = format!("`out-of-memory`: it asked for 704 KiB of memory where 640 KiB are allowed {remedy}");
    assert_eq!(told(&over), expected);
    assert!(matches!(over.outcome, Outcome::Unknown { cause: UnknownCause::Memory, .. }));
    let never = told(&host.call(&within(1, 0)).await);
    assert!(never.contains("it asked for 128 KiB of memory where 64 KiB are allowed"), "at its beginning: {never}");
    // What a step may be allowed ends with what the host has for one instance.
    let most = u32::try_from((1u64 << 30) / PAGE).unwrap() - 2;
    assert_eq!(completed(&host.call(&within(1 << 20, most)).await), "null");
    let beyond = told(&host.call(&within(1 << 20, most + 1)).await);
    assert!(beyond.contains("it asked for 1024.1 MiB of memory where 1024.0 MiB are allowed"), "{beyond}");
    host.neighbour_is_well().await;
}

/// All memories of an instance count together, and none has more of them than two.
#[tokio::test]
async fn several_memories() {
    let host = Host::new().await;
    let second = "(memory $second 1)";
    let run = "(if (i32.eq (memory.grow $second (local.get $n)) (i32.const -1)) (then unreachable))
        (call $answer (i32.const 768) (i32.const 4))";
    let guest = host.load(&Written { fields: second.into(), run, ..Written::default() }).await;
    let within = |n| Call { memory_bytes: 10 * PAGE, ..call(&guest, n) };
    assert_eq!(completed(&host.call(&within(7)).await), "null");
    assert!(told(&host.call(&within(8)).await).contains("it asked for 704 KiB of memory where 640 KiB are allowed"));
    let third = Written { fields: format!("{second} (memory 1)"), ..Written::default() };
    let refused = host.refusal(&third).await.to_string();
    let expected = "it needs more than one instance is given: module memory does not fit in pooling allocator \
                    requirements: defined memories count of 3 exceeds the per-instance limit of 2 (split it into \
                    several modules)";
    assert_eq!(refused, expected);
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn tables() {
    let host = Host::new().await;
    let two = "(table $a 0 funcref) (table $b 50000 funcref)";
    let run = "(if (i32.eq (table.grow $a (ref.null func) (local.get $n)) (i32.const -1)) (then unreachable))
        (call $answer (i32.const 768) (i32.const 4))";
    let guest = host.load(&Written { fields: two.into(), run, ..Written::default() }).await;
    assert_eq!(completed(&host.run(&guest, 50_000).await), "null");
    let expected = "`table-too-large`: it asked for 100001 elements of tables where 100000 are allowed \
                    (split it into several modules: this limit is the host's own)";
    assert_eq!(told(&host.run(&guest, 50_001).await), expected);
    for (fields, expected) in [
        ("(table 100001 funcref)".to_owned(), "minimum element size of 100001 which exceeds the limit of 100000"),
        ("(table 1 funcref)".repeat(5), "defined tables count of 5 exceeds the per-instance limit of 4"),
    ] {
        let refused = host.refusal(&Written { fields, ..Written::default() }).await.to_string();
        assert!(refused.contains(expected) && refused.ends_with("(split it into several modules)"), "{refused}");
    }
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn stack() {
    let host = Host::new().await;
    let deep = "(func $deep (param $left i32) (result i32)
        (if (result i32) (local.get $left)
          (then (i32.add (call $deep (i32.sub (local.get $left) (i32.const 1))) (i32.const 1)))
          (else (i32.const 0))))";
    let run = "(drop (call $deep (local.get $n))) (call $answer (i32.const 768) (i32.const 4))";
    let guest = host.load(&Written { fields: deep.into(), run, ..Written::default() }).await;
    let (mut passes, mut fails) = (1_000, 1_000_000);
    while fails - passes > 1 {
        let middle = u32::midpoint(passes, fails);
        match host.run(&guest, middle).await.outcome {
            Outcome::Completed(_) => passes = middle,
            _ => fails = middle,
        }
    }
    assert_eq!(completed(&host.run(&guest, passes).await), "null");
    let expected = "`stack-overflow`: it called itself too deeply, or has values that are nested too deeply: its stack \
                    of 1.0 MiB is used up (use a loop, or recurse less deeply)";
    assert_eq!(told(&host.run(&guest, fails).await), expected);
    // A frame has 16 bytes at least, so the limit is what it is said to be.
    assert!(passes < (1 << 20) / 16, "{passes} frames");
    host.neighbour_is_well().await;
}

/// Answers a number with `$n` digits.
const DIGITS: &str = "(drop (memory.grow (i32.const 160)))
    (memory.fill (i32.const 65536) (i32.const 49) (local.get $n))
    (call $answer (i32.const 65536) (local.get $n))";

#[tokio::test]
async fn output() {
    let host = Host::new().await;
    let guest = host.load(&written(DIGITS)).await;
    let limit = u32::try_from(PAYLOAD_BYTES_MAX).unwrap();
    assert_eq!(completed(&host.run(&guest, limit).await).len(), PAYLOAD_BYTES_MAX);
    // A little too much is seen by the sandbox; much too much is not even copied.
    for over in [limit + 1, limit + (1 << 20)] {
        let refused = host.run(&guest, over).await;
        let expected = "`too-large`: what it passed to the host is larger than 8.0 MiB (keep large data in a store, \
                        and pass its key)";
        assert_eq!(told(&refused), expected);
        assert!(matches!(refused.outcome, Outcome::Unknown { cause: UnknownCause::Answer, .. }));
    }
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn arguments() {
    let host = Host::new().await;
    let guest = host.load(&Written::default()).await;
    let with = |bytes: usize| {
        let arguments = Json::parse(&format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
        Call { arguments: arguments.into(), ..call(&guest, 1) }
    };
    assert_eq!(completed(&host.call(&with(PAYLOAD_BYTES_MAX)).await), "null");
    let calls = host.sandbox.stats().instances;
    let refused = host.call(&with(PAYLOAD_BYTES_MAX + 1)).await;
    let expected = "`too-large`: its arguments have 8388609 bytes, and 8.0 MiB are the most (keep large data in a \
                    store, and pass its key)";
    assert_eq!(told(&refused), expected);
    assert!(matches!(refused.outcome, Outcome::Rejected(_)), "nothing was done, and it would be so again");
    assert_eq!(host.sandbox.stats().instances, calls, "it was not called");
    host.neighbour_is_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn calls_at_once() {
    let host = Arc::new(Host::with_calls(2).await);
    let spin = host.load(&written(SPIN)).await;
    let spinning: Vec<_> = (0..2)
        .map(|_| {
            let (host, call) = (host.clone(), Call { deadline: within_ms(400), ..call(&spin, 1) });
            tokio::spawn(async move { host.call(&call).await })
        })
        .collect();
    while host.sandbox.stats().instances < 2 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    let turned_away = host.call(&Call { deadline: within_ms(100), ..call(&spin, 1) }).await;
    let expected = "`host-busy`: every place for a call was taken until its deadline: 2 at once are allowed (start \
                    less at once, or give the step a longer `timeout`)";
    assert_eq!(told(&turned_away), expected);
    assert!(matches!(turned_away.outcome, Outcome::Retryable { .. }), "nothing was done");
    host.neighbour_is_well().await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(250) && waited < Duration::from_secs(2), "{waited:?}: it had to wait");
    for task in spinning {
        assert!(told(&task.await.unwrap()).starts_with("`timed-out`"));
    }
}

/// Each of as many calls as are allowed has all that one may have.
#[tokio::test]
async fn a_place_is_a_whole_one() {
    let host = Arc::new(Host::with_calls(3).await);
    let fields = "(memory 1) (table 25000 funcref) (table 25000 funcref) (table 25000 funcref) (table 25000 funcref)";
    let big = host.load(&Written { fields: fields.into(), run: SPIN, ..Written::default() }).await;
    let spinning: Vec<_> = (0..3)
        .map(|_| {
            let (host, call) = (host.clone(), Call { deadline: within_ms(200), ..call(&big, 1) });
            tokio::spawn(async move { told(&host.call(&call).await) })
        })
        .collect();
    for task in spinning {
        let told = task.await.unwrap();
        assert!(told.starts_with("`timed-out`"), "{told}");
    }
    host.neighbour_is_well().await;
}

/// Instances that wait for their next call take no place of those that are called.
#[tokio::test]
async fn instances_that_wait() {
    let host = Host::with_calls(1).await;
    // More modules than the 64 places for instances that wait. All stay loaded.
    let mut loaded = Vec::new();
    for number in 0..70 {
        let fields = format!("(global i32 (i32.const {number}))");
        let guest = host.load(&Written { fields, calls_per_instance: 100, ..Written::default() }).await;
        let begun = host.sandbox.stats().instances;
        for _ in 0..3 {
            assert_eq!(completed(&host.run(&guest, 1).await), "null", "module {number}");
        }
        let made = host.sandbox.stats().instances - begun;
        assert_eq!(made, if number < 64 { 1 } else { 3 }, "module {number}: one without a place is let go");
        loaded.push(guest);
    }
    host.neighbour_is_well().await;
}

const TRANSACTION: &str = r#"(import "wasaga:guest/transaction@0.1.0" "set-variable"
      (func $set-variable (param i32 i32 i32 i32 i32 i32)))
    (import "wasaga:guest/transaction@0.1.0" "set-header" (func $set-header (param i32 i32 i32 i32 i32 i32)))"#;
/// What the host answers to a write is at 832. An error of it becomes a rejection with its code and message.
const ANSWERS: &str = r#"(data (i32.const 800) "too-muchinvalid")
    (func $variable (param $name i32) (param $length i32) (param $value i32) (param $bytes i32)
      (call $set-variable (local.get $name) (local.get $length) (i32.const 1) (local.get $value) (local.get $bytes)
        (i32.const 832)))
    (func $header (param $name i32) (param $length i32) (param $value i32) (param $bytes i32)
      (if (i32.load8_u (i32.const 832)) (then (return)))
      (call $set-header (local.get $name) (local.get $length) (i32.const 1) (local.get $value) (local.get $bytes)
        (i32.const 832)))
    (func $written (result i32)
      (if (i32.eqz (i32.load8_u (i32.const 832))) (then (return (call $answer (i32.const 768) (i32.const 4)))))
      (i32.store8 (i32.const 512) (i32.const 1))
      (i32.store8 (i32.const 520) (i32.const 0))
      (i32.store (i32.const 528) (i32.add (i32.const 800) (i32.shl (i32.load8_u (i32.const 836)) (i32.const 3))))
      (i32.store (i32.const 532) (i32.sub (i32.const 8) (i32.load8_u (i32.const 836))))
      (i32.store (i32.const 536) (i32.load (i32.const 840)))
      (i32.store (i32.const 540) (i32.load (i32.const 844)))
      (i32.const 512))"#;

fn writer(run: &'static str) -> Written {
    Written { imports: TRANSACTION, fields: ANSWERS.into(), run, ..Written::default() }
}

/// The message of one that writes too much; one that writes as much as it may passes before.
async fn check_writes(host: &Host, guest: &Written, limit: usize, expected: &str) {
    let guest = host.load(guest).await;
    let n = u32::try_from(limit).unwrap();
    assert_eq!(completed(&host.run(&guest, n).await), "null", "{expected}");
    assert_eq!(told(&host.run(&guest, n + 1).await), expected, "the guest is told, and goes on");
    host.neighbour_is_well().await;
}

/// What each name costs beside its bytes: a million names of one letter are no cheap way into the host's memory (S13).
const ENTRY_BYTES: usize = 64;

#[tokio::test]
async fn variables() {
    let host = Host::new().await;
    // A name of four bytes, and digits for the rest of one call's writes.
    let digits = "(drop (memory.grow (i32.const 160)))
        (memory.fill (i32.const 65536) (i32.const 49) (local.get $n))
        (call $variable (i32.const 768) (i32.const 4) (i32.const 65536) (local.get $n))
        (call $written)";
    let expected = "`too-much`: `set-variable`: one call writes 1.0 MiB at most (keep large data in a store, and pass \
                    its key)";
    check_writes(&host, &writer(digits), (1 << 20) - 4 - ENTRY_BYTES, expected).await;
    let name = "(memory.fill (i32.const 1024) (i32.const 120) (local.get $n))
        (call $variable (i32.const 1024) (local.get $n) (i32.const 768) (i32.const 4))
        (call $written)";
    let expected = format!("`invalid`: `set-variable`: a name has 1 to {NAME_CHARS_MAX} characters");
    check_writes(&host, &writer(name), NAME_CHARS_MAX, &expected).await;
    // All variables of a transaction: what it has, and what a call writes.
    let guest = host.load(&writer(digits)).await;
    let had = |bytes: usize| {
        let value = Json::parse(&"1".repeat(bytes - 1)).unwrap();
        Call {
            variables: Arc::new(BTreeMap::from([(Name::from("v"), value)])),
            ..call(&guest, 996 - ENTRY_BYTES as u32)
        }
    };
    assert_eq!(completed(&host.call(&had(PAYLOAD_BYTES_MAX - 1_000)).await), "null");
    let expected = "`too-much`: `set-variable`: a transaction has 8.0 MiB of variables at most (keep large data in a \
                    store, and pass its key)";
    assert_eq!(told(&host.call(&had(PAYLOAD_BYTES_MAX - 999)).await), expected);
}

#[tokio::test]
async fn headers() {
    let host = Host::new().await;
    // `$n` headers of one letter, the letters being those after the space.
    let many = "(loop $again
          (i32.store (i32.const 1024) (i32.add (local.get $i) (i32.const 33)))
          (call $header (i32.const 1024) (i32.const 1) (i32.const 768) (i32.const 0))
          (call $header (i32.const 1024) (i32.const 1) (i32.const 768) (i32.const 0))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
        (call $written)";
    let expected = "`too-much`: `set-header`: a transaction has 64 headers with 16 KiB at most (use a variable)";
    check_writes(&host, &writer(many), HEADERS_MAX, expected).await;
    let long = "(memory.fill (i32.const 65536) (i32.const 120) (local.get $n))
        (call $header (i32.const 768) (i32.const 4) (i32.const 65536) (local.get $n))
        (call $written)";
    check_writes(&host, &writer(long), HEADER_BYTES_MAX - 4, expected).await;
    // Those of the start count; one that is set anew does not count twice.
    let guest = host.load(&writer(many)).await;
    let names = ["!", "a1", "a2"].map(Name::from);
    let headers = Arc::new(names.map(|name| (name, Arc::from(""))).into_iter().collect());
    let beside = |n| Call { headers: Arc::clone(&headers), ..call(&guest, n) };
    assert_eq!(completed(&host.call(&beside(62)).await), "null");
    assert_eq!(told(&host.call(&beside(63)).await), expected);
}

#[tokio::test]
async fn the_module_and_what_it_says() {
    let host = Host::new().await;
    let of = async |bytes: usize| host.sandbox.load(vec![b'x'; bytes].into()).await.unwrap_err().to_string();
    assert!(of(MODULE_BYTES_MAX).await.starts_with("it is not WebAssembly"), "as large as may be, it is looked at");
    let expected = "it has 134217729 bytes, and 128.0 MiB are the most (strip it, or leave large data outside)";
    assert_eq!(of(MODULE_BYTES_MAX + 1).await, expected);
    let with = |pages| Written { pages, ..Written::default() };
    host.load(&with(4_096)).await;
    let refused = host.refusal(&with(4_097)).await.to_string();
    assert!(
        refused.starts_with(
            "it failed to say what it is: `out-of-memory`: it asked for 256.1 MiB of memory where 256.0 MiB are allowed"
        ),
        "{refused}"
    );
    host.neighbour_is_well().await;
}
