//! The machine of one saga, as the frame of a turn sees it.

use alloc::{sync::Arc, vec::Vec};

use super::{
    state::State,
    unit::{How, Unit, UnitIx},
};
use crate::{
    attempt::Try,
    common::Common,
    id::{Digest, Name},
    outcome::{Failure, Forward},
    plan::{Limits, Plan},
    record::{IllegalRecord, Operation, Record},
    report::unit_name,
    retry::RetryPolicy,
    status::Status,
    time::Timestamp,
    turn::Machine,
};

/// One saga, live. Two are equal when their states are: the fold of the same records.
#[derive(Clone, Debug)]
pub(crate) struct Saga {
    pub(super) plan: Arc<Plan>,
    pub(super) state: State,
}

impl PartialEq for Saga {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Machine for Saga {
    type At = UnitIx;

    fn common(&self) -> &Common {
        &self.state.common
    }

    fn status(&self) -> Status {
        self.state.status()
    }

    fn definition(&self) -> &Name {
        &self.plan.name
    }

    fn evolve(&mut self, record: &Record) -> Result<(), IllegalRecord> {
        self.state.evolve(&self.plan, record)
    }

    fn is_forward(&self) -> bool {
        self.state.is_forward()
    }

    fn concurrency(&self) -> usize {
        self.plan.concurrency
    }

    fn name(&self, at: UnitIx) -> (&Name, Option<u32>) {
        (&self.plan.step(at.step).id, at.item)
    }

    fn find(&self, node: &str, item: Option<u32>) -> Option<UnitIx> {
        Some(UnitIx { step: self.plan.find(node)?, item }).filter(|at| self.state.unit(*at).is_some())
    }

    fn module(&self, at: UnitIx) -> Digest {
        self.state.common.created.module_of(self.plan.step(at.step).provider.as_ref())
    }

    fn trying(&self, at: UnitIx) -> Option<(Operation, &Try)> {
        self.state.unit(at)?.trying()
    }

    fn last_failure(&self, at: UnitIx, operation: Operation) -> Option<&Failure> {
        self.state.unit(at)?.tally_of(operation).failure.as_ref()
    }

    fn limits(&self, at: UnitIx, operation: Operation) -> &Limits {
        let step = self.plan.step(at.step);
        match (operation, &step.compensation) {
            (Operation::Compensate, Some(undo)) => &undo.limits,
            _ => &step.limits,
        }
    }

    /// Nothing new starts once the saga unwinds, and nothing of an at-most-once step after an unknown outcome.
    fn retry(&self, at: UnitIx, operation: Operation, unknown: bool) -> Option<RetryPolicy> {
        let step = self.plan.step(at.step);
        match operation {
            Operation::Run if self.state.is_unwinding() => None,
            Operation::Run if unknown && step.at_most_once => None,
            Operation::Run => Some(step.limits.retry),
            _ => Some(step.undo_retry(self.state.policy())),
        }
    }

    fn forward(&self, at: UnitIx, operation: Operation) -> Option<Forward> {
        if operation != Operation::Compensate {
            return None;
        }
        Some(match self.state.unit(at).and_then(Unit::ended).map(|ended| &ended.how) {
            Some(How::Completed(output)) => Forward::Completed(output.clone()),
            _ => Forward::Unknown,
        })
    }

    fn in_flight(&self) -> Vec<UnitIx> {
        let flying = |unit: &Unit| unit.trying().is_some_and(|(_, tried)| tried.due().is_none());
        self.state.units().filter(|(_, unit)| flying(unit)).map(|(at, _)| at).collect()
    }

    fn first_due(&self, now: Timestamp) -> Option<UnitIx> {
        self.state.index.first_due(now)
    }

    fn late(&self, now: Timestamp) -> Vec<UnitIx> {
        self.state.index.late(now)
    }

    fn due(&self) -> Option<Timestamp> {
        self.state.due()
    }

    fn not_undone(&self) -> Vec<Name> {
        let left = self.state.units().filter(|(_, unit)| unit.remains());
        left.map(|(at, _)| unit_name(&self.plan.step(at.step).id, at.item).into()).collect()
    }
}
