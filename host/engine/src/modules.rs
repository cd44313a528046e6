//! The modules that transactions need: found, taken from the journal where a transaction is pinned to them, and
//! compared with what is asked of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasaga_core::{Checked, Digest, Name, Transaction, TransactionId};
use wasaga_journal::Stored;

use crate::Error;
use crate::definitions::Known;
use crate::engine::Inner;

impl Inner {
    /// A module that is loaded, or was kept in the journal; none where it is nowhere.
    pub(crate) async fn known(&self, digest: Digest) -> Result<Option<Arc<Known>>, Error> {
        if let Some(known) = self.definitions.find(digest) {
            return Ok(Some(known));
        }
        let Some(bytes) = self.journal.module(digest).await? else { return Ok(None) };
        let module = self.guests.load(bytes).await?;
        self.definitions.add(module, &self.defaults).map(Some)
    }

    /// The machine of a stored transaction.
    pub(crate) async fn replay(&self, stored: &Stored) -> Result<Transaction, Error> {
        let id = stored.row.id;
        let known = self.needed(id, stored.row.module).await?;
        let runnable = known
            .definition(&stored.row.definition)
            .map_err(|error| Error::ModuleBroken { id, source: Box::new(error) })?;
        let transaction = Transaction::replay(&runnable.plan, &stored.records);
        let transaction = transaction.map_err(|source| Error::Illegal { id, source })?;
        for provider in transaction.created().providers.values() {
            self.needed(id, *provider).await?;
        }
        Ok(transaction)
    }

    /// A module that a transaction is pinned to.
    async fn needed(&self, id: TransactionId, digest: Digest) -> Result<Arc<Known>, Error> {
        let known = self.known(digest).await.map_err(|error| match error {
            Error::Journal(error) => Error::Journal(error),
            other => Error::ModuleBroken { id, source: Box::new(other) },
        })?;
        known.ok_or(Error::ModuleMissing { id, digest })
    }

    /// The module for each provider of a definition: of that name, the one that was added last.
    ///
    /// # Errors
    /// [`Error::ProvidersMissing`]; [`Error::Mistakes`] where one does not offer what is asked of it.
    pub(crate) fn providers(&self, plan: &Checked, module: &str) -> Result<BTreeMap<Name, Digest>, Error> {
        let names = plan.providers();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found: BTreeMap<Name, Arc<Known>> =
            names.iter().filter_map(|name| Some(((*name).clone(), self.definitions.latest(name)?))).collect();
        let missing: Vec<String> =
            names.into_iter().filter(|name| !found.contains_key(*name)).map(|name| format!("`{name}`")).collect();
        if !missing.is_empty() {
            return Err(Error::ProvidersMissing { kind: plan.kind(), definition: plan.name().to_string(), missing });
        }
        let descriptions: Vec<_> = found.values().map(|known| &*known.module.description).collect();
        plan.check_providers(&descriptions).map_err(|mistakes| Error::Mistakes { module: module.into(), mistakes })?;
        Ok(found.into_iter().map(|(name, known)| (name, known.module.digest)).collect())
    }
}
