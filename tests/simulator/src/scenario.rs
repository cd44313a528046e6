//! One run, as plain data: a saga and a TCC, who starts them, what its guests answer, and everything that goes
//! wrong. All of it is drawn before the run begins, so that a part can be left out and the rest
//! stays as it is; that is what shrinking lives on.

use std::collections::BTreeMap;

use wasaga_core::definition::{CompensationPolicy, Saga, Tcc};
use wasaga_core::{Kind, Operation};

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it was drawn from, and what the engine's own chance follows from.
    pub seed: u64,
    /// What sagas are runs of.
    pub saga: Saga,
    /// What TCCs are runs of.
    pub tcc: Tcc,
    /// Elements of the array that fan-outs take from the input.
    pub lines: u32,
    /// Transactions, by when they are started.
    pub starts: Vec<Start>,
    /// Places for hosts. One that ends comes back.
    pub hosts: Vec<Host>,
    /// How hosts end: the n-th life in a place takes the n-th of that place.
    pub ends: Vec<HostEnd>,
    /// What the journal does wrong.
    pub faults: Vec<Fault>,
    /// Spans in which the journal does not answer, in milliseconds.
    pub outages: Vec<(u64, u64)>,
    /// How long the journal takes a host for living after it said so; none where the journal sees who lives.
    pub lease_ms: Option<u64>,
    /// Versions of the module that provides some of the steps and participants, by when each comes.
    pub versions: Vec<u64>,
    /// Spans in which modules cannot be had.
    pub gaps: Vec<Gap>,
    /// What guests do, call after call; what is not listed completes at once.
    pub scripts: BTreeMap<ScriptKey, Vec<Behaviour>>,
    /// What operators do.
    pub actions: Vec<Action>,
    /// What is done for what came to rest, one after the other.
    pub mends: Vec<Mend>,
}

/// A start of a transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// When.
    pub at_ms: u64,
    /// Of the saga or of the TCC.
    pub kind: Kind,
    /// Which host is asked first.
    pub place: usize,
    /// How it unwinds, where the start says so.
    pub policy: Option<CompensationPolicy>,
    /// The caller's key; starts with the same one are the same transaction.
    pub key: Option<u32>,
    /// How long the caller waits before it goes away.
    pub patience_ms: u64,
}

/// A place for hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Host {
    /// When the first begins.
    pub begins_ms: u64,
    /// How far its clock is ahead.
    pub skew_ms: u64,
    /// Transactions that it drives at once.
    pub in_flight_max: usize,
    /// How long it bears a journal that fails.
    pub patience_ms: u64,
    /// Whether its operator gives it the modules. One that is given none has those of the journal.
    pub brings_modules: bool,
}

/// A span in which modules cannot be had by a host that does not have them yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// From here, in milliseconds.
    pub from: u64,
    /// To here.
    pub to: u64,
    /// What is wrong.
    pub lack: Lack,
}

/// Why a module cannot be had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lack {
    /// The journal does not have it.
    Missing,
    /// It cannot be loaded.
    Broken,
}

/// How a host ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostEnd {
    /// In which place.
    pub place: usize,
    /// At what.
    pub when: When,
    /// How.
    pub how: How,
    /// How long the journal takes to find out.
    pub found_ms: u64,
    /// How long until another one begins there.
    pub back_ms: u64,
}

/// At what a host ends, counted from its beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// After this long.
    Time(u64),
    /// At its n-th append, before or after the records are there; it never sees the answer.
    Append {
        /// Which.
        nth: u64,
        /// Whether the records are there.
        written: bool,
    },
    /// At its n-th call, when the guest has been reached.
    Call {
        /// Which.
        nth: u64,
    },
}

/// How a host ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// It dies.
    Dies,
    /// It is taken for dead, and goes on for this long.
    Zombie(u64),
    /// It drains, with this patience.
    Drains(u64),
}

/// Something that the journal does wrong, once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Whether appends and creates are counted, or all else.
    pub class: Class,
    /// At which of them.
    pub nth: u64,
    /// What.
    pub kind: FaultKind,
}

/// Which operations of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Appends and creates.
    Write,
    /// All else.
    Other,
}

