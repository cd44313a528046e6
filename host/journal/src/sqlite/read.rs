//! Reading: rows and records, on connections of their own, so that no read waits behind the writer.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, ToSql, params_from_iter};
use tokio::sync::Semaphore;
use wasaga_core::{Digest, Epoch, Name, Seq, Status, Timestamp, TransactionId};

use super::{cause::Cause, hosts::Hosts, open};
use crate::{Error, Filter, HostId, Owner, Page, Row, Stored, read_record};

/// Connections for reading. More than two cores can use; each is made when it is needed.
const READERS: u32 = 4;

/// Connections for reading, each lent to one read at a time.
#[derive(Debug)]
pub(super) struct Readers {
    options: super::Options,
    location: Arc<str>,
    /// A plain lock: it is held to take a connection or to put it back.
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// Why something could not be read.
pub(super) enum Unread {
    /// The driver failed.
    Driver(rusqlite::Error),
    /// What is there makes no sense.
    Content(Error),
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error)
    }
}

impl Readers {
    pub(super) fn new(options: super::Options, location: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            options,
            location,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS as usize)),
        })
    }

    /// Reads on a thread where waiting is allowed.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Unread> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let read = readers.lend(work);
            drop(permit);
            read.map_err(|unread| match unread {
                Unread::Driver(error) => Cause::from(error).into_error(&readers.location),
                Unread::Content(error) => error,
            })
        });
        read.await.unwrap_or_else(|error| Err(Error::Failed(Box::new(error))))
    }

    fn lend<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Unread>) -> Result<T, Unread> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.options)?,
        };
        // One that failed is not used again.
        let done = work(&connection)?;
        self.idle.lock().push(connection);
        Ok(done)
    }

    /// Waits for reads under way and closes all; later ones fail.
    pub(super) async fn close(&self) {
        // None where it was closed before.
        let last = self.permits.acquire_many(READERS).await;
        self.permits.close();
        self.idle.lock().clear();
        drop(last);
    }
}

const COLUMNS: &str = "SELECT id, definition, module, key, status, paused, seq, epoch, host, due, created, updated, ended \
                       FROM transactions";

pub(super) fn load(connection: &Connection, hosts: &Hosts, id: TransactionId) -> Result<Option<Stored>, Unread> {
    // One read transaction, so that the row and the records are of one moment.
    let reading = connection.unchecked_transaction()?;
    let mut query = reading.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    let mut rows = query.query([id.to_string()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let row = read_row(row, hosts)?;
    let records = read_records(&reading, id)?;
    if records.len() as u64 != row.seq.0 {
        let why = format!("{} records are there where its row counts {}", records.len(), row.seq);
        return Err(Unread::Content(damaged(id, why)));
    }
    Ok(Some(Stored { row, records }))
}

fn read_records(connection: &Connection, id: TransactionId) -> Result<Vec<wasaga_core::Record>, Unread> {
    let mut query =
        connection.prepare_cached("SELECT seq, version, record FROM records WHERE transaction_id = ?1 ORDER BY seq")?;
    let mut rows = query.query([id.to_string()])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, version): (i64, i64) = (row.get(0)?, row.get(1)?);
        if seq as usize != records.len() + 1 {
            return Err(Unread::Content(damaged(id, format!("record {} is missing", records.len() + 1))));
        }
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        records.push(read_record(id, Seq(seq as u64), version, text).map_err(Unread::Content)?);
    }
    Ok(records)
}

