//! A guest's exports, whichever of the contract's worlds it fits: sagas, TCCs or both. Found by name once
//! for a module; an instance looks up what it is called for, when it is called for it first.

use std::sync::Arc;

use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc};
use wasmtime::{Store, error::Context as _};

use crate::contract::v0_1::{Cancel, Compensate, Confirm, Run, Try, metadata};
use crate::contract::{self, OF_SAGAS, OF_TCCS};
use crate::state::State;

/// A module, ready to be instantiated.
pub(crate) struct Exports {
    pre: InstancePre<State>,
    metadata: metadata::GuestIndices,
    saga: Option<[ComponentExportIndex; 2]>,
    participant: Option<[ComponentExportIndex; 3]>,
}

/// One instance.
pub(crate) struct Guest {
    exports: Arc<Exports>,
    instance: Instance,
    run: Option<Run>,
    compensate: Option<Compensate>,
    attempt: Option<Try>,
    confirm: Option<Confirm>,
    cancel: Option<Cancel>,
}

impl Exports {
    /// Finds the exports; that those which belong together are all there was seen to before.
    pub(crate) fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        let find = |interface: &str, name: &str| {
            let component = pre.component();
            let interface = component.get_export_index(None, contract::full(interface))?;
            component.get_export_index(Some(&interface), name)
        };
        let [step, compensation] = OF_SAGAS;
        let [participant] = OF_TCCS;
        let saga = find(step, "run").zip(find(compensation, "compensate")).map(|(run, undo)| [run, undo]);
        let participant =
            || Some([find(participant, "try")?, find(participant, "confirm")?, find(participant, "cancel")?]);
        Ok(Self { metadata: metadata::GuestIndices::new(&pre)?, saga, participant: participant(), pre })
    }

    /// Makes an instance.
    pub(crate) async fn instantiate(self: &Arc<Self>, store: &mut Store<State>) -> wasmtime::Result<Guest> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let (run, compensate, attempt, confirm, cancel) = (None, None, None, None, None);
        Ok(Guest { exports: self.clone(), instance, run, compensate, attempt, confirm, cancel })
    }

    /// Whether it offers what sagas need.
    pub(crate) fn has_steps(&self) -> bool {
        self.saga.is_some()
    }

    /// Whether it offers what TCCs need.
    pub(crate) fn has_participants(&self) -> bool {
        self.participant.is_some()
    }
}

impl Guest {
    pub(crate) fn metadata(&self, store: &mut Store<State>) -> wasmtime::Result<metadata::Guest> {
        self.exports.metadata.load(store, &self.instance)
    }

    pub(crate) fn run(&mut self, store: &mut Store<State>) -> wasmtime::Result<Run> {
        let [run, _] = self.exports.saga.context("the guest does not export `step`")?;
        found(&mut self.run, &self.instance, store, run)
    }

    pub(crate) fn compensate(&mut self, store: &mut Store<State>) -> wasmtime::Result<Compensate> {
        let [_, compensate] = self.exports.saga.context("the guest does not export `compensation`")?;
        found(&mut self.compensate, &self.instance, store, compensate)
    }

    pub(crate) fn attempt(&mut self, store: &mut Store<State>) -> wasmtime::Result<Try> {
        let [attempt, _, _] = self.exports.participant.context(NO_PARTICIPANT)?;
        found(&mut self.attempt, &self.instance, store, attempt)
    }

    pub(crate) fn confirm(&mut self, store: &mut Store<State>) -> wasmtime::Result<Confirm> {
        let [_, confirm, _] = self.exports.participant.context(NO_PARTICIPANT)?;
        found(&mut self.confirm, &self.instance, store, confirm)
    }

    pub(crate) fn cancel(&mut self, store: &mut Store<State>) -> wasmtime::Result<Cancel> {
        let [_, _, cancel] = self.exports.participant.context(NO_PARTICIPANT)?;
        found(&mut self.cancel, &self.instance, store, cancel)
    }

    /// Looks everything up: what does not fit the contract is told when the module is loaded.
    pub(crate) fn check(&mut self, store: &mut Store<State>) -> wasmtime::Result<()> {
        if self.exports.has_steps() {
            self.run(store)?;
            self.compensate(store)?;
        }
        if self.exports.has_participants() {
            self.attempt(store)?;
            self.confirm(store)?;
            self.cancel(store)?;
        }
        Ok(())
    }
}

const NO_PARTICIPANT: &str = "the guest does not export `participant`";

/// What was found before, or what is found now: comparing the types takes longer than a call.
fn found<P, R>(
    known: &mut Option<TypedFunc<P, R>>,
    instance: &Instance,
    store: &mut Store<State>,
    index: ComponentExportIndex,
) -> wasmtime::Result<TypedFunc<P, R>>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    match known {
        Some(known) => Ok(*known),
        None => instance.get_typed_func(&mut *store, index).map(|func| *known.insert(func)),
    }
}
