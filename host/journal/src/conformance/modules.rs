//! Clauses of the suite: modules, and how long they are kept.

use std::sync::Arc;

use wasaga_core::{Created as Creation, Digest, RECORD_VERSION, Seq, Status};

use super::{Suite, at, creation, id, with_status};
use crate::{Created, HostId};

fn module(text: &str) -> (Digest, Arc<[u8]>) {
    (Digest::of(text.as_bytes()), text.as_bytes().into())
}

impl Suite<'_> {
    async fn has(&self, digest: Digest) -> bool {
        self.journal.modules().get(digest).await.unwrap().is_some()
    }

    pub(super) async fn modules_are_kept(&self) {
        let (digest, bytes) = module("shop 1");
        assert!(!self.has(digest).await);
        for _ in 0..2 {
            self.journal.modules().put(&self.host, digest, bytes.clone()).await.unwrap();
        }
        let other = self.backend.open().await;
        assert_eq!(other.modules().get(digest).await.unwrap().as_deref(), Some(&*bytes));
        let (next, bytes) = module("shop 2");
        other.modules().put(&self.host, next, bytes).await.unwrap();
        for active in [digest, next] {
            self.journal.modules().activate(&"shop".into(), active).await.unwrap();
            assert_eq!(other.modules().active().await.unwrap(), [("shop".into(), active)]);
        }
    }

    /// C5: what a transaction names, a name stands for or a living host holds is not removed.
    pub(super) async fn modules_that_are_needed_stay(&self) {
        let other = self.backend.open().await;
        let bob = HostId("bob-3".into());
        other.join(&bob, RECORD_VERSION).await.unwrap();
        let (of, by, held) = (module("of"), module("by"), module("held"));
        for (digest, bytes) in [&of, &by, &held] {
            other.modules().put(&bob, *digest, bytes.clone()).await.unwrap();
        }
        self.journal.modules().put(&self.host, held.0, held.1.clone()).await.unwrap();
        let created = Creation { module: of.0, providers: [("by".into(), by.0)].into(), ..creation(400, None) };
        assert_eq!(self.journal.create(self.create_of(created)).await.unwrap(), Created::New(Seq(2)));
        other.leave(&bob).await.unwrap();
        while self.journal.prune(at(9), 1_000).await.unwrap().more {}
        assert!(self.has(of.0).await && self.has(by.0).await && self.has(held.0).await);
        self.append(id(400), 1, 2, with_status(Status::Completed, 5)).await.unwrap();
        while self.journal.prune(at(9), 1_000).await.unwrap().more {}
        assert!(!self.has(of.0).await && !self.has(by.0).await, "nothing needs them any more");
        assert!(self.has(held.0).await, "a living host holds it");
        self.journal.modules().let_go(&self.host, held.0).await.unwrap();
        self.journal.prune(at(9), 1_000).await.unwrap();
        assert!(!self.has(held.0).await);
    }
}
