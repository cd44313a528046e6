//! Clauses of the suite: who owns what, and what a claim gives.

use std::collections::BTreeSet;

use wasaga_core::{Epoch, RECORD_VERSION, Seq, Status, Summary, Wake};

use super::{Suite, at, held, id, now, rest, running, with_status};
use crate::{AppendError, Claim, ClaimError, Create, HostId};

impl Suite<'_> {
    pub(super) async fn living_owners_keep_what_they_have(&self) {
        let one = self.created(70).await;
        let other = self.backend.open().await;
        let bob = HostId("bob".into());
        other.join(&bob, RECORD_VERSION).await.unwrap();
        assert_eq!(self.claimed(&*other, &bob, 100).await, [], "all belong to a host that lives");
        let owned = other.claim_one(&bob, one).await.unwrap_err();
        assert!(matches!(&owned, ClaimError::Owned { owner, .. } if *owner == self.host), "{owned}");
        assert!(matches!(other.claim_one(&bob, id(997)).await, Err(ClaimError::Unknown(_))));
        self.journal.release(one, Epoch(7), rest(Wake::Now)).await.unwrap();
        assert!(other.claim_one(&bob, one).await.is_err(), "a release in another epoch is none");
        self.journal.release(one, Epoch(1), rest(Wake::Now)).await.unwrap();
        assert_eq!(self.claimed(&*other, &HostId("nobody".into()), 100).await, [], "who has not joined gets none");
        let claim = Claim { id: one, epoch: Epoch(2) };
        assert_eq!(self.claimed(&*other, &bob, 100).await, [claim]);
        other.leave(&bob).await.unwrap();
        assert_eq!(self.stored(one).await.row.owner, None);
        let again = self.claimed(&*self.journal, &self.host, 100).await;
        assert!(again.len() == 1 && again[0].id == one && again[0].epoch > claim.epoch, "{again:?}");
    }

    pub(super) async fn the_dead_are_succeeded(&self) {
        let other = self.backend.open().await;
        let eve = HostId("eve".into());
        other.join(&eve, RECORD_VERSION).await.unwrap();
        for number in 80..83 {
            other.create(Create { host: eve.clone(), ..self.create(number, None) }).await.unwrap();
        }
        assert_eq!(self.claimed(&*self.journal, &self.host, 100).await, []);
        self.backend.kill(other, &eve).await;
        let row = self.stored(id(80)).await.row;
        assert!(row.owner.is_none_or(|owner| !owner.alive), "lists tell that the owner is gone");
        let next = self.journal.claim_one(&self.host, id(81)).await.unwrap();
        assert!(next.epoch > Epoch(1));
        for number in [80, 82] {
            let claimed = self.claimed(&*self.journal, &self.host, 1).await;
            assert_eq!(claimed.iter().map(|claim| claim.id).collect::<Vec<_>>(), [id(number)], "the oldest first");
        }
        let late = self.append(id(80), 1, 2, running()).await.unwrap_err();
        assert!(matches!(late, AppendError::Fenced { .. }), "what the dead host sends late is refused");
    }

    /// C18: a host that never joined, or was taken for dead, creates and claims nothing.
    pub(super) async fn who_has_not_joined_owns_nothing(&self) {
        let nobody = HostId("nobody".into());
        let refused = self.journal.create(Create { host: nobody.clone(), ..self.create(84, None) }).await.unwrap_err();
        assert!(matches!(refused, AppendError::Fenced { .. }), "{refused}");
        assert!(self.journal.load(id(84)).await.unwrap().is_none());
        let one = self.created(85).await;
        self.journal.release(one, Epoch(1), rest(Wake::Now)).await.unwrap();
        let refused = self.journal.claim_one(&nobody, one).await.unwrap_err();
        assert!(matches!(&refused, ClaimError::NotJoined(host) if *host == nobody), "{refused}");
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await.len(), 1);
    }

    pub(super) async fn claims_leave_what_sleeps_and_what_has_ended(&self) {
        let (stuck, ended, paused) = (self.created(90).await, self.created(91).await, self.created(92).await);
        let (free, asleep) = (self.created(93).await, self.created(94).await);
        self.append(stuck, 1, 2, with_status(Status::Stuck, 0)).await.unwrap();
        self.append(ended, 1, 2, with_status(Status::Compensated, 500)).await.unwrap();
        let paused_running = Summary { paused: true, wake: Wake::Never, ..running() };
        self.append(paused, 1, 2, paused_running).await.unwrap();
        let later = Summary { wake: Wake::At(at(2_000_000)), ..running() };
        let mut append = super::append_of(asleep, (1, 2), vec![super::record(5)], later);
        append.release = true;
        self.journal.append(append).await.unwrap();
        assert_eq!(self.stored(asleep).await.row.owner, None, "it was let go with the write");
        for id in [stuck, paused] {
            self.journal.release(id, Epoch(1), rest(Wake::Never)).await.unwrap();
        }
        for id in [ended, free] {
            self.journal.release(id, Epoch(1), rest(Wake::Now)).await.unwrap();
        }
        let claimed = self.journal.claim_one(&self.host, ended).await;
        assert!(matches!(claimed, Err(ClaimError::Ended(id)) if id == ended), "{claimed:?}");
        assert_eq!(self.stored(ended).await.row.owner, None);
        let claims = self.journal.claim(&self.host, now(), 100).await.unwrap();
        assert_eq!(claims.taken, [Claim { id: free, epoch: Epoch(2) }]);
        assert_eq!(claims.next, Some(at(2_000_000)), "it tells when the next one wakes");
        assert_eq!(self.journal.claim(&self.host, at(2_000_000), 9).await.unwrap().taken.len(), 1);
        for id in [stuck, paused] {
            assert!(self.journal.claim_one(&self.host, id).await.unwrap().epoch > Epoch(1));
        }
    }

    pub(super) async fn claims_are_in_the_order_of_wake_times(&self) {
        for (number, wake) in [(110, 30), (111, 10), (112, 20)] {
            let one = self.created(number).await;
            self.journal.release(one, Epoch(1), rest(Wake::At(at(wake)))).await.unwrap();
        }
        let mut order = Vec::new();
        for _ in 0..3 {
            order.extend(self.claimed(&*self.journal, &self.host, 1).await.into_iter().map(|claim| claim.id.as_u128()));
        }
        assert_eq!(order, [111, 112, 110]);
    }

    pub(super) async fn two_that_claim_at_once_share(&self) {
        let other = self.backend.open().await;
        let bob = HostId("bob-2".into());
        other.join(&bob, RECORD_VERSION).await.unwrap();
        for number in 120..160 {
            let one = self.created(number).await;
            self.journal.release(one, Epoch(1), rest(Wake::Now)).await.unwrap();
        }
        let mut seen = BTreeSet::new();
        for _ in 0..8 {
            let ours = self.journal.claim(&self.host, now(), 5);
            let (ours, theirs) = tokio::join!(ours, other.claim(&bob, now(), 5));
            for claim in ours.unwrap().taken.into_iter().chain(theirs.unwrap().taken) {
                assert!(seen.insert(claim.id), "{} was given twice", claim.id);
            }
        }
        assert_eq!(seen.len(), 40);
        other.leave(&bob).await.unwrap();
        while !self.claimed(&*self.journal, &self.host, 64).await.is_empty() {}
    }

    /// I12: a host is given nothing that it cannot read, and does not wait for it either.
    pub(super) async fn later_records_are_left_to_later_hosts(&self) {
        let later = self.create(180, Some("of version 2"));
        self.journal.create(later).await.unwrap();
        let (later, plain) = (id(180), self.created(181).await);
        for one in [later, plain] {
            self.journal.release(one, Epoch(1), rest(Wake::Now)).await.unwrap();
        }
        assert_eq!((self.stored(later).await.row.version, self.stored(plain).await.row.version), (2, 1));
        let other = self.backend.open().await;
        let old = HostId("old".into());
        other.join(&old, 1).await.unwrap();
        let claims = other.claim(&old, now(), 9).await.unwrap();
        assert_eq!(claims.taken, [Claim { id: plain, epoch: Epoch(2) }]);
        assert_eq!(claims.next, None);
        let refused = other.claim_one(&old, later).await.unwrap_err();
        assert!(matches!(refused, ClaimError::Newer { id, version: 2 } if id == later), "{refused}");
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await, [Claim { id: later, epoch: Epoch(2) }]);
        other.leave(&old).await.unwrap();
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await.len(), 1);
    }

    pub(super) async fn what_is_held_wakes_with_its_module(&self) {
        let bytes: std::sync::Arc<[u8]> = b"late".to_vec().into();
        let digest = wasaga_core::Digest::of(&bytes);
        let one = self.created(170).await;
        let missing = crate::Held { cause: "module `late` is missing".into(), module: Some(digest) };
        self.journal.release(one, Epoch(1), crate::Rest { wake: Wake::Never, held: Some(missing) }).await.unwrap();
        let row = self.stored(one).await.row;
        assert_eq!((row.held.as_deref(), row.wake), (Some("module `late` is missing"), Wake::Never));
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await, []);
        self.journal.modules().put(&self.host, digest, bytes).await.unwrap();
        assert_eq!(self.claimed(&*self.journal, &self.host, 9).await, [Claim { id: one, epoch: Epoch(2) }]);
        // What goes on is held no longer.
        let append = super::append_of(one, (2, 2), vec![super::record(7)], running());
        assert_eq!(self.journal.append(append).await.unwrap(), Seq(3));
        assert_eq!(self.stored(one).await.row.held, None);
        self.journal.release(one, Epoch(2), held("waits")).await.unwrap();
    }
}
