//! What a backend writes of a create or an append: made ready once, on the thread of whoever asks, so that the writer
//! writes and does nothing else. Deliberately absent: tables.

use wasaga_core::{
    Commit, Created as Creation, Digest, Epoch, LabelValue, Name, Seq, Summary, Taken, Timestamp, TransactionId,
};

use crate::append::{Append, Create, Created};
use crate::error::AppendError;
use crate::row::HostId;
use crate::stored::{Written, write_records};

/// What is written of a create or an append; records are texts already.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) id: TransactionId,
    /// How many records were there before, and will be after.
    pub(crate) expected: Seq,
    pub(crate) after: Seq,
    pub(crate) last: Option<Timestamp>,
    pub(crate) summary: Summary,
    pub(crate) taken: Vec<Taken>,
    /// None where there are no records.
    pub(crate) records: Option<Written>,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Create(Box<New>),
    Append { epoch: Epoch, release: bool },
}

#[derive(Debug)]
pub(crate) struct New {
    pub(crate) host: HostId,
    pub(crate) definition: Name,
    pub(crate) module: Digest,
    pub(crate) module_name: Option<Name>,
    pub(crate) providers: Vec<Digest>,
    pub(crate) key: Option<Key>,
    pub(crate) labels: Vec<(Name, LabelValue)>,
    pub(crate) class: Option<Name>,
    pub(crate) created: Timestamp,
}

/// What became of a write.
pub(crate) type Verdict = Result<Created, AppendError>;

/// A start key with all that it is unique for.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) module_name: Option<Name>,
    pub(crate) definition: Name,
    pub(crate) key: Name,
    pub(crate) generation: u32,
    pub(crate) input: Digest,
}

impl Key {
    /// The key of a transaction; none where it was started without one.
    pub(crate) fn of(created: &Creation) -> Option<Self> {
        Some(Self {
            module_name: created.module_name.clone(),
            definition: created.definition.clone(),
            key: created.key.clone()?,
            generation: created.generation,
            input: created.input.digest(),
        })
    }
}

impl Write {
    pub(crate) fn create(create: Create) -> Result<Self, AppendError> {
        let Create { host, commit } = create;
        let (id, expected) = (commit.transaction, commit.before);
        let no_record = AppendError::Conflict { id, expected, actual: None };
        let Some(created) = commit.created().filter(|_| expected == Seq(0)).cloned() else { return Err(no_record) };
        let new = New {
            host,
            key: Key::of(&created),
            definition: created.definition,
            module: created.module,
            module_name: created.module_name,
            providers: created.providers.into_values().collect(),
            labels: created.labels.into_iter().collect(),
            class: created.class,
            created: commit.records.first().map(|record| record.at).unwrap_or_default(),
        };
        Self::new(commit, Kind::Create(Box::new(new)))
    }

    pub(crate) fn append(append: Append) -> Result<Self, AppendError> {
        Self::new(append.commit, Kind::Append { epoch: append.epoch, release: append.release })
    }

    fn new(commit: Commit, kind: Kind) -> Result<Self, AppendError> {
        let after = commit.after();
        let Commit { transaction: id, before: expected, records, taken, summary } = commit;
        let last = records.last().map(|record| record.at);
        let records = write_records(records)?;
        Ok(Self { id, expected, after, last, summary, taken, records, kind })
    }

    /// The version that a reader of its records must know.
    pub(crate) fn version(&self) -> u32 {
        self.records.as_ref().map_or(0, |written| written.version)
    }
}
