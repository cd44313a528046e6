//! Carrying the verdict out: who is confirmed or cancelled when, and what follows when that fails for
//! good. Rule: semantics.md, "TCC". Which participants are to be settled is read off the state each time.

use alloc::vec::Vec;

use super::{
    state::{Phase, Settle, Verdict},
    turn::Turn,
};
use crate::{
    attempt::Try,
    id::Name,
    outcome::Failure,
    plan::ParticipantIx,
    record::{Fact, Operation},
};

/// A participant that is to be settled, or was.
struct Settling {
    ix: ParticipantIx,
    operation: Operation,
    order: u32,
    /// It was dropped: its cancel waits for nobody, and nobody waits for it.
    alone: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Ready { attempt: u32 },
    Trying,
    Stuck,
    Over,
}

impl Turn<'_, '_> {
    pub(super) fn settle(&mut self) {
        self.give_up_tries();
        self.give_up_late();
        self.start_due();
        if self.tries(|operation, _| operation == Operation::Try).is_empty() {
            self.carry_out();
        }
    }

    /// No try is called once it is decided to cancel: one that waits for another attempt, or is polled,
    /// is left as it is. One in flight ends by its own deadline.
    fn give_up_tries(&mut self) {
        let waiting = self.tries(|operation, tried| operation == Operation::Try && !matches!(tried, Try::Started(_)));
        self.give_up(waiting, &Failure::new("cancelling", "the TCC cancels, and nothing more is tried"));
    }

    /// Cancels those that the transaction goes on without.
    pub(super) fn start_dropped(&mut self) {
        let dropped = self.settlings().into_iter().filter(|s| s.alone).collect();
        self.start_ready(dropped);
    }

    fn carry_out(&mut self) {
        let Phase::Settling(verdict) = &self.tcc.state.phase else { return };
        let confirm = *verdict == Verdict::Confirm;
        let settlings = self.settlings();
        let open = settlings.iter().filter(|s| !s.alone && s.stage != Stage::Over).map(|s| s.order);
        let order = if confirm { open.min() } else { open.max() };
        let may: Vec<Settling> = settlings.into_iter().filter(|s| s.alone || Some(s.order) == order).collect();
        let goes_on = may.iter().any(|s| matches!(s.stage, Stage::Ready { .. } | Stage::Trying));
        self.start_ready(may);
        if !goes_on {
            self.conclude(confirm);
        }
    }

    fn start_ready(&mut self, settlings: Vec<Settling>) {
        for Settling { ix, operation, stage, .. } in settlings {
            if let Stage::Ready { attempt } = stage
                && self.has_room()
            {
                self.start(ix, operation, attempt);
            }
        }
    }

    /// Nothing is under way and nothing may start: it is over, or stuck.
    fn conclude(&mut self, confirm: bool) {
        let settlings = self.settlings();
        if settlings.iter().all(|s| s.stage == Stage::Over) {
            self.push(if confirm { Fact::Confirmed } else { Fact::Cancelled });
            return;
        }
        let stuck = settlings.iter().filter(|s| s.stage == Stage::Stuck);
        let nodes: Vec<Name> = stuck.map(|s| self.tcc.plan.participant(s.ix).id.clone()).collect();
        self.push(Fact::Stuck { nodes });
        self.alarm();
    }

    /// Every participant whose try was started and which is to be settled, with how far that is.
    fn settlings(&self) -> Vec<Settling> {
        let (plan, state) = (&self.tcc.plan, &self.tcc.state);
        let one = |ix| {
            let ended = state.unit(ix).ended()?;
            let operation = state.settles_by(plan, ix)?;
            let stage = match &ended.settle {
                Settle::Idle => Stage::Ready { attempt: 1 },
                Settle::Again { before, .. } => Stage::Ready { attempt: before + 1 },
                Settle::Trying(_) => Stage::Trying,
                Settle::Stuck { .. } => Stage::Stuck,
                Settle::Done(_) | Settle::GivenUp => Stage::Over,
            };
            let (order, alone) = (plan.participant(ix).order, state.is_dropped(plan, ix));
            Some(Settling { ix, operation, order, alone, stage })
        };
        self.all().filter_map(one).collect()
    }
}
