//! What happened in a run, in the order in which it happened: the trace, and all that the checker
//! is given. The place of an entry in the log is its time.

use std::fmt;

use wasaga_core::Report;
use wasaga_core::{Call, CallId, Digest, Epoch, Outcome, Record, Seq, TransactionId};
use wasaga_journal::Stored;

use crate::checker::Spread;

/// A life of a host: each beginning of one has its own number.
pub type Life = usize;

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Virtual time.
    pub at_us: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A host began, in a place.
    Began(Life, usize),
    /// It died, or was cut off for good.
    Died(Life),
    /// It begins to drain.
    Drains(Life),
    /// It gave up all it had.
    Left(Life),
    /// It joined the journal, for the first time or anew.
    Joined(Life),
    /// The journal takes for dead what it was before it joined anew; the number is that of the join before.
    Expired(Life, u64),
    /// Its lease has run out.
    Lapsed(Life),
    /// The journal takes it for dead.
    Lost(Life),
    /// The journal did something wrong.
    Fault(Life, String),
    /// A transaction was written down.
    Created(Life, TransactionId, Vec<Record>),
    /// Records were written down.
    Appended(Life, Written),
    /// An append was refused.
    Refused(Life, TransactionId, String),
    /// What it is given next, it has under the name of an earlier join: it asked before it joined anew.
    Under(Life, u64),
    /// A claim took place.
    Claimed(Life, TransactionId, Epoch),
    /// A release took place or changed nothing.
    Released(Life, TransactionId, Epoch),
    /// A host has made a module ready.
    Loaded(Life, Digest),
    /// A host was given a module by its operator.
    Added(Life, Digest),
    /// A guest was called; the number is that of this invocation.
    Called(Life, usize, Box<Call>),
    /// It answered its host.
    Answered(Life, usize, CallId, Outcome),
    /// An effect took place at the partner, or was passed over.
    Effect(usize, &'static str),
    /// A host is asked to start a transaction.
    Asked(usize),
    /// A start was answered.
    Started(usize, Result<(TransactionId, bool), String>),
    /// An operator was answered.
    Told(Told),
    /// Nothing goes wrong from here on.
    Calm,
}

/// Records that were written down.
#[derive(Clone, Debug)]
pub struct Written {
    /// Whose.
    pub id: TransactionId,
    /// In which epoch.
    pub epoch: Epoch,
    /// After how many.
    pub expected: Seq,
    /// Which.
    pub records: Vec<Record>,
}

/// What an operator was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The mark in the record's reason.
    pub why: String,
    /// What was asked.
    pub what: String,
    /// Of which.
    pub id: TransactionId,
    /// The answer.
    pub answer: Answered,
}

/// How an operator's word was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It is durable.
    Done,
    /// It was refused.
    Refused(String),
    /// Nobody knows: the host died, the journal failed, or the operator went away.
    Nobody(String),
}

/// All that a run leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The log.
    pub log: Vec<Entry>,
    /// What the journal has at the end.
    pub stored: Vec<Stored>,
    /// What the engine says of each transaction at the end.
    pub reports: Vec<Report>,
    /// Units whose effect the partner has at the end, with the start's number in front.
    pub present: Vec<(TransactionId, String, Option<u32>)>,
    /// Participants that the partner was told to confirm.
    pub confirmed: Vec<(TransactionId, String, Option<u32>)>,
    /// Promises of the run itself that were not kept, such as coming to rest in time.
    pub troubles: Vec<String>,
}

/// What a run had in it, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Runs.
    pub runs: u64,
    /// Transactions.
    pub transactions: u64,
    /// Calls of guests.
    pub calls: u64,
    /// Appends and creates that were written.
    pub appends: u64,
    /// What the journal did wrong.
    pub faults: u64,
    /// Hosts that died, or were taken for dead.
    pub deaths: u64,
    /// Words of operators.
    pub words: u64,
    /// Delays between attempts, where the checker measured them.
    pub spread: Spread,
}

impl Counts {
    /// Adds a run's.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.transactions += other.transactions;
        self.calls += other.calls;
        self.appends += other.appends;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.words += other.words;
        self.spread.add(&other.spread);
    }
}

impl Evidence {
    /// What was in it.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { runs: 1, transactions: self.stored.len() as u64, ..Counts::default() };
        for entry in &self.log {
            match &entry.what {
                What::Called(..) => counts.calls += 1,
                What::Created(..) | What::Appended(..) => counts.appends += 1,
                What::Fault(..) => counts.faults += 1,
                What::Lost(_) => counts.deaths += 1,
                What::Told(_) => counts.words += 1,
                _ => {}
            }
        }
        counts
    }

    /// The whole of it as text: two runs of one seed give the same.
    pub fn trace(&self) -> String {
        use fmt::Write as _;
        let mut text = String::new();
        for entry in &self.log {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{:>12} {:?}", entry.at_us, entry.what);
        }
        let _ = writeln!(text, "{:?}\n{:?}\n{:?}\n{:?}", self.stored, self.present, self.confirmed, self.troubles);
        text
    }
}
