//! What the targets share: an engine in virtual time, and guests that are what an input makes of them.
//! Deliberately absent: wasm, and journals in files.

use std::panic;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime;
use wasaga_core::definition::Module as Description;
use wasaga_core::{
    Answer, Call, Checked, Digest, Failure, Json, NotMade, Outcome, RECORD_VERSION, Record, Seq, Transaction,
};
use wasaga_core::{TransactionId, UnknownCause, Usage, Writes};
use wasaga_engine::clock::Virtual;
use wasaga_engine::port::{Guest, Guests, LoadError};
use wasaga_engine::{Builder, Engine, Recover, StartRequest};
use wasaga_journal::Reading;
use wasaga_journal::memory::Memory;

/// Libraries whose panics the engine catches: they are on a guest's text, and come to a mistake in it.
const CAUGHT: [&str; 2] = ["/cel-", "/antlr4rust-"];
/// How long a transaction is waited for, by its own clock: an hour. A guest may ask to be called again in a
/// thousand years, and the engine looks for orphans every second of them.
const VIRTUAL_MAX: Duration = Duration::from_secs(3_600);

/// Makes every panic the end of the process, but for those that the engine catches by design.
pub fn begin() {
    let end = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let file = info.location().map_or("", |location| location.file());
        if !CAUGHT.iter().any(|library| file.contains(library)) {
            end(info);
        }
    }));
}

/// The lines of an input, as many as there are names for; the last one takes the rest.
pub fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let text = std::str::from_utf8(data).ok()?;
    let mut lines = text.splitn(N, '\n');
    let mut of = [""; N];
    of.iter_mut().for_each(|line| *line = lines.next().unwrap_or(""));
    Some(of)
}

/// A module with these definitions and nothing else.
pub fn module(definitions: Vec<wasaga_core::definition::Definition>) -> Description {
    Description {
        name: "fuzz".into(),
        version: "1.0.0".into(),
        description: String::new(),
        definitions,
        capabilities: vec![],
        calls_per_instance: 1,
        ..Default::default()
    }
}

/// Answers by a tape: a sign for each call, and `null` when it has run out, so that everything ends.
#[derive(Debug)]
pub struct Taped {
    description: Arc<Description>,
    output: Json,
    /// A plain lock, held to take one sign.
    tape: Mutex<std::vec::IntoIter<u8>>,
}

impl Taped {
    /// Guests of this module; what they complete with is `output`, now and then.
    pub fn new(description: Description, output: Json, tape: &str) -> Self {
        Self { description: Arc::new(description), output, tape: Mutex::new(tape.as_bytes().to_vec().into_iter()) }
    }

    fn sign(&self) -> Option<u8> {
        self.tape.lock().expect("nothing panics while it is held").next()
    }
}

/// Loads the taped module, whatever the bytes.
#[derive(Debug)]
struct Loader(Arc<Taped>);

/// What a sign of the tape means.
pub fn outcome(sign: Option<u8>, output: &Json) -> Outcome {
    let failure = Failure::new("taped", "the tape says so");
    match sign.map(|sign| sign % 8) {
        None | Some(0) => Outcome::Completed(Json::null()),
        Some(1..=3) => Outcome::Completed(output.clone()),
        Some(4) => Outcome::Rejected(failure),
        Some(5) => Outcome::Retryable { failure, after: Some(u64::MAX) },
        Some(6) => Outcome::Unknown { cause: UnknownCause::Guest, failure, after: None },
        Some(_) => Outcome::Pending { poll: 500, token: None },
    }
}

/// An answer with this outcome.
pub fn answer(outcome: Outcome) -> Answer {
    Answer { outcome, writes: Writes::default(), usage: Usage { duration_us: 1, fuel: 1, memory_bytes: 1 } }
}

/// A module that was loaded.
#[derive(Debug)]
struct Loaded {
    by: Arc<Taped>,
    digest: Digest,
}

#[async_trait]
impl Guests for Loader {
    async fn load(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn Guest>, LoadError> {
        Ok(Arc::new(Loaded { by: self.0.clone(), digest: Digest::of(&bytes) }))
    }
}

#[async_trait]
impl Guest for Loaded {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn description(&self) -> &Arc<Description> {
        &self.by.description
    }

    async fn call(&self, call: Arc<Call>) -> Result<Answer, NotMade> {
        let arguments = call.arguments.text();
        assert!(arguments.starts_with('{') && Json::parse(&arguments).is_ok(), "arguments `{arguments}`");
        Ok(answer(outcome(self.by.sign(), &self.by.output)))
    }
}

/// Loads the module and starts each of its definitions with this input; what can be started must end,
/// and its journal must tell the same as the live one did.
pub fn drive(guests: Taped, input: &Json) {
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread").block_on(async {
        let journal = Arc::new(Memory::new());
        let engine = Builder::new(journal, Arc::new(Loader(Arc::new(guests)))).world(Arc::new(Virtual::new(7)));
        let engine = engine.recover(Recover::Nothing).retention(None).start().await.expect("memory can be joined");
        let Ok(module) = engine.add_module(Arc::from(&b"m"[..])).await else { return };
        for name in engine.definitions(module.digest).expect("it was added") {
            let plan = engine.plan(module.digest, &name).expect("it was listed");
            let request = StartRequest::new(module.digest, name, input.clone());
            if let Ok(started) = engine.start(request).await {
                let ended = tokio::time::timeout(VIRTUAL_MAX, engine.wait(started.id)).await;
                if let Ok(report) = ended {
                    let report = report.expect("what was started can be waited for");
                    check_journal(&engine, &plan, started.id, &report).await;
                }
            }
        }
    });
}

async fn check_journal(engine: &Engine, plan: &Checked, id: TransactionId, report: &wasaga_core::Report) {
    let stored = engine.journal().load(id).await.expect("memory can be read").expect("it is there");
    check_texts(id, &stored.records);
    let folded = Transaction::replay(plan, &stored.records).expect("its own records are legal");
    let text = |report: &wasaga_core::Report| serde_json::to_string(report).expect("a report is JSON");
    assert_eq!(text(&folded.report()), text(report), "the journal tells otherwise (invariant I4)");
}

/// One record out of its text, as a store gives it back.
///
/// # Errors
/// It is damaged.
pub fn read(id: TransactionId, text: &str) -> Result<Record, wasaga_journal::Error> {
    let mut reading = Reading::new(id, |_| Ok::<_, wasaga_journal::Error>(None));
    let read = reading.read(Seq(1), RECORD_VERSION, &format!("[{text}]"))?;
    read.into_iter().next().ok_or(wasaga_journal::Error::Closed)
}

/// Every record reads back from its text as it was written.
pub fn check_texts(id: TransactionId, records: &[Record]) {
    for record in records {
        let text = serde_json::to_string(record).expect("a record is JSON");
        let read = read(id, &text).expect("its own text can be read");
        assert_eq!(&read, record, "{text}");
    }
}
