//! One transaction's records with who wrote each, and its part of the guests' diary.

use wasaga_core::{Call, CallId, Epoch, Outcome, Record, TransactionId};

use crate::log::{Evidence, Life, What};

/// Records and calls of one transaction.
#[derive(Debug)]
pub(crate) struct Book<'a> {
    pub(crate) id: TransactionId,
    pub(crate) lines: Vec<Line<'a>>,
    pub(crate) calls: Vec<Made<'a>>,
}

/// A record, and how it came into the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) record: &'a Record,
    /// When, as a place in the log.
    pub(crate) order: usize,
    pub(crate) life: Life,
    pub(crate) epoch: Epoch,
}

/// An invocation of a guest.
#[derive(Debug)]
pub(crate) struct Made<'a> {
    pub(crate) order: usize,
    pub(crate) life: Life,
    pub(crate) call: &'a Call,
    /// When it answered its host, and what.
    pub(crate) answer: Option<(usize, &'a Outcome)>,
}

impl Made<'_> {
    pub(crate) fn id(&self) -> &CallId {
        &self.call.id
    }
}

impl<'a> Book<'a> {
    pub(crate) fn of(evidence: &'a Evidence, of: TransactionId) -> Self {
        let (mut lines, mut calls) = (Vec::new(), Vec::<Made<'a>>::new());
        let mut numbers = std::collections::BTreeMap::new();
        for (order, entry) in evidence.log.iter().enumerate() {
            match &entry.what {
                What::Created(life, id, records) if *id == of => {
                    let line = |record| Line { record, order, life: *life, epoch: wasaga_journal::FIRST_EPOCH };
                    lines.extend(records.iter().map(line));
                }
                What::Appended(life, written) if written.id == of => {
                    let line = |record| Line { record, order, life: *life, epoch: written.epoch };
                    lines.extend(written.records.iter().map(line));
                }
                What::Called(life, number, call) if call.transaction == of => {
                    numbers.insert(*number, calls.len());
                    calls.push(Made { order, life: *life, call, answer: None });
                }
                What::Answered(_, number, _, outcome) => {
                    if let Some(made) = numbers.get(number) {
                        calls[*made].answer = Some((order, outcome));
                    }
                }
                _ => {}
            }
        }
        Self { id: of, lines, calls }
    }
}
