//! Modules beside the transactions of a journal in memory.

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{Digest, Name};

use super::Memory;
use crate::{Error, HostId, Modules};

#[async_trait]
impl Modules for Memory {
    async fn put(&self, host: &HostId, digest: Digest, bytes: Arc<[u8]>) -> Result<(), Error> {
        let mut state = self.state()?;
        if state.hosts.contains_key(host) {
            state.holds.insert((host.clone(), digest));
        }
        state.modules.insert(digest, bytes);
        state.wake_for(digest);
        drop(state);
        self.news.notify_waiters();
        Ok(())
    }

    async fn get(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error> {
        // Bytes in memory are those that were put; there is nothing to compare.
        Ok(self.state()?.modules.get(&digest).cloned())
    }

    async fn activate(&self, name: &Name, digest: Digest) -> Result<(), Error> {
        self.state()?.active.insert(name.clone(), digest);
        Ok(())
    }

    async fn active(&self) -> Result<Vec<(Name, Digest)>, Error> {
        Ok(self.state()?.active.iter().map(|(name, digest)| (name.clone(), *digest)).collect())
    }

    async fn let_go(&self, host: &HostId, digest: Digest) -> Result<(), Error> {
        self.state()?.holds.remove(&(host.clone(), digest));
        Ok(())
    }
}
