//! Retention: what has ended is removed, and with it the modules that nothing needs any more.

use std::collections::BTreeSet;

use rusqlite::Connection;
use wasaga_core::Timestamp;

use super::column::micros;
use super::keys;
use super::read::CHAIN;
use crate::Pruned;

type Done<T> = rusqlite::Result<T>;

/// Transactions that are looked at in one piece of work, whatever they have of records.
const ROWS_MAX: i64 = 512;

struct Old {
    number: i64,
    records: usize,
    module: String,
    key: Option<(String, String, String)>,
}

/// Removes what ended before, the oldest first, until about this many records are gone.
pub(super) fn prune(connection: &Connection, before: Timestamp, records: usize) -> Done<Pruned> {
    let old = oldest(connection, before)?;
    let more = old.len() as i64 == ROWS_MAX;
    let mut pruned = Pruned { more, ..Pruned::default() };
    let mut modules = BTreeSet::new();
    for old in old {
        if pruned.records >= records {
            pruned.more = true;
            break;
        }
        remove(connection, &old, &mut modules)?;
        pruned.transactions += 1;
        pruned.records += old.records;
    }
    for module in modules {
        drop_module(connection, &module)?;
    }
    keys::forget(connection)?;
    Ok(pruned)
}

fn oldest(connection: &Connection, before: Timestamp) -> Done<Vec<Old>> {
    let mut query = connection.prepare_cached(
        "SELECT p.number, p.seq, t.module, coalesce(t.module_name, ''), t.definition, t.key FROM progress p \
         JOIN transactions t ON t.number = p.number WHERE p.ended < ?1 ORDER BY p.ended LIMIT ?2",
    )?;
    let rows = query.query_map((micros(before), ROWS_MAX), |row| {
        let (module_name, definition): (String, String) = (row.get(3)?, row.get(4)?);
        let key = row.get::<_, Option<String>>(5)?.map(|key| (module_name, definition, key));
        Ok(Old { number: row.get(0)?, records: row.get::<_, i64>(1)? as usize, module: row.get(2)?, key })
    })?;
    rows.collect()
}

fn remove(connection: &Connection, old: &Old, modules: &mut BTreeSet<String>) -> Done<()> {
    if let Some((module_name, definition, key)) = &old.key {
        keys::outlive(connection, (module_name, definition, key))?;
    }
    let mut uses = connection.prepare_cached("DELETE FROM uses WHERE number = ?1 RETURNING module")?;
    modules.extend(uses.query_map([old.number], |row| row.get(0))?.collect::<Done<Vec<String>>>()?);
    modules.insert(old.module.clone());
    let sql = format!("{CHAIN} DELETE FROM records WHERE place IN (SELECT place FROM chain)");
    connection.prepare_cached(&sql)?.execute((old.number, 0))?;
    for table in ["payloads", "labels", "messages", "progress", "transactions"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE number = ?1"))?.execute([old.number])?;
    }
    Ok(())
}

/// Drops a module that no transaction names, that no name stands for, and that no host holds.
pub(super) fn drop_module(connection: &Connection, module: &str) -> Done<()> {
    let mut query = connection.prepare_cached(
        "DELETE FROM modules WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM holds WHERE module = ?1) \
         AND NOT EXISTS (SELECT 1 FROM active WHERE module = ?1) \
         AND NOT EXISTS (SELECT 1 FROM transactions WHERE module = ?1) \
         AND NOT EXISTS (SELECT 1 FROM uses WHERE module = ?1)",
    )?;
    query.execute([module]).map(drop)
}
