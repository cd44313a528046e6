//! A transaction of either kind: two machines that share words, behind one door. Whoever drives
//! transactions holds one of these; what follows from an answer is the machine's affair.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};

use crate::{
    command::{Answer, Decision, Moment},
    definition::{self, CompensationPolicy},
    id::{Digest, Name, Seq, TransactionId},
    json::Json,
    label,
    message::{Message, Word},
    outcome::NotMade,
    plan::{self, Mistake, Plan, TccPlan},
    record::{CallId, Created, LabelValue, Operator, Record},
    report::Report,
    saga::Saga,
    status::Kind,
    summary::Summary,
    tcc::Tcc,
    time::{Milliseconds, Timestamp},
};

/// How a transaction starts.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its id, which must be new.
    pub transaction: TransactionId,
    /// The module that the plan is of.
    pub module: Digest,
    /// A module for each of [`Checked::providers`]; that it offers what is asked of it is the caller's
    /// affair ([`Checked::check_providers`]).
    pub providers: BTreeMap<Name, Digest>,
    /// The start input; that it fits the schema is the caller's affair.
    pub input: Json,
    /// Headers.
    pub headers: BTreeMap<Name, Arc<str>>,
    /// How it unwinds; none leaves it to the plan.
    pub policy: Option<CompensationPolicy>,
    /// Part of every idempotency key.
    pub namespace: Name,
    /// The caller's own key.
    pub key: Option<Name>,
    /// The name of the module that the plan is of.
    pub module_name: Option<Name>,
    /// How many transactions had the key before and were removed since.
    pub generation: u32,
    /// Values by which it is found.
    pub labels: BTreeMap<Name, LabelValue>,
    /// Its retention class.
    pub class: Option<Name>,
}

impl Start {
    /// A start with nothing but what is needed.
    pub fn new(transaction: TransactionId, module: Digest, namespace: Name, input: Json) -> Self {
        Self {
            transaction,
            module,
            providers: BTreeMap::new(),
            input,
            headers: BTreeMap::new(),
            policy: None,
            namespace,
            key: None,
            module_name: None,
            generation: 0,
            labels: BTreeMap::new(),
            class: None,
        }
    }
}

/// A record that does not fit the state before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} does not fit what stands before it: {what}")]
pub struct IllegalRecord {
    /// Which record.
    pub seq: Seq,
    /// Why not.
    pub what: String,
}

/// The state does not allow it; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// A definition that was checked and is right.
#[derive(Clone, Debug)]
pub enum Checked {
    /// A saga.
    Saga(Arc<Plan>),
    /// A TCC.
    Tcc(Arc<TccPlan>),
}

/// One run of one definition, live.
#[derive(Clone, Debug, PartialEq)]
pub enum Transaction {
    /// Of a saga.
    Saga(Saga),
    /// Of a TCC.
    Tcc(Tcc),
}

macro_rules! either {
    ($of:expr, $one:ident => $does:expr) => {
        match $of {
            Self::Saga($one) => $does,
            Self::Tcc($one) => $does,
        }
    };
}

impl Checked {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Saga(_) => Kind::Saga,
            Self::Tcc(_) => Kind::Tcc,
        }
    }

    /// The saga, where it is one.
    pub fn saga(&self) -> Option<&Arc<Plan>> {
        match self {
            Self::Saga(plan) => Some(plan),
            Self::Tcc(_) => None,
        }
    }

    /// The TCC, where it is one.
    pub fn tcc(&self) -> Option<&Arc<TccPlan>> {
        match self {
            Self::Tcc(plan) => Some(plan),
            Self::Saga(_) => None,
        }
    }

    /// The definition's name.
    pub fn name(&self) -> &Name {
        either!(self, plan => &plan.name)
    }

    /// For people.
    pub fn description(&self) -> &str {
        either!(self, plan => &plan.description)
    }

    /// JSON Schema of the start input.
    pub fn input_schema(&self) -> Option<&Json> {
        either!(self, plan => plan.input_schema.as_ref())
    }

    /// For a whole saga, or the try phase of a TCC.
    pub fn deadline(&self) -> Option<Milliseconds> {
        either!(self, plan => plan.deadline)
    }

    /// The ids of its steps or participants, in the order of declaration.
    pub fn nodes(&self) -> Vec<&Name> {
        match self {
            Self::Saga(plan) => plan.steps().iter().map(|step| &step.id).collect(),
            Self::Tcc(plan) => plan.participants().iter().map(|participant| &participant.id).collect(),
        }
    }

    /// The names of the other modules that provide its steps or participants.
    pub fn providers(&self) -> BTreeSet<&Name> {
        match self {
            Self::Saga(plan) => plan.steps().iter().filter_map(|step| step.provider.as_ref()).collect(),
            Self::Tcc(plan) => plan.participants().iter().filter_map(|one| one.provider.as_ref()).collect(),
        }
    }

    /// Compares what is asked of other modules with what these say of themselves.
    ///
    /// # Errors
    /// Everything that does not fit at once, each with its place. A module that is not given is not
    /// looked at.
    pub fn check_providers(&self, modules: &[&definition::Module]) -> Result<(), Vec<Mistake>> {
        plan::check_providers(self, modules)
    }

    /// The values of a start input by which its transaction is found.
    ///
    /// # Errors
    /// A value has not the type that its label says, as a sentence with its place. One that is not there is no label.
    pub fn labels(&self, input: &Json) -> Result<BTreeMap<Name, LabelValue>, String> {
        label::of(either!(self, plan => &plan.labels), input)
    }

    /// What is allowed and yet likely to hurt, as sentences.
    pub fn warnings(&self) -> &[String] {
        either!(self, plan => &plan.warnings)
    }
}

