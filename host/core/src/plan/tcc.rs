//! A TCC, validated: a [`TccPlan`] that exists is right. What is wrong with a definition is told at
//! once, each mistake with its place.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{
    index::ParticipantIx,
    limits::{Defaults, Limits, Mistakes},
    mistakes::Notes,
    sizes,
};
use crate::{
    definition::{self, Label, Parameter, Source, Tcc},
    id::Name,
    json::Json,
    record::Created,
    retry::RetryPolicy,
    shown::Shown,
    status::Kind,
    time::Milliseconds,
};

/// A TCC that is right.
#[derive(Debug)]
pub struct TccPlan {
    /// The TCC's name.
    pub name: Name,
    /// For people.
    pub description: String,
    /// JSON Schema of the start input.
    pub input_schema: Option<Json>,
    /// For the try phase.
    pub deadline: Option<Milliseconds>,
    /// Values of the start input by which its transactions are found.
    pub labels: Vec<Label>,
    /// What is allowed and yet likely to hurt, as sentences.
    pub warnings: Vec<String>,
    pub(crate) participants: Vec<Participant>,
    pub(crate) by_id: BTreeMap<Name, ParticipantIx>,
}

/// A participant that is right.
#[derive(Debug)]
pub struct Participant {
    /// Unique in the TCC.
    pub id: Name,
    /// For people.
    pub description: String,
    /// The module that has its operations, where it is another one.
    pub provider: Option<Name>,
    /// Tried and confirmed in rising order, cancelled in falling; equal ones together.
    pub order: u32,
    /// The transaction goes on without it when its try fails for good.
    pub optional: bool,
    /// What its three operations are called with, bound once.
    pub parameters: Vec<Parameter>,
    /// Of its try.
    pub try_limits: Limits,
    /// Of its confirm; the attempts are the host's budget at most.
    pub confirm_limits: Limits,
    /// Of its cancel, likewise.
    pub cancel_limits: Limits,
}

impl TccPlan {
    /// Checks a definition and resolves it.
    ///
    /// # Errors
    /// Everything that is wrong with it at once, each with its place.
    pub fn new(tcc: &Tcc, defaults: &Defaults) -> Result<Self, Mistakes> {
        check(tcc)?;
        let participants: Vec<Participant> = tcc.participants.iter().map(|p| Participant::new(p, defaults)).collect();
        Ok(Self {
            name: tcc.name.as_str().into(),
            description: tcc.description.clone(),
            input_schema: tcc.input_schema.clone(),
            deadline: tcc.deadline,
            labels: tcc.labels.clone(),
            warnings: warnings(tcc),
            by_id: participants.iter().enumerate().map(|(i, p)| (p.id.clone(), ParticipantIx(i))).collect(),
            participants,
        })
    }

    /// The participants, in the order of declaration.
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// A provider that the transaction has no module for.
    pub(crate) fn missing_provider(&self, created: &Created) -> Option<&Name> {
        let mut providers = self.participants.iter().filter_map(|participant| participant.provider.as_ref());
        providers.find(|name| !created.providers.contains_key(*name))
    }

    /// A participant by its index.
    pub fn participant(&self, ix: ParticipantIx) -> &Participant {
        &self.participants[ix.0]
    }

    /// A participant by its id.
    pub fn find(&self, id: &str) -> Option<ParticipantIx> {
        self.by_id.get(id).copied()
    }
}

impl Participant {
    fn new(participant: &definition::Participant, defaults: &Defaults) -> Self {
        Self {
            id: participant.id.as_str().into(),
            description: participant.description.clone(),
            provider: participant.provider.as_deref().map(Name::from),
            order: participant.order,
            optional: participant.optional,
            parameters: participant.parameters.clone(),
            try_limits: Limits::new(&participant.try_limits, defaults),
            confirm_limits: settling(&participant.confirm_limits, defaults),
            cancel_limits: settling(&participant.cancel_limits, defaults),
        }
    }
}

/// Limits of a confirm or a cancel: patience is the host's, unless the participant has less.
fn settling(asked: &definition::Limits, defaults: &Defaults) -> Limits {
    let retry = asked.retry.map_or(defaults.settle, |retry| retry.over(defaults.settle));
    let max_attempts = retry.max_attempts.min(defaults.settle.max_attempts);
    // The default total timeout is for tries; confirm and cancel have one only where the participant asks for it.
    let total_timeout = asked.total_timeout;
    Limits { retry: RetryPolicy { max_attempts, ..retry }, total_timeout, ..Limits::new(asked, defaults) }
}

