//! What the engine refuses, by what a caller can do about it.

use wasaga_core::{Digest, Kind, Mistakes, Shown, TransactionId};
use wasaga_journal::HostId;

use crate::port::LoadError;

/// The engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A module cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A module's definitions are wrong.
    #[error("module `{}` has {mistakes}", Shown(module))]
    Mistakes {
        /// The module.
        module: String,
        /// The first of them, and how many more.
        mistakes: Mistakes,
    },
    /// A module that was not added.
    #[error("module {0} is not loaded (add it first)")]
    UnknownModule(Digest),
    /// A definition that the module does not have.
    #[error("module `{module}` has no definition `{definition}` (it has: {})", known.join(", "))]
    UnknownDefinition {
        /// The module.
        module: String,
        /// What was asked for.
        definition: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Other modules that a definition needs were not added.
    #[error("{kind} `{definition}` needs {} (load that as well: `--with FILE`)", lacking(missing))]
    ProvidersMissing {
        /// What it is.
        kind: Kind,
        /// The definition.
        definition: String,
        /// The modules.
        missing: Vec<String>,
    },
    /// The input is not what the definition takes.
    #[error("input does not fit {kind} `{definition}`: {reason}")]
    Input {
        /// What it is.
        kind: Kind,
        /// The definition.
        definition: String,
        /// Where, and why.
        reason: String,
    },
    /// The key was used with another input.
    #[error("key `{key}` was used for another input, by transaction {id} (use another key, or the same input)")]
    KeyConflict {
        /// The caller's key.
        key: String,
        /// The transaction that has it.
        id: TransactionId,
    },
    /// There is no such transaction.
    #[error("transaction {0} is not in this journal")]
    UnknownTransaction(TransactionId),
    /// Another living host drives it.
    #[error("transaction {id} is driven by host `{owner}`, which is alive (ask that one, or end it)")]
    Owned {
        /// The transaction.
        id: TransactionId,
        /// The host.
        owner: HostId,
    },
    /// Another living host drives it, and did not answer what was said to it.
    #[error(
        "host `{owner}` drives transaction {id} and has not answered within {seconds} s (it hears it when it goes on; \
         look whether it still works)"
    )]
    Unanswered {
        /// The transaction.
        id: TransactionId,
        /// The host.
        owner: HostId,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It waits for something that is missing, and nothing here takes it up again.
    #[error("transaction {id} is held: {cause}")]
    Held {
        /// The transaction.
        id: TransactionId,
        /// What is missing, and what to do.
        cause: std::sync::Arc<str>,
    },
    /// Something cannot be said to a transaction.
    #[error(transparent)]
    Post(#[from] wasaga_journal::PostError),
    /// The host failed several times while it drove the transaction.
    #[error(
        "transaction {id} is held: driving it failed {times} times (this is a bug of wasaga; `wasaga resume {id}` tries again)"
    )]
    Panicked {
        /// The transaction.
        id: TransactionId,
        /// How often.
        times: u32,
    },
    /// What was asked for does not fit where the transaction stands.
    #[error("{reason}")]
    Refused {
        /// The transaction.
        id: TransactionId,
        /// Why.
        reason: String,
    },
    /// The module of a transaction is neither loaded nor in the journal.
    #[error("transaction {id} waits for module {digest}, which is not in the journal (run or load that module once)")]
    ModuleMissing {
        /// The transaction.
        id: TransactionId,
        /// The module.
        digest: Digest,
    },
    /// The module of a transaction is there and cannot be used.
    #[error("transaction {id} waits for its module, which cannot be used")]
    ModuleBroken {
        /// The transaction.
        id: TransactionId,
        /// The module.
        digest: Digest,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// The bytes of a module are not those that were put into the journal.
    #[error("module {digest} is damaged in the journal (run or load that module once more)")]
    DamagedModule {
        /// The module.
        digest: Digest,
        /// What the journal says.
        #[source]
        source: wasaga_journal::Error,
    },
    /// The journal holds what this version cannot follow.
    #[error("the records of transaction {id} do not fit its definition (restore the journal from a backup)")]
    Illegal {
        /// The transaction.
        id: TransactionId,
        /// Which record.
        #[source]
        source: wasaga_core::IllegalRecord,
    },
    /// The host is about to leave.
    #[error("the host is draining and takes nothing new (start it elsewhere, or again later)")]
    Draining,
    /// Another host took the transaction over.
    #[error("transaction {0} was taken over by another host")]
    Lost(TransactionId),
    /// What stopped the transaction, told to all who wait for it.
    #[error(transparent)]
    Shared(std::sync::Arc<Self>),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] wasaga_journal::Error),
}

impl Error {
    /// The error itself, where it was told to several.
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(error) => error.root(),
            other => other,
        }
    }
}

/// The message of an error and of its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Names that a message lists.
pub(crate) const SHOWN_MAX: usize = 20;

fn lacking(modules: &[String]) -> String {
    match modules {
        [one] => format!("module {one}, which is not loaded"),
        several if several.len() <= SHOWN_MAX => {
            format!("modules {}, which are not loaded", several.join(" and "))
        }
        many => {
            let (first, more) = (&many[..SHOWN_MAX], many.len() - SHOWN_MAX);
            format!("modules {} and {more} more, which are not loaded", first.join(" and "))
        }
    }
}
