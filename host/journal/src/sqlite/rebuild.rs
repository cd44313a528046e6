//! Rows made again from records: the records are the truth, and rows are only their summaries (invariant I3).

use rusqlite::Connection;
use wasaga_core::{Fact, Record, Seq, Summary, TransactionId};

use super::batch::{keep_labels, keep_uses};
use super::column::{time, wake};
use super::keys;
use super::read::{Unread, payload};
use super::rows::Outcome;
use crate::Reading;
use crate::write::Key;

/// The records of a transaction that has no row, and the latest version among them.
struct Found {
    number: i64,
    version: u32,
    /// The place of its last append.
    last: i64,
    records: Vec<Record>,
}

/// Makes rows for records that have none; answers for how many transactions.
pub(super) fn rebuild(connection: &Connection) -> Outcome<usize> {
    match found(connection) {
        Ok(all) => {
            for found in &all {
                insert(connection, found)?;
            }
            Ok(Ok(all.len()))
        }
        Err(Unread::Driver(error)) => Err(error),
        Err(Unread::Content(error)) => Ok(Err(error)),
    }
}

fn found(connection: &Connection) -> Result<Vec<Found>, Unread> {
    let mut query = connection.prepare(
        "SELECT number, seq, version, records, place FROM records \
         WHERE number NOT IN (SELECT number FROM progress) ORDER BY number, seq",
    )?;
    let mut rows = query.query(())?;
    let mut transactions: Vec<Found> = Vec::new();
    let unknown = TransactionId::from_u128(0);
    while let Some(row) = rows.next()? {
        let (number, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
        let version = u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX);
        let text = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        let mut reading = Reading::new(unknown, |digest| payload(connection, number, digest));
        let records = reading.read(Seq(seq as u64), version, text)?;
        match transactions.last_mut() {
            Some(last) if last.number == number => {
                last.version = last.version.max(version);
                last.last = row.get(4)?;
                last.records.extend(records);
            }
            _ => transactions.push(Found { number, version, last: row.get(4)?, records }),
        }
    }
    Ok(transactions)
}

/// The row says what the records say. The epoch is above any that was given before, for those are
/// lost; nobody owns it, so that a host takes it up.
fn insert(connection: &Connection, found: &Found) -> rusqlite::Result<()> {
    let Found { number, version, last: place, records } = found;
    let number = *number;
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
        "INSERT INTO progress (number, status, paused, seq, epoch, wake, updated, ended, version, last) \
         VALUES (?1, ?2, ?3, ?4, unixepoch() * 1000, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let (status, wake) = (summary.status.as_str(), wake(summary.wake));
    let (seq, updated, ended) = (records.len() as i64, time(Some(last.at)), time(summary.ended));
    let row = (number, status, summary.paused, seq, wake, updated, ended, version, place);
    query.execute(row).map(drop)
}
