//! A journal in memory: the reference for what the contract means, for tests, and for work that may
//! be lost with the process. Deliberately absent: durability.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use wasaga_core::{Digest, Epoch, Name, Record, Seq, Status, Timestamp, TransactionId};

use crate::{
    Append, AppendError, Claim, ClaimError, Create, Created, Durability, Error, Filter, HostId, Identity, Journal,
    Owner, Page, Row, Stored,
};

/// A journal that lives as long as the process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// One lock for all: every operation is a few map accesses, and none awaits while it holds it.
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    transactions: BTreeMap<TransactionId, Kept>,
    keys: HashMap<(Name, Name), TransactionId>,
    hosts: HashSet<HostId>,
    modules: HashMap<Digest, Arc<[u8]>>,
    /// Unfinished, neither stuck nor paused and without an owner: what a claim looks through.
    free: std::collections::BTreeSet<TransactionId>,
    closed: bool,
}

#[derive(Debug)]
struct Kept {
    row: Row,
    host: Option<HostId>,
    input: Digest,
    records: Vec<Record>,
}

impl Memory {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Behaves as if the host had died: nothing is released, and others may take what it owns.
    pub fn lose(&self, host: &HostId) {
        let mut state = self.state.lock();
        state.hosts.remove(host);
        state.free_what(host);
    }

    fn state(&self) -> Result<parking_lot::MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if state.closed { Err(Error::Closed) } else { Ok(state) }
    }
}

impl State {
    fn free_what(&mut self, host: &HostId) {
        for kept in self.transactions.values_mut().filter(|kept| kept.host.as_ref() == Some(host)) {
            kept.host = None;
            if kept.is_claimable() {
                self.free.insert(kept.row.id);
            }
        }
    }

    fn own(&mut self, id: TransactionId, host: &HostId) -> Option<Claim> {
        let kept = self.transactions.get_mut(&id)?;
        kept.host = Some(host.clone());
        kept.row.epoch = Epoch(kept.row.epoch.0 + 1);
        self.free.remove(&id);
        Some(Claim { id, epoch: kept.row.epoch })
    }

    fn row(&self, kept: &Kept) -> Row {
        let owner = kept.host.clone().map(|host| Owner { alive: self.hosts.contains(&host), host });
        Row { owner, ..kept.row.clone() }
    }
}

impl Kept {
    fn is_claimable(&self) -> bool {
        self.host.is_none() && !self.row.paused && !self.row.status.is_ended() && self.row.status != Status::Stuck
    }
}

#[async_trait]
impl Journal for Memory {
    fn identity(&self) -> Identity {
        Identity { kind: "memory", location: "memory:".into(), durability: Durability::Memory, renew_every: None }
    }

    async fn join(&self, host: &HostId) -> Result<(), Error> {
        self.state()?.hosts.insert(host.clone());
        Ok(())
    }

    async fn renew(&self, _: &HostId) -> Result<(), Error> {
        self.state().map(drop)
    }

    async fn leave(&self, host: &HostId) -> Result<(), Error> {
        self.check().await?;
        self.lose(host);
        Ok(())
    }

    async fn create(&self, create: Create) -> Result<Created, AppendError> {
        let mut state = self.state()?;
        let key = create.key.clone().map(|key| (create.definition.clone(), key));
        if let Some(id) = key.as_ref().and_then(|key| state.keys.get(key)) {
            let input = state.transactions[id].input;
            return Ok(Created::Exists { id: *id, input });
        }
        if let Some(kept) = state.transactions.get(&create.id) {
            return Err(AppendError::Conflict { id: create.id, expected: Seq(0), actual: Some(kept.row.seq) });
        }
        let seq = Seq(create.records.len() as u64);
        let at = |record: Option<&Record>| record.map(|r| r.at).unwrap_or_default();
        let row = Row {
            id: create.id,
            definition: create.definition,
            module: create.module,
            key: create.key,
            status: create.summary.status,
            paused: create.summary.paused,
            seq,
            epoch: Epoch(1),
            owner: None,
            due: create.summary.due,
            created: at(create.records.first()),
            updated: at(create.records.last()),
            ended: create.summary.ended,
        };
        // What a dead host sent before its end may arrive after it; then nobody has it.
        let owned = !create.summary.status.is_ended() && state.hosts.contains(&create.host);
        let kept = Kept { row, host: owned.then_some(create.host), input: create.input, records: create.records };
        if kept.is_claimable() {
            state.free.insert(create.id);
        }
        state.transactions.insert(create.id, kept);
        state.keys.extend(key.map(|key| (key, create.id)));
        Ok(Created::New(seq))
    }

