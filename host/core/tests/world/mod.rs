//! A world for one transaction: virtual time, a journal in memory, and calls that the test answers by hand.
//! After every decision it folds the journal anew and compares: live and recovered are one path (I4).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::definition::{self, CompensationPolicy, Parameter, Source};
use wasaga_core::{
    Answer, Call, Checked, Command, Conditions, Decision, Defaults, Digest, Failure, Json, Moment, Operator, Outcome,
    Plan, Record, Refused, Report, RetryPolicy, Scope, Start, Status, Summary, TccPlan, Timestamp, Transaction,
    TransactionId, UnknownCause, Usage, Writes,
};

pub(crate) struct World {
    pub(crate) transaction: Transaction,
    pub(crate) plan: Checked,
    pub(crate) now: Timestamp,
    pub(crate) journal: Vec<Record>,
    pub(crate) calls: Vec<Call>,
    /// Every call that was ever asked for, as `charge run 2`.
    pub(crate) made: Vec<String>,
    pub(crate) alarms: usize,
    /// Whether the journal is folded anew after every decision.
    pub(crate) check: bool,
}

/// Conditions of tests: the name of a variable or a header that must be there, `yes`, `no`, or an error.
struct Words;

impl Conditions for Words {
    fn holds(&self, expression: &str, scope: &Scope<'_>) -> Result<bool, String> {
        match expression {
            "yes" => Ok(true),
            "no" => Ok(false),
            "broken" => Err("it is broken".into()),
            name => Ok(scope.variables.contains_key(name)),
        }
    }
}

pub(crate) fn moment(now: Timestamp) -> Moment<'static> {
    Moment { now, random: u64::MAX / 2, conditions: &Words, hold: false }
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) fn done(text: &str) -> Outcome {
    Outcome::Completed(json(text))
}

pub(crate) fn rejected(code: &str) -> Outcome {
    Outcome::Rejected(Failure::new(code, code))
}

pub(crate) fn retryable(code: &str) -> Outcome {
    Outcome::Retryable { failure: Failure::new(code, code), after: None }
}

pub(crate) fn unknown() -> Outcome {
    Outcome::Unknown { cause: UnknownCause::Deadline, failure: Failure::new("timed-out", "it ran late"), after: None }
}

pub(crate) fn operator() -> Operator {
    Operator { who: "ada".into(), why: "a test".into() }
}

/// A step whose compensation is called `undo-` and its id.
pub(crate) fn step(id: &str, depends_on: &[&str]) -> definition::Step {
    definition::Step {
        id: id.into(),
        depends_on: depends_on.iter().map(|d| (*d).into()).collect(),
        compensation: Some(definition::Compensation { name: format!("undo-{id}"), ..Default::default() }),
        ..Default::default()
    }
}

pub(crate) fn parameter(name: &str, source: Source, required: bool) -> Parameter {
    Parameter { name: name.into(), source, required, schema: None }
}

pub(crate) fn output_of(step: &str) -> Source {
    Source::StepOutput { step: step.into(), pointer: None }
}

pub(crate) fn attempts(max_attempts: u32) -> Option<definition::Retry> {
    Some(RetryPolicy { max_attempts, initial_delay: 1_000, max_delay: 30_000, multiplier: 2.0, jitter: 0.0 }.into())
}

pub(crate) fn saga(steps: Vec<definition::Step>) -> definition::Saga {
    definition::Saga { name: "order".into(), steps, ..Default::default() }
}

/// A participant of this order.
pub(crate) fn participant(id: &str, order: u32) -> definition::Participant {
    definition::Participant { id: id.into(), order, ..Default::default() }
}

/// One that the TCC goes on without.
pub(crate) fn optional(id: &str, order: u32) -> definition::Participant {
    definition::Participant { optional: true, ..participant(id, order) }
}

pub(crate) fn tcc(participants: Vec<definition::Participant>) -> definition::Tcc {
    definition::Tcc { name: "trip".into(), participants, ..Default::default() }
}

/// `a`, `b` and `c` together.
pub(crate) fn together() -> definition::Tcc {
    tcc(vec![participant("a", 1), participant("b", 1), participant("c", 1)])
}

/// `a`, then `b`, then `c`.
pub(crate) fn in_turn() -> definition::Tcc {
    tcc(vec![participant("a", 1), participant("b", 2), participant("c", 3)])
}

/// `a`, then `b`, then `c`.
pub(crate) fn chain() -> definition::Saga {
    saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["b"])])
}

/// `a`, then `b` and `c` side by side, then `d`.
pub(crate) fn diamond() -> definition::Saga {
    saga(vec![step("a", &[]), step("b", &["a"]), step("c", &["a"]), step("d", &["b", "c"])])
}

