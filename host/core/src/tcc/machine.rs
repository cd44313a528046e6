//! The machine of one TCC, as the frame of a turn sees it.

use alloc::{sync::Arc, vec::Vec};

use super::state::{Ended, How, Phase, State, Unit};
use crate::{
    attempt::Try,
    common::Common,
    id::{Digest, Name},
    outcome::{Failure, Forward},
    plan::{Limits, ParticipantIx, TccPlan},
    record::{IllegalRecord, Operation, Record},
    retry::RetryPolicy,
    status::Status,
    time::Timestamp,
    turn::Machine,
};

/// One TCC, live. Two are equal when their states are: the fold of the same records.
#[derive(Clone, Debug)]
pub(crate) struct Tcc {
    pub(super) plan: Arc<TccPlan>,
    pub(super) state: State,
}

impl PartialEq for Tcc {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Tcc {
    pub(super) fn all(&self) -> impl Iterator<Item = ParticipantIx> + use<> {
        (0..self.plan.participants().len()).map(ParticipantIx)
    }

    /// Participants with an operation under way that fits.
    pub(super) fn tries(&self, fits: impl Fn(Operation, &Try) -> bool) -> Vec<ParticipantIx> {
        let fits = |ix: &ParticipantIx| self.trying(*ix).is_some_and(|(operation, tried)| fits(operation, tried));
        self.all().filter(fits).collect()
    }
}

impl Machine for Tcc {
    type At = ParticipantIx;

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
        self.state.phase == Phase::Trying
    }

    fn concurrency(&self) -> usize {
        usize::MAX
    }

    fn name(&self, at: ParticipantIx) -> (&Name, Option<u32>) {
        (&self.plan.participant(at).id, None)
    }

    fn find(&self, node: &str, item: Option<u32>) -> Option<ParticipantIx> {
        self.plan.find(node).filter(|_| item.is_none())
    }

    fn module(&self, at: ParticipantIx) -> Digest {
        self.state.common.created.module_of(self.plan.participant(at).provider.as_ref())
    }

    fn trying(&self, at: ParticipantIx) -> Option<(Operation, &Try)> {
        self.state.trying(&self.plan, at)
    }

    fn last_failure(&self, at: ParticipantIx, operation: Operation) -> Option<&Failure> {
        self.state.unit(at).tally_of(operation).failure.as_ref()
    }

    fn limits(&self, at: ParticipantIx, operation: Operation) -> &Limits {
        let participant = self.plan.participant(at);
        match operation {
            Operation::Confirm => &participant.confirm_limits,
            Operation::Cancel => &participant.cancel_limits,
            // A TCC has no others.
            Operation::Try | Operation::Run | Operation::Compensate => &participant.try_limits,
        }
    }

    /// Nothing is tried again once it is decided to cancel.
    fn retry(&self, at: ParticipantIx, operation: Operation, _: bool) -> Option<RetryPolicy> {
        let again = !operation.is_forward() || self.is_forward();
        again.then(|| self.limits(at, operation).retry)
    }

    fn forward(&self, at: ParticipantIx, _: Operation) -> Option<Forward> {
        self.state.unit(at).ended().map(forward)
    }

    fn in_flight(&self) -> Vec<ParticipantIx> {
        self.tries(|_, tried| tried.due().is_none())
    }

    fn first_due(&self, now: Timestamp) -> Option<ParticipantIx> {
        let due = |ix: ParticipantIx| Some((self.state.unit(ix).trying()?.due()?, ix));
        self.all().filter_map(due).filter(|(due, _)| *due <= now).min().map(|(_, ix)| ix)
    }

    fn late(&self, now: Timestamp) -> Vec<ParticipantIx> {
        self.tries(|operation, tried| tried.end(self.deadline(operation)).is_some_and(|end| end.at <= now))
    }

    fn due(&self) -> Option<Timestamp> {
        self.state.due()
    }

    fn not_undone(&self) -> Vec<Name> {
        let named = self.plan.participants().iter().zip(&self.state.units);
        named.filter(|(_, unit): &(_, &Unit)| unit.remains()).map(|(of, _)| of.id.clone()).collect()
    }
}

/// What a confirm and a cancel are told of the try: nothing happened where every attempt was refused,
/// also for now.
fn forward(ended: &Ended) -> Forward {
    match &ended.how {
        How::Tried(output) => Forward::Completed(output.clone()),
        How::Rejected { failure, maybe_done: false }
        | How::UsedUp { failure, maybe_done: false }
        | How::GivenUp { failure, maybe_done: false } => Forward::Rejected(failure.clone()),
        How::Rejected { .. } | How::UsedUp { .. } | How::GivenUp { .. } => Forward::Unknown,
    }
}
