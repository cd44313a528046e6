//! Rows made again from records: the records are the truth, and rows are only their summaries (invariant I3).

use rusqlite::Connection;
use wasaga_core::{Fact, Record, Seq, Summary, TransactionId};

use super::batch::{keep_labels, keep_uses};
use super::column::{time, wake};
use super::keys::{self, Key};
use super::rows::Outcome;
use crate::read_records;

/// Makes rows for records that have none; answers for how many transactions.
pub(super) fn rebuild(connection: &Connection) -> Outcome<usize> {
    let mut query = connection.prepare(
        "SELECT number, seq, version, records FROM records \
         WHERE number NOT IN (SELECT number FROM progress) ORDER BY number, seq",
    )?;
    let mut rows = query.query(())?;
    let mut transactions: Vec<(i64, Vec<Record>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
        let version = u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX);
        let unknown = TransactionId::from_u128(0);
        let records = match read_records(unknown, Seq(seq as u64), version, row.get_ref(3)?.as_str()?) {
            Ok(records) => records,
            Err(error) => return Ok(Err(error)),
        };
        match transactions.last_mut() {
            Some((last, known)) if *last == number => known.extend(records),
            _ => transactions.push((number, records)),
        }
    }
    for (number, records) in &transactions {
        insert(connection, *number, records)?;
    }
    Ok(Ok(transactions.len()))
}

/// The row says what the records say. The epoch is above any that was given before, for those are
/// lost; nobody owns it, so that a host takes it up.
fn insert(connection: &Connection, number: i64, records: &[Record]) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
    let Fact::Created(created) = &first.fact else { return Ok(()) };
    let mut query = connection.prepare_cached(
        "INSERT INTO transactions (number, id, definition, module, module_name, key, class, created) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    query.execute((
        number,
        created.transaction.text(),
        &*created.definition,
        created.module.to_string(),
        created.module_name.as_deref(),
        created.key.as_deref(),
        created.class.as_deref(),
        time(Some(first.at)),
    ))?;
    if let Some(key) = Key::of(created) {
        keys::take(connection, &key, number)?;
    }
    keep_uses(connection, number, created.providers.values().copied())?;
    connection.prepare_cached("DELETE FROM labels WHERE number = ?1")?.execute([number])?;
    let labels: Vec<_> = created.labels.clone().into_iter().collect();
    keep_labels(connection, number, &labels)?;
    let summary = Summary::of(records);
    let mut query = connection.prepare_cached(
        "INSERT INTO progress (number, status, paused, seq, epoch, wake, updated, ended) \
         VALUES (?1, ?2, ?3, ?4, unixepoch() * 1000, ?5, ?6, ?7)",
    )?;
    let (status, wake) = (summary.status.as_str(), wake(summary.wake));
    let row = (number, status, summary.paused, records.len() as i64, wake, time(Some(last.at)), time(summary.ended));
    query.execute(row).map(drop)
}
