//! Where a transaction stands, in the words that are stored and shown. Deliberately absent: how it gets
//! there (`saga`, `tcc`).

use core::fmt;

use serde::{Deserialize, Serialize};

/// What a transaction is a run of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Of a saga: steps that are undone when one fails.
    #[default]
    Saga,
    /// Of a TCC: participants that are tried, then confirmed or cancelled together.
    Tcc,
}

impl Kind {
    /// The kind's name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saga => "saga",
            Self::Tcc => "tcc",
        }
    }

    /// What its nodes are called.
    pub const fn node(self) -> &'static str {
        match self {
            Self::Saga => "step",
            Self::Tcc => "participant",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Created, and nothing has started.
    Scheduled,
    /// Steps are running.
    Running,
    /// Every step is completed or skipped. Ended.
    Completed,
    /// It unwinds.
    Compensating,
    /// What was done is undone, as far as it can be. Ended.
    Compensated,
    /// A TCC's participants are tried.
    Trying,
    /// They are confirmed.
    Confirming,
    /// All that was tried is confirmed. Ended.
    Confirmed,
    /// They are cancelled.
    Cancelling,
    /// All that was tried is cancelled. Ended.
    Cancelled,
    /// Cannot go on without a person.
    Stuck,
    /// Taken out by an operator. Ended.
    Terminated,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 12] = [
        Self::Scheduled,
        Self::Running,
        Self::Completed,
        Self::Compensating,
        Self::Compensated,
        Self::Trying,
        Self::Confirming,
        Self::Confirmed,
        Self::Cancelling,
        Self::Cancelled,
        Self::Stuck,
        Self::Terminated,
    ];

    /// Whether nothing more will ever happen.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Confirmed | Self::Cancelled | Self::Terminated)
    }

    /// Whether it goes on by itself, unless it is paused: it has not ended, and waits for nobody.
    pub const fn is_under_way(self) -> bool {
        !self.is_ended() && !matches!(self, Self::Stuck)
    }

    /// Whether all that was asked for is done.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Completed | Self::Confirmed)
    }

    /// The status's name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::Trying => "trying",
            Self::Confirming => "confirming",
            Self::Confirmed => "confirmed",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Stuck => "stuck",
            Self::Terminated => "terminated",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
