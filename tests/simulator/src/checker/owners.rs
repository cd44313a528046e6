//! Who may append what, and when: epochs, places and owners, off the log of the journal (I3, I5).

use std::collections::{BTreeMap, BTreeSet};

use wasaga_core::{Fact, Record, TransactionId};
use wasaga_journal::Stored;

use super::book::Book;
use super::findings::Findings;
use crate::log::{Evidence, Life, What, Written};

#[derive(Default)]
struct Ownership {
    epoch: u64,
    /// Who claimed the current epoch.
    holder: Life,
    /// With how often it had joined.
    owner: Option<(Life, u64)>,
    seq: u64,
    ended: bool,
}

impl Ownership {
    fn append(&mut self, life: Life, written: &Written, found: &mut Findings) {
        let id = Some(written.id);
        if written.epoch.0 != self.epoch || life != self.holder {
            let (epoch, now, holder) = (written.epoch, self.epoch, self.holder);
            let what = format!("host {life} appends in epoch {epoch}, and host {holder} has epoch {now}");
            found.add("one-owner", id, what);
        }
        if written.expected.0 != self.seq {
            let what = format!("an append after record {} where there are {}", written.expected, self.seq);
            found.add("no-gaps", id, what);
        }
        if self.ended {
            found.add("ends", id, "something is appended after its end".into());
        }
        self.seq += written.records.len() as u64;
        self.ended |= written.records.iter().any(ends);
        if self.ended {
            self.owner = None;
        }
    }
}

pub(super) fn check(evidence: &Evidence, found: &mut Findings) {
    let mut all: BTreeMap<TransactionId, Ownership> = BTreeMap::new();
    let mut alive: BTreeMap<Life, u64> = BTreeMap::new();
    // How often they had joined when they were taken for dead.
    let mut gone: BTreeMap<Life, u64> = BTreeMap::new();
    let mut lapsed: BTreeSet<Life> = BTreeSet::new();
    // What a host had under a lease of before.
    let mut expired: BTreeSet<(Life, TransactionId)> = BTreeSet::new();
    let mut earlier: BTreeMap<Life, u64> = BTreeMap::new();
    for entry in &evidence.log {
        let under = match &entry.what {
            What::Claimed(life, ..) | What::Created(life, ..) => earlier.remove(life),
            _ => None,
        };
        let joined = |life: &Life| under.unwrap_or_else(|| alive.get(life).copied().unwrap_or_default());
        match &entry.what {
            What::Under(life, joined) => drop(earlier.insert(*life, *joined)),
            What::Joined(life) => {
                *alive.entry(*life).or_default() += 1;
                lapsed.remove(life);
            }
            What::Lost(life) | What::Left(life) => {
                // It may join anew, and is counted on.
                gone.insert(*life, alive.get(life).copied().unwrap_or_default());
                for one in all.values_mut().filter(|one| one.owner.is_some_and(|(owner, _)| owner == *life)) {
                    one.owner = None;
                }
            }
            What::Expired(life, joined) => {
                for (id, one) in all.iter_mut().filter(|(_, one)| one.owner == Some((*life, *joined))) {
                    one.owner = None;
                    expired.insert((*life, *id));
                }
            }
            What::Created(life, id, records) => {
                let ended = records.iter().any(ends);
                let (epoch, seq) = (wasaga_journal::FIRST_EPOCH.0, records.len() as u64);
                let owner = (!ended).then(|| (*life, joined(life)));
                if all.insert(*id, Ownership { epoch, holder: *life, owner, seq, ended }).is_some() {
                    found.add("no-gaps", Some(*id), "it is created twice".into());
                }
            }
            What::Claimed(life, id, epoch) => {
                expired.retain(|(_, expired)| expired != id);
                let one = all.entry(*id).or_default();
                if epoch.0 != one.epoch + 1 {
                    let what = format!("epoch {} is claimed after epoch {}", epoch, one.epoch);
                    found.add("one-owner", Some(*id), what);
                }
                let lives =
                    |(owner, joined): &(Life, u64)| owner != life && gone.get(owner).is_none_or(|gone| gone < joined);
                if let Some((owner, _)) = one.owner.filter(lives) {
                    let what = format!("host {life} is given what host {owner} has, which is alive");
                    found.add("one-owner", Some(*id), what);
                }
                (one.epoch, one.holder, one.owner) = (epoch.0, *life, Some((*life, joined(life))));
            }
            What::Released(_, id, epoch) => {
                if let Some(one) = all.get_mut(id).filter(|one| one.epoch == epoch.0) {
                    one.owner = None;
                }
            }
            What::Lapsed(life) => drop(lapsed.insert(*life)),
            What::Called(life, _, call) if lapsed.contains(life) || expired.contains(&(*life, call.transaction)) => {
                let what = format!("host {life} makes {}, and its lease has run out", call.id);
                found.add("leases", Some(call.transaction), what);
            }
            What::Appended(life, written) => all.entry(written.id).or_default().append(*life, written, found),
            _ => {}
        }
    }
}

fn ends(record: &Record) -> bool {
    matches!(
        record.fact,
        Fact::Finished | Fact::Compensated | Fact::Confirmed | Fact::Cancelled | Fact::Terminated { .. }
    )
}

/// What the journal has is what was appended, and its row tells how much that is.
pub(super) fn check_stored(stored: &Stored, book: &Book<'_>, found: &mut Findings) {
    let id = Some(book.id);
    if !stored.records.iter().eq(book.lines.iter().map(|line| line.record)) {
        found.add("no-gaps", id, "the journal has other records than those that were appended".into());
    }
    if stored.row.seq.0 != stored.records.len() as u64 {
        let what = format!("its row counts {} records, and there are {}", stored.row.seq, stored.records.len());
        found.add("no-gaps", id, what);
    }
    if stored.row.status.is_ended() && stored.row.owner.is_some() {
        found.add("one-owner", id, "it has ended and still has an owner".into());
    }
}
