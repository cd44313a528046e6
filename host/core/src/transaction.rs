//! A transaction of either kind: two machines that share words, behind one door. A driver holds one of these, and the
//! machine inside decides what follows from an answer.

use alloc::vec::Vec;

use crate::{
    command::Decision,
    id::{Seq, TransactionId},
    incoming::{Answer, Moment, Refused, Start},
    json::Json,
    message::{Message, Word},
    outcome::NotMade,
    plan::Checked,
    record::{CallId, Created, IllegalRecord, Operator, Record},
    report::{NodeReport, Report},
    saga::Saga,
    summary::Summary,
    tcc::Tcc,
    time::Timestamp,
    turn::{Machine as _, Turn},
    words,
};

/// One run of one definition, live.
///
/// Methods come in three kinds: what comes from outside (`handle_*`, and the operators' words), each answering a
/// [`Decision`]; getters; and [`Transaction::create`] and [`Transaction::replay`], which make a machine. A decision
/// changes the machine at once. When its append fails, drop the machine and replay the journal: the records are the
/// truth, and the machine is only their fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction(Machine);

#[derive(Clone, Debug, PartialEq)]
enum Machine {
    Saga(Saga),
    Tcc(Tcc),
}

macro_rules! either {
    ($of:expr, $one:ident => $does:expr) => {
        match $of {
            Machine::Saga($one) => $does,
            Machine::Tcc($one) => $does,
        }
    };
}

impl Transaction {
    /// Creates a transaction and starts what may start.
    pub fn create(plan: &Checked, start: Start, moment: &Moment<'_>) -> (Self, Decision) {
        match plan {
            Checked::Saga(plan) => {
                let (saga, decision) = Saga::create(plan.clone(), start, moment);
                (Self(Machine::Saga(saga)), decision)
            }
            Checked::Tcc(plan) => {
                let (tcc, decision) = Tcc::create(plan.clone(), start, moment);
                (Self(Machine::Tcc(tcc)), decision)
            }
        }
    }

    /// Folds stored records. [`Transaction::recover`] must follow before anything else is asked of it, unless it is
    /// only to be looked at.
    ///
    /// # Errors
    /// The records are not those of a transaction with this plan.
    pub fn replay(plan: &Checked, records: &[Record]) -> Result<Self, IllegalRecord> {
        match plan {
            Checked::Saga(plan) => Saga::replay(plan.clone(), records).map(|saga| Self(Machine::Saga(saga))),
            Checked::Tcc(plan) => Tcc::replay(plan.clone(), records).map(|tcc| Self(Machine::Tcc(tcc))),
        }
    }

    /// Goes on after a replay: calls that were in flight are lost, their outcome unknown, and what may start starts.
    pub fn recover(&mut self, moment: &Moment<'_>) -> Decision {
        either!(&mut self.0, one => Turn::take(one, moment, Turn::lose_calls))
    }

    /// A decision that changes nothing: what carries the answer to a message that is refused.
    pub fn nothing(&mut self, moment: &Moment<'_>) -> Decision {
        either!(&mut self.0, one => Turn::new(one, moment).decision())
    }

    /// Takes the answer to a call. One to a call that is not in flight, late or double, changes nothing.
    pub fn handle_answer(&mut self, call: &CallId, answer: Answer, moment: &Moment<'_>) -> Decision {
        either!(&mut self.0, one => Turn::take(one, moment, |turn| turn.take_answer(call, Ok(answer))))
    }

    /// Takes what became of several calls at once, in one decision: answers, and calls that were not made.
    pub fn handle_answers(&mut self, answers: Vec<(CallId, Result<Answer, NotMade>)>, moment: &Moment<'_>) -> Decision {
        either!(&mut self.0, one => Turn::take(one, moment, |turn| {
            for (call, answer) in answers {
                turn.take_answer(&call, answer);
            }
        }))
    }

    /// Does what is due; to be called at or after the time that `due` names.
    pub fn handle_due(&mut self, moment: &Moment<'_>) -> Decision {
        either!(&mut self.0, one => Turn::take(one, moment, |_| {}))
    }

    /// Takes what is said to it from outside.
    ///
    /// # Errors
    /// The state does not allow it.
    pub fn hear(&mut self, message: Message, moment: &Moment<'_>) -> Result<Decision, Refused> {
        let Message::Word { by, word } = message;
        match word {
            Word::Cancel => self.cancel(by, moment),
            Word::Pause => self.pause(by, moment),
            Word::Resume => self.resume(by, moment),
            Word::Terminate => self.terminate(by, moment),
            Word::Retry { node } => self.retry(node.as_deref(), by, moment),
            Word::Skip { node } => self.skip(&node, by, moment),
            Word::Patch { node, item, arguments } => self.patch(&node, item, arguments, by, moment),
        }
    }

    /// Asks for it to be undone or cancelled.
    ///
    /// # Errors
    /// It is too late for that.
    pub fn cancel(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(&mut self.0, one => one.cancel(by, moment))
    }

    /// Starts nothing new until it is resumed.
    ///
    /// # Errors
    /// It is paused already, or has ended.
    pub fn pause(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(&mut self.0, one => words::pause(one, by, moment))
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// It is not paused, or has ended.
    pub fn resume(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(&mut self.0, one => words::resume(one, by, moment))
    }

    /// Takes it out of the machine as it stands.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(&mut self.0, one => words::terminate(one, by, moment))
    }

    /// Tries what is stuck again, all or one node.
    ///
    /// # Errors
    /// It is not stuck, or the node is not.
    pub fn retry(&mut self, node: Option<&str>, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(&mut self.0, one => one.retry(node, by, moment))
    }

    /// Gives a stuck node up.
    ///
    /// # Errors
    /// It is not stuck, or the node is not.
    pub fn skip(&mut self, node: &str, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(&mut self.0, one => one.skip(node, by, moment))
    }

    /// Tries a stuck node again with these arguments in place of the bound ones.
    ///
    /// # Errors
    /// It is not stuck, the node or item is not, or the arguments are no JSON object.
    pub fn patch(
        &mut self,
        node: &str,
        item: Option<u32>,
        arguments: Json,
        by: Operator,
        moment: &Moment<'_>,
    ) -> Result<Decision, Refused> {
        either!(&mut self.0, one => one.patch(node, item, arguments, by, moment))
    }

    /// The transaction.
    pub fn id(&self) -> TransactionId {
        either!(&self.0, one => one.common().created.transaction)
    }

    /// How many records it has, those of decisions under way included.
    pub fn seq(&self) -> Seq {
        either!(&self.0, one => one.common().seq)
    }

    /// Its first record.
    pub fn created(&self) -> &Created {
        either!(&self.0, one => &one.common().created)
    }

    /// Where it stands.
    pub fn summary(&self) -> Summary {
        either!(&self.0, one => one.summary())
    }

    /// When it must be asked again though nothing happens; none where it waits for a call or a person.
    pub fn due(&self) -> Option<Timestamp> {
        either!(&self.0, one => one.due())
    }

    /// Whether calls are in flight.
    pub fn is_calling(&self) -> bool {
        either!(&self.0, one => one.common().calling > 0)
    }

    /// What there is to tell of one step or participant, or of one item of a fan-out; of a fan-out as a whole there is
    /// nothing but its items.
    pub fn unit(&self, node: &str, item: Option<u32>) -> Option<NodeReport> {
        either!(&self.0, one => one.unit_report(node, item))
    }

    /// All that there is to tell of it.
    pub fn report(&self) -> Report {
        either!(&self.0, one => one.report())
    }
}
