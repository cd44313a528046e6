//! Every backend passes the suite.

use std::sync::Arc;

use async_trait::async_trait;
use wasaga_core::{Digest, Epoch, Status, Summary, TransactionId};
use wasaga_journal::conformance::{Backend, check};
use wasaga_journal::memory::Memory;
use wasaga_journal::sqlite::{Options, Sqlite, Synchronous};
use wasaga_journal::{Claim, Create, HostId, Journal};

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

/// What a host sent before its end may arrive after it, where the way to the journal is a network.
#[tokio::test]
async fn what_a_dead_host_creates_late_is_free() {
    let (journal, host, id) = (Memory::new(), HostId("ada".into()), TransactionId::from_u128(1));
    journal.join(&host).await.expect("memory does not fail");
    let digest = Digest::of(b"");
    let summary = Summary { status: Status::Running, paused: false, due: None, ended: None };
    let (definition, gone) = ("order".into(), HostId("gone".into()));
    let create = Create {
        id,
        definition,
        module: digest,
        providers: vec![],
        key: None,
        input: digest,
        host: gone,
        records: vec![],
        summary,
    };
    journal.create(create).await.expect("memory does not fail");
    let claims = journal.claim(&host, 9).await.expect("memory does not fail");
    assert_eq!(claims, [Claim { id, epoch: Epoch(2) }]);
}

#[tokio::test]
async fn sqlite() {
    check(&InFile(tempfile::tempdir().expect("a temporary directory can be made"))).await;
}