    async fn append(&self, append: Append) -> Result<Seq, AppendError> {
        let Append { id, epoch, expected, records, summary } = append;
        let mut state = self.state()?;
        let Some(kept) = state.transactions.get_mut(&id) else {
            return Err(AppendError::Conflict { id, expected, actual: None });
        };
        if kept.row.epoch != epoch {
            return Err(AppendError::Fenced { id, epoch });
        }
        if kept.row.seq != expected {
            return Err(AppendError::Conflict { id, expected, actual: Some(kept.row.seq) });
        }
        let seq = Seq(expected.0 + records.len() as u64);
        kept.row.seq = seq;
        kept.row.updated = records.last().map_or(kept.row.updated, |record| record.at);
        kept.row.status = summary.status;
        kept.row.paused = summary.paused;
        kept.row.due = summary.due;
        kept.row.ended = summary.ended;
        kept.records.extend(records);
        if kept.row.status.is_ended() {
            kept.host = None;
        }
        let claimable = kept.is_claimable();
        if claimable {
            state.free.insert(id);
        } else {
            state.free.remove(&id);
        }
        Ok(seq)
    }

    async fn load(&self, id: TransactionId) -> Result<Option<Stored>, Error> {
        let state = self.state()?;
        let stored = |kept: &Kept| Stored { row: state.row(kept), records: kept.records.clone() };
        Ok(state.transactions.get(&id).map(stored))
    }

    async fn claim(&self, host: &HostId, limit: usize) -> Result<Vec<Claim>, Error> {
        let mut state = self.state()?;
        if !state.hosts.contains(host) {
            return Ok(Vec::new());
        }
        let free: Vec<_> = state.free.iter().take(limit).copied().collect();
        Ok(free.into_iter().filter_map(|id| state.own(id, host)).collect())
    }

    async fn claim_one(&self, host: &HostId, id: TransactionId) -> Result<Claim, ClaimError> {
        let mut state = self.state()?;
        let kept = state.transactions.get(&id).ok_or(ClaimError::Unknown(id))?;
        if kept.row.status.is_ended() {
            return Err(ClaimError::Ended(id));
        }
        if let Some(owner) = kept.host.clone().filter(|owner| owner != host && state.hosts.contains(owner)) {
            return Err(ClaimError::Owned { id, owner });
        }
        state.own(id, host).ok_or(ClaimError::Unknown(id))
    }

    async fn release(&self, id: TransactionId, epoch: Epoch) -> Result<(), Error> {
        let mut state = self.state()?;
        let Some(kept) = state.transactions.get_mut(&id).filter(|kept| kept.row.epoch == epoch) else { return Ok(()) };
        kept.host = None;
        if kept.is_claimable() {
            state.free.insert(id);
        }
        Ok(())
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Error> {
        let state = self.state()?;
        let newest_first = state.transactions.values().rev();
        let fitting =
            newest_first.filter(|kept| page.below.is_none_or(|below| kept.row.id < below) && fits(filter, &kept.row));
        Ok(fitting.take(page.limit).map(|kept| state.row(kept)).collect())
    }

    async fn put_module(&self, digest: Digest, _: &Name, bytes: Arc<[u8]>) -> Result<(), Error> {
        self.state()?.modules.insert(digest, bytes);
        Ok(())
    }

    async fn module(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error> {
        Ok(self.state()?.modules.get(&digest).cloned())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        let mut state = self.state()?;
        let old = state.transactions.values().filter(|kept| kept.row.ended.is_some_and(|ended| ended < before));
        let old: Vec<_> = old.map(|kept| kept.row.id).take(limit).collect();
        for id in &old {
            let kept = state.transactions.remove(id);
            if let Some(Row { definition, key: Some(key), .. }) = kept.map(|kept| kept.row) {
                state.keys.remove(&(definition, key));
            }
        }
        Ok(old.len())
    }

    async fn check(&self) -> Result<(), Error> {
        self.state().map(drop)
    }

    fn flushes(&self) -> u64 {
        0
    }

    async fn close(&self) {
        self.state.lock().closed = true;
    }
}

fn fits(filter: &Filter, row: &Row) -> bool {
    (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
        && filter.definition.as_ref().is_none_or(|definition| row.definition == *definition)
        && filter.key.as_ref().is_none_or(|key| row.key.as_ref() == Some(key))
        && filter.created_from.is_none_or(|from| row.created >= from)
        && filter.updated_before.is_none_or(|before| row.updated < before)
        && filter.id_prefix.as_ref().is_none_or(|prefix| row.id.to_string().starts_with(&prefix.to_ascii_uppercase()))
}
