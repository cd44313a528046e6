//! All that a journal in memory knows, and each operation on it as a plain function.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use wasaga_core::{Commit, Digest, Epoch, Message, MessageId, Name, Seq, Timestamp, TransactionId, Wake};

use super::kept::Kept;
use crate::{
    Append, AppendError, Claim, ClaimError, Claims, Create, Created, FIRST_EPOCH, HostId, INBOX_MAX, Inbox, Owner,
    PostError, Posted, Pruned, Rest, Row,
};

/// A caller's key: of a module's name, a definition, and the key itself.
type Key = (Option<Name>, Name, Name);

/// What is remembered of a key.
#[derive(Debug, Default)]
struct KeyUse {
    /// The transaction that has it.
    holder: Option<TransactionId>,
    /// How many had it before and were removed.
    before: u32,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) transactions: BTreeMap<TransactionId, Kept>,
    keys: HashMap<Key, KeyUse>,
    /// Which hosts have joined, and the latest version of records that each reads.
    pub(super) hosts: HashMap<HostId, u32>,
    pub(super) modules: HashMap<Digest, Arc<[u8]>>,
    /// Which living host holds which module.
    pub(super) holds: HashSet<(HostId, Digest)>,
    pub(super) active: BTreeMap<Name, Digest>,
    /// What a claim looks through, in the order of wake times.
    free: BTreeSet<(Wake, TransactionId)>,
    pub(super) closed: bool,
}

impl State {
    /// Changes a transaction, and keeps its place among what is free true.
    fn change<T>(&mut self, id: TransactionId, change: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let kept = self.transactions.get_mut(&id)?;
        let before = kept.place();
        let changed = change(kept);
        let after = kept.place();
        if before != after {
            before.map(|wake| self.free.remove(&(wake, id)));
            after.map(|wake| self.free.insert((wake, id)));
        }
        Some(changed)
    }

    pub(super) fn lose(&mut self, host: &HostId) {
        self.hosts.remove(host);
        self.holds.retain(|(holder, _)| holder != host);
        let owned = self.transactions.values().filter(|kept| kept.host.as_ref() == Some(host));
        let owned: Vec<_> = owned.map(|kept| kept.row.id).collect();
        for id in owned {
            self.change(id, |kept| kept.host = None);
        }
    }

    pub(super) fn create(&mut self, create: Create) -> Result<Created, AppendError> {
        let Create { host, commit } = create;
        let id = commit.transaction;
        if !self.hosts.contains_key(&host) {
            return Err(AppendError::Fenced { id, epoch: FIRST_EPOCH });
        }
        let expected = commit.before;
        if let Some(kept) = self.transactions.get(&id) {
            return Err(AppendError::Conflict { id, expected, actual: Some(kept.row.seq) });
        }
        let Some(kept) = kept_of(commit, host) else {
            return Err(AppendError::Conflict { id, expected, actual: None });
        };
        let New { kept, unique, seq } = kept;
        if let Some((key, generation)) = unique {
            let used = self.keys.entry(key).or_default();
            if let Some(holder) = used.holder {
                return Ok(Created::Exists { id: holder, input: self.transactions[&holder].input });
            }
            if used.before != generation {
                return Ok(Created::Used { generation: used.before });
            }
            used.holder = Some(id);
        }
        kept.place().map(|wake| self.free.insert((wake, id)));
        self.transactions.insert(id, kept);
        Ok(Created::New(seq))
    }

