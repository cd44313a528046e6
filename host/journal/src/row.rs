//! What a journal tells: of itself, of its transactions, of who owns them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wasaga_core::{Digest, Epoch, LabelValue, Name, Record, Seq, Status, Timestamp, TransactionId, Wake};

/// One running host, by a name that no other host has had.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub Name);

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an answered append survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Nothing: it lives as long as the process.
    Memory,
    /// The end of the process, by any signal.
    ProcessCrash,
    /// The end of the machine's power.
    PowerLoss,
}

impl Durability {
    /// As it is shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory only, lost with the process",
            Self::ProcessCrash => "survives the process",
            Self::PowerLoss => "survives power loss",
        }
    }
}

/// What a journal is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `memory`, `sqlite` and so on.
    pub kind: &'static str,
    /// Where it is, without secrets.
    pub location: String,
    /// What an answered append survives.
    pub durability: Durability,
    /// How long a host lives without a [`Journal::renew`](crate::Journal::renew); none where the operating system tells
    /// who lives.
    pub lease: Option<Duration>,
}

/// Whether a host still has what it owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It lives on.
    Kept,
    /// It was taken for dead: others may have what it owned. It stops its calls at once and joins anew under another id.
    Lost,
}

/// Who has a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The host.
    pub host: HostId,
    /// Whether it lives, as far as the journal can tell.
    pub alive: bool,
}

/// A transaction in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The transaction.
    pub id: TransactionId,
    /// The definition it runs.
    pub definition: Name,
    /// The module it is pinned to.
    pub module: Digest,
    /// The caller's key.
    pub key: Option<Name>,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paused.
    pub paused: bool,
    /// How many records it has.
    pub seq: Seq,
    /// The version that a reader of its records must know.
    pub version: u32,
    /// The current epoch.
    pub epoch: Epoch,
    /// Who has it; none where nobody does.
    pub owner: Option<Owner>,
    /// When it may be claimed, if nobody owns it.
    pub wake: Wake,
    /// What it waits for, where something is missing.
    pub held: Option<std::sync::Arc<str>>,
    /// The name of its module; none in journals of the first version.
    pub module_name: Option<Name>,
    /// The values it is found by.
    pub labels: BTreeMap<Name, LabelValue>,
    /// Its retention class.
    pub class: Option<Name>,
    /// When it was created: the time of its first record.
    pub created: Timestamp,
    /// The time of its last record.
    pub updated: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A transaction as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its row.
    pub row: Row,
    /// Its records, in order.
    pub records: Vec<Record>,
}

/// Which rows; what is none or empty does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these statuses.
    pub statuses: Vec<Status>,
    /// Of this definition.
    pub definition: Option<Name>,
    /// With this caller's key.
    pub key: Option<Name>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Not changed since.
    pub updated_before: Option<Timestamp>,
    /// Its id's text begins so.
    pub id_prefix: Option<String>,
    /// With all of these labels.
    pub labels: BTreeMap<Name, LabelValue>,
    /// Only those that are held.
    pub held: bool,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub limit: usize,
    /// Only ids below this one: the last of the page before.
    pub below: Option<TransactionId>,
}