/// Each does what the machine's method of the same name does.
impl Transaction {
    /// Creates a transaction and starts what may start.
    pub fn create(plan: &Checked, start: Start, moment: &Moment<'_>) -> (Self, Decision) {
        match plan {
            Checked::Saga(plan) => {
                let (saga, decision) = Saga::create(plan.clone(), start, moment);
                (Self::Saga(saga), decision)
            }
            Checked::Tcc(plan) => {
                let (tcc, decision) = Tcc::create(plan.clone(), start, moment);
                (Self::Tcc(tcc), decision)
            }
        }
    }

    /// Folds stored records.
    ///
    /// # Errors
    /// The records are not those of a transaction with this plan.
    pub fn replay(plan: &Checked, records: &[Record]) -> Result<Self, IllegalRecord> {
        match plan {
            Checked::Saga(plan) => Saga::replay(plan.clone(), records).map(Self::Saga),
            Checked::Tcc(plan) => Tcc::replay(plan.clone(), records).map(Self::Tcc),
        }
    }

    /// Goes on after a replay.
    pub fn recover(&mut self, moment: &Moment<'_>) -> Decision {
        either!(self, one => one.recover(moment))
    }

    /// A decision that changes nothing: what carries the answer to a message that is refused.
    pub fn nothing(&mut self, moment: &Moment<'_>) -> Decision {
        either!(self, one => one.nothing(moment))
    }

    /// Takes the answer to a call.
    pub fn handle_answer(&mut self, call: &CallId, answer: Answer, moment: &Moment<'_>) -> Decision {
        either!(self, one => one.handle_answer(call, answer, moment))
    }

    /// Takes what became of several calls at once, in one decision: answers, and calls that were not made.
    pub fn handle_answers(&mut self, answers: Vec<(CallId, Result<Answer, NotMade>)>, moment: &Moment<'_>) -> Decision {
        either!(self, one => one.handle_answers(answers, moment))
    }

    /// Does what is due.
    pub fn handle_due(&mut self, moment: &Moment<'_>) -> Decision {
        either!(self, one => one.handle_due(moment))
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
        either!(self, one => one.cancel(by, moment))
    }

    /// Starts nothing new until it is resumed.
    ///
    /// # Errors
    /// It is paused already, or has ended.
    pub fn pause(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(self, one => one.pause(by, moment))
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// It is not paused, or has ended.
    pub fn resume(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(self, one => one.resume(by, moment))
    }

    /// Takes it out of the machine as it stands.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&mut self, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(self, one => one.terminate(by, moment))
    }

    /// Tries what is stuck again, all or one node.
    ///
    /// # Errors
    /// It is not stuck, or the node is not.
    pub fn retry(&mut self, node: Option<&str>, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(self, one => one.retry(node, by, moment))
    }

    /// Gives a stuck node up.
    ///
    /// # Errors
    /// It is not stuck, or the node is not.
    pub fn skip(&mut self, node: &str, by: Operator, moment: &Moment<'_>) -> Result<Decision, Refused> {
        either!(self, one => one.skip(node, by, moment))
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
        either!(self, one => one.patch(node, item, arguments, by, moment))
    }

    /// The transaction.
    pub fn id(&self) -> TransactionId {
        either!(self, one => one.id())
    }

    /// How many records it has, those of decisions under way included.
    pub fn seq(&self) -> Seq {
        either!(self, one => one.seq())
    }

    /// Its first record.
    pub fn created(&self) -> &Created {
        either!(self, one => one.created())
    }

    /// Where it stands.
    pub fn summary(&self) -> Summary {
        either!(self, one => one.summary())
    }

    /// When it must be asked again though nothing happens; none where it waits for a call or a person.
    pub fn due(&self) -> Option<Timestamp> {
        either!(self, one => one.due())
    }

    /// Whether calls are in flight.
    pub fn is_calling(&self) -> bool {
        either!(self, one => one.is_calling())
    }

    /// All that there is to tell of it.
    pub fn report(&self) -> Report {
        either!(self, one => one.report())
    }
}