    pub(super) fn append(&mut self, append: Append) -> Result<Seq, AppendError> {
        let Append { epoch, commit, release } = append;
        let (id, expected, seq) = (commit.transaction, commit.before, commit.after());
        let Some(kept) = self.transactions.get(&id) else {
            return Err(AppendError::Conflict { id, expected, actual: None });
        };
        if kept.row.epoch != epoch {
            return Err(AppendError::Fenced { id, epoch });
        }
        if kept.row.seq != expected {
            return Err(AppendError::Conflict { id, expected, actual: Some(kept.row.seq) });
        }
        self.change(id, |kept| {
            let row = &mut kept.row;
            row.seq = seq;
            row.updated = commit.records.last().map_or(row.updated, |record| record.at);
            (row.status, row.paused, row.wake) = (commit.summary.status, commit.summary.paused, commit.summary.wake);
            (row.held, row.ended) = (commit.summary.held, commit.summary.ended);
            kept.keep(commit.records);
            kept.messages.retain(|(message, _)| !commit.taken.iter().any(|taken| taken.message == *message));
            kept.replies.extend(commit.taken.into_iter().map(|taken| (taken.message, taken.reply)));
            if release || kept.row.status.is_ended() {
                kept.host = None;
            }
        });
        Ok(seq)
    }

    pub(super) fn claim(&mut self, host: &HostId, now: Timestamp, limit: usize) -> Claims {
        let Some(reads) = self.hosts.get(host).copied() else { return Claims::default() };
        let awake = self.free.iter().take_while(|(wake, _)| wake.has_come(now));
        let awake = awake.filter(|(_, id)| self.reads(reads, *id));
        let awake: Vec<_> = awake.take(limit).map(|(_, id)| *id).collect();
        let taken = awake.into_iter().filter_map(|id| self.own(id, host)).collect();
        let next = self.free.iter().find(|(_, id)| self.reads(reads, *id)).and_then(|(wake, _)| match wake {
            Wake::Now => Some(now),
            Wake::At(at) => Some(*at),
            Wake::Never => None,
        });
        Claims { taken, next }
    }

    /// Whether a host that reads this version reads the records of a transaction.
    fn reads(&self, reads: u32, id: TransactionId) -> bool {
        self.transactions.get(&id).is_some_and(|kept| kept.row.version <= reads)
    }

    pub(super) fn claim_one(&mut self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let kept = self.transactions.get(&id).ok_or(ClaimError::Unknown(id))?;
        let reads = *self.hosts.get(host).ok_or_else(|| ClaimError::NotJoined(host.clone()))?;
        if kept.row.status.is_ended() {
            return Err(ClaimError::Ended(id));
        }
        if let Some(owner) = kept.host.clone().filter(|owner| owner != host && self.hosts.contains_key(owner)) {
            return Err(ClaimError::Owned { id, owner });
        }
        let version = kept.row.version;
        if version > reads {
            return Err(ClaimError::Newer { id, version });
        }
        self.own(id, host).ok_or(ClaimError::Unknown(id))
    }

    fn own(&mut self, id: TransactionId, host: &HostId) -> Option<Claim> {
        self.change(id, |kept| {
            kept.host = Some(host.clone());
            kept.wants = None;
            kept.row.epoch = Epoch(kept.row.epoch.0 + 1);
            Claim { id, epoch: kept.row.epoch }
        })
    }

    pub(super) fn release(&mut self, id: TransactionId, epoch: Epoch, rest: Rest) {
        if self.transactions.get(&id).is_none_or(|kept| kept.row.epoch != epoch || kept.row.status.is_ended()) {
            return;
        }
        self.change(id, |kept| {
            kept.host = None;
            kept.row.wake = rest.wake;
            kept.wants = rest.held.as_ref().and_then(|held| held.module);
            kept.row.held = rest.held.map(|held| held.cause);
        });
    }

    /// Wakes what waits for a module.
    pub(super) fn wake_for(&mut self, module: Digest) {
        let waiting = self.transactions.values().filter(|kept| kept.wants == Some(module));
        let waiting: Vec<_> = waiting.map(|kept| kept.row.id).collect();
        for id in waiting {
            self.change(id, |kept| (kept.row.wake, kept.wants) = (Wake::Now, None));
        }
    }

    pub(super) fn post(&mut self, id: TransactionId, message: Message) -> Result<MessageId, PostError> {
        let kept = self.transactions.get(&id).ok_or(PostError::Unknown(id))?;
        if kept.row.status.is_ended() {
            return Err(PostError::Ended(id));
        }
        if kept.messages.len() >= INBOX_MAX {
            return Err(PostError::Full(id));
        }
        let posted = self.change(id, |kept| {
            kept.posted += 1;
            kept.messages.push_back((MessageId(kept.posted), message));
            MessageId(kept.posted)
        });
        posted.ok_or(PostError::Unknown(id))
    }

