//! A guest's exports, whichever of the contract's worlds it fits: sagas, TCCs or both. Found by name once
//! for a module; an instance looks up what it is called for, when it is called for it first.

use std::sync::Arc;

use wasmtime::component::{ComponentExportIndex, Instance, InstancePre};
use wasmtime::{Store, error::Context as _};

use crate::contract::{self, Cancel, Confirm, Said, Try, compensation, metadata, step, types};
use crate::state::State;

/// A module, ready to be instantiated.
pub(crate) struct Exports {
    pre: InstancePre<State>,
    metadata: metadata::GuestIndices,
    saga: Option<(step::GuestIndices, compensation::GuestIndices)>,
    participant: Option<Participant<ComponentExportIndex, ComponentExportIndex, ComponentExportIndex>>,
}

/// One instance.
pub(crate) struct Guest {
    exports: Arc<Exports>,
    instance: Instance,
    step: Option<step::Guest>,
    compensation: Option<compensation::Guest>,
    participant: Option<Participant<Try, Confirm, Cancel>>,
}

/// The three operations of a participant.
struct Participant<T, F, C> {
    attempt: T,
    confirm: F,
    cancel: C,
}

impl Exports {
    /// Finds the exports; that those which belong together are all there was seen to before.
    pub(crate) fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        let saga = step::GuestIndices::new(&pre).ok().zip(compensation::GuestIndices::new(&pre).ok());
        Ok(Self { metadata: metadata::GuestIndices::new(&pre)?, saga, participant: Participant::find(&pre), pre })
    }

    /// Makes an instance.
    pub(crate) async fn instantiate(self: &Arc<Self>, store: &mut Store<State>) -> wasmtime::Result<Guest> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        Ok(Guest { exports: self.clone(), instance, step: None, compensation: None, participant: None })
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

impl Participant<ComponentExportIndex, ComponentExportIndex, ComponentExportIndex> {
    fn find(pre: &InstancePre<State>) -> Option<Self> {
        let interface = contract::full(contract::OF_TCCS[0]);
        let component = pre.component();
        let interface = component.get_export_index(None, &interface)?;
        let find = |name| component.get_export_index(Some(&interface), name);
        Some(Self { attempt: find("try")?, confirm: find("confirm")?, cancel: find("cancel")? })
    }
}

impl Guest {
    pub(crate) fn metadata(&self, store: &mut Store<State>) -> wasmtime::Result<metadata::Guest> {
        self.exports.metadata.load(store, &self.instance)
    }

    pub(crate) fn step(&mut self, store: &mut Store<State>) -> wasmtime::Result<&step::Guest> {
        if self.step.is_none() {
            let (found, _) = self.exports.saga.as_ref().context("the guest does not export `step`")?;
            self.step = Some(found.load(store, &self.instance)?);
        }
        self.step.as_ref().context("it was loaded just now")
    }

    pub(crate) fn compensation(&mut self, store: &mut Store<State>) -> wasmtime::Result<&compensation::Guest> {
        if self.compensation.is_none() {
            let (_, found) = self.exports.saga.as_ref().context("the guest does not export `compensation`")?;
            self.compensation = Some(found.load(store, &self.instance)?);
        }
        self.compensation.as_ref().context("it was loaded just now")
    }

    fn participant(&mut self, store: &mut Store<State>) -> wasmtime::Result<&Participant<Try, Confirm, Cancel>> {
        if self.participant.is_none() {
            let found = self.exports.participant.as_ref().context("the guest does not export `participant`")?;
            self.participant = Some(Participant {
                attempt: self.instance.get_typed_func(&mut *store, found.attempt)?,
                confirm: self.instance.get_typed_func(&mut *store, found.confirm)?,
                cancel: self.instance.get_typed_func(&mut *store, found.cancel)?,
            });
        }
        self.participant.as_ref().context("it was loaded just now")
    }

    pub(crate) async fn call_try(
        &mut self,
        store: &mut Store<State>,
        call: types::Call,
        arguments: String,
    ) -> wasmtime::Result<Said> {
        let attempt = &self.participant(store)?.attempt;
        attempt.call_async(store, (call, arguments)).await.map(|(said,)| said)
    }

    pub(crate) async fn call_confirm(
        &mut self,
        store: &mut Store<State>,
        call: types::Call,
        arguments: String,
        tried: String,
    ) -> wasmtime::Result<Said> {
        let confirm = &self.participant(store)?.confirm;
        confirm.call_async(store, (call, arguments, tried)).await.map(|(said,)| said)
    }

    pub(crate) async fn call_cancel(
        &mut self,
        store: &mut Store<State>,
        call: types::Call,
        arguments: String,
        tried: types::Forward,
    ) -> wasmtime::Result<Said> {
        let cancel = &self.participant(store)?.cancel;
        cancel.call_async(store, (call, arguments, tried)).await.map(|(said,)| said)
    }

    /// Looks everything up: what does not fit the contract is told when the module is loaded.
    pub(crate) fn check(&mut self, store: &mut Store<State>) -> wasmtime::Result<()> {
        if self.exports.has_steps() {
            self.step(store)?;
            self.compensation(store)?;
        }
        if self.exports.has_participants() {
            self.participant(store)?;
        }
        Ok(())
    }
}
