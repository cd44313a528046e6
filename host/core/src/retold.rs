//! The result object of a transaction whose definition cannot be had: what its records alone tell. Deliberately absent:
//! what has not begun, for only the definition names it, and the output, which is that of the last steps.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    attempt::Tally,
    id::Name,
    json::Json,
    outcome::{Failure, Usage},
    record::{CallId, Fact, Operation, Record},
    report::{CauseReport, Decided, NodeReport, PhaseReached, Report, SettleReport, UndoReport, unit_name},
    status::Kind,
    summary::Summary,
};

/// One operation of a unit, as far as it is known.
#[derive(Default)]
struct Told {
    word: &'static str,
    tally: Tally,
    output: Option<Json>,
}

/// A step, an item or a participant.
struct Unit {
    node: Name,
    item: Option<u32>,
    forward: Told,
    /// Its compensation, confirm or cancel; the operation is that of its first call.
    settling: Option<(Operation, Told)>,
}

/// All units, in the order in which the records name them.
#[derive(Default)]
struct Units {
    list: Vec<Unit>,
    /// Whether it unwinds, or is cancelled: what ends then without an answer was left, and not used up.
    turned_back: bool,
    places: BTreeMap<(Name, Option<u32>), usize>,
}

impl Report {
    /// What the records of a transaction tell, without its definition; none where they do not begin as records do.
    pub fn of_records(records: &[Record]) -> Option<Self> {
        let (first, last) = (records.first()?, records.last()?);
        let Fact::Created(created) = &first.fact else { return None };
        let summary = Summary::of(records);
        let tcc = created.kind() == Kind::Tcc;
        let (mut units, mut cause, mut decision) = (Units::default(), None, None);
        for record in records {
            match &record.fact {
                Fact::Unwinding { cause: found } => {
                    (cause, units.turned_back) = (Some(CauseReport::of(found)), true);
                }
                Fact::Cancelling { cause: found } => {
                    units.turned_back = true;
                    (cause, decision) = (Some(CauseReport::of(found)), Some(Decided::Cancel));
                }
                Fact::Confirming => decision = Some(Decided::Confirm),
                fact => units.take(fact),
            }
        }
        let units = units.list;
        let phase = match decision {
            None => PhaseReached::Try,
            Some(Decided::Confirm) => PhaseReached::Confirm,
            Some(Decided::Cancel) => PhaseReached::Cancel,
        };
        let named = |fits: &dyn Fn(&Unit) -> bool| -> Vec<String> {
            units.iter().filter(|unit| fits(unit)).map(|unit| unit_name(&unit.node, unit.item)).collect()
        };
        let settled = |operation: Operation, word: &'static str| {
            named(&|unit| unit.settling.as_ref().is_some_and(|(of, told)| *of == operation && told.word == word))
        };
        let any = |word: &'static str| named(&|unit| unit.settling.as_ref().is_some_and(|(_, told)| told.word == word));
        Some(Self {
            transaction: created.transaction,
            kind: created.kind(),
            definition: created.definition.clone(),
            module: created.module,
            providers: created.providers.clone(),
            status: summary.status,
            paused: summary.paused,
            held: None,
            policy: created.policy,
            decision,
            phase: tcc.then_some(phase),
            key: created.key.clone(),
            cause,
            output: None,
            started: first.at.rfc3339(),
            ended: summary.ended.map(|ended| ended.rfc3339()),
            duration_us: last.at.since(first.at).as_micros() as u64,
            failed: named(&|unit| matches!(unit.forward.word, "rejected" | "used-up")),
            confirmed: settled(Operation::Confirm, "completed"),
            cancelled: settled(Operation::Cancel, "completed"),
            undone: settled(Operation::Compensate, "completed"),
            not_compensable: Vec::new(),
            given_up: any("given-up"),
            stuck: any("stuck"),
            nodes: units.iter().map(Unit::report).collect(),
        })
    }
}

