//! The handle on a running engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use wasaga_core::definition::CompensationPolicy;
use wasaga_core::{Checked, Defaults, Digest, Json, Kind, Moment, Name, Report, Start, Transaction, TransactionId};
use wasaga_journal::{AppendError, Create, Created, HostId, Journal, Stored};

use crate::clock::World;
use crate::conditions::Cel;
use crate::definitions::{Definitions, Known, Runnable};
use crate::drive::{Ask, Driver, Told};
use crate::port::{Guests, Module};
use crate::watch::{Counters, count};
use crate::{Error, HEADER_BYTES_MAX, HEADERS_MAX, INPUT_BYTES_MAX, Stats, Watch};

/// Questions that may wait for one transaction; whoever asks more waits.
const ASKS: usize = 16;
/// How long a write that failed may take to take place all the same: the longest that a network and
/// a database keep one whose sender has gone. Arbitrary; looking again costs a list each second.
const UNSURE: Duration = Duration::from_secs(60);
/// How often a transaction that another host drives is looked at by who waits for it.
const POLL: Duration = Duration::from_millis(100);

/// A start of a transaction.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// A module that was added.
    pub module: Digest,
    /// One of its definitions.
    pub definition: Name,
    /// What it is started with.
    pub input: Json,
    /// What every call carries.
    pub headers: BTreeMap<Name, Arc<str>>,
    /// How a saga unwinds; none leaves it to the definition. A TCC takes none.
    pub policy: Option<CompensationPolicy>,
    /// Makes a repeated start find the first one.
    pub key: Option<Name>,
}

impl StartRequest {
    /// A start with nothing but what is needed.
    pub fn new(module: Digest, definition: Name, input: Json) -> Self {
        Self { module, definition, input, headers: BTreeMap::new(), policy: None, key: None }
    }
}

/// A start that was looked at.
struct New<'a> {
    plan: &'a Checked,
    id: TransactionId,
    request: StartRequest,
    providers: BTreeMap<Name, Digest>,
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The transaction.
    pub id: TransactionId,
    /// Whether its key was used before: then this is the earlier transaction.
    pub existing: bool,
}

/// What became of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Transactions whose calls were cut off; another host finds them started and not answered.
    pub cut: usize,
}

/// How far a drain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Drain {
    #[default]
    No,
    /// Nothing new begins.
    Calls,
    /// What still runs is dropped.
    Cut,
}

/// How far this host's drain is. Who waits is woken in the order of waiting, and not at random as by a
/// `watch`, so that one schedule gives one run.
#[derive(Debug, Default)]
pub(crate) struct Draining {
    /// A plain lock, held for a read or a write of one value.
    level: Mutex<Drain>,
    moved: Notify,
}

impl Draining {
    pub(crate) fn now(&self) -> Drain {
        *self.level.lock()
    }

    /// Goes on to this level; never back.
    fn go_on(&self, to: Drain) {
        let mut level = self.level.lock();
        *level = to.max(*level);
        drop(level);
        self.moved.notify_waiters();
    }

    /// Waits until it is beyond this level; answers where it is then.
    pub(crate) async fn beyond(&self, seen: Drain) -> Drain {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            // From here on no move is missed.
            moved.as_mut().enable();
            let now = self.now();
            if now > seen {
                return now;
            }
            moved.await;
        }
    }
}

/// What a driver is reached by.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) told: watch::Receiver<Option<Told>>,
}