/// What a journal does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// Nothing is done, and an error answered.
    Fails,
    /// It is done later.
    Delays(u64),
    /// It is done, and answered later.
    AnswersLate(u64),
    /// It is done, and an error answered.
    LosesReply,
    /// An error is answered, and it is done later all the same. Writes only; else it fails.
    AppliesLate(u64),
}

/// Which script: the transaction by its place in the list, and the unit's operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScriptKey {
    /// Which start.
    pub start: usize,
    /// The step or participant.
    pub node: String,
    /// The item of a fan-out.
    pub item: Option<u32>,
    /// What is called.
    pub operation: Operation,
}

/// What a guest does with one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behaviour {
    /// What it answers.
    pub answer: Reply,
    /// How long it takes.
    pub takes_ms: u64,
    /// When the effect takes place, if there is one.
    pub effect: Effect,
}

/// What a guest answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply {
    /// It is done.
    Completes,
    /// No.
    Rejects,
    /// Not now.
    Retries(Option<u64>),
    /// It may have happened.
    Unknown,
    /// Accepted.
    Pends(u64),
    /// Nothing before the deadline.
    Silent,
}

/// When the effect of a call takes place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Not at all, unless the answer is that it is done.
    None,
    /// As soon as the call is made.
    First,
    /// So long after the call was made, whatever became of host and call.
    Later(u64),
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// When.
    pub at_ms: u64,
    /// Which start's transaction.
    pub start: usize,
    /// Which host is asked first.
    pub place: usize,
    /// What.
    pub what: Word,
    /// How long the operator waits before going away.
    pub patience_ms: u64,
}

/// An operator's word.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// Undo it.
    Cancel,
    /// Begin nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Take it out.
    Terminate,
    /// Try stuck compensations again.
    Retry(Option<String>),
    /// Give one up.
    Skip(String),
    /// Try one again with other arguments.
    Patch(String, Option<u32>),
    /// Tell how it stands.
    Report,
}

/// What is done for a transaction that came to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mend {
    /// A paused one goes on; a stuck one is tried again, all of it.
    Retry,
    /// Of a stuck one, one step is tried again.
    RetryOne,
    /// Of a stuck one, one step is given up.
    Skip,
    /// Of a stuck one, one step gets other arguments.
    Patch,
    /// It is taken out.
    Terminate,
}

impl Behaviour {
    /// What a guest does that has no script.
    pub const PLAIN: Self = Self { answer: Reply::Completes, takes_ms: 5, effect: Effect::First };
}

impl Scenario {
    /// How many things may go wrong: what shrinking makes small.
    pub fn size(&self) -> usize {
        let scripts: usize = self.scripts.values().map(Vec::len).sum();
        let lists = usize::from(self.lease_ms.is_some())
            + self.faults.len()
            + self.outages.len()
            + self.ends.len()
            + self.actions.len()
            + self.mends.len();
        lists
            + scripts
            + self.gaps.len()
            + self.versions.len()
            + (self.saga.steps.len() + self.tcc.participants.len()) * 4
            + self.starts.len() * 2
            + self.hosts.len() * 2
    }

    /// Whether modules cannot be had for this reason at this time.
    pub fn lacks(&self, lack: Lack, now_ms: u64) -> bool {
        self.gaps.iter().any(|gap| gap.lack == lack && (gap.from..gap.to).contains(&now_ms))
    }

    /// Virtual time after which nothing goes wrong any more.
    pub fn calm_ms(&self) -> u64 {
        let actions = self.actions.iter().map(|action| action.at_ms);
        let starts = self.starts.iter().map(|start| start.at_ms + 2_000);
        let outages = self.outages.iter().map(|outage| outage.1);
        let ends = self.ends.iter().map(|end| match end.when {
            When::Time(ms) => ms,
            When::Append { .. } | When::Call { .. } => 0,
        });
        let modules = self.gaps.iter().map(|gap| gap.to).chain(self.versions.iter().copied());
        actions.chain(starts).chain(outages).chain(ends).chain(modules).max().unwrap_or(0) + 1_000
    }
}
