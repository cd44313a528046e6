//! Start keys: who has one, and the memory of it that outlives the transaction.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::{Digest, Fact, Seq, TransactionId};

use super::column::parsed;
use super::read::{CHAIN, Unread, payload};
use crate::write::Key;
use crate::{Created, Reading};

/// How long a key is remembered after its transaction was removed, in days: a year. A repeated start within it
/// gives partners other idempotency keys than the first one did, and not the same ones by accident.
const REMEMBERED_DAYS: i64 = 365;

fn columns(key: &Key) -> (&str, &str, &str) {
    (key.module_name.as_deref().unwrap_or_default(), &key.definition, &key.key)
}

/// What stands in the way of a create with this key; none where nothing does.
pub(super) fn find(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Created>> {
    let mut query = connection.prepare_cached(
        "SELECT t.id, k.input, k.before, k.holder FROM keys k LEFT JOIN transactions t ON t.number = k.holder \
         WHERE k.module_name = ?1 AND k.definition = ?2 AND k.key = ?3",
    )?;
    let found = query.query_row(columns(key), |row| {
        let before: i64 = row.get(2)?;
        match row.get_ref(0)?.as_str_or_null()? {
            Some(_) => {
                let id = parsed(row, 0)?;
                let input = match row.get_ref(1)?.as_str()? {
                    "" => input_of(connection, (id, row.get(3)?))?,
                    _ => parsed(row, 1)?,
                };
                Ok(Some(Created::Exists { id, input }))
            }
            None if before == i64::from(key.generation) => Ok(None),
            None => Ok(Some(Created::Used { generation: u32::try_from(before).unwrap_or(u32::MAX) })),
        }
    });
    if let Some(found) = found.optional()? {
        return Ok(found);
    }
    Ok((key.generation != 0).then_some(Created::Used { generation: 0 }))
}

/// The digest of a transaction's input, out of its first record: a journal of version 0.1.0 kept another digest.
fn input_of(connection: &Connection, (id, number): (TransactionId, i64)) -> rusqlite::Result<Digest> {
    let mut query = connection.prepare_cached(&format!(
        "{CHAIN} SELECT r.version, r.records FROM chain c JOIN records r ON r.place = c.place WHERE r.seq = ?2"
    ))?;
    let (version, text): (u32, String) = query.query_row((number, 1), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let read = Reading::new(id, |digest| payload(connection, number, digest)).read(Seq(1), version, &text);
    let records = read.map_err(|unread| match unread {
        Unread::Driver(error) => error,
        Unread::Content(error) => rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(error)),
    })?;
    match records.first().map(|record| &record.fact) {
        Some(Fact::Created(created)) => Ok(created.input.digest()),
        _ => Err(rusqlite::Error::QueryReturnedNoRows),
    }
}

/// Notes who has the key now.
pub(super) fn take(connection: &Connection, key: &Key, holder: i64) -> rusqlite::Result<()> {
    let mut take = connection.prepare_cached(
        "INSERT INTO keys (module_name, definition, key, holder, input, before) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (module_name, definition, key) DO UPDATE SET holder = ?4, input = ?5, before = ?6, until = NULL",
    )?;
    let (module_name, definition, name) = columns(key);
    take.execute((module_name, definition, name, holder, key.input.to_string(), key.generation)).map(drop)
}

/// The transaction that has the key is removed; the key is remembered for a while.
pub(super) fn outlive(connection: &Connection, columns: (&str, &str, &str)) -> rusqlite::Result<()> {
    let mut outlive = connection.prepare_cached(
        "UPDATE keys SET holder = NULL, before = before + 1, until = (unixepoch() + ?4 * 86400) * 1000000 \
         WHERE module_name = ?1 AND definition = ?2 AND key = ?3",
    )?;
    outlive.execute((columns.0, columns.1, columns.2, REMEMBERED_DAYS)).map(drop)
}

/// Forgets keys whose time is over.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM keys WHERE until < unixepoch() * 1000000", ()).map(drop)
}