/// What all transactions share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) guests: Arc<dyn Guests>,
    pub(crate) world: Arc<dyn World>,
    pub(crate) host: HostId,
    pub(crate) namespace: Name,
    pub(crate) defaults: Defaults,
    pub(crate) watch: Option<Arc<dyn Watch>>,
    pub(crate) patience: Duration,
    pub(crate) conditions: Cel,
    pub(crate) definitions: Definitions,
    /// Who drives what; a plain lock, held for one map access.
    pub(crate) live: Mutex<HashMap<TransactionId, Handle>>,
    /// Perhaps ours by the journal, and driven by nobody: let go because the journal failed, or claimed
    /// while an old driver was still there. Each is looked at again with every question for work.
    pub(crate) orphans: Mutex<BTreeSet<TransactionId>>,
    /// Until when the journal may still give us what we do not know of, for a create or a claim failed.
    pub(crate) unsure_until: Mutex<Option<Instant>>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) drain: Draining,
    /// Told when the last transaction is let go.
    pub(crate) emptied: Notify,
    pub(crate) counters: Counters,
}

impl Inner {
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.now() > Drain::No
    }

    /// The moment of a decision.
    pub(crate) fn moment(&self) -> Moment<'_> {
        let random = self.world.random() as u64;
        Moment { now: self.world.now(), random, conditions: &self.conditions, hold: self.is_draining() }
    }

    /// Takes the place of a driver. None where one has it.
    pub(crate) fn reserve(self: &Arc<Self>, id: TransactionId) -> Option<Place> {
        let (asks, questions) = mpsc::channel(ASKS);
        let (tell, told) = watch::channel(None);
        match self.live.lock().entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => None,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(Handle { asks, told });
                Some(Place { inner: self.clone(), id, ends: Some(Ends { asks: questions, tell }) })
            }
        }
    }

    /// Notes that the journal failed, and may do all the same what it was asked for.
    pub(crate) fn be_unsure(&self) {
        *self.unsure_until.lock() = Some(Instant::now() + UNSURE);
    }

    pub(crate) fn let_go(&self, id: TransactionId) {
        let mut live = self.live.lock();
        live.remove(&id);
        if live.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    pub(crate) fn handle(&self, id: TransactionId) -> Option<Handle> {
        self.live.lock().get(&id).cloned()
    }

    pub(crate) async fn load(&self, id: TransactionId) -> Result<Stored, Error> {
        self.journal.load(id).await?.ok_or(Error::UnknownTransaction(id))
    }
}

/// The place of a driver that is still to come. Whoever holds it may be dropped at any await, for a
/// caller went away; the place is free then, and the journal may have given the transaction to this
/// host all the same.
#[derive(Debug)]
pub(crate) struct Place {
    inner: Arc<Inner>,
    id: TransactionId,
    ends: Option<Ends>,
}

/// The driver's ends of its handle.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) asks: mpsc::Receiver<Ask>,
    pub(crate) tell: watch::Sender<Option<Told>>,
}

impl Place {
    /// A driver takes the place; it lets go when it is done.
    pub(crate) fn take(mut self) -> Ends {
        self.ends.take().expect("only this method and a drop take it, and both end the place")
    }

    /// Gives the place up, for it is certain that the transaction is not ours.
    pub(crate) fn give_up(mut self) {
        self.ends = None;
        self.inner.let_go(self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.ends.is_some() {
            self.inner.let_go(self.id);
            self.inner.be_unsure();
        }
    }
}

/// A handle on a running engine. Clones are cheap and share it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

impl Engine {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Loads a module, checks all its definitions, and keeps its bytes in the journal, so that any
    /// host can go on with its transactions. Idempotent.
    ///
    /// # Errors
    /// [`Error::Load`] and [`Error::Mistakes`]; the latter has all of them.
    pub async fn add_module(&self, bytes: Arc<[u8]>) -> Result<Module, Error> {
        let module = self.inner.guests.load(bytes.clone()).await?;
        let known = self.inner.definitions.add(module, &self.inner.defaults)?;
        let module = &known.module;
        let name = Name::from(&*module.description.name);
        self.inner.journal.put_module(module.digest, &name, bytes).await?;
        Ok(module.clone())
    }

    /// The names of a module's definitions.
    ///
    /// # Errors
    /// [`Error::UnknownModule`].
    pub fn definitions(&self, module: Digest) -> Result<Vec<Name>, Error> {
        Ok(self.known(module)?.names())
    }

