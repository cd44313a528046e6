//! How far an operation is that carries out what was decided: a compensation, a confirm or a cancel. Both machines
//! have the same words for it. Deliberately absent: which of them may begin, and in which order (`saga`, `tcc`).

use alloc::{format, string::String};

use crate::{
    arguments::Arguments,
    attempt::{Attempt, Try},
    json::Json,
    time::Timestamp,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Settling {
    /// Not begun.
    #[default]
    Idle,
    /// To be tried again at an operator's word.
    Again {
        /// Those that an operator gave, with this word or an earlier one.
        patched: Option<Arguments>,
        /// How many attempts there were.
        before: u32,
    },
    Trying(Try),
    Done(Json),
    Stuck {
        patched: Option<Arguments>,
        before: u32,
    },
    /// An operator gave it up.
    GivenUp,
}

/// The same, as far as order and room are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Ready,
    Trying,
    Stuck,
    Over,
}

impl Settling {
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Idle | Self::Again { .. } => Stage::Ready,
            Self::Trying(_) => Stage::Trying,
            Self::Stuck { .. } => Stage::Stuck,
            Self::Done(_) | Self::GivenUp => Stage::Over,
        }
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.stage() == Stage::Stuck
    }

    /// The number of the attempt that a person's word, or the decision, lets begin.
    pub(crate) fn next_number(&self) -> u32 {
        match self {
            Self::Again { before, .. } => before + 1,
            _ => 1,
        }
    }

    /// The arguments that an operator gave for the next attempt.
    pub(crate) fn patched(&self) -> Option<&Arguments> {
        match self {
            Self::Again { patched, .. } => patched.as_ref(),
            _ => None,
        }
    }

    /// The attempt that is started next; `bound` puts its arguments together where an operator gave none.
    pub(crate) fn next(
        &self,
        at: Timestamp,
        until: Option<Timestamp>,
        bound: impl FnOnce() -> Result<Arguments, String>,
    ) -> Result<Attempt, String> {
        match self {
            Self::Idle => Ok(Attempt::first(at, until, bound()?)),
            Self::Again { patched: Some(patched), before } => {
                Ok(Attempt { patched: true, ..Attempt::first(at, until, patched.clone()).after(*before) })
            }
            Self::Again { patched: None, before } => Ok(Attempt::first(at, until, bound()?).after(*before)),
            Self::Trying(tried) => tried.again(),
            Self::Done(_) | Self::Stuck { .. } | Self::GivenUp => Err(format!("it is {}", self.word())),
        }
    }

    /// The state after the last attempt failed: a person is needed. Arguments that a person gave are kept.
    pub(crate) fn stuck(attempt: &Attempt) -> Self {
        Self::Stuck { patched: attempt.patched.then(|| attempt.arguments.clone()), before: attempt.number }
    }

    /// Tries what is stuck again, with these arguments, or else with those that were given for it before.
    pub(crate) fn retry(&mut self, given: Option<Arguments>) {
        if let Self::Stuck { patched, before } = self {
            *self = Self::Again { patched: given.or_else(|| patched.take()), before: *before };
        }
    }

    /// As it is shown.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Idle | Self::Again { .. } => "waiting",
            Self::Trying(tried) => tried.as_str(),
            Self::Done(_) => "completed",
            Self::Stuck { .. } => "stuck",
            Self::GivenUp => "given-up",
        }
    }

    /// What it answered.
    pub(crate) fn output(&self) -> Option<&Json> {
        match self {
            Self::Done(output) => Some(output),
            _ => None,
        }
    }
}
