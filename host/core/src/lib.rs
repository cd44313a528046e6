//! Decides what happens next in a transaction.
//!
//! A transaction is a fold over its records. From a state, an input and the time, this crate
//! answers a [`Decision`]: records to append, and the commands that may be performed once those
//! records are durable. Deliberately absent: IO, clocks, randomness, threads, wasm. Time, ids and
//! jitter are arguments, so the same inputs always give the same decisions (invariant I1).

#![no_std]

extern crate alloc;

mod arguments;
mod attempt;
mod binding;
mod blind;
mod bounds;
mod command;
mod commit;
mod common;
pub mod definition;
pub mod document;
mod id;
mod incoming;
mod json;
mod label;
mod message;
mod number;
mod outcome;
mod plan;
mod record;
mod report;
mod retold;
mod retry;
mod saga;
mod settling;
mod shown;
mod status;
mod stored;
mod summary;
mod tcc;
mod time;
mod transaction;
mod turn;
mod words;

pub use arguments::Arguments;
pub use binding::{Unbound, lookup};
pub use blind::terminate_blind;
pub use bounds::{RECORDS_MAX, TRANSACTION_BYTES_MAX, VARIABLES_BYTES_MAX};
pub use command::{Call, Command, Decision, NotDurable};
pub use commit::Commit;
pub use id::{Digest, Epoch, IdempotencyKey, InvalidId, Name, Origin, Seq, TransactionId};
pub use incoming::{Answer, Conditions, Moment, Refused, Scope, Start};
pub use json::{Headers, InvalidJson, Json, Variables};
pub use label::LABELS_MAX;
pub use message::{Message, MessageId, Reply, Taken, Word};
pub use outcome::{Failure, Forward, NotMade, Outcome, Published, UnknownCause, Usage, Writes};
pub use plan::{
    ATTEMPTS_MAX, CONCURRENCY_DEFAULT, Checked, Compensation, Defaults, ITEMS_MAX, Limits, MISTAKES_MAX, Mistake,
    Mistakes, NAME_CHARS_MAX, PARAMETERS_MAX, PARTICIPANTS_MAX, Participant, ParticipantIx, Plan, SCHEMA_BYTES_MAX,
    STEPS_MAX, Step, StepIx, TIME_MS_MAX, TccPlan, bad_name,
};
pub use record::{
    CallId, Cause, Created, Fact, IllegalRecord, LabelValue, LostCall, Operation, Operator, RECORD_VERSION, Record,
};
pub use report::{CauseReport, Decided, NodeReport, PhaseReached, Report, SettleReport, UndoReport, unit_name};
pub use retry::RetryPolicy;
pub use shown::Shown;
pub use status::{Kind, Status};
pub use stored::{APART_BYTES_MIN, NotWhole, Shared, StoredRecord};
pub use summary::{Summary, Wake};
pub use time::{Milliseconds, Timestamp};
pub use transaction::Transaction;
