//! Every backend passes the suite.

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_journal::conformance::{Backend, check};
use wasaga_journal::memory::Memory;
use wasaga_journal::sqlite::{Options, Sqlite, Synchronous};
use wasaga_journal::{HostId, Journal};

struct InMemory(Memory);

#[async_trait]
impl Backend for InMemory {
    async fn open(&self) -> Arc<dyn Journal> {
        Arc::new(self.0.clone())
    }

    async fn kill(&self, _: Arc<dyn Journal>, host: &HostId) {
        self.0.lose(host);
    }
}

struct InFile(tempfile::TempDir);

#[async_trait]
impl Backend for InFile {
    async fn open(&self) -> Arc<dyn Journal> {
        let options = Options { path: self.0.path().join("journal.db"), synchronous: Synchronous::Full };
        Arc::new(Sqlite::open(options).await.expect("the directory is there"))
    }

    /// Closing lets the locks go without releasing anything, which is what a kill leaves behind.
    async fn kill(&self, journal: Arc<dyn Journal>, _: &HostId) {
        journal.close().await;
    }
}

#[tokio::test]
async fn memory() {
    check(&InMemory(Memory::new())).await;
}

#[tokio::test]
async fn sqlite() {
    check(&InFile(tempfile::tempdir().expect("a temporary directory can be made"))).await;
}
