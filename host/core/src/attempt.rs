//! Attempts at one operation: the words that both machines have for what was started and has not
//! ended for good. Deliberately absent: what an attempt's end leads to (`saga`, `tcc`).

use alloc::string::String;

use crate::{
    command::Moment,
    json::Json,
    outcome::{Failure, NotMade, Usage},
    retry::RetryPolicy,
    time::{Milliseconds, Timestamp},
};

/// A pending call without a bound of its own ends after a day: whoever accepted it has lost it.
const PENDING_MAX: Milliseconds = 24 * 3_600_000;

/// A pending call is not called again sooner, whatever it asks for: each time costs two records.
pub(crate) const POLL_MIN: Milliseconds = 10;

/// What the attempts of one operation came to so far, for reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) attempts: u32,
    pub(crate) usage: Usage,
    pub(crate) failure: Option<Failure>,
}

/// An operation that was started and has not ended for good.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Try {
    /// A call is in flight.
    Started(Attempt),
    /// The next attempt waits for its time.
    Delayed(Attempt, Timestamp),
    /// The same attempt is called again at its time.
    Polling(Attempt, Timestamp),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) number: u32,
    /// The last number of the rounds before this one; an operator's retry begins a new round.
    pub(crate) before: u32,
    /// How many attempts of this round were lost with their host.
    pub(crate) lost: u32,
    /// How often this attempt was called again after `pending`.
    pub(crate) polls: u32,
    /// Sticks after one unknown attempt.
    pub(crate) maybe_done: bool,
    /// When the last attempt of a saga's step ended, as a place in the order of endings.
    pub(crate) ended: u32,
    pub(crate) since: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) deadline: Timestamp,
    /// What the last `pending` of this attempt left for the next call.
    pub(crate) token: Option<Json>,
    /// Bound once, at the first attempt, so that a repeated call repeats its arguments.
    pub(crate) arguments: Json,
}

/// Attempts lost with their host that are free. A guest that takes its host down each time must
/// not do so for ever; a hundred restarts in the middle of one step are beyond bad luck.
const LOST_FREE: u32 = 100;

/// How long to wait before another attempt.
#[derive(Clone, Copy)]
pub(crate) enum Pause {
    /// Not at all: the host was lost, and nobody asked for patience.
    None,
    /// The policy's delay, or this if longer.
    AtLeast(Milliseconds),
}

impl Attempt {
    pub(crate) fn first(since: Timestamp, until: Option<Timestamp>, arguments: Json) -> Self {
        Self {
            number: 1,
            before: 0,
            lost: 0,
            polls: 0,
            maybe_done: false,
            ended: 0,
            since,
            until,
            deadline: since,
            token: None,
            arguments,
        }
    }

    /// The first attempt of another round.
    pub(crate) fn after(self, before: u32) -> Self {
        Self { number: before + 1, before, ..self }
    }

    /// How many attempts of this round count: all but those that were lost with their host. Neither
    /// the guest nor its partners failed there, so a restart does not use the budget up; see
    /// [`LOST_FREE`] for the bound.
    pub(crate) fn charged(&self) -> u32 {
        self.number - self.before - self.lost.min(LOST_FREE)
    }

    /// When a pending attempt has been pending for too long: when the time for all attempts has
    /// passed, or else with the deadline of what it is a part of.
    pub(crate) fn pending_until(&self, deadline: Option<Timestamp>) -> Timestamp {
        self.until.or(deadline).unwrap_or_else(|| self.since.after_ms(PENDING_MAX))
    }

    /// When the attempt after this one is due, if the policy and the time for all attempts leave one.
    pub(crate) fn next_due(&self, retry: &RetryPolicy, pause: Pause, moment: &Moment<'_>) -> Option<Timestamp> {
        if self.charged() >= retry.max_attempts {
            return None;
        }
        let round = self.number - self.before;
        let due = match pause {
            Pause::None => moment.now,
            Pause::AtLeast(least) => moment.now.after_ms(retry.delay_after(round, moment.random).max(least)),
        };
        Some(due).filter(|due| self.until.is_none_or(|until| *due < until))
    }
}

/// When a call that found no place is asked for again: soon, for places become free all the time.
const BUSY_DELAY: Milliseconds = 20;
/// When a call is asked for again that something is missing for. A person is at work on that.
const HELD_DELAY: Milliseconds = 5_000;

/// When a call that was not made is asked for again.
pub(crate) fn not_made_due(why: &NotMade, now: Timestamp) -> Timestamp {
    now.after_ms(match why {
        NotMade::Busy => BUSY_DELAY,
        NotMade::Held(_) => HELD_DELAY,
    })
}

impl Try {
    /// The same attempt, which was not made and is asked for again at this time.
    pub(crate) fn not_made(attempt: Attempt, due: Timestamp) -> Self {
        if attempt.polls > 0 {
            return Self::Polling(attempt, due);
        }
        Self::Delayed(Attempt { number: attempt.number - 1, ..attempt }, due)
    }

    pub(crate) fn attempt(&self) -> &Attempt {
        match self {
            Self::Started(attempt) | Self::Delayed(attempt, _) | Self::Polling(attempt, _) => attempt,
        }
    }

    /// When it must be looked at; none while a call is in flight.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Started(_) => None,
            Self::Delayed(_, due) | Self::Polling(_, due) => Some(*due),
        }
    }

    /// What is called next: another attempt, or after `pending` the same one.
    pub(crate) fn again(&self) -> Result<Attempt, String> {
        match self {
            Self::Started(_) => Err("it is in flight".into()),
            Self::Delayed(attempt, _) => {
                Ok(Attempt { number: attempt.number + 1, polls: 0, token: None, ..attempt.clone() })
            }
            Self::Polling(attempt, _) => Ok(attempt.clone()),
        }
    }

    /// As it is shown.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Delayed(..) => "delayed",
            Self::Polling(..) => "polling",
        }
    }
}

impl Tally {
    /// Adds what one call used. A damaged record may say anything.
    pub(crate) fn add(&mut self, usage: Usage) {
        self.usage.duration_us = self.usage.duration_us.saturating_add(usage.duration_us);
        self.usage.fuel = self.usage.fuel.saturating_add(usage.fuel);
        self.usage.memory_bytes = self.usage.memory_bytes.max(usage.memory_bytes);
    }
}