impl World {
    pub(crate) fn new(definition: &definition::Saga) -> Self {
        Self::with(definition, "{}", None)
    }

    pub(crate) fn with(definition: &definition::Saga, input: &str, policy: Option<CompensationPolicy>) -> Self {
        let plan = Arc::new(Plan::new(definition, &Defaults::default()).unwrap());
        Self::of(Checked::Saga(plan), input, policy)
    }

    pub(crate) fn tcc(definition: &definition::Tcc) -> Self {
        let plan = Arc::new(TccPlan::new(definition, &Defaults::default()).unwrap());
        Self::of(Checked::Tcc(plan), "{}", None)
    }

    fn of(plan: Checked, input: &str, policy: Option<CompensationPolicy>) -> Self {
        let (id, module) = (TransactionId::from_u128(7), Digest::of(b"module"));
        let headers = BTreeMap::from([("tenant".into(), "t1".into())]);
        let start = Start { headers, policy, ..Start::new(id, module, "test".into(), json(input)) };
        let now = Timestamp::from_unix_us(1_000_000_000);
        let (transaction, decision) = Transaction::create(&plan, start, &moment(now));
        let mut world =
            Self { transaction, plan, now, journal: vec![], calls: vec![], made: vec![], alarms: 0, check: true };
        world.perform(decision);
        world
    }

    /// A world in which a host finds these records.
    pub(crate) fn found(plan: &Checked, records: &[Record], now: Timestamp) -> Self {
        let transaction = Transaction::replay(plan, records).unwrap();
        let journal = records.to_vec();
        let mut world =
            Self { transaction, plan: plan.clone(), now, journal, calls: vec![], made: vec![], alarms: 0, check: true };
        let decision = world.transaction.recover(&moment(now));
        world.perform(decision);
        world
    }

    pub(crate) fn perform(&mut self, mut decision: Decision) {
        let commit = decision.take_commit();
        assert_eq!(commit.before.0 as usize, self.journal.len(), "a decision begins where the journal ends");
        let summary = commit.summary;
        self.journal.extend(commit.records);
        if self.check {
            let again = Transaction::replay(&self.plan, &through_text(&self.journal)).unwrap();
            assert!(again == self.transaction, "the fold of the journal is the live state");
            assert_eq!(again.summary(), summary);
            let told = Summary::of(&self.journal);
            assert_eq!((told.status, told.paused, told.ended), (summary.status, summary.paused, summary.ended));
            self.compare_retold(&again.report());
            self.compare_blind(again);
        }
        for command in decision.release(wasaga_core::Seq(self.journal.len() as u64)).unwrap() {
            match command {
                Command::Call(call) => {
                    self.made.push(call.id.to_string());
                    self.calls.push(Arc::unwrap_or_clone(call));
                }
                Command::Alarm => self.alarms += 1,
            }
        }
    }

    /// What the records alone tell is what the machine tells, as far as that does not follow from the definition.
    fn compare_retold(&self, live: &Report) {
        let retold = Report::of_records(&self.journal).expect("they begin as records do");
        assert_eq!((retold.status, retold.paused, &retold.cause), (live.status, live.paused, &live.cause));
        assert_eq!((retold.decision, &retold.started, &retold.ended), (live.decision, &live.started, &live.ended));
        let of_definition =
            ["waiting", "undo-waiting", "confirm-waiting", "cancel-waiting", "not-compensable", "unknown", "given-up"];
        let units = live
            .nodes
            .iter()
            .flat_map(|node| if node.items.is_empty() { std::slice::from_ref(node) } else { &node.items });
        for unit in units.filter(|unit| !of_definition.contains(&unit.status.as_str())) {
            let told = retold.nodes.iter().find(|told| told.name() == unit.name());
            let Some(told) = told else {
                assert!(unit.attempts == 0 && unit.status == "completed", "{unit:?} is an empty fan-out");
                continue;
            };
            assert_eq!((&told.status, told.attempts, &told.output), (&unit.status, unit.attempts, &unit.output));
            assert_eq!((&told.error, told.fuel, told.memory_bytes), (&unit.error, unit.fuel, unit.memory_bytes));
        }
    }

