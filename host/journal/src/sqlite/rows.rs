//! Statements on single rows: who owns what, and what may be claimed.

use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::{Epoch, Timestamp, TransactionId, Wake};

use super::column::{micros, wake};
use super::hosts::{Hosts, Life};
use super::ids::{id_of, number_of};
use crate::{Claim, ClaimError, Claims, Error, HostId, Rest};

type Done<T> = rusqlite::Result<T>;

pub(super) fn join(connection: &Connection, host: &HostId, locks: &str, reads: u32) -> Done<()> {
    let sql = "INSERT INTO hosts (id, locks, reads, joined) VALUES (?1, ?2, ?3, unixepoch() * 1000000) \
               ON CONFLICT DO NOTHING";
    connection.execute(sql, (&*host.0, locks, reads)).map(drop)
}

/// Lets all go that these hosts own, and forgets them.
pub(super) fn forget_hosts(connection: &Connection, hosts: &[HostId]) -> Done<()> {
    for host in hosts {
        let of = "(SELECT number FROM hosts WHERE id = ?1)";
        // What has a message must hear it, also where it waits for a person.
        let sql = format!(
            "UPDATE progress SET host = NULL, wake = CASE WHEN EXISTS (SELECT 1 FROM messages m \
             WHERE m.number = progress.number AND m.reply IS NULL) THEN 0 ELSE wake END \
             WHERE host = {of} AND ended IS NULL"
        );
        connection.execute(&sql, [&*host.0])?;
        connection.execute(&format!("DELETE FROM holds WHERE host = {of}"), [&*host.0])?;
        connection.execute("DELETE FROM hosts WHERE id = ?1", [&*host.0])?;
    }
    Ok(())
}

/// Takes the owner off a transaction. What has a message is awake whatever else it waits for.
pub(super) fn free(connection: &Connection, number: i64) -> Done<()> {
    let mut free = connection.prepare_cached(
        "UPDATE progress SET host = NULL, wake = CASE WHEN EXISTS (SELECT 1 FROM messages m \
         WHERE m.number = ?1 AND m.reply IS NULL) THEN 0 ELSE wake END WHERE number = ?1",
    )?;
    free.execute([number]).map(drop)
}

