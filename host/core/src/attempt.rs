//! Attempts at one operation: the words that both machines have for what was started and has not
//! ended for good. Deliberately absent: what an attempt's end leads to (`saga`, `tcc`).

use alloc::string::String;

use crate::{
    arguments::Arguments,
    incoming::Moment,
    json::Json,
    outcome::{Failure, NotMade, Usage},
    retry::RetryPolicy,
    time::{Milliseconds, Timestamp},
};

/// A pending call without a bound of its own ends after a day: whoever accepted it has lost it.
const PENDING_MAX: Milliseconds = 24 * 3_600_000;

/// A pending call is not called again sooner, whatever it asks for: each time costs two records.
const POLL_MIN: Milliseconds = 10;
/// Nor sooner than after this part of the time that it has been pending, so that polls grow rarer as it lasts: a day
/// of them is some 1,600 and not 8 million, and none comes later than asked by more than a hundredth of it.
const POLL_PART: u32 = 128;
/// The longest wait that a guest can ask for with `retryable`.
const AFTER_MAX: Milliseconds = 30 * 24 * 3_600_000;

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
    pub(crate) arguments: Arguments,
    /// Whether an operator gave the arguments.
    pub(crate) patched: bool,
}

/// Attempts lost with their host that are free. A guest that takes its host down each time must
/// not do so for ever; a hundred restarts in the middle of one step are beyond bad luck.
const LOST_FREE: u32 = 100;

/// How long to wait before another attempt.
#[derive(Clone, Copy)]
pub(crate) enum Delay {
    /// Not at all: the host was lost, for the first time.
    None,
    /// The policy's delay, or this if longer.
    AtLeast(Milliseconds),
}

/// When what waits is not waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    /// Whether it ends with the transaction's deadline, and not by a time of its own.
    pub(crate) by_deadline: bool,
}

impl Attempt {
    pub(crate) fn first(since: Timestamp, until: Option<Timestamp>, arguments: Arguments) -> Self {
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
            patched: false,
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

    /// When a pending attempt has been pending for too long: when the time for all attempts has passed; where it has
    /// none, after a day, or with the deadline of the transaction if that comes first.
    fn pending_end(&self, deadline: Option<Timestamp>) -> End {
        if let Some(at) = self.until {
            return End { at, by_deadline: false };
        }
        let day = self.since.after_ms(PENDING_MAX);
        match deadline {
            Some(at) if at < day => End { at, by_deadline: true },
            _ => End { at: day, by_deadline: false },
        }
    }

    /// When a pending attempt is called again: after `poll`, or at its end.
    pub(crate) fn poll_due(&self, poll: Milliseconds, deadline: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let pending = (now.since(self.since) / POLL_PART).as_millis() as u64;
        now.after_ms(poll.max(POLL_MIN).max(pending)).min(self.pending_end(deadline).at)
    }

    /// When the attempt after this one is due, if the policy and the time for all attempts leave one.
    pub(crate) fn next_due(&self, retry: &RetryPolicy, delay: Delay, moment: &Moment<'_>) -> Option<Timestamp> {
        if self.charged() >= retry.max_attempts {
            return None;
        }
        let due = match delay {
            Delay::None => moment.now,
            Delay::AtLeast(least) => moment.now.after_ms(self.delay(retry, moment).max(least.min(AFTER_MAX))),
        };
        Some(due).filter(|due| self.until.is_none_or(|until| *due < until))
    }

    /// The policy's delay after this attempt.
    pub(crate) fn delay(&self, retry: &RetryPolicy, moment: &Moment<'_>) -> Milliseconds {
        retry.delay_after(self.number - self.before, moment.random)
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

    /// When it is given up though nothing happens; none for a call in flight, which has its own deadline. The
    /// deadline is that of the transaction, where it holds for this operation.
    pub(crate) fn end(&self, deadline: Option<Timestamp>) -> Option<End> {
        match self {
            Self::Started(_) => None,
            Self::Delayed(attempt, _) => attempt.until.map(|at| End { at, by_deadline: false }),
            Self::Polling(attempt, _) => Some(attempt.pending_end(deadline)),
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

    /// Adds a call that failed.
    pub(crate) fn fail(&mut self, usage: Usage, failure: &Failure) {
        self.add(usage);
        self.failure = Some(failure.clone());
    }

    /// Notes why no attempt follows, and answers what is told: the last real failure, unless it was pending at the end.
    pub(crate) fn give_up(&mut self, why: &Failure, pending: bool) -> Option<Failure> {
        if pending || self.failure.is_none() {
            self.failure = Some(why.clone());
        }
        self.failure.clone()
    }
}
