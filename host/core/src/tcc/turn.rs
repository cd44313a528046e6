//! What may start next while participants are tried. What follows once it is decided is in `settle`.

use super::{
    machine::Tcc,
    sources::View,
    state::{Phase, Progress},
};
use crate::{
    attempt::Attempt,
    incoming::Answer,
    outcome::Failure,
    plan::ParticipantIx,
    record::{CallId, Fact, Operation},
    turn::{Advance, Turn},
};

impl Advance for Tcc {
    fn advance(turn: &mut Turn<'_, '_, Self>) {
        if turn.machine.state.common.paused {
            return;
        }
        if turn.machine.state.phase == Phase::Trying {
            turn.try_all();
        }
        if matches!(turn.machine.state.phase, Phase::Settling(_)) {
            turn.settle();
        }
    }

    fn answer(turn: &mut Turn<'_, '_, Self>, at: ParticipantIx, attempt: &Attempt, call: CallId, answer: Answer) {
        turn.answer(at, attempt, call, answer);
    }

    /// A participant that is given up or lost is no trouble of its own.
    fn ended(_: &mut Turn<'_, '_, Self>, _: ParticipantIx) {}
}

impl Turn<'_, '_, Tcc> {
    /// The deadline goes before the decision to confirm: what was reserved until then may be gone.
    fn try_all(&mut self) {
        self.give_up_late();
        if let Some(cause) = self.cause_to_turn_back() {
            self.push(Fact::Cancelling { cause });
            return;
        }
        self.start_due();
        self.start_tries();
        let state = &self.machine.state;
        if let Some(cause) = state.common.failed.clone() {
            self.push(Fact::Cancelling { cause });
        } else if self.machine.all().all(|ix| state.is_passed(&self.machine.plan, ix)) {
            self.push(Fact::Confirming);
        } else {
            self.start_dropped();
        }
    }

    /// Tries those of the lowest order that is not passed, in the order of declaration. One that cannot
    /// be called may be dropped and make the next order ready, so this goes round until nothing changes.
    fn start_tries(&mut self) {
        let plan = self.machine.plan.clone();
        loop {
            let open = |ix: &ParticipantIx| !self.machine.state.is_passed(&plan, *ix);
            let lowest = self.machine.all().filter(open).map(|ix| plan.participant(ix).order).min();
            let Some(order) = lowest else { return };
            let before = self.written();
            for ix in self.machine.all().filter(|ix| plan.participant(*ix).order == order) {
                if !self.has_room() || self.machine.state.common.failed.is_some() {
                    return;
                }
                self.start_try(ix);
            }
            if self.written() == before {
                return;
            }
        }
    }

    fn start_try(&mut self, ix: ParticipantIx) {
        if self.machine.state.unit(ix).progress != Progress::Waiting {
            return;
        }
        match (View { plan: &self.machine.plan, state: &self.machine.state }).arguments(ix) {
            Err(why) => {
                let node = self.machine.plan.participant(ix).id.clone();
                self.push(Fact::Refused { node, item: None, failure: Failure::new("unbound", why.0) });
            }
            Ok(arguments) => {
                self.machine.state.common.bound = Some(arguments);
                self.start(ix, Operation::Try, 1);
            }
        }
    }
}