pub(super) fn claim(connection: &Connection, host: &HostId, now: Timestamp, limit: usize) -> Done<Claims> {
    let mut query = connection.prepare_cached(
        "UPDATE progress SET host = (SELECT number FROM hosts WHERE id = ?1), epoch = epoch + 1, wants = NULL \
         WHERE number IN (SELECT number FROM progress WHERE host IS NULL AND wake IS NOT NULL AND wake <= ?2 \
         AND version <= (SELECT reads FROM hosts WHERE id = ?1) ORDER BY wake, number LIMIT ?3) AND EXISTS (SELECT 1 FROM hosts WHERE id = ?1) \
         RETURNING (SELECT id FROM transactions t WHERE t.number = progress.number), epoch, wake",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map((&*host.0, micros(now), limit), |row| {
        let epoch = Epoch(row.get::<_, i64>(1)? as u64);
        Ok((row.get::<_, i64>(2)?, Claim { id: id_of(row, 0)?, epoch }))
    })?;
    let mut taken = rows.collect::<Done<Vec<_>>>()?;
    taken.sort_by_key(|(wake, claim)| (*wake, claim.id));
    let next = next_wake(connection, host)?;
    Ok(Claims { taken: taken.into_iter().map(|(_, claim)| claim).collect(), next })
}

/// When the next free transaction wakes whose records the host reads.
pub(super) fn next_wake(connection: &Connection, host: &HostId) -> Done<Option<Timestamp>> {
    let mut query = connection.prepare_cached(
        "SELECT wake FROM progress WHERE host IS NULL AND wake IS NOT NULL \
         AND version <= (SELECT reads FROM hosts WHERE id = ?1) ORDER BY wake LIMIT 1",
    )?;
    let wake: Option<i64> = query.query_row([&*host.0], |row| row.get(0)).optional()?;
    Ok(wake.map(|at| Timestamp::from_unix_us(at as u64)))
}

pub(super) fn claim_one(
    connection: &Connection,
    hosts: &Hosts,
    host: &HostId,
    id: TransactionId,
) -> Done<Result<Claim, ClaimError>> {
    let Some(number) = number_of(connection, id)? else { return Ok(Err(ClaimError::Unknown(id))) };
    let mut query = connection.prepare_cached(
        "SELECT h.id, h.locks, p.ended IS NOT NULL, p.version, (SELECT reads FROM hosts WHERE id = ?2) FROM progress p \
         LEFT JOIN hosts h ON h.number = p.host WHERE p.number = ?1",
    )?;
    let owner = query.query_row((number, &*host.0), |row| {
        let owner = row.get::<_, Option<String>>(0)?.zip(row.get::<_, Option<String>>(1)?);
        let versions = (row.get::<_, u32>(3)?, row.get::<_, Option<u32>>(4)?);
        Ok((owner.map(|(id, locks)| (HostId(id.into()), locks)), row.get::<_, bool>(2)?, versions))
    });
    let Some((owner, ended, (version, reads))) = owner.optional()? else { return Ok(Err(ClaimError::Unknown(id))) };
    if ended {
        return Ok(Err(ClaimError::Ended(id)));
    }
    if let Some((owner, locks)) = owner.filter(|(owner, _)| owner != host) {
        match hosts.life(&owner, &locks) {
            Ok(Life::Lives) => return Ok(Err(ClaimError::Owned { id, owner })),
            Ok(Life::Dead) => {}
            Err(error) => return Ok(Err(ClaimError::Journal(error))),
        }
    }
    if reads.is_some_and(|reads| version > reads) {
        return Ok(Err(ClaimError::Newer { id, version }));
    }
    let mut query = connection.prepare_cached(
        "UPDATE progress SET host = h.number, epoch = epoch + 1, wants = NULL FROM hosts h \
         WHERE h.id = ?1 AND progress.number = ?2 RETURNING epoch",
    )?;
    let epoch = query.query_row((&*host.0, number), |row| row.get::<_, i64>(0)).optional()?;
    let claimed = epoch.map(|epoch| Claim { id, epoch: Epoch(epoch as u64) });
    Ok(claimed.ok_or_else(|| ClaimError::NotJoined(host.clone())))
}

pub(super) fn release(connection: &Connection, id: TransactionId, epoch: Epoch, rest: &Rest) -> Done<()> {
    let Some(number) = number_of(connection, id)? else { return Ok(()) };
    let (held, module) = match &rest.held {
        Some(held) => (Some(&*held.cause), held.module.map(|module| module.to_string())),
        None => (None, None),
    };
    let mut query = connection.prepare_cached(
        "UPDATE progress SET wake = ?3, held = ?4, wants = ?5 WHERE number = ?1 AND epoch = ?2 AND ended IS NULL",
    )?;
    if query.execute((number, epoch.0 as i64, wake(rest.wake), held, module))? > 0 {
        free(connection, number)?;
    }
    Ok(())
}

/// Wakes what is free and waits for a module.
pub(super) fn wake_for(connection: &Connection, module: &str) -> Done<()> {
    let mut query = connection.prepare_cached("UPDATE progress SET wake = ?2, wants = NULL WHERE wants = ?1")?;
    query.execute((module, wake(Wake::Now))).map(drop)
}

/// A write that changes nothing.
pub(super) fn touch(connection: &Connection) -> Done<()> {
    connection.execute("DELETE FROM hosts WHERE id = ''", ()).map(drop)
}

/// An error of ours out of work on the connection.
pub(super) type Outcome<T> = Done<Result<T, Error>>;
