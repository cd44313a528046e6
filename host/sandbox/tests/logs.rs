//! What a guest may write into the host's log: lines of its own, and its two streams. What is too much
//! is dropped and told, and the call goes on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the host")]
mod support;

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use support::{Host, Written, call, completed};
use tracing_subscriber::fmt::MakeWriter;
use wasaga_core::{Call, Json};

/// The log of this thread while it is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let lines = tracing_subscriber::fmt().with_writer(self.clone()).with_ansi(false).without_time();
        tracing::subscriber::set_default(lines.finish())
    }

    /// The lines since it was asked last.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock());
        let lines = String::from_utf8(bytes).unwrap();
        lines.lines().filter(|line| line.contains("wasaga::guest")).map(str::to_owned).collect()
    }
}

/// `$n` lines.
const LINES: &str = "(loop $again
      (call $log (i32.const 2) (i32.const 768) (i32.const 4) (i32.const 0) (i32.const 0))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (call $answer (i32.const 768) (i32.const 4))";
/// One line of `$n` letters.
const LINE: &str = "(memory.fill (i32.const 65536) (i32.const 120) (local.get $n))
    (call $log (i32.const 2) (i32.const 65536) (local.get $n) (i32.const 0) (i32.const 0))
    (call $answer (i32.const 768) (i32.const 4))";

fn logger(run: &'static str) -> Written {
    let imports = r#"(import "wasaga:guest/log@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
    Written { imports, run, ..Written::default() }
}

#[tokio::test]
async fn log_lines() {
    let (host, log) = (Host::new().await, Log::default());
    let (lines, line) = (host.load(&logger(LINES)).await, host.load(&logger(LINE)).await);
    let _listening = log.listen();
    assert_eq!(completed(&host.run(&lines, 1_000).await), "null");
    let written = log.take();
    assert!(written.len() == 1_000 && written[999].contains("INFO"), "{}", written.len());
    assert_eq!(completed(&host.run(&lines, 5_000).await), "null");
    let written = log.take();
    assert_eq!(written.len(), 1_001, "and one that tells of the others");
    assert!(
        written[1_000].contains("WARN")
            && written[1_000].contains("4000 more log lines of this call were dropped (log less)"),
        "{}",
        written[1_000]
    );
    assert_eq!(completed(&host.run(&line, 16 << 10).await), "null");
    assert!(log.take()[0].contains(&"x".repeat(16 << 10)), "all of it");
    assert_eq!(completed(&host.run(&line, (16 << 10) + 1).await), "null");
    let cut = log.take().remove(0);
    assert!(cut.contains(&format!("{}… (cut: a line has 16 KiB at most)", "x".repeat(16 << 10))), "{}", cut.len());
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn standard_output_and_error() {
    let (host, log) = (Host::new().await, Log::default());
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let file = std::fs::read(target.join("wasm32-wasip2/guest/guest_hostile.wasm")).expect("`cargo xtask guests`");
    let hostile = host.sandbox.load(file.into()).await.unwrap();
    let writes = |bytes: usize| {
        let arguments = Json::parse(&format!(r#"{{"bytes":{bytes}}}"#)).unwrap();
        Call { definition: "talker".into(), arguments: arguments.into(), ..call(&hostile, 1) }
    };
    let _listening = log.listen();
    assert_eq!(completed(&host.call(&writes(500 * 64)).await), "null");
    let written = log.take();
    let of = |stream: &str| written.iter().filter(|line| line.contains(&format!("stream=\"{stream}\""))).count();
    assert_eq!((written.len(), of("stdout"), of("stderr")), (1_000, 500, 500));
    assert!(!written.iter().any(|line| line.contains("WARN")), "at the limit nothing is dropped");
    // S11: the lines of a call are counted together, whatever way they come.
    assert_eq!(completed(&host.call(&writes(501 * 64)).await), "null");
    let written = log.take();
    let warnings: Vec<&String> = written.iter().filter(|line| line.contains("WARN")).collect();
    assert_eq!((written.len(), warnings.len()), (1_001, 1), "{warnings:?}");
    assert!(warnings[0].contains("2 more log lines of this call were dropped (log less)"), "{warnings:?}");
    host.neighbour_is_well().await;
}
