//! Why a document is refused, in words of a bounded length.

use alloc::{format, string::String};

/// Why a document is refused: a sentence with the place, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no document of this version.
    #[error("{0}")]
    Wrong(String),
    /// It needs what this host has not.
    #[error("{0}")]
    Needs(String),
}

impl Unreadable {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Wrong(_) => "build it with the SDK; `wasaga schema module` has what a document may say",
            Self::Needs(_) => "update the host",
        }
    }
}

/// For members that are reserved, and for needs that nobody has yet.
pub(super) fn cannot(what: &str) -> Unreadable {
    Unreadable::Needs(format!("{what}, which this host cannot do"))
}

/// As much of a text of the module's as a message bears.
pub(super) fn cut(text: &str) -> String {
    /// Characters of it.
    const CHARS_MAX: usize = 200;
    let mut shown: String = text.chars().take(CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
