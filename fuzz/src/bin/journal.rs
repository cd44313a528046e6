//! A whole journal, perhaps damaged: a line with the module's description, one with a tape of answers, one with
//! damages, and a record on each line after it. It is refused, or folded and goes on; and what went on folds
//! to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::definition::{Definition, Module};
use wasaga_core::{Checked, Command, Conditions, Decision, Defaults, Json, Moment, Plan, Record, Scope, TccPlan};
use wasaga_core::{Timestamp, Transaction, TransactionId};
use wasaga_fuzz::{answer, begin, check_texts, lines, outcome};

/// Answers that are given before the rest is left.
const ANSWERS_MAX: usize = 64;

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some([description, tape, damages, records]) = lines(data) else { return };
    let Ok(description) = serde_json::from_str::<Module>(description) else { return };
    let read = records.lines().map(serde_json::from_str).collect::<Result<Vec<Record>, _>>();
    let Ok(mut records) = read else { return };
    damages.as_bytes().chunks_exact(2).for_each(|damage| damaged(&mut records, damage[0], damage[1]));
    for definition in &description.definitions {
        if let Some(plan) = plan(definition) {
            go_on(&plan, records.clone(), tape);
        }
    }
});

/// Whole records are lost, doubled, or change places: what bytes alone would seldom come to.
fn damaged(records: &mut Vec<Record>, how: u8, at: u8) {
    if records.is_empty() {
        return;
    }
    let count = records.len();
    let at = usize::from(at) % count;
    match how % 4 {
        0 => drop(records.remove(at)),
        1 => records.insert(at, records[at].clone()),
        2 => records.truncate(at),
        _ => records.swap(at, usize::from(how) % count),
    }
}

fn plan(definition: &Definition) -> Option<Checked> {
    let defaults = Defaults::default();
    Some(match definition {
        Definition::Saga(saga) => Checked::Saga(Plan::new(saga, &defaults).ok()?.into()),
        Definition::Tcc(tcc) => Checked::Tcc(TccPlan::new(tcc, &defaults).ok()?.into()),
    })
}

/// Says yes and no by the expression's length: it must not depend on anything else.
struct ByLength;

impl Conditions for ByLength {
    fn holds(&self, expression: &str, _: &Scope<'_>) -> Result<bool, String> {
        match expression.len() % 3 {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err("its length is odd".into()),
        }
    }
}

/// A live transaction, and all that its journal would have.
struct Live {
    transaction: Transaction,
    records: Vec<Record>,
    calls: Vec<wasaga_core::Call>,
}

impl Live {
    fn take(&mut self, decision: Decision) {
        let after = decision.after();
        self.records.extend_from_slice(decision.records());
        let commands = decision.release(after).expect("it is as durable as can be");
        self.calls.extend(commands.into_iter().filter_map(|command| match command {
            Command::Call(call) => Some(std::sync::Arc::unwrap_or_clone(call)),
            Command::Alarm => None,
        }));
    }
}

fn go_on(plan: &Checked, records: Vec<Record>, tape: &str) {
    let Ok(transaction) = Transaction::replay(plan, &records) else { return };
    transaction.report();
    let last = records.iter().map(|record| record.at).max().unwrap_or_default();
    let mut now = last.unix_us();
    let mut live = Live { transaction, records, calls: Vec::new() };
    let mut moment = || {
        now = now.saturating_add(1_000_000);
        Moment { now: Timestamp::from_unix_us(now), random: now, conditions: &ByLength, hold: false }
    };
    let decision = live.transaction.recover(&moment());
    live.take(decision);
    let mut tape = tape.bytes();
    for _ in 0..ANSWERS_MAX {
        let decision = match live.calls.pop() {
            Some(call) => {
                live.transaction.handle_answer(&call.id, answer(outcome(tape.next(), &Json::null())), &moment())
            }
            None if live.transaction.due().is_some() => live.transaction.handle_due(&moment()),
            None => break,
        };
        live.take(decision);
    }
    check_texts(TransactionId::from_u128(1), &live.records);
    let folded = Transaction::replay(plan, &live.records).expect("what it went on with is legal");
    assert_eq!(folded, live.transaction, "its journal folds to another state (invariant I4)");
}