impl Units {
    fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Started { call, .. } => {
                let told = self.of_call(call);
                (told.word, told.tally.attempts) = ("started", call.attempt);
            }
            Fact::Completed { call, output, usage, .. } => {
                let told = self.of_call(call);
                told.end(if call.operation == Operation::Try { "tried" } else { "completed" }, *usage, None);
                told.output = Some(output.clone());
            }
            Fact::Rejected { call, failure, usage, due } => {
                let last = if call.operation.is_forward() { "rejected" } else { "stuck" };
                self.of_call(call).end(if due.is_some() { "delayed" } else { last }, *usage, Some(failure));
            }
            Fact::Retryable { call, failure, usage, due } | Fact::Unknown { call, failure, usage, due, .. } => {
                let last = if call.operation.is_forward() { self.left() } else { "stuck" };
                self.of_call(call).end(if due.is_some() { "delayed" } else { last }, *usage, Some(failure));
            }
            Fact::Pending { call, usage, .. } => {
                let told = self.of_call(call);
                told.word = "polling";
                told.tally.add(*usage);
            }
            Fact::NotMade { call, .. } => self.of_call(call).word = "delayed",
            Fact::Skipped { node } => self.unit(node, None).forward.word = "skipped",
            Fact::Refused { node, item, failure } => {
                self.unit(node, *item).forward.end("rejected", Usage::default(), Some(failure));
            }
            Fact::GivenUp { node, item, failure } => {
                let left = self.left();
                let unit = self.unit(node, *item);
                let (told, word) = match &mut unit.settling {
                    Some((_, told)) => (told, "stuck"),
                    None => (&mut unit.forward, left),
                };
                told.tally.give_up(failure, told.word == "polling");
                told.word = word;
            }
            Fact::UndoRefused { node, item, failure } => {
                let unit = self.unit(node, *item);
                let (_, told) = unit.settling.get_or_insert_with(|| (Operation::Compensate, Told::default()));
                told.end("stuck", Usage::default(), Some(failure));
            }
            Fact::RetryRequested { node, item, .. } => self.again(node.as_ref(), *item, "waiting"),
            Fact::Patched { node, item, .. } => self.again(Some(node), *item, "waiting"),
            Fact::UndoSkipped { node, item, .. } => self.again(Some(node), *item, "given-up"),
            _ => {}
        }
    }

    /// How a forward operation ends that has no more attempts.
    fn left(&self) -> &'static str {
        if self.turned_back { "given-up" } else { "used-up" }
    }

    /// What is stuck goes on, or is given up, at a person's word.
    fn again(&mut self, node: Option<&Name>, item: Option<u32>, word: &'static str) {
        let meant =
            |unit: &&mut Unit| node.is_none_or(|node| *node == unit.node) && (item.is_none() || item == unit.item);
        for unit in self.list.iter_mut().filter(meant) {
            if let Some((_, told)) = unit.settling.as_mut().filter(|(_, told)| told.word == "stuck") {
                told.word = word;
            }
        }
    }

    fn unit(&mut self, node: &Name, item: Option<u32>) -> &mut Unit {
        let next = self.list.len();
        let place = *self.places.entry((node.clone(), item)).or_insert(next);
        if place == next {
            let forward = Told { word: "waiting", ..Told::default() };
            self.list.push(Unit { node: node.clone(), item, forward, settling: None });
        }
        &mut self.list[place]
    }

    fn of_call(&mut self, call: &CallId) -> &mut Told {
        let unit = self.unit(&call.node, call.item);
        if call.operation.is_forward() {
            return &mut unit.forward;
        }
        &mut unit.settling.get_or_insert_with(|| (call.operation, Told::default())).1
    }
}

impl Told {
    fn end(&mut self, word: &'static str, usage: Usage, failure: Option<&Failure>) {
        self.word = word;
        self.tally.add(usage);
        self.tally.failure = failure.cloned();
    }

    fn settled(&self) -> SettleReport {
        SettleReport {
            status: self.word.into(),
            attempts: self.tally.attempts,
            duration_us: self.tally.usage.duration_us,
            output: self.output.clone(),
            error: self.tally.failure.clone(),
        }
    }
}

impl Unit {
    fn report(&self) -> NodeReport {
        let Told { word, tally: Tally { attempts, usage, failure }, output } = &self.forward;
        let settled = |operation| {
            let of = self.settling.as_ref().filter(|(of, _)| *of == operation);
            of.map(|(_, told)| told.settled())
        };
        NodeReport {
            id: self.node.clone(),
            item: self.item,
            status: self.status(word),
            attempts: *attempts,
            duration_us: usage.duration_us,
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            output: output.clone(),
            error: failure.clone(),
            compensation: settled(Operation::Compensate).map(|told| UndoReport {
                name: format!("the compensation of {}", self.node),
                status: told.status,
                attempts: told.attempts,
                duration_us: told.duration_us,
                output: told.output,
                error: told.error,
            }),
            confirm: settled(Operation::Confirm),
            cancel: settled(Operation::Cancel),
            items: Vec::new(),
        }
    }

    fn status(&self, forward: &str) -> String {
        let Some((operation, told)) = &self.settling else { return forward.into() };
        match (operation, told.word) {
            (Operation::Compensate, "completed") => "undone".into(),
            (Operation::Confirm, "completed") => "confirmed".into(),
            (Operation::Cancel, "completed") => "cancelled".into(),
            (Operation::Compensate, word) => format!("undo-{word}"),
            (operation, word) => format!("{}-{word}", operation.as_str()),
        }
    }
}
