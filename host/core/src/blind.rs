//! Ending a transaction whose definition cannot be had: from its records alone. Deliberately absent: everything else
//! that needs the definition.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use crate::{
    commit::Commit,
    id::{Name, Seq, TransactionId},
    incoming::Refused,
    record::{Fact, Operation, Operator, Record},
    report::unit_name,
    status::{Kind, Status},
    summary::{Summary, Wake},
    time::Timestamp,
};

/// Takes a transaction out of the machine as it stands, by its records alone. What was not undone are the steps
/// and participants that are or may be done, and that nothing has undone or settled.
///
/// # Errors
/// It has ended.
pub fn terminate_blind(
    transaction: TransactionId,
    records: &[Record],
    by: Operator,
    now: Timestamp,
) -> Result<Commit, Refused> {
    let before = Summary::of(records);
    if before.status.is_ended() {
        return Err(Refused(alloc::format!("it has ended as {}", before.status)));
    }
    let record = Record { at: now, fact: Fact::Terminated { by, not_undone: not_undone(records) } };
    let summary =
        Summary { status: Status::Terminated, paused: before.paused, wake: Wake::Never, held: None, ended: Some(now) };
    Ok(Commit { transaction, before: Seq(records.len() as u64), records: vec![record], taken: Vec::new(), summary })
}

/// What is known of one step, item or participant.
#[derive(Default)]
struct Unit {
    /// A forward call that has no outcome, or was accepted.
    in_flight: bool,
    /// It was accepted.
    pending: bool,
    /// It is done, or may be.
    maybe_done: bool,
    /// It was tried to no end: a participant is cancelled then, whatever its try came to.
    tried: bool,
    /// It is undone, confirmed or cancelled.
    over: bool,
}

fn not_undone(records: &[Record]) -> Vec<Name> {
    let mut units: BTreeMap<(&Name, Option<u32>), Unit> = BTreeMap::new();
    let tcc = records.iter().any(|record| matches!(&record.fact, Fact::Created(of) if of.kind() == Kind::Tcc));
    for record in records {
        if let Fact::GivenUp { node, item, .. } = &record.fact
            && tcc
        {
            units.entry((node, *item)).or_default().tried = true;
        }
        let (Fact::Started { call, .. }
        | Fact::Completed { call, .. }
        | Fact::Rejected { call, .. }
        | Fact::Retryable { call, .. }
        | Fact::Unknown { call, .. }
        | Fact::Pending { call, .. }
        | Fact::NotMade { call, .. }) = &record.fact
        else {
            continue;
        };
        let unit = units.entry((&call.node, call.item)).or_default();
        let forward = matches!(call.operation, Operation::Run | Operation::Try);
        if forward && !matches!(record.fact, Fact::Started { .. } | Fact::NotMade { .. }) {
            unit.pending = matches!(record.fact, Fact::Pending { .. });
        }
        match &record.fact {
            Fact::Completed { .. } if !forward => unit.over = true,
            _ if !forward => {}
            Fact::Started { .. } => unit.in_flight = true,
            Fact::Completed { .. } | Fact::Unknown { .. } => (unit.in_flight, unit.maybe_done) = (false, true),
            // An accepted call may be done, until it answers that nothing is.
            Fact::Pending { .. } => unit.in_flight = true,
            Fact::Rejected { .. } | Fact::Retryable { due: None, .. } => (unit.in_flight, unit.tried) = (false, tcc),
            Fact::NotMade { .. } => unit.in_flight = unit.pending,
            _ => unit.in_flight = false,
        }
    }
    let open = units.into_iter().filter(|(_, unit)| (unit.maybe_done || unit.in_flight || unit.tried) && !unit.over);
    open.map(|((node, item), _)| unit_name(node, item).into()).collect()
}
