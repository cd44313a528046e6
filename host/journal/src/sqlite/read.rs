//! Reading: rows and records, on connections of their own, so that no read waits behind the writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, ToSql, params_from_iter};
use tokio::sync::Semaphore;
use wasaga_core::{Digest, Epoch, LabelValue, Name, Record, Seq, Status, Timestamp, TransactionId};

use super::cause::Cause;
use super::column::{label_of, micros, owned, wake_of};
use super::hosts::{Hosts, Life};
use super::open;
use crate::{Error, Filter, HostId, Owner, Page, Reading, Row, Stored};

/// Connections for reading. More than two cores can use; each is made when it is needed.
const READERS: u32 = 4;

/// Connections for reading, each lent to one read at a time.
#[derive(Debug)]
pub(super) struct Readers {
    options: open::Options,
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

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Content(error)
    }
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error)
    }
}

impl Readers {
    pub(super) fn new(options: open::Options, location: Arc<str>) -> Arc<Self> {
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

const COLUMNS: &str = "SELECT t.id, t.definition, t.module, t.module_name, t.key, t.class, p.status, p.paused, p.seq, p.epoch, \
                       h.id, h.locks, p.wake, p.held, t.created, p.updated, p.ended, t.number, p.version \
                       FROM transactions t JOIN progress p ON p.number = t.number \
                       LEFT JOIN hosts h ON h.number = p.host";

/// Which records of a transaction: those after this one, and how many at most.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) after: Seq,
    pub(super) limit: usize,
}

pub(super) fn read(
    connection: &Connection,
    hosts: &Hosts,
    id: TransactionId,
    part: Part,
) -> Result<Option<Stored>, Unread> {
    // One read transaction, so that the row and the records are of one moment.
    let reading = connection.unchecked_transaction()?;
    let mut query = reading.prepare_cached(&format!("{COLUMNS} WHERE t.id = ?1"))?;
    let mut rows = query.query([id.text()])?;
    let Some(found) = rows.next()? else { return Ok(None) };
    let number = found.get(17)?;
    let row = read_row(&reading, found, hosts)?;
    let records = if part.limit == 0 { Vec::new() } else { records_of(&reading, &row, number, part)? };
    Ok(Some(Stored { row, records }))
}

/// The appends of a transaction from the last one back to the one that holds record `?2`, for a query on `chain`.
pub(super) const CHAIN: &str = "WITH RECURSIVE chain (place, seq, before) AS (\
                                SELECT r.place, r.seq, r.before FROM progress p JOIN records r ON r.place = p.last \
                                WHERE p.number = ?1 UNION ALL \
                                SELECT r.place, r.seq, r.before FROM chain c JOIN records r ON r.place = c.before \
                                WHERE c.seq > ?2)";

fn records_of(connection: &Connection, row: &Row, number: i64, part: Part) -> Result<Vec<Record>, Unread> {
    let id = row.id;
    let first = part.after.0.saturating_add(1);
    let last = part.after.0.saturating_add(part.limit as u64).min(row.seq.0);
    // The append that holds the first one may begin before it.
    let mut query = connection.prepare_cached(&format!(
        "{CHAIN} SELECT r.seq, r.version, r.records FROM chain c JOIN records r ON r.place = c.place \
         WHERE r.seq <= ?3 ORDER BY r.seq"
    ))?;
    let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let mut rows = query.query((number, bound(first), bound(last)))?;
    let (mut records, mut next) = (Vec::new(), None);
    let mut reading = Reading::new(id, |digest| payload(connection, number, digest));
    while let Some(row) = rows.next()? {
        let (seq, version): (i64, i64) = (row.get(0)?, row.get(1)?);
        if next.is_some_and(|next| next != seq as u64) {
            break;
        }
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let together = reading.read(Seq(seq as u64), version, text)?;
        next = Some(seq as u64 + together.len() as u64);
        let wanted = (seq as u64..).zip(together).filter(|(seq, _)| (first..=last).contains(seq));
        records.extend(wanted.map(|(_, record)| record));
    }
    let wanted = (last + 1).saturating_sub(first);
    if records.len() as u64 != wanted {
        let missing = first + records.len() as u64;
        let why = format!("record {missing} is missing, and its row counts {}", row.seq);
        return Err(Unread::Content(damaged(id, why)));
    }
    Ok(records)
}

/// The text of a large payload of a transaction.
pub(super) fn payload(connection: &Connection, number: i64, digest: Digest) -> Result<Option<String>, Unread> {
    let mut query = connection.prepare_cached("SELECT text FROM payloads WHERE number = ?1 AND digest = ?2")?;
    Ok(query.query_row((number, digest.to_string()), |row| row.get(0)).optional()?)
}

pub(super) fn list(connection: &Connection, hosts: &Hosts, filter: &Filter, page: Page) -> Result<Vec<Row>, Unread> {
    let (mut sql, mut values) = (format!("{COLUMNS} WHERE true"), Vec::<Box<dyn ToSql>>::new());
    if !filter.statuses.is_empty() {
        sql.push_str(&format!(" AND p.status IN ({})", vec!["?"; filter.statuses.len()].join(", ")));
        values.extend(filter.statuses.iter().map(|status| -> Box<dyn ToSql> { Box::new(status.as_str()) }));
        if filter.statuses.iter().all(|status| !status.is_ended()) {
            // Then the index of the unfinished has them all, and what has ended costs nothing.
            sql.push_str(" AND p.ended IS NULL");
        }
    }
    let mut wants = |clause: &str, value: Box<dyn ToSql>| {
        sql.push_str(clause);
        values.push(value);
    };
    for (name, value) in &filter.labels {
        wants(" AND t.number IN (SELECT number FROM labels WHERE name = ?", Box::new(name.to_string()));
        wants(" AND value = ?)", Box::new(owned(value)));
    }
    if let Some(definition) = &filter.definition {
        wants(" AND t.definition = ?", Box::new(definition.to_string()));
    }
    if let Some(key) = &filter.key {
        wants(" AND t.key = ?", Box::new(key.to_string()));
    }
    if let Some(from) = filter.created_from {
        wants(" AND t.created >= ?", Box::new(micros(from)));
    }
    if let Some(before) = filter.updated_before {
        wants(" AND p.updated < ?", Box::new(micros(before)));
    }
    if let Some(prefix) = &filter.id_prefix {
        // Ids are capital letters and digits, so all that begin so lie between these two.
        let prefix = prefix.to_ascii_uppercase();
        wants(" AND t.id >= ?", Box::new(prefix.clone()));
        wants(" AND t.id < ?", Box::new(format!("{prefix}~")));
    }
    if let Some(below) = page.below {
        wants(" AND t.id < ?", Box::new(below.text()));
    }
    if filter.held {
        wants(" AND p.held IS NOT NULL AND ?", Box::new(true));
    }
    wants(" ORDER BY t.id DESC LIMIT ?", Box::new(i64::try_from(page.limit).unwrap_or(i64::MAX)));
    let mut query = connection.prepare(&sql)?;
    let mut rows = query.query(params_from_iter(values))?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(read_row(connection, row, hosts)?);
    }
    Ok(list)
}

