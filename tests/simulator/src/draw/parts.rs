//! Small things that are drawn again and again.

use wasaga_core::definition::{Parameter, Source};
use wasaga_core::{Json, RetryPolicy};

use crate::chance::Chance;
use crate::scenario::{Behaviour, Effect, FaultKind, Reply};

/// When things happen, in milliseconds: most runs are over after it.
pub(super) const SPAN_MS: u64 = 5_000;

pub(super) fn retry(chance: &mut Chance) -> RetryPolicy {
    let initial_delay = chance.between(0, 300);
    RetryPolicy {
        max_attempts: chance.between(1, 4) as u32,
        initial_delay,
        max_delay: initial_delay + chance.between(0, 1_000),
        multiplier: chance.pick(&[1.0, 2.0, 3.0]),
        jitter: chance.pick(&[0.0, 0.3, 1.0]),
    }
}

pub(super) fn output_of(step: usize, pointer: Option<&str>) -> Source {
    Source::StepOutput { step: format!("s{step}"), pointer: pointer.map(Into::into) }
}

pub(super) fn parameter(name: &str, source: Source, required: bool) -> Parameter {
    Parameter { name: name.into(), source, required, schema: None::<Json> }
}

pub(super) fn fault_kind(chance: &mut Chance) -> FaultKind {
    match chance.between(0, 9) {
        0..=1 => FaultKind::Fails,
        2..=3 => FaultKind::LosesReply,
        4..=5 => FaultKind::AppliesLate(chance.between(1, 400)),
        6..=7 => FaultKind::Delays(chance.between(1, 800)),
        _ => FaultKind::AnswersLate(chance.between(1, 800)),
    }
}

pub(super) fn behaviour(chance: &mut Chance, odd: u64) -> Behaviour {
    let answer = if chance.percent(odd) {
        match chance.between(0, 10) {
            0..=2 => Reply::Rejects,
            3..=4 => Reply::Retries(chance.maybe(30, |chance| chance.between(0, 1_500))),
            5..=7 => Reply::Unknown,
            8..=9 => Reply::Pends(chance.between(0, 900)),
            _ => Reply::Silent,
        }
    } else {
        Reply::Completes
    };
    let effect = match chance.between(0, 9) {
        0..=2 => Effect::None,
        3..=6 => Effect::First,
        _ => Effect::Later(chance.between(0, 3_000)),
    };
    Behaviour { answer, takes_ms: chance.pick(&[0, 1, 20, 200, 700]), effect }
}
