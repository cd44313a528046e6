//! Statements on single rows: who owns what, modules, retention, and rows made again from records.

use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::{Digest, Epoch, Fact, Seq, Summary, Timestamp, TransactionId};

use super::batch::{keep_providers, parsed, time};
use super::hosts::Hosts;
use crate::{Claim, ClaimError, Error, HostId, read_record};

type Done<T> = rusqlite::Result<T>;

pub(super) fn join(connection: &Connection, host: &HostId) -> Done<()> {
    let sql = "INSERT INTO hosts (id, joined) VALUES (?1, unixepoch() * 1000000) ON CONFLICT DO NOTHING";
    connection.execute(sql, [&*host.0]).map(drop)
}

/// Lets all go that these hosts own, and forgets them.
pub(super) fn free(connection: &Connection, hosts: &[HostId]) -> Done<()> {
    for host in hosts {
        connection.execute("UPDATE transactions SET host = NULL WHERE host = ?1 AND ended IS NULL", [&*host.0])?;
        connection.execute("DELETE FROM hosts WHERE id = ?1", [&*host.0])?;
    }
    Ok(())
}

pub(super) fn claim(connection: &Connection, host: &HostId, limit: usize) -> Done<Vec<Claim>> {
    let mut query = connection.prepare_cached(
        "UPDATE transactions SET host = ?1, epoch = epoch + 1 WHERE id IN (SELECT id FROM transactions \
         WHERE host IS NULL AND ended IS NULL AND status <> 'stuck' AND paused = 0 ORDER BY id LIMIT ?2) \
         AND EXISTS (SELECT 1 FROM hosts WHERE id = ?1) RETURNING id, epoch",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let claims = query.query_map((&*host.0, limit), |row| {
        Ok(Claim { id: parsed(row, 0)?, epoch: Epoch(row.get::<_, i64>(1)? as u64) })
    })?;
    let mut claims = claims.collect::<Done<Vec<_>>>()?;
    claims.sort_by_key(|claim| claim.id);
    Ok(claims)
}

pub(super) fn claim_one(
    connection: &Connection,
    hosts: &Hosts,
    host: &HostId,
    id: TransactionId,
) -> Done<Result<Claim, ClaimError>> {
    let mut query = connection.prepare_cached("SELECT host, ended IS NOT NULL FROM transactions WHERE id = ?1")?;
    let found = query.query_row([id.to_string()], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, bool>(1)?)));
    let Some((owner, ended)) = found.optional()? else { return Ok(Err(ClaimError::Unknown(id))) };
    if ended {
        return Ok(Err(ClaimError::Ended(id)));
    }
    let owner = owner.map(|owner| HostId(owner.into())).filter(|owner| owner != host);
    if let Some(owner) = owner.filter(|owner| hosts.is_alive(owner)) {
        return Ok(Err(ClaimError::Owned { id, owner }));
    }
    let mut query = connection
        .prepare_cached("UPDATE transactions SET host = ?1, epoch = epoch + 1 WHERE id = ?2 RETURNING epoch")?;
    let epoch: i64 = query.query_row((&*host.0, id.to_string()), |row| row.get(0))?;
    Ok(Ok(Claim { id, epoch: Epoch(epoch as u64) }))
}

pub(super) fn release(connection: &Connection, id: TransactionId, epoch: Epoch) -> Done<()> {
    let sql = "UPDATE transactions SET host = NULL WHERE id = ?1 AND epoch = ?2";
    connection.execute(sql, (id.to_string(), epoch.0 as i64)).map(drop)
}

pub(super) fn put_module(connection: &Connection, digest: Digest, name: &str, bytes: &[u8]) -> Done<()> {
    let digest = digest.to_string();
    let touch = "UPDATE modules SET added = unixepoch() * 1000000 WHERE digest = ?1";
    if connection.execute(touch, [&digest])? > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO modules (digest, name, bytes, added) VALUES (?1, ?2, ?3, unixepoch() * 1000000)";
    connection.execute(sql, (digest, name, bytes)).map(drop)
}

pub(super) fn prune(connection: &Connection, before: Timestamp, limit: usize) -> Done<usize> {
    let before = time(Some(before));
    let mut query = connection.prepare_cached(
        "DELETE FROM transactions WHERE id IN (SELECT id FROM transactions WHERE ended < ?1 ORDER BY ended LIMIT ?2) \
         RETURNING id, module",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let old = query.query_map((before, limit), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let (ids, mut modules): (Vec<String>, std::collections::BTreeSet<String>) =
        old.collect::<Done<Vec<_>>>()?.into_iter().unzip();
    let mut delete = connection.prepare_cached("DELETE FROM records WHERE transaction_id = ?1")?;
    let mut let_go = connection.prepare_cached("DELETE FROM providers WHERE transaction_id = ?1 RETURNING module")?;
    for id in &ids {
        delete.execute([id])?;
        modules.extend(let_go.query_map([id], |row| row.get(0))?.collect::<Done<Vec<String>>>()?);
    }
    for module in modules {
        // One that was put since then is about to be used.
        let sql = "DELETE FROM modules WHERE digest = ?1 AND added < ?2 \
                   AND NOT EXISTS (SELECT 1 FROM transactions WHERE module = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM providers WHERE module = ?1)";
        connection.execute(sql, (module, before))?;
    }
    Ok(ids.len())
}

/// A write that changes nothing.
pub(super) fn touch(connection: &Connection) -> Done<()> {
    connection.execute("DELETE FROM hosts WHERE id = ''", ()).map(drop)
}

pub(super) fn rebuild(connection: &Connection) -> Done<Result<usize, Error>> {
    let mut query = connection.prepare(
        "SELECT transaction_id, seq, version, record FROM records \
         WHERE transaction_id NOT IN (SELECT id FROM transactions) ORDER BY transaction_id, seq",
    )?;
    let mut rows = query.query(())?;
    let mut transactions: Vec<(TransactionId, Vec<wasaga_core::Record>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, seq): (TransactionId, i64) = (parsed(row, 0)?, row.get(1)?);
        let version = u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX);
        let record = match read_record(id, Seq(seq as u64), version, row.get_ref(3)?.as_str()?) {
            Ok(record) => record,
            Err(error) => return Ok(Err(error)),
        };
        match transactions.last_mut() {
            Some((last, records)) if *last == id => records.push(record),
            _ => transactions.push((id, vec![record])),
        }
    }
    for (id, records) in &transactions {
        insert(connection, *id, records)?;
    }
    Ok(Ok(transactions.len()))
}

/// The row says what the records say. The epoch is above any that was given before, for those are
/// lost; nobody owns it, so that a host takes it up.
fn insert(connection: &Connection, id: TransactionId, records: &[wasaga_core::Record]) -> Done<()> {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
    let Fact::Created(created) = &first.fact else { return Ok(()) };
    let summary = Summary::of(records);
    let mut query = connection.prepare_cached(
        "INSERT INTO transactions (id, definition, module, key, input, status, paused, seq, epoch, host, due, created, \
         updated, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, unixepoch() * 1000, NULL, ?9, ?10, ?11, ?12)",
    )?;
    let row = (
        id.to_string(),
        &*created.definition,
        created.module.to_string(),
        created.key.as_deref(),
        created.input.digest().to_string(),
        summary.status.as_str(),
        summary.paused,
        records.len() as i64,
        time(summary.due),
        time(Some(first.at)),
        time(Some(last.at)),
        time(summary.ended),
    );
    query.execute(row)?;
    keep_providers(connection, &id.to_string(), created.providers.values().copied())
}
