//! What the records say of one step or item, in the checker's own words.

use wasaga_core::{CallId, Json, Operation, RetryPolicy, Timestamp};

/// A step, or one item of a fan-out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unit {
    pub(crate) run: Track,
    pub(crate) undo: Track,
    /// Rejected without an attempt.
    pub(crate) refused: bool,
    /// An operator gave its compensation up.
    pub(crate) given_up: bool,
}

/// All attempts of one operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// The number of the last attempt that started.
    pub(crate) attempt: u32,
    /// The last number of the rounds before; an operator's word begins another.
    pub(crate) before: u32,
    /// Attempts of this round that were lost with their host: these are free.
    pub(crate) lost: u32,
    pub(crate) flying: bool,
    pub(crate) last: Last,
    /// When the next attempt may start.
    pub(crate) due: Option<Timestamp>,
    /// When no attempt may start any more.
    pub(crate) until: Option<Timestamp>,
    /// Whether any attempt was unknown.
    pub(crate) unknown: bool,
    /// Given up while it was pending: nobody knows.
    pub(crate) left_pending: bool,
    pub(crate) output: Option<Json>,
    /// It failed, and no attempt follows.
    pub(crate) failed: bool,
    /// The place of the last outcome among the records.
    pub(crate) ended_at: usize,
    /// Patched, so its arguments are not the bound ones.
    pub(crate) patched: bool,
}

/// The last outcome of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Last {
    #[default]
    None,
    Completed,
    Rejected,
    Retryable,
    Unknown,
    Pending,
}

impl Track {
    pub(crate) fn is_completed(&self) -> bool {
        self.last == Last::Completed && !self.flying
    }

    /// Whether another attempt, or the answer to one, is still to come.
    pub(crate) fn is_open(&self) -> bool {
        self.flying || (self.attempt > self.before && !self.is_completed() && !self.failed)
    }

    /// Attempts of this round that count.
    pub(crate) fn charged(&self) -> u32 {
        (self.attempt - self.before).saturating_sub(self.lost)
    }

    pub(crate) fn another_round(&mut self) {
        (self.failed, self.before, self.lost, self.due, self.until) = (false, self.attempt, 0, None, None);
        self.last = Last::None;
    }
}

impl Unit {
    pub(crate) fn track(&mut self, operation: Operation) -> &mut Track {
        match operation {
            Operation::Run => &mut self.run,
            _ => &mut self.undo,
        }
    }

    /// Completed, or any attempt unknown, or left while pending.
    pub(crate) fn may_be_done(&self) -> bool {
        self.run.is_completed() || self.run.unknown || self.run.left_pending
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.refused || self.run.failed
    }

    /// Whether nothing of it is to be undone any more.
    pub(crate) fn is_over(&self) -> bool {
        self.undo.is_completed() || self.given_up
    }

    /// Whether an effect may remain if all stops here.
    pub(crate) fn remains(&self) -> bool {
        if self.run.is_open() {
            return self.run.flying || self.run.last == Last::Pending || self.run.unknown;
        }
        self.may_be_done() && !self.undo.is_completed()
    }
}

/// How long after its outcome an attempt is followed by another, in milliseconds: from, to.
pub(crate) fn delays(policy: &RetryPolicy, round: u32, after: Option<u64>) -> (u64, u64) {
    let factor = policy.multiplier.powi(round as i32 - 1);
    let plain = (policy.initial_delay as f64 * factor).min(policy.max_delay as f64);
    let least = (plain * (1.0 - policy.jitter)).floor() as u64;
    let most = ((plain * (1.0 + policy.jitter)).ceil() as u64).min(policy.max_delay);
    // A delay is cut to whole milliseconds.
    let after = after.unwrap_or_default();
    (after.max(least.saturating_sub(1)), after.max(most + 1))
}

/// How long after its host was lost an attempt is followed by another: at once for the first time, and then after the
/// delays of its policy, or a second where they are shorter.
pub(crate) fn lost_delays(first: bool, least: u64, most: u64) -> (u64, u64) {
    if first { (0, 0) } else { (least.max(1_000), most.max(1_000)) }
}

/// `s1`, or `s1[2]`.
pub(crate) fn name(node: &str, item: Option<u32>) -> String {
    item.map_or_else(|| node.to_owned(), |item| format!("{node}[{item}]"))
}

pub(crate) fn unit_of(call: &CallId) -> (String, Option<u32>) {
    (call.node.as_str().into(), call.item)
}
