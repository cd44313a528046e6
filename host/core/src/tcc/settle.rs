//! Carrying the verdict out: who is confirmed or cancelled when, and what follows when that fails for
//! good. Rule: semantics.md, "TCC". Which participants are to be settled is read off the state each time.

use alloc::vec::Vec;

use super::{
    machine::Tcc,
    state::{Phase, Verdict},
};
use crate::{
    attempt::Try,
    id::Name,
    outcome::Failure,
    plan::ParticipantIx,
    record::{Fact, Operation},
    settling::Stage,
    turn::Turn,
};

/// A participant that is to be settled, or was.
struct Due {
    ix: ParticipantIx,
    operation: Operation,
    order: u32,
    /// It was dropped: its cancel waits for nobody, and nobody waits for it.
    alone: bool,
    stage: Stage,
    /// The number of its next attempt.
    number: u32,
}

impl Turn<'_, '_, Tcc> {
    pub(super) fn settle(&mut self) {
        self.give_up_tries();
        self.give_up_late();
        self.start_due();
        if self.machine.tries(|operation, _| operation == Operation::Try).is_empty() {
            self.carry_out();
        }
    }

    /// No try is called once it is decided to cancel: one that waits for another attempt, or is polled,
    /// is left as it is. One in flight ends by its own deadline.
    fn give_up_tries(&mut self) {
        let waits = |operation, tried: &Try| operation == Operation::Try && !matches!(tried, Try::Started(_));
        for ix in self.machine.tries(waits) {
            self.give_up(ix, Failure::new("cancelling", "the TCC cancels, and nothing more is tried"));
        }
    }

    /// Cancels those that the transaction goes on without.
    pub(super) fn start_dropped(&mut self) {
        let dropped = self.to_settle().into_iter().filter(|one| one.alone).collect();
        self.start_ready(dropped);
    }

    fn carry_out(&mut self) {
        let Phase::Settling(verdict) = &self.machine.state.phase else { return };
        let confirm = *verdict == Verdict::Confirm;
        let all = self.to_settle();
        let open = all.iter().filter(|one| !one.alone && one.stage != Stage::Over).map(|one| one.order);
        let order = if confirm { open.min() } else { open.max() };
        let may: Vec<Due> = all.into_iter().filter(|one| one.alone || Some(one.order) == order).collect();
        let goes_on = may.iter().any(|one| matches!(one.stage, Stage::Ready | Stage::Trying));
        self.start_ready(may);
        if !goes_on {
            self.conclude(confirm);
        }
    }

    fn start_ready(&mut self, all: Vec<Due>) {
        for Due { ix, operation, stage, number, .. } in all {
            if stage == Stage::Ready && self.has_room() {
                self.start(ix, operation, number);
            }
        }
    }

    /// Nothing is under way and nothing may start: it is over, or stuck.
    fn conclude(&mut self, confirm: bool) {
        let all = self.to_settle();
        if all.iter().all(|one| one.stage == Stage::Over) {
            self.push(if confirm { Fact::Confirmed } else { Fact::Cancelled });
            return;
        }
        let stuck = all.iter().filter(|one| one.stage == Stage::Stuck);
        let nodes: Vec<Name> = stuck.map(|one| self.machine.plan.participant(one.ix).id.clone()).collect();
        self.push(Fact::Stuck { nodes });
        self.alarm();
    }

    /// Every participant whose try was started and which is to be settled, with how far that is.
    fn to_settle(&self) -> Vec<Due> {
        let (plan, state) = (&self.machine.plan, &self.machine.state);
        let one = |ix| {
            let settle = &state.unit(ix).ended()?.settle;
            let operation = state.settles_by(plan, ix)?;
            let (order, alone) = (plan.participant(ix).order, state.is_dropped(plan, ix));
            Some(Due { ix, operation, order, alone, stage: settle.stage(), number: settle.next_number() })
        };
        self.machine.all().filter_map(one).collect()
    }
}
