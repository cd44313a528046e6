//! What is said to a transaction from outside its driver: by way of the journal's inbox where another host
//! drives it. Deliberately absent: how it gets there (`wasaga-journal`) and what follows from it (`saga`, `tcc`).

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{
    id::Name,
    json::{InvalidJson, Json},
    record::Operator,
};

/// The place of a message in the inbox of its transaction; the journal gives it, from 1, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

/// Something said to a transaction. A later version knows more kinds; a reader passes over a kind that it does not know
/// ([`Message::read`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Message {
    /// An operator's word.
    Word {
        /// Who says it, and why.
        by: Operator,
        /// What is asked for.
        word: Word,
    },
}

impl Message {
    /// Reads a stored message; none where it is of a kind that only a later version knows. It waits for a host that does.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn read(text: &str) -> Result<Option<Self>, InvalidJson> {
        let json = Json::parse(text)?;
        Ok(json.read().ok())
    }
}

/// What an operator may ask of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Undo the saga, or cancel the TCC.
    Cancel,
    /// Begin no more calls.
    Pause,
    /// Go on after a pause.
    Resume,
    /// End where it stands.
    Terminate,
    /// Try what is stuck again.
    Retry {
        /// A step or participant, or `step[i]`; none means all that are stuck.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Name>,
    },
    /// Give up what is stuck.
    Skip {
        /// A step or participant, or `step[i]`.
        node: Name,
    },
    /// Try what is stuck again with other arguments.
    Patch {
        /// A step or participant.
        node: Name,
        /// The item of a fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The whole arguments object.
        arguments: Json,
    },
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is done, and durable.
    Done,
    /// The state does not allow it; the text says why. Nothing changed.
    Refused(String),
}

/// A message that a commit answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which one.
    pub message: MessageId,
    /// The answer, which the journal keeps for whoever posted the message.
    pub reply: Reply,
}
