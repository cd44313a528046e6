//! The machine of one saga: the fold of its records, and what follows from them.
//!
//! A decision changes the machine at once. When its append fails, drop the machine and replay the journal: the
//! records are the truth, and the machine is only their fold.

mod evolve;
mod index;
mod machine;
mod operate;
mod outcome;
mod report;
mod sources;
mod state;
mod turn;
mod undo;
mod unit;

use alloc::{format, sync::Arc};

use crate::{
    command::Decision,
    id::Seq,
    incoming::{Moment, Start},
    plan::Plan,
    record::{Created, Fact, IllegalRecord, Record},
    report::{NodeReport, Report},
    status::Kind,
    turn::{Machine as _, Turn},
};
use state::State;

pub(crate) use machine::Saga;

impl Saga {
    /// Creates a transaction and starts what may start.
    pub(crate) fn create(plan: Arc<Plan>, start: Start, moment: &Moment<'_>) -> (Self, Decision) {
        let deadline = plan.deadline.map(|deadline| moment.now.after_ms(deadline));
        let policy = Some(start.policy.unwrap_or(plan.policy));
        let created = Arc::new(Created { policy, ..start.created(plan.name.clone(), deadline) });
        let record = Record { at: moment.now, fact: Fact::Created(created.clone()) };
        let mut saga = Self { state: State::created(&plan, &record, created), plan };
        let decision = Turn::first(&mut saga, moment, record);
        (saga, decision)
    }

    /// Folds stored records.
    ///
    /// # Errors
    /// The records are not those of a saga with this plan.
    pub(crate) fn replay(plan: Arc<Plan>, records: &[Record]) -> Result<Self, IllegalRecord> {
        let illegal = |what: &str| IllegalRecord { seq: Seq(1), what: what.into() };
        let (first, rest) = records.split_first().ok_or_else(|| illegal("there are no records"))?;
        let Fact::Created(created) = &first.fact else { return Err(illegal("it is not `created`")) };
        if created.definition != plan.name {
            return Err(illegal("it is of another definition"));
        }
        if created.kind() != Kind::Saga {
            return Err(illegal("it is of a TCC"));
        }
        if let Some(name) = plan.missing_provider(created) {
            return Err(illegal(&format!("it has no module for provider `{name}`")));
        }
        let mut state = State::created(&plan, first, created.clone());
        for record in rest {
            state.evolve(&plan, record)?;
        }
        Ok(Self { plan, state })
    }

    /// What there is to tell of one unit.
    pub(crate) fn unit_report(&self, node: &str, item: Option<u32>) -> Option<NodeReport> {
        let at = self.find(node, item)?;
        let unwound = self.state.cause().is_some();
        Some(NodeReport::of_unit(self.plan.step(at.step), item, self.state.unit(at)?, unwound))
    }

    /// All that there is to tell of it (semantics.md, "Result").
    pub(crate) fn report(&self) -> Report {
        Report::of_saga(&self.plan, &self.state)
    }
}
