//! The machine of one TCC: the fold of its records, and what follows from them.
//!
//! It is a saga's sibling and not a kind of saga: the words are the same (`turn`, `common`, `settling`), what they
//! lead to is not. A saga goes forward until something fails and then back; a TCC tries all, decides once, and carries
//! the decision out for as long as it takes.

mod evolve;
mod machine;
mod operate;
mod outcome;
mod report;
mod settle;
mod sources;
mod state;
mod turn;

use alloc::{format, sync::Arc};

use crate::{
    command::Decision,
    id::Seq,
    incoming::{Moment, Start},
    plan::TccPlan,
    record::{Created, Fact, IllegalRecord, Record},
    report::{NodeReport, Report},
    turn::{Machine as _, Turn},
};
use state::State;

pub(crate) use machine::Tcc;

impl Tcc {
    /// Creates a transaction, registers its participants and starts what may start. A TCC has no
    /// compensation policy; that of the start is not looked at.
    pub(crate) fn create(plan: Arc<TccPlan>, start: Start, moment: &Moment<'_>) -> (Self, Decision) {
        let deadline = plan.deadline.map(|deadline| moment.now.after_ms(deadline));
        let participants = plan.participants().iter().map(|participant| participant.id.clone()).collect();
        let created = Arc::new(Created { policy: None, participants, ..start.created(plan.name.clone(), deadline) });
        let record = Record { at: moment.now, fact: Fact::Created(created.clone()) };
        let mut tcc = Self { state: State::created(&record, created), plan };
        let decision = Turn::first(&mut tcc, moment, record);
        (tcc, decision)
    }

    /// Folds stored records.
    ///
    /// # Errors
    /// The records are not those of a TCC with this plan.
    pub(crate) fn replay(plan: Arc<TccPlan>, records: &[Record]) -> Result<Self, IllegalRecord> {
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
        let mut state = State::created(first, created.clone());
        for record in rest {
            state.evolve(&plan, record)?;
        }
        Ok(Self { plan, state })
    }

    /// What there is to tell of one participant.
    pub(crate) fn unit_report(&self, node: &str, item: Option<u32>) -> Option<NodeReport> {
        Some(NodeReport::of_participant(&self.plan, &self.state, self.find(node, item)?))
    }

    /// All that there is to tell of it (semantics.md, "Result").
    pub(crate) fn report(&self) -> Report {
        Report::of_tcc(&self.plan, &self.state)
    }
}
