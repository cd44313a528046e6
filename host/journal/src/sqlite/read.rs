//! Reading: rows and records, on connections of their own, so that no read waits behind the writer.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool};
use wasaga_core::{Epoch, Name, Seq, Status, Timestamp, TransactionId};

use super::hosts::Hosts;
use crate::{Error, Filter, HostId, Owner, Page, Row, Stored, read_record};

/// Why something could not be read.
pub(super) enum Unread {
    /// The driver failed.
    Driver(sqlx::Error),
    /// What is there makes no sense.
    Content(Error),
}

impl From<sqlx::Error> for Unread {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

const COLUMNS: &str = "SELECT id, definition, module, key, status, paused, seq, epoch, host, due, created, updated, ended \
                       FROM transactions";

pub(super) async fn load(pool: &SqlitePool, hosts: &Hosts, id: TransactionId) -> Result<Option<Stored>, Unread> {
    // One read transaction, so that the row and the records are of one moment.
    let mut reading = pool.begin().await?;
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id.to_string());
    let Some(row) = query.build().fetch_optional(&mut *reading).await? else { return Ok(None) };
    let row = read_row(&row, hosts)?;
    let records = read_records(&mut reading, id).await?;
    if records.len() as u64 != row.seq.0 {
        let why = format!("{} records are there where its row counts {}", records.len(), row.seq);
        return Err(Unread::Content(damaged(id, why)));
    }
    Ok(Some(Stored { row, records }))
}

async fn read_records(
    connection: &mut SqliteConnection,
    id: TransactionId,
) -> Result<Vec<wasaga_core::Record>, Unread> {
    let query = sqlx::query("SELECT seq, version, record FROM records WHERE transaction_id = ? ORDER BY seq");
    let mut records = Vec::new();
    for row in query.bind(id.to_string()).fetch_all(connection).await? {
        let (seq, version): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if seq as usize != records.len() + 1 {
            return Err(Unread::Content(damaged(id, format!("record {} is missing", records.len() + 1))));
        }
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        records.push(read_record(id, Seq(seq as u64), version, row.try_get(2)?).map_err(Unread::Content)?);
    }
    Ok(records)
}

pub(super) async fn list(pool: &SqlitePool, hosts: &Hosts, filter: &Filter, page: Page) -> Result<Vec<Row>, Unread> {
    let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
    query.push(" WHERE true");
    if !filter.statuses.is_empty() {
        query.push(" AND status IN (");
        let mut list = query.separated(", ");
        for status in &filter.statuses {
            list.push_bind(status.as_str());
        }
        query.push(")");
    }
    if let Some(definition) = &filter.definition {
        query.push(" AND definition = ").push_bind(definition.to_string());
    }
    if let Some(key) = &filter.key {
        query.push(" AND key = ").push_bind(key.to_string());
    }
    if let Some(from) = filter.created_from {
        query.push(" AND created >= ").push_bind(from.unix_us() as i64);
    }
    if let Some(before) = filter.updated_before {
        query.push(" AND updated < ").push_bind(before.unix_us() as i64);
    }
    if let Some(prefix) = &filter.id_prefix {
        // Ids are capital letters and digits, so all that begin so lie between these two.
        let prefix = prefix.to_ascii_uppercase();
        query.push(" AND id >= ").push_bind(prefix.clone()).push(" AND id < ").push_bind(format!("{prefix}~"));
    }
    if let Some(below) = page.below {
        query.push(" AND id < ").push_bind(below.to_string());
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::try_from(page.limit).unwrap_or(i64::MAX));
    query.build().fetch_all(pool).await?.iter().map(|row| read_row(row, hosts)).collect()
}

fn read_row(row: &SqliteRow, hosts: &Hosts) -> Result<Row, Unread> {
    let id: &str = row.try_get(0)?;
    let id: TransactionId = id.parse().map_err(|error: wasaga_core::InvalidId| {
        Unread::Content(Error::Damaged { what: format!("the row of `{id}`"), source: Box::new(error) })
    })?;
    let time = |at: Option<i64>| at.map(|at| Timestamp::from_unix_us(at as u64));
    let (module, status): (&str, &str) = (row.try_get(2)?, row.try_get(4)?);
    let status = Status::ALL.into_iter().find(|known| known.as_str() == status);
    let host: Option<&str> = row.try_get(8)?;
    let host = host.map(|host| HostId(host.into()));
    Ok(Row {
        id,
        definition: row.try_get::<&str, _>(1)?.into(),
        module: module
            .parse()
            .map_err(|error: wasaga_core::InvalidId| Unread::Content(damaged(id, error.to_string())))?,
        key: row.try_get::<Option<&str>, _>(3)?.map(Name::from),
        status: status.ok_or_else(|| Unread::Content(damaged(id, "its status is not a known one".into())))?,
        paused: row.try_get(5)?,
        seq: Seq(row.try_get::<i64, _>(6)? as u64),
        epoch: Epoch(row.try_get::<i64, _>(7)? as u64),
        owner: host.map(|host| Owner { alive: hosts.is_alive(&host), host }),
        due: time(row.try_get(9)?),
        created: time(row.try_get(10)?).unwrap_or_default(),
        updated: time(row.try_get(11)?).unwrap_or_default(),
        ended: time(row.try_get(12)?),
    })
}

fn damaged(id: TransactionId, why: String) -> Error {
    Error::Damaged { what: format!("transaction {id}"), source: why.into() }
}
