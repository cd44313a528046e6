//! The machine of one TCC: the fold of its records, and what follows from them.
//!
//! It is a saga's sibling and not a kind of saga: the words are the same (`attempt`, `transaction`),
//! what they lead to is not. A saga goes forward until something fails and then back; a TCC tries all,
//! decides once, and carries the decision out for as long as it takes. Methods come in the same three
//! kinds as a saga's; a decision changes the machine at once, and when its append fails, drop the
//! machine and replay the journal.

mod evolve;
mod operate;
mod outcome;
mod report;
mod settle;
mod sources;
mod state;
mod turn;

use alloc::{format, sync::Arc, vec::Vec};

use crate::{
    command::{Answer, Decision, Moment},
    id::{Seq, TransactionId},
    outcome::NotMade,
    plan::TccPlan,
    record::{CallId, Created, Fact, Record},
    report::Report,
    summary::Summary,
    time::Timestamp,
    transaction::{IllegalRecord, Start},
};
use state::State;
use turn::Turn;

/// One TCC, live. Two are equal when their states are: the fold of the same records.
#[derive(Clone, Debug)]
pub struct Tcc {
    plan: Arc<TccPlan>,
    state: State,
}

impl PartialEq for Tcc {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Tcc {
    /// Creates a transaction, registers its participants and starts what may start. A TCC has no
    /// compensation policy; that of the start is not looked at.
    pub fn create(plan: Arc<TccPlan>, start: Start, moment: &Moment<'_>) -> (Self, Decision) {
        let created = Created {
            transaction: start.transaction,
            definition: plan.name.clone(),
            module: start.module,
            providers: start.providers,
            input: start.input,
            headers: start.headers,
            policy: None,
            participants: plan.participants().iter().map(|participant| participant.id.clone()).collect(),
            deadline: plan.deadline.map(|deadline| moment.now.after_ms(deadline)),
            namespace: start.namespace,
            key: start.key,
            module_name: start.module_name,
            generation: start.generation,
            labels: start.labels,
            class: start.class,
        };
        let mut tcc = Self { state: State::created(created.clone(), moment.now), plan };
        let record = Record { at: moment.now, fact: Fact::Created(created) };
        let mut turn = Turn::first(&mut tcc, moment, record);
        turn.advance();
        let decision = turn.decision();
        (tcc, decision)
    }

    /// Folds stored records. [`Tcc::recover`] must follow before anything else is asked of it, unless
    /// it is only to be looked at.
    ///
    /// # Errors
    /// The records are not those of a TCC with this plan.
    pub fn replay(plan: Arc<TccPlan>, records: &[Record]) -> Result<Self, IllegalRecord> {
        let illegal = |what: &str| IllegalRecord { seq: Seq(1), what: what.into() };
        let (first, rest) = records.split_first().ok_or_else(|| illegal("there are no records"))?;
        let Fact::Created(created) = &first.fact else { return Err(illegal("it is not `created`")) };
        if created.definition != plan.name {
            return Err(illegal("it is of another definition"));
        }
        if !created.participants.iter().eq(plan.participants().iter().map(|participant| &participant.id)) {
            return Err(illegal("the participants that it registers are not those of the TCC"));
        }
        if let Some(name) = plan.missing_provider(created) {
            return Err(illegal(&format!("it has no module for provider `{name}`")));
        }
        let mut state = State::created(created.clone(), first.at);
        for record in rest {
            state.evolve(&plan, record)?;
        }
        Ok(Self { plan, state })
    }

    /// Goes on after a replay: calls that were in flight are lost, their outcome unknown, and what
    /// may start starts.
    pub fn recover(&mut self, moment: &Moment<'_>) -> Decision {
        self.turn(moment, |turn| turn.lose_calls())
    }

    /// A decision that changes nothing: what carries the answer to a message that is refused.
    pub fn nothing(&mut self, moment: &Moment<'_>) -> Decision {
        Turn::new(self, moment).decision()
    }

    /// Takes the answer to a call. One to a call that is not in flight, late or double, changes nothing.
    pub fn handle_answer(&mut self, call: &CallId, answer: Answer, moment: &Moment<'_>) -> Decision {
        self.turn(moment, |turn| turn.answer(call, answer))
    }

    /// Takes what became of several calls at once, in one decision: answers, and calls that were not made.
    pub fn handle_answers(&mut self, answers: Vec<(CallId, Result<Answer, NotMade>)>, moment: &Moment<'_>) -> Decision {
        self.turn(moment, |turn| {
            for (call, answer) in answers {
                match answer {
                    Ok(answer) => turn.answer(&call, answer),
                    Err(why) => turn.not_made(&call, &why),
                }
            }
        })
    }

    /// Does what is due; to be called at or after the time that `due` names.
    pub fn handle_due(&mut self, moment: &Moment<'_>) -> Decision {
        self.turn(moment, |_| {})
    }

    fn turn(&mut self, moment: &Moment<'_>, first: impl FnOnce(&mut Turn<'_, '_>)) -> Decision {
        let mut turn = Turn::new(self, moment);
        if !turn.tcc.state.status().is_ended() {
            first(&mut turn);
            turn.advance();
        }
        turn.decision()
    }

    /// The transaction.
    pub fn id(&self) -> TransactionId {
        self.state.created.transaction
    }

    /// How many records it has, those of decisions under way included.
    pub fn seq(&self) -> Seq {
        self.state.seq
    }

    /// What it runs.
    pub fn plan(&self) -> &Arc<TccPlan> {
        &self.plan
    }

    /// Its first record.
    pub fn created(&self) -> &Created {
        &self.state.created
    }

    /// Where it stands.
    pub fn summary(&self) -> Summary {
        self.state.summary()
    }

    /// When it must be asked again though nothing happens; none where it waits for a call or a person.
    pub fn due(&self) -> Option<Timestamp> {
        self.state.due()
    }

    /// Whether calls are in flight.
    pub fn is_calling(&self) -> bool {
        self.state.calling > 0
    }

    /// All that there is to tell of it (semantics.md, "Result").
    pub fn report(&self) -> Report {
        Report::of_tcc(&self.plan, &self.state)
    }
}
