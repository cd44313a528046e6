//! Guests that are written instruction by instruction, for limits that a compiler keeps away from, and
//! a host that calls them. Deliberately absent: anything of the sandbox's inside.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use wasaga_core::{Answer, Call, CallId, IdempotencyKey, Json, Operation, Origin, Outcome, Timestamp, TransactionId};
use wasaga_engine::port::LoadError;
use wasaga_sandbox::Module;
use wasaga_sandbox::{Sandbox, Settings};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A guest in text. In `run`, `$n` is the number that [`Host::run`] is given, and `$answer` is called
/// with the place and the length of the JSON text to answer; the text `null` is at 768.
pub(crate) struct Written {
    /// Imports, which come first in a module.
    pub(crate) imports: &'static str,
    /// Fields of the module: tables, functions, further memories.
    pub(crate) fields: String,
    /// What `run` does; it leaves the place of its answer.
    pub(crate) run: &'static str,
    /// How many calls one instance may serve.
    pub(crate) calls_per_instance: u32,
    /// Pages of its memory at the beginning.
    pub(crate) pages: u32,
}

/// What a `run` ends with that has nothing to say.
pub(crate) const NULL: &str = "(call $answer (i32.const 768) (i32.const 4))";

impl Default for Written {
    fn default() -> Self {
        Self { imports: "", fields: String::new(), run: NULL, calls_per_instance: 1, pages: 2 }
    }
}

impl Written {
    /// The component.
    pub(crate) fn component(&self) -> Arc<[u8]> {
        let Self { imports, fields, run, calls_per_instance, pages } = self;
        let document =
            format!(r#"{{"wasaga":"0.1","module":{{"name":"written"}},"instances":{{"calls":{calls_per_instance}}}}}"#);
        let (length, document) = (document.len(), document.replace('"', "\\22"));
        let text = format!(
            r#"(module
            {imports}
            (import "wasaga:guest/call@0.1.0" "attempt" (func $attempt (result i32)))
            (memory (export "memory") {pages})
            ;; What `describe` answers is at 256: the place and the length of its document, which is at 1024.
            (data (i32.const 260) "\00\04\00\00\{length:02x}")
            (data (i32.const 1024) "{document}")
            (data (i32.const 768) "null")
            (global $free (mut i32) (i32.const 65536))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
              (local $at i32)
              (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
              (global.set $free (i32.add (local.get $at) (local.get 3)))
              (block $fits
                (loop $more
                  (br_if $fits (i32.le_u (global.get $free) (i32.shl (memory.size) (i32.const 16))))
                  (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                  (br $more)))
              (local.get $at))
            (func $answer (param $at i32) (param $length i32) (result i32)
              (i32.store (i32.const 520) (local.get $at))
              (i32.store (i32.const 524) (local.get $length))
              (i32.const 512))
            {fields}
            (func (export "wasaga:guest/metadata@0.1.0#describe") (result i32) (i32.const 256))
            (func (export "wasaga:guest/step@0.1.0#run") (param i32 i32 i32 i32 i32 i32) (result i32)
              (local $i i32) (local $n i32)
              (local.set $n (call $attempt))
              {run})
            (func (export "wasaga:guest/compensation@0.1.0#compensate")
              (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))"#
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut resolve = Resolve::default();
        let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/0.1");
        let (package, _) = resolve.push_dir(wit).unwrap();
        let world = resolve.select_world(&[package], Some("saga")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap().into()
    }
}

/// A sandbox with a neighbour in it.
pub(crate) struct Host {
    pub(crate) sandbox: Arc<Sandbox>,
    neighbour: Module,
}

impl Host {
    pub(crate) async fn new() -> Self {
        Self::with_calls(8).await
    }

    pub(crate) async fn with_calls(calls_max: u32) -> Self {
        let sandbox = Sandbox::new(Settings { calls_max, ..Settings::default() }).unwrap();
        let neighbour = sandbox.load(Written::default().component()).await.unwrap();
        Self { sandbox, neighbour }
    }

    pub(crate) async fn load(&self, guest: &Written) -> Module {
        self.sandbox.load(guest.component()).await.unwrap()
    }

    /// Why a guest cannot be loaded.
    pub(crate) async fn refusal(&self, guest: &Written) -> LoadError {
        self.sandbox.load(guest.component()).await.unwrap_err()
    }

    /// Runs with a number.
    pub(crate) async fn run(&self, module: &Module, n: u32) -> Answer {
        self.sandbox.call(&call(module, n)).await
    }

    /// Runs with other limits.
    pub(crate) async fn call(&self, call: &Call) -> Answer {
        self.sandbox.call(call).await
    }

    /// A neighbour is called and answers as if nothing had happened.
    pub(crate) async fn neighbour_is_well(&self) {
        assert_eq!(completed(&self.run(&self.neighbour, 1).await), "null");
    }
}

/// In this many milliseconds.
pub(crate) fn within_ms(ms: u64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    Timestamp::from_unix_us(now + ms * 1_000)
}

/// A call with ample limits. Its number is its attempt, for that is a plain number in the contract.
pub(crate) fn call(module: &Module, n: u32) -> Call {
    let transaction = TransactionId::from_u128(5);
    Call {
        id: CallId { node: "work".into(), item: None, operation: Operation::Run, attempt: n },
        transaction,
        definition: "limits".into(),
        module: module.digest,
        key: IdempotencyKey::of("test", Origin::Transaction(transaction), "work", None, "run"),
        deadline: within_ms(20_000),
        fuel: 1_000_000_000_000,
        memory_bytes: 64 << 20,
        arguments: Json::parse("{}").unwrap().into(),
        forward: None,
        headers: Arc::default(),
        variables: Arc::default(),
        until: None,
        token: None,
        last_failure: None,
    }
}

pub(crate) fn completed(answer: &Answer) -> &str {
    match &answer.outcome {
        Outcome::Completed(output) => output.as_str(),
        other => panic!("{other:?}"),
    }
}

/// The whole message of what a call came to, after its code.
pub(crate) fn told(answer: &Answer) -> String {
    match &answer.outcome {
        Outcome::Rejected(failure) | Outcome::Retryable { failure, .. } | Outcome::Unknown { failure, .. } => {
            assert!(answer.writes.is_empty(), "nothing of a call that did not succeed takes effect");
            failure.to_string()
        }
        other => panic!("{other:?}"),
    }
}