/// All hosts that joined and did not leave, with the folder of their locks.
pub(super) fn joined(connection: &Connection) -> Result<Vec<(HostId, String)>, Unread> {
    let mut query = connection.prepare_cached("SELECT id, locks FROM hosts")?;
    let hosts = query.query_map((), |row| Ok((HostId(row.get_ref(0)?.as_str()?.into()), row.get(1)?)))?;
    Ok(hosts.collect::<Result<_, _>>()?)
}

fn labels(connection: &Connection, number: i64) -> Result<BTreeMap<Name, LabelValue>, Unread> {
    let mut query = connection.prepare_cached("SELECT name, value FROM labels WHERE number = ?1")?;
    let rows = query.query_map([number], |row| Ok((row.get_ref(0)?.as_str()?.into(), label_of(row.get_ref(1)?)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_row(connection: &Connection, row: &rusqlite::Row<'_>, hosts: &Hosts) -> Result<Row, Unread> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let some = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let id: &str = text(0)?;
    let id: TransactionId = id.parse().map_err(|error: wasaga_core::InvalidId| {
        Unread::Content(Error::Damaged { what: format!("the row of `{id}`"), source: Box::new(error) })
    })?;
    let time = |at: Option<i64>| at.map(|at| Timestamp::from_unix_us(at as u64));
    let (module, status) = (text(2)?, text(6)?);
    let status = Status::ALL.into_iter().find(|known| known.as_str() == status);
    let owner = some(10)?.map(|host| HostId(host.into())).zip(some(11)?);
    Ok(Row {
        id,
        definition: text(1)?.into(),
        module: module
            .parse()
            .map_err(|error: wasaga_core::InvalidId| Unread::Content(damaged(id, error.to_string())))?,
        module_name: some(3)?.map(Name::from),
        key: some(4)?.map(Name::from),
        class: some(5)?.map(Name::from),
        labels: labels(connection, row.get(17)?)?,
        status: status.ok_or_else(|| Unread::Content(damaged(id, "its status is not a known one".into())))?,
        paused: row.get(7)?,
        seq: Seq(row.get::<_, i64>(8)? as u64),
        version: row.get(18)?,
        epoch: Epoch(row.get::<_, i64>(9)? as u64),
        // A list says of a host that cannot be looked at what it would say of a living one: nothing is done by it.
        owner: owner.map(|(host, locks)| Owner { alive: !matches!(hosts.life(&host, locks), Ok(Life::Dead)), host }),
        wake: wake_of(row.get(12)?),
        held: some(13)?.map(Arc::from),
        created: time(row.get(14)?).unwrap_or_default(),
        updated: time(row.get(15)?).unwrap_or_default(),
        ended: time(row.get(16)?),
    })
}

pub(super) fn damaged(id: TransactionId, why: String) -> Error {
    Error::Damaged { what: format!("transaction {id}"), source: why.into() }
}