    /// A definition, checked.
    ///
    /// # Errors
    /// [`Error::UnknownModule`] and [`Error::UnknownDefinition`].
    pub fn plan(&self, module: Digest, definition: &str) -> Result<Checked, Error> {
        Ok(self.known(module)?.definition(definition)?.plan.clone())
    }

    /// The modules that provide steps or participants of a definition, by name; those that were added last.
    ///
    /// # Errors
    /// [`Error::ProvidersMissing`] where one was not added; [`Error::Mistakes`] where one does not offer
    /// what is asked of it; and what [`Engine::plan`] refuses.
    pub fn providers(&self, module: Digest, definition: &str) -> Result<BTreeMap<Name, Digest>, Error> {
        let known = self.known(module)?;
        self.inner.providers(&known.definition(definition)?.plan, &known.module.description.name)
    }

    fn known(&self, module: Digest) -> Result<Arc<Known>, Error> {
        self.inner.definitions.find(module).ok_or(Error::UnknownModule(module))
    }

    /// Starts a transaction. The answer comes when it is durable; then it happens, whatever becomes
    /// of this process. Waits while too many are in flight.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::KeyConflict`], [`Error::Draining`], and what [`Engine::plan`] refuses.
    pub async fn start(&self, request: StartRequest) -> Result<Started, Error> {
        let inner = &self.inner;
        let known = self.known(request.module)?;
        let runnable = known.definition(&request.definition)?;
        check_request(runnable, &request)?;
        let providers = inner.providers(&runnable.plan, &known.module.description.name)?;
        if inner.is_draining() {
            return Err(Error::Draining);
        }
        let permit = inner.permits.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
        let id = TransactionId::from_parts(inner.world.now().unix_ms(), inner.world.random());
        // Its own id is new, so the place is free.
        let place = inner.reserve(id).ok_or(Error::Draining)?;
        self.create(New { plan: &runnable.plan, id, request, providers }, place, permit).await
    }

    async fn create(&self, new: New<'_>, place: Place, permit: OwnedSemaphorePermit) -> Result<Started, Error> {
        let inner = &self.inner;
        let New { plan, id, request, providers } = new;
        let StartRequest { module, definition, input, headers, policy, key } = request;
        let digest = input.digest();
        let namespace = inner.namespace.clone();
        let pinned = providers.values().copied().collect();
        let start = Start { transaction: id, module, providers, input, headers, policy, namespace, key: key.clone() };
        let (transaction, mut decision) = Transaction::create(plan, start, &inner.moment());
        let summary = decision.summary();
        let (_, records) = decision.take_records();
        let seen = inner.watch.as_ref().map(|_| records.clone());
        let host = inner.host.clone();
        let create = Create {
            id,
            definition,
            module,
            providers: pinned,
            key: key.clone(),
            input: digest,
            host,
            records,
            summary,
        };
        match inner.journal.create(create).await {
            Ok(Created::New(seq)) => {
                count(&inner.counters.started);
                let driver = Driver::new(inner.clone(), transaction, wasaga_journal::FIRST_EPOCH, place, permit);
                driver.begin(decision, seq, seen.unwrap_or_default());
                Ok(Started { id, existing: false })
            }
            Ok(Created::Exists { id, input }) => {
                place.give_up();
                if input == digest {
                    return Ok(Started { id, existing: true });
                }
                Err(Error::KeyConflict { key: key.unwrap_or_else(|| "".into()).to_string(), id })
            }
            // It may be there all the same; then it is found, and happens.
            Err(AppendError::Journal(error)) => Err(Error::Journal(error)),
            Err(AppendError::Conflict { .. } | AppendError::Fenced { .. }) => {
                place.give_up();
                Err(Error::Lost(id))
            }
        }
    }

