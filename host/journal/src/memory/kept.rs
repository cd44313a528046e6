//! One transaction as memory keeps it.

use std::collections::{BTreeMap, VecDeque};

use wasaga_core::{Digest, Message, MessageId, Record, Reply, Shared, Wake};

use crate::{Filter, HostId, Row};

/// A transaction, its records, its inbox.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) row: Row,
    pub(super) host: Option<HostId>,
    pub(super) input: Digest,
    /// The modules that its records name.
    pub(super) modules: Vec<Digest>,
    /// The module that it waits for.
    pub(super) wants: Option<Digest>,
    pub(super) records: Vec<Record>,
    /// Their large payloads, each of which is there once.
    pub(super) payloads: Shared,
    pub(super) messages: VecDeque<(MessageId, Message)>,
    /// How many messages it has had.
    pub(super) posted: u64,
    pub(super) replies: BTreeMap<MessageId, Reply>,
}

impl Kept {
    pub(super) fn keep(&mut self, mut records: Vec<Record>) {
        for record in &mut records {
            self.row.version = self.row.version.max(record.fact.version());
            self.payloads.share(record);
        }
        self.records.extend(records);
    }

    /// Where it stands among what may be claimed; none where it has an owner or never wakes.
    pub(super) fn place(&self) -> Option<Wake> {
        let free = self.host.is_none() && !self.row.status.is_ended();
        let wake = if self.messages.is_empty() { self.row.wake } else { Wake::Now };
        Some(wake).filter(|wake| free && *wake != Wake::Never)
    }
}

/// Whether a row is one of those that are asked for.
pub(super) fn fits(filter: &Filter, row: &Row) -> bool {
    let status = filter.statuses.is_empty() || filter.statuses.contains(&row.status);
    let definition = filter.definition.as_ref().is_none_or(|definition| *definition == row.definition);
    let key = filter.key.as_ref().is_none_or(|key| row.key.as_ref() == Some(key));
    let created = filter.created_from.is_none_or(|from| row.created >= from);
    let updated = filter.updated_before.is_none_or(|before| row.updated < before);
    let labels = filter.labels.iter().all(|(name, value)| row.labels.get(name) == Some(value));
    let held = !filter.held || row.held.is_some();
    let prefix = filter.id_prefix.as_ref();
    let named = prefix.is_none_or(|prefix| row.id.text().starts_with(&prefix.to_ascii_uppercase()));
    status && definition && key && created && updated && labels && held && named
}