    pub(super) fn inbox(&self, of: Inbox<'_>, limit: usize) -> Vec<Posted> {
        let fits = |kept: &&Kept| match of {
            Inbox::Of(id) => kept.row.id == id,
            Inbox::Host(host) => kept.host.as_ref() == Some(host),
        };
        let posted = self.transactions.values().filter(|kept| !kept.messages.is_empty()).filter(fits);
        let posted = posted.flat_map(|kept| {
            let of = |(id, message): &(MessageId, Message)| Posted {
                transaction: kept.row.id,
                id: *id,
                message: message.clone(),
            };
            kept.messages.iter().map(of)
        });
        posted.take(limit).collect()
    }

    pub(super) fn row(&self, kept: &Kept) -> Row {
        let owner = kept.host.clone().map(|host| Owner { alive: self.hosts.contains_key(&host), host });
        Row { owner, ..kept.row.clone() }
    }

    pub(super) fn prune(&mut self, before: Timestamp, records: usize) -> Pruned {
        let old = self.transactions.values().filter(|kept| kept.row.ended.is_some_and(|ended| ended < before));
        let mut old: Vec<_> = old.map(|kept| (kept.row.ended, kept.row.id)).collect();
        old.sort_unstable();
        let mut pruned = Pruned::default();
        for (_, id) in old {
            if pruned.records >= records {
                pruned.more = true;
                break;
            }
            let Some(kept) = self.transactions.remove(&id) else { continue };
            pruned.transactions += 1;
            pruned.records += kept.records.len();
            if let Some(key) = &kept.row.key {
                let key = (kept.row.module_name.clone(), kept.row.definition.clone(), key.clone());
                let used = self.keys.entry(key).or_default();
                (used.holder, used.before) = (None, used.before + 1);
            }
        }
        self.drop_modules();
        pruned
    }

    /// Drops modules that no transaction names, that no name stands for, and that no living host holds.
    fn drop_modules(&mut self) {
        let named: HashSet<Digest> = self.transactions.values().flat_map(|kept| kept.modules.clone()).collect();
        let held: HashSet<Digest> = self.holds.iter().map(|(_, digest)| *digest).collect();
        let active: HashSet<Digest> = self.active.values().copied().collect();
        self.modules.retain(|digest, _| named.contains(digest) || held.contains(digest) || active.contains(digest));
    }
}

/// What a create makes.
struct New {
    kept: Kept,
    /// Its key, and how many had it before.
    unique: Option<(Key, u32)>,
    seq: Seq,
}

/// What a create makes; none where its first record is not `created`.
fn kept_of(commit: Commit, host: HostId) -> Option<New> {
    let created = commit.created()?.clone();
    let seq = commit.after();
    let Commit { transaction, records, summary, .. } = commit;
    let key = created.key.clone();
    let unique = key.map(|key| ((created.module_name.clone(), created.definition.clone(), key), created.generation));
    let row = Row {
        id: transaction,
        definition: created.definition,
        module: created.module,
        module_name: created.module_name,
        key: created.key,
        labels: created.labels,
        class: created.class,
        status: summary.status,
        paused: summary.paused,
        seq,
        version: 0,
        epoch: FIRST_EPOCH,
        owner: None,
        wake: summary.wake,
        held: summary.held,
        created: records.first().map(|record| record.at).unwrap_or_default(),
        updated: records.last().map(|record| record.at).unwrap_or_default(),
        ended: summary.ended,
    };
    let modules = std::iter::once(created.module).chain(created.providers.into_values()).collect();
    let mut kept = Kept {
        host: (!row.status.is_ended()).then_some(host),
        row,
        input: created.input.digest(),
        modules,
        wants: None,
        records: Vec::new(),
        payloads: Default::default(),
        messages: Default::default(),
        posted: 0,
        replies: Default::default(),
    };
    kept.keep(records);
    Some(New { kept, unique, seq })
}