    /// What is told as not undone by the records alone is what the machine tells.
    fn compare_blind(&self, mut live: Transaction) {
        let blind = wasaga_core::terminate_blind(live.id(), &self.journal, operator(), self.now);
        let live = live.terminate(operator(), &moment(self.now));
        let not_undone = |record: Option<&Record>| match record.map(|record| &record.fact) {
            Some(wasaga_core::Fact::Terminated { not_undone, .. }) => {
                not_undone.iter().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>()
            }
            _ => panic!("it is not terminated"),
        };
        match (blind, live) {
            (Ok(blind), Ok(live)) => {
                let (blind, live) = (not_undone(blind.records.last()), not_undone(live.records().last()));
                assert_eq!(blind, live, "{:?}", self.journal);
            }
            (Err(_), Err(_)) => {}
            (blind, live) => panic!("{blind:?} {live:?}"),
        }
    }

    /// Calls in flight, as `charge run 2`.
    pub(crate) fn in_flight(&self) -> Vec<String> {
        self.calls.iter().map(|call| call.id.to_string()).collect()
    }

    /// The call of a unit that is in flight, such as `a` or `f[2]`.
    pub(crate) fn call(&self, unit: &str) -> &Call {
        let found = self.calls.iter().find(|call| call.id.to_string().split(' ').next() == Some(unit));
        found.unwrap_or_else(|| panic!("no call of {unit} is in flight; there are {:?}", self.in_flight()))
    }

    pub(crate) fn answer(&mut self, unit: &str, outcome: Outcome) -> &mut Self {
        self.answer_with(unit, outcome, Writes::default())
    }

    pub(crate) fn answer_with(&mut self, unit: &str, outcome: Outcome, writes: Writes) -> &mut Self {
        let call = self.call(unit).clone();
        self.calls.retain(|c| c.id != call.id);
        self.now = self.now.after_ms(1);
        let answer = Answer { outcome, writes, usage: Usage { duration_us: 1_000, fuel: 10, memory_bytes: 64 } };
        let decision = self.transaction.handle_answer(&call.id, answer, &moment(self.now));
        self.perform(decision);
        self
    }

    pub(crate) fn completes(&mut self, units: &[&str]) -> &mut Self {
        for unit in units {
            self.answer(unit, done(&format!("\"{unit}\"")));
        }
        self
    }

    /// Lets time pass until something is due; how long, in milliseconds.
    pub(crate) fn wait(&mut self) -> u64 {
        let due = self.transaction.due().expect("something is due");
        let waited = due.since(self.now).as_millis() as u64;
        self.now = self.now.max(due);
        let decision = self.transaction.handle_due(&moment(self.now));
        self.perform(decision);
        waited
    }

    pub(crate) fn pass_ms(&mut self, span: u64) -> &mut Self {
        self.now = self.now.after_ms(span);
        let decision = self.transaction.handle_due(&moment(self.now));
        self.perform(decision);
        self
    }

    /// The host dies, and another finds the journal.
    pub(crate) fn crash(&mut self) -> &mut Self {
        let again = Self::found(&self.plan, &through_text(&self.journal), self.now);
        let made = std::mem::take(&mut self.made);
        let alarms = self.alarms + again.alarms;
        *self = Self { made: [made, again.made.clone()].concat(), alarms, ..again };
        self
    }

    pub(crate) fn operate(
        &mut self,
        ask: impl FnOnce(&mut Transaction, Operator, &Moment<'_>) -> Result<Decision, Refused>,
    ) -> &mut Self {
        let decision = ask(&mut self.transaction, operator(), &moment(self.now)).unwrap();
        self.perform(decision);
        self
    }

    pub(crate) fn refused(
        &mut self,
        ask: impl FnOnce(&mut Transaction, Operator, &Moment<'_>) -> Result<Decision, Refused>,
    ) -> String {
        ask(&mut self.transaction, operator(), &moment(self.now)).unwrap_err().0
    }

    pub(crate) fn status(&self) -> Status {
        self.transaction.summary().status
    }

    pub(crate) fn report(&self) -> Report {
        self.transaction.report()
    }

    /// The status of a step, or of an item as `f[2]`.
    pub(crate) fn node(&self, unit: &str) -> String {
        let report = self.report();
        let units = report.nodes.iter().flat_map(|n| std::iter::once(n).chain(&n.items));
        let found = units.into_iter().find(|n| n.name() == unit).map(|n| n.status.clone());
        found.unwrap_or_else(|| panic!("{unit} is not in the report"))
    }

    /// Which compensations were called, in order: the units that they undo.
    pub(crate) fn undone_in_order(&self) -> Vec<&str> {
        self.made.iter().filter(|m| m.contains(" compensate ")).filter_map(|m| m.split(' ').next()).collect()
    }
}

/// Records as a journal gives them back.
fn through_text(records: &[Record]) -> Vec<Record> {
    let read = |record: &Record| {
        let text = serde_json::to_string(record).unwrap();
        let again: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(&again, record, "{text}");
        again
    };
    records.iter().map(read).collect()
}