pub(super) fn list(connection: &Connection, hosts: &Hosts, filter: &Filter, page: Page) -> Result<Vec<Row>, Unread> {
    let (mut sql, mut values) = (format!("{COLUMNS} WHERE true"), Vec::<Box<dyn ToSql>>::new());
    if !filter.statuses.is_empty() {
        sql.push_str(&format!(" AND status IN ({})", vec!["?"; filter.statuses.len()].join(", ")));
        values.extend(filter.statuses.iter().map(|status| -> Box<dyn ToSql> { Box::new(status.as_str()) }));
    }
    let mut wants = |clause: &str, value: Box<dyn ToSql>| {
        sql.push_str(clause);
        values.push(value);
    };
    if let Some(definition) = &filter.definition {
        wants(" AND definition = ?", Box::new(definition.to_string()));
    }
    if let Some(key) = &filter.key {
        wants(" AND key = ?", Box::new(key.to_string()));
    }
    if let Some(from) = filter.created_from {
        wants(" AND created >= ?", Box::new(from.unix_us() as i64));
    }
    if let Some(before) = filter.updated_before {
        wants(" AND updated < ?", Box::new(before.unix_us() as i64));
    }
    if let Some(prefix) = &filter.id_prefix {
        // Ids are capital letters and digits, so all that begin so lie between these two.
        let prefix = prefix.to_ascii_uppercase();
        wants(" AND id >= ?", Box::new(prefix.clone()));
        wants(" AND id < ?", Box::new(format!("{prefix}~")));
    }
    if let Some(below) = page.below {
        wants(" AND id < ?", Box::new(below.to_string()));
    }
    wants(" ORDER BY id DESC LIMIT ?", Box::new(i64::try_from(page.limit).unwrap_or(i64::MAX)));
    let mut query = connection.prepare(&sql)?;
    let mut rows = query.query(params_from_iter(values))?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(read_row(row, hosts)?);
    }
    Ok(list)
}

pub(super) fn module(connection: &Connection, digest: Digest) -> Result<Option<Arc<[u8]>>, Unread> {
    let mut query = connection.prepare_cached("SELECT bytes FROM modules WHERE digest = ?1")?;
    let bytes = query.query_row([digest.to_string()], |row| Ok(Arc::from(row.get_ref(0)?.as_blob()?)));
    Ok(bytes.optional()?)
}

/// All hosts that joined and did not leave.
pub(super) fn joined(connection: &Connection) -> Result<Vec<HostId>, Unread> {
    let mut query = connection.prepare_cached("SELECT id FROM hosts")?;
    let hosts = query.query_map((), |row| Ok(HostId(row.get_ref(0)?.as_str()?.into())))?;
    Ok(hosts.collect::<Result<_, _>>()?)
}

/// Whether a claim would find something.
pub(super) fn any_free(connection: &Connection) -> Result<bool, Unread> {
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM transactions WHERE host IS NULL AND ended IS NULL AND status <> 'stuck' AND paused = 0 LIMIT 1",
    )?;
    Ok(query.exists(())?)
}

fn read_row(row: &rusqlite::Row<'_>, hosts: &Hosts) -> Result<Row, Unread> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let some = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let id: &str = text(0)?;
    let id: TransactionId = id.parse().map_err(|error: wasaga_core::InvalidId| {
        Unread::Content(Error::Damaged { what: format!("the row of `{id}`"), source: Box::new(error) })
    })?;
    let time = |at: Option<i64>| at.map(|at| Timestamp::from_unix_us(at as u64));
    let (module, status) = (text(2)?, text(4)?);
    let status = Status::ALL.into_iter().find(|known| known.as_str() == status);
    let host = some(8)?.map(|host| HostId(host.into()));
    Ok(Row {
        id,
        definition: text(1)?.into(),
        module: module
            .parse()
            .map_err(|error: wasaga_core::InvalidId| Unread::Content(damaged(id, error.to_string())))?,
        key: some(3)?.map(Name::from),
        status: status.ok_or_else(|| Unread::Content(damaged(id, "its status is not a known one".into())))?,
        paused: row.get(5)?,
        seq: Seq(row.get::<_, i64>(6)? as u64),
        epoch: Epoch(row.get::<_, i64>(7)? as u64),
        owner: host.map(|host| Owner { alive: hosts.is_alive(&host), host }),
        due: time(row.get(9)?),
        created: time(row.get(10)?).unwrap_or_default(),
        updated: time(row.get(11)?).unwrap_or_default(),
        ended: time(row.get(12)?),
    })
}

fn damaged(id: TransactionId, why: String) -> Error {
    Error::Damaged { what: format!("transaction {id}"), source: why.into() }
}
