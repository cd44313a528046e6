//! Start keys: who has one, and the memory of it that outlives the transaction.

use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::{Created as Creation, Digest, Name};

use super::column::parsed;
use crate::Created;

/// How long a key is remembered after its transaction was removed, in days: a year. A repeated start within it
/// gives partners other idempotency keys than the first one did, and not the same ones by accident.
const REMEMBERED_DAYS: i64 = 365;

/// A start key with all that it is unique for.
#[derive(Debug)]
pub(super) struct Key {
    module_name: Option<Name>,
    definition: Name,
    pub(super) key: Name,
    generation: u32,
    input: Digest,
}

impl Key {
    /// The key of a transaction; none where it was started without one.
    pub(super) fn of(created: &Creation) -> Option<Self> {
        Some(Self {
            module_name: created.module_name.clone(),
            definition: created.definition.clone(),
            key: created.key.clone()?,
            generation: created.generation,
            input: created.input.digest(),
        })
    }

    fn columns(&self) -> (&str, &str, &str) {
        (self.module_name.as_deref().unwrap_or_default(), &self.definition, &self.key)
    }
}

/// What stands in the way of a create with this key; none where nothing does.
pub(super) fn find(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Created>> {
    let mut query = connection.prepare_cached(
        "SELECT t.id, k.input, k.before FROM keys k LEFT JOIN transactions t ON t.number = k.holder \
         WHERE k.module_name = ?1 AND k.definition = ?2 AND k.key = ?3",
    )?;
    let found = query.query_row(key.columns(), |row| {
        let before: i64 = row.get(2)?;
        match row.get_ref(0)?.as_str_or_null()? {
            Some(_) => Ok(Some(Created::Exists { id: parsed(row, 0)?, input: parsed(row, 1)? })),
            None if before == i64::from(key.generation) => Ok(None),
            None => Ok(Some(Created::Used { generation: u32::try_from(before).unwrap_or(u32::MAX) })),
        }
    });
    if let Some(found) = found.optional()? {
        return Ok(found);
    }
    Ok((key.generation != 0).then_some(Created::Used { generation: 0 }))
}

/// Notes who has the key now.
pub(super) fn take(connection: &Connection, key: &Key, holder: i64) -> rusqlite::Result<()> {
    let mut take = connection.prepare_cached(
        "INSERT INTO keys (module_name, definition, key, holder, input, before) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (module_name, definition, key) DO UPDATE SET holder = ?4, input = ?5, before = ?6, until = NULL",
    )?;
    let (module_name, definition, name) = key.columns();
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
