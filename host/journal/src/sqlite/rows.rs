//! Statements on single rows: who owns what, modules, retention, and rows made again from records.

use std::sync::Arc;

use sqlx::{Row as _, SqliteConnection};
use wasaga_core::{Digest, Epoch, Fact, Seq, Summary, Timestamp, TransactionId};

use super::hosts::Hosts;
use crate::{Claim, ClaimError, Error, HostId, read_record};

/// A row where a claim would find something.
pub(super) const ANY_FREE: &str =
    "SELECT 1 FROM transactions WHERE host IS NULL AND ended IS NULL AND status <> 'stuck' AND paused = 0 LIMIT 1";

type Done<T> = Result<T, sqlx::Error>;

pub(super) async fn join(connection: &mut SqliteConnection, host: HostId) -> Done<()> {
    let query = sqlx::query("INSERT INTO hosts (id, joined) VALUES (?, unixepoch() * 1000000) ON CONFLICT DO NOTHING");
    query.bind(host.0.to_string()).execute(connection).await.map(drop)
}

/// Lets all go that these hosts own, and forgets them.
pub(super) async fn free(connection: &mut SqliteConnection, hosts: Vec<HostId>) -> Done<()> {
    for host in hosts {
        let host = host.0.to_string();
        let free = sqlx::query("UPDATE transactions SET host = NULL WHERE host = ? AND ended IS NULL");
        free.bind(host.clone()).execute(&mut *connection).await?;
        sqlx::query("DELETE FROM hosts WHERE id = ?").bind(host).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn claim(
    connection: &mut SqliteConnection,
    host: &HostId,
    limit: usize,
) -> Done<Result<Vec<Claim>, Error>> {
    let query = sqlx::query_as(
        "UPDATE transactions SET host = ?, epoch = epoch + 1 WHERE id IN (SELECT id FROM transactions \
         WHERE host IS NULL AND ended IS NULL AND status <> 'stuck' AND paused = 0 ORDER BY id LIMIT ?) \
         AND EXISTS (SELECT 1 FROM hosts WHERE id = ?) RETURNING id, epoch",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(String, i64)> =
        query.bind(host.0.to_string()).bind(limit).bind(host.0.to_string()).fetch_all(connection).await?;
    let claim = |(id, epoch): (String, i64)| -> Result<Claim, Error> {
        let damaged = |error| Error::Damaged { what: format!("the row of `{id}`"), source: Box::new(error) };
        Ok(Claim { id: id.parse::<TransactionId>().map_err(damaged)?, epoch: Epoch(epoch as u64) })
    };
    let mut claims = rows.into_iter().map(claim).collect::<Result<Vec<_>, _>>();
    if let Ok(claims) = &mut claims {
        claims.sort_by_key(|claim| claim.id);
    }
    Ok(claims)
}

pub(super) async fn claim_one(
    connection: &mut SqliteConnection,
    hosts: Arc<Hosts>,
    host: HostId,
    id: TransactionId,
) -> Done<Result<Claim, ClaimError>> {
    let query = sqlx::query_as("SELECT host, ended IS NOT NULL FROM transactions WHERE id = ?").bind(id.to_string());
    let (owner, ended): (Option<String>, bool) = match query.fetch_optional(&mut *connection).await? {
        Some(row) => row,
        None => return Ok(Err(ClaimError::Unknown(id))),
    };
    if ended {
        return Ok(Err(ClaimError::Ended(id)));
    }
    let owner = owner.map(|owner| HostId(owner.into())).filter(|owner| *owner != host);
    if let Some(owner) = owner.filter(|owner| hosts.is_alive(owner)) {
        return Ok(Err(ClaimError::Owned { id, owner }));
    }
    let query = sqlx::query_scalar("UPDATE transactions SET host = ?, epoch = epoch + 1 WHERE id = ? RETURNING epoch");
    let epoch: i64 = query.bind(host.0.to_string()).bind(id.to_string()).fetch_one(connection).await?;
    Ok(Ok(Claim { id, epoch: Epoch(epoch as u64) }))
}

pub(super) async fn release(connection: &mut SqliteConnection, id: TransactionId, epoch: Epoch) -> Done<()> {
    let query = sqlx::query("UPDATE transactions SET host = NULL WHERE id = ? AND epoch = ?");
    query.bind(id.to_string()).bind(epoch.0 as i64).execute(connection).await.map(drop)
}

pub(super) async fn put_module(
    connection: &mut SqliteConnection,
    digest: Digest,
    name: String,
    bytes: Arc<[u8]>,
) -> Done<()> {
    let touched = sqlx::query("UPDATE modules SET added = unixepoch() * 1000000 WHERE digest = ?");
    if touched.bind(digest.to_string()).execute(&mut *connection).await?.rows_affected() > 0 {
        return Ok(());
    }
    let query = sqlx::query("INSERT INTO modules (digest, name, bytes, added) VALUES (?, ?, ?, unixepoch() * 1000000)");
    query.bind(digest.to_string()).bind(name).bind(bytes.to_vec()).execute(connection).await.map(drop)
}

pub(super) async fn prune(connection: &mut SqliteConnection, before: Timestamp, limit: usize) -> Done<usize> {
    let before = i64::try_from(before.unix_us()).unwrap_or(i64::MAX);
    let query = sqlx::query_as(
        "DELETE FROM transactions WHERE id IN (SELECT id FROM transactions WHERE ended < ? ORDER BY ended LIMIT ?) \
         RETURNING id, module",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let old: Vec<(String, String)> = query.bind(before).bind(limit).fetch_all(&mut *connection).await?;
    let (ids, modules): (Vec<String>, std::collections::BTreeSet<String>) = old.into_iter().unzip();
    let list = serde_json::to_string(&ids).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let query = sqlx::query("DELETE FROM records WHERE transaction_id IN (SELECT value FROM json_each(?))");
    query.bind(list).execute(&mut *connection).await?;
    for module in modules {
        // One that was put since then is about to be used.
        let query = sqlx::query(
            "DELETE FROM modules WHERE digest = ?1 AND added < ?2 \
             AND NOT EXISTS (SELECT 1 FROM transactions WHERE module = ?1)",
        );
        query.bind(module).bind(before).execute(&mut *connection).await?;
    }
    Ok(ids.len())
}

/// A write that changes nothing.
pub(super) async fn touch(connection: &mut SqliteConnection) -> Done<()> {
    sqlx::query("DELETE FROM hosts WHERE id = ''").execute(connection).await.map(drop)
}

pub(super) async fn rebuild(connection: &mut SqliteConnection) -> Done<Result<usize, Error>> {
    let query = sqlx::query(
        "SELECT transaction_id, seq, version, record FROM records \
         WHERE transaction_id NOT IN (SELECT id FROM transactions) ORDER BY transaction_id, seq",
    );
    let mut transactions: Vec<(TransactionId, Vec<wasaga_core::Record>)> = Vec::new();
    for row in query.fetch_all(&mut *connection).await? {
        let id: &str = row.try_get(0)?;
        let id: TransactionId = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let (seq, version): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        let record = match read_record(id, Seq(seq as u64), u32::try_from(version).unwrap_or(u32::MAX), row.try_get(3)?)
        {
            Ok(record) => record,
            Err(error) => return Ok(Err(error)),
        };
        match transactions.last_mut() {
            Some((last, records)) if *last == id => records.push(record),
            _ => transactions.push((id, vec![record])),
        }
    }
    for (id, records) in &transactions {
        insert(connection, *id, records).await?;
    }
    Ok(Ok(transactions.len()))
}

/// The row says what the records say. The epoch is above any that was given before, for those are
/// lost; nobody owns it, so that a host takes it up.
async fn insert(connection: &mut SqliteConnection, id: TransactionId, records: &[wasaga_core::Record]) -> Done<()> {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
    let Fact::Created(created) = &first.fact else { return Ok(()) };
    let summary = Summary::of(records);
    let query = sqlx::query(
        "INSERT INTO transactions (id, definition, module, key, input, status, paused, seq, epoch, host, due, created, \
         updated, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, unixepoch() * 1000, NULL, ?, ?, ?, ?)",
    );
    let time = |at: Option<Timestamp>| at.map(|at| at.unix_us() as i64);
    query
        .bind(id.to_string())
        .bind(created.definition.to_string())
        .bind(created.module.to_string())
        .bind(created.key.as_ref().map(ToString::to_string))
        .bind(created.input.digest().to_string())
        .bind(summary.status.as_str())
        .bind(summary.paused)
        .bind(records.len() as i64)
        .bind(time(summary.due))
        .bind(time(Some(first.at)))
        .bind(time(Some(last.at)))
        .bind(time(summary.ended))
        .execute(connection)
        .await
        .map(drop)
}
