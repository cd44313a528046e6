//! A saga of three steps without a host: what the micro-benchmarks are made of.

use std::sync::Arc;

use wasaga_core::Start;
use wasaga_core::definition::{self, CompensationPolicy};
use wasaga_core::{
    Answer, Checked, Command, Commit, Conditions, Defaults, Digest, Json, Moment, Outcome, Plan, Scope, Status,
    Timestamp, Transaction, TransactionId, Usage, Writes,
};
use wasaga_journal::{Append, Create, HostId};

/// A definition without conditions asks for none.
struct Never;

impl Conditions for Never {
    fn holds(&self, expression: &str, _: &Scope<'_>) -> Result<bool, String> {
        Err(format!("`{expression}` was not expected"))
    }
}

/// The plan of three steps in a row.
///
/// # Panics
/// Never: the definition is a correct one.
pub fn plan() -> Checked {
    let step = |id: &str, after: &[&str]| definition::Step {
        id: id.into(),
        depends_on: after.iter().map(|id| (*id).into()).collect(),
        ..Default::default()
    };
    let steps = vec![step("a", &[]), step("b", &["a"]), step("c", &["b"])];
    let saga = definition::Saga { name: "noop".into(), steps, ..Default::default() };
    match Plan::new(&saga, &Defaults::default()) {
        Ok(plan) => Checked::Saga(Arc::new(plan)),
        Err(error) => panic!("{error:?}"),
    }
}

fn moment() -> Moment<'static> {
    Moment { now: Timestamp::from_unix_us(1_790_000_000_000_000), random: 7, conditions: &Never, hold: false }
}

/// All decisions of one transaction, from its start to its end, with calls that answer at once.
///
/// # Panics
/// The core does not do what it promises.
pub fn run(plan: &Checked, number: u128) -> Vec<Commit> {
    let (id, module) = (TransactionId::from_u128(number), Digest::of(b"module"));
    let policy = Some(CompensationPolicy::StrictSequential);
    let start = Start { policy, ..Start::new(id, module, "default".into(), Json::null()) };
    let (mut saga, mut decision) = Transaction::create(plan, start, &moment());
    let mut steps = Vec::with_capacity(4);
    loop {
        steps.push(decision.take_commit());
        let status = decision.summary().status;
        let durable = decision.after();
        let commands = decision.release(durable);
        let call = commands.into_iter().flatten().find_map(|command| match command {
            Command::Call(call) => Some(call.id.clone()),
            _ => None,
        });
        let Some(call) = call else {
            assert_eq!(status, Status::Completed, "three calls are answered");
            return steps;
        };
        let answer =
            Answer { outcome: Outcome::Completed(Json::null()), writes: Writes::default(), usage: Usage::default() };
        decision = saga.handle_answer(&call, answer, &moment());
    }
}

/// What a journal is given to make the transaction.
pub fn create(commit: Commit) -> Create {
    Create { host: HostId("micro".into()), commit }
}

/// What a journal is given to go on.
pub fn append(commit: Commit) -> Append {
    Append { epoch: wasaga_core::Epoch(1), commit, release: false }
}