fn check(tcc: &Tcc) -> Result<(), Mistakes> {
    let mut mistakes = Notes::new(Kind::Tcc, &tcc.name, tcc.input_schema.as_ref());
    sizes::tcc(tcc, &mut mistakes)?;
    let mut checker = Checker { tcc, mistakes };
    checker.whole();
    checker.mistakes.ids(tcc.participants.iter().map(|p| p.id.as_str()));
    for participant in &tcc.participants {
        checker.participant(participant);
    }
    checker.mistakes.none_or_all()
}

fn warnings(tcc: &Tcc) -> Vec<String> {
    if tcc.participants.iter().all(|p| p.optional) {
        return alloc::vec![format!(
            "tcc `{}`: every participant is optional, so it is confirmed also when all refuse (make one required)",
            tcc.name
        )];
    }
    Vec::new()
}

struct Checker<'a> {
    tcc: &'a Tcc,
    mistakes: Notes,
}

impl Checker<'_> {
    fn whole(&mut self) {
        self.mistakes.name_of_whole();
        self.mistakes.labels(&self.tcc.labels);
        if self.tcc.participants.is_empty() {
            self.mistakes.of_whole("has no participants (add at least one)");
        }
        if self.tcc.deadline == Some(0) {
            self.mistakes.of_whole("has a deadline of 0 ms, which has always passed (leave it out for none)");
        }
        self.mistakes.time(None, "has a deadline", self.tcc.deadline);
        self.mistakes.schema(self.tcc.input_schema.as_ref());
    }

    fn participant(&mut self, participant: &definition::Participant) {
        let id = &participant.id;
        if let Some(provider) = &participant.provider {
            self.mistakes.provider(id, provider);
        }
        self.mistakes.limits(id, "its try ", &participant.try_limits);
        self.mistakes.limits(id, "its confirm ", &participant.confirm_limits);
        self.mistakes.limits(id, "its cancel ", &participant.cancel_limits);
        for (i, parameter) in participant.parameters.iter().enumerate() {
            self.mistakes.parameter(id, &participant.parameters, i);
            self.source(participant, &format!("parameter `{}`", Shown(&parameter.name)), &parameter.source);
        }
    }

    fn source(&mut self, own: &definition::Participant, what: &str, source: &Source) {
        let id = &own.id;
        match source {
            Source::Input(pointer) => self.mistakes.input(id, what, pointer.as_deref()),
            Source::StepOutput { step, pointer } => {
                self.mistakes.pointer(id, what, pointer.as_deref());
                self.earlier(own, what, step);
            }
            Source::Variable(name) | Source::Header(name) => self.mistakes.named(id, what, name),
            Source::Literal(_) => {}
            Source::Item(_) => self.only_sagas(id, what, "an item of a fan-out"),
            Source::OwnOutput(_) => {
                let why = "is the participant's own output, which confirm and cancel are given without asking";
                self.mistakes.of_node(id, format!("{what} {why}"));
            }
            Source::CompensationOutput(_) => self.only_sagas(id, what, "a compensation's output"),
            Source::Cause => self.only_sagas(id, what, "the cause of an unwinding"),
        }
    }

    fn only_sagas(&mut self, id: &str, what: &str, source: &str) {
        self.mistakes.of_node(id, format!("{what} is {source}, which only a saga has"));
    }

    /// A binding to another participant's output needs that one to be tried before.
    fn earlier(&mut self, own: &definition::Participant, what: &str, named: &str) {
        let participants = &self.tcc.participants;
        let Some(other) = participants.iter().find(|p| p.id == named) else {
            let hint = self.mistakes.hint(named, participants.iter().map(|p| p.id.as_str()));
            let named = Shown(named);
            let wrong = format!("{what} is taken from `{named}`, which is not a participant{hint}");
            return self.mistakes.of_node(&own.id, wrong);
        };
        if other.id == own.id {
            self.mistakes.of_node(&own.id, format!("{what} is taken from the participant itself"));
        } else if other.order >= own.order {
            let (theirs, ours, named) = (other.order, own.order, Shown(named));
            self.mistakes.of_node(
                &own.id,
                format!(
                    "{what} is taken from `{named}` of order {theirs}, which is not tried before order {ours} \
                     (give `{named}` a lower order)"
                ),
            );
        }
    }
}