    /// Waits until a transaction has ended, is stuck or paused, and tells how it stands. Also for
    /// those of the past, and those that other hosts drive. Dropping the future changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownTransaction`], [`Error::Lost`]; [`Error::Draining`] where this host leaves first;
    /// [`Error::Journal`] where the journal failed for too long.
    pub async fn wait(&self, id: TransactionId) -> Result<Report, Error> {
        loop {
            // A driver may give its place up without a word: then it never got the transaction.
            if let Some(Handle { mut told, .. }) = self.inner.handle(id)
                && let Ok(told) = told.wait_for(Option::is_some).await.map(|told| told.clone())
            {
                return told.map_or(Err(Error::UnknownTransaction(id)), Told::into_result);
            }
            let stored = self.inner.load(id).await?;
            let row = &stored.row;
            if row.status.is_ended() || row.paused || row.status == wasaga_core::Status::Stuck {
                return Ok(self.inner.replay(&stored).await?.report());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How a transaction stands now.
    ///
    /// # Errors
    /// [`Error::UnknownTransaction`]; [`Error::ModuleMissing`], for the records alone do not name what
    /// has not happened yet.
    pub async fn result(&self, id: TransactionId) -> Result<Report, Error> {
        if let Some(handle) = self.inner.handle(id) {
            let (reply, report) = oneshot::channel();
            if handle.asks.send(Ask::Report(reply)).await.is_ok()
                && let Ok(report) = report.await
            {
                return Ok(report);
            }
        }
        let stored = self.inner.load(id).await?;
        Ok(self.inner.replay(&stored).await?.report())
    }

    /// Waits until nothing is driven here.
    pub async fn idle(&self) {
        loop {
            let emptied = self.inner.emptied.notified();
            if self.inner.live.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Leaves: nothing new begins, calls in flight end or are cut off after `patience`, ownership is
    /// given up. Call it before the process ends, so that others need not find out.
    pub async fn drain(&self, patience: Duration) -> Drained {
        let inner = &self.inner;
        inner.drain.go_on(Drain::Calls);
        inner.permits.close();
        let cut = if tokio::time::timeout(patience, self.idle()).await.is_ok() {
            0
        } else {
            let cut = inner.live.lock().len();
            inner.drain.go_on(Drain::Cut);
            self.idle().await;
            cut
        };
        if let Err(error) = inner.journal.leave(&inner.host).await {
            tracing::warn!(%error, "the journal was not left in order; others will find out");
        }
        Drained { cut }
    }

    /// Counts since it began.
    pub fn stats(&self) -> Stats {
        self.inner.counters.stats(self.inner.live.lock().len() as u64)
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.inner.journal
    }
}

fn check_request(runnable: &Runnable, request: &StartRequest) -> Result<(), Error> {
    let kind = runnable.plan.kind();
    let refuse = |reason: String| Error::Input { kind, definition: request.definition.to_string(), reason };
    if kind == Kind::Tcc && request.policy.is_some() {
        return Err(refuse("a compensation policy is for sagas (leave it out)".into()));
    }
    let bytes = request.input.as_str().len();
    if bytes > INPUT_BYTES_MAX {
        return Err(refuse(format!("it has {bytes} bytes, and {INPUT_BYTES_MAX} are the most")));
    }
    let header_bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if request.headers.len() > HEADERS_MAX || header_bytes > HEADER_BYTES_MAX {
        return Err(refuse(format!("there may be {HEADERS_MAX} headers with {HEADER_BYTES_MAX} bytes in all")));
    }
    let names = request.headers.keys().chain(&request.key);
    for name in names {
        if name.is_empty() || name.chars().count() > wasaga_core::NAME_CHARS_MAX {
            return Err(refuse(format!(
                "`{name}`: a key and a header's name have 1 to {} characters",
                wasaga_core::NAME_CHARS_MAX
            )));
        }
    }
    runnable.input.as_ref().map_or(Ok(()), |schema| schema.check(&request.input)).map_err(refuse)
}
