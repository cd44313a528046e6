//! One commit: what waits, a prepared statement for each row. A statement that stays prepared costs
//! a microsecond or two here, for nothing lies between this thread and SQLite.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use wasaga_core::{Digest, Epoch, LabelValue, Name, Seq, Summary, TransactionId};

use super::column::{Value, time, wake};
use super::ids::number_of;
use super::keys;
use crate::write::{Kind, New, Verdict, Write};
use crate::{AppendError, Created, FIRST_EPOCH, Written};

/// Numbers of transactions that are remembered. More than are in flight; beyond it all are forgotten and looked up anew.
const NUMBERS_MAX: usize = 8_192;

/// The numbers that this process's transactions have in the tables.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<TransactionId, i64>);

/// Writes a batch in one transaction, in its order, and says of each write what became of it. A
/// refused one does not hold up its neighbours; an error is of all.
pub(super) fn commit(
    connection: &Connection,
    batch: &[Write],
    numbers: &mut Numbers,
) -> rusqlite::Result<Vec<Verdict>> {
    // What is dropped before its commit, or fails in it, is rolled back.
    let written = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).and_then(|transaction| {
        let verdicts = batch.iter().map(|write| take(&transaction, write, numbers)).collect::<rusqlite::Result<_>>()?;
        transaction.commit()?;
        Ok(verdicts)
    });
    if written.is_err() {
        // A number may be of a row that was rolled back.
        numbers.0.clear();
    }
    written
}

impl Numbers {
    fn find(&mut self, connection: &Connection, id: TransactionId) -> rusqlite::Result<Option<i64>> {
        if let Some(number) = self.0.get(&id) {
            return Ok(Some(*number));
        }
        let number = number_of(connection, id)?;
        if let Some(number) = number {
            self.note(id, number);
        }
        Ok(number)
    }

    fn note(&mut self, id: TransactionId, number: i64) {
        if self.0.len() >= NUMBERS_MAX {
            self.0.clear();
        }
        self.0.insert(id, number);
    }

    /// A transaction may be removed by another process, or by this one: its number is looked up anew.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

fn take(connection: &Connection, write: &Write, numbers: &mut Numbers) -> rusqlite::Result<Verdict> {
    match &write.kind {
        Kind::Create(new) => create(connection, write, new, numbers),
        Kind::Append { epoch, release } => append(connection, write, (*epoch, *release), numbers),
    }
}

fn create(connection: &Connection, write: &Write, new: &New, numbers: &mut Numbers) -> rusqlite::Result<Verdict> {
    let (id, expected) = (write.id, write.expected);
    let mut host = connection.prepare_cached("SELECT number FROM hosts WHERE id = ?1")?;
    let Some(host) = host.query_row([&*new.host.0], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(Err(AppendError::Fenced { id, epoch: FIRST_EPOCH }));
    };
    if let Some(number) = number_of(connection, id)? {
        let actual = standing(connection, number)?.map(|(_, seq)| seq);
        return Ok(Err(AppendError::Conflict { id, expected, actual }));
    }
    if let Some(key) = &new.key
        && let Some(used) = keys::find(connection, key)?
    {
        return Ok(Ok(used));
    }
    let number = insert(connection, write, new)?;
    let place = first_records(connection, write, number)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO progress (number, status, paused, seq, epoch, host, wake, held, updated, ended, version, last) \
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let Summary { status, paused, ended, held, .. } = &write.summary;
    let host = Some(host).filter(|_| !status.is_ended());
    let (seq, wake) = (write.after.0 as i64, wake(write.summary.wake));
    let (last, ended, version) = (time(write.last), time(*ended), write.version());
    insert.execute((number, status.as_str(), paused, seq, host, wake, held, last, ended, version, place))?;
    numbers.note(id, number);
    Ok(Ok(Created::New(write.after)))
}

fn insert(connection: &Connection, write: &Write, new: &New) -> rusqlite::Result<i64> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO transactions (id, definition, module, module_name, key, class, created) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let number = insert.insert((
        write.id.text(),
        &*new.definition,
        new.module.to_string(),
        new.module_name.as_deref(),
        new.key.as_ref().map(|key| &*key.key),
        new.class.as_deref(),
        time(Some(new.created)),
    ))?;
    if let Some(key) = &new.key {
        keys::take(connection, key, number)?;
    }
    keep_uses(connection, number, new.providers.iter().copied())?;
    keep_labels(connection, number, &new.labels)?;
    Ok(number)
}

/// Notes what other modules a transaction needs.
pub(super) fn keep_uses(
    connection: &Connection,
    number: i64,
    providers: impl Iterator<Item = Digest>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO uses (number, module) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    for module in providers {
        connection.prepare_cached(sql)?.execute((number, module.to_string()))?;
    }
    Ok(())
}

/// Notes the values by which a transaction is found.
pub(super) fn keep_labels(connection: &Connection, number: i64, labels: &[(Name, LabelValue)]) -> rusqlite::Result<()> {
    for (name, value) in labels {
        let mut keep = connection.prepare_cached("INSERT INTO labels (number, name, value) VALUES (?1, ?2, ?3)")?;
        keep.execute((number, &**name, Value(value)))?;
    }
    Ok(())
}

/// The records of a transaction that begins; answers where they are.
fn first_records(connection: &Connection, write: &Write, number: i64) -> rusqlite::Result<Option<i64>> {
    let Some(written) = &write.records else { return Ok(None) };
    let mut keep =
        connection.prepare_cached("INSERT INTO records (number, seq, version, records) VALUES (?1, 1, ?2, ?3)")?;
    keep.execute((number, written.version, &written.text))?;
    let place = connection.last_insert_rowid();
    keep_payloads(connection, written, number)?;
    Ok(Some(place))
}

/// More records, at the end of the chain, where the epoch and the sequence are the current ones; answers where they are,
/// and none where they are not.
fn next_records(
    connection: &Connection,
    write: &Write,
    written: &Written,
    number: i64,
    epoch: Epoch,
) -> rusqlite::Result<Option<i64>> {
    let mut keep = connection.prepare_cached(
        "INSERT INTO records (number, seq, before, version, records) SELECT ?1, ?2, last, ?3, ?4 FROM progress \
         WHERE number = ?1 AND epoch = ?5 AND seq = ?6",
    )?;
    let (seq, epoch, expected) = (write.expected.0 as i64 + 1, epoch.0 as i64, write.expected.0 as i64);
    if keep.execute((number, seq, written.version, &written.text, epoch, expected))? == 0 {
        return Ok(None);
    }
    let place = connection.last_insert_rowid();
    keep_payloads(connection, written, number)?;
    Ok(Some(place))
}

fn keep_payloads(connection: &Connection, written: &Written, number: i64) -> rusqlite::Result<()> {
    for (digest, payload) in &written.payloads {
        let sql = "INSERT INTO payloads (number, digest, text) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        connection.prepare_cached(sql)?.execute((number, digest.to_string(), payload.as_str()))?;
    }
    Ok(())
}

/// An append takes effect where its epoch and its sequence are the current ones: invariant I5.
fn append(
    connection: &Connection,
    write: &Write,
    (epoch, release): (Epoch, bool),
    numbers: &mut Numbers,
) -> rusqlite::Result<Verdict> {
    let (id, expected) = (write.id, write.expected);
    let Some(number) = numbers.find(connection, id)? else {
        return Ok(Err(AppendError::Conflict { id, expected, actual: None }));
    };
    let place = match &write.records {
        Some(written) => next_records(connection, write, written, number, epoch)?,
        None => None,
    };
    // Records that found no place say that another has written, or has it.
    let fits = write.records.is_none() || place.is_some();
    if !(fits && update(connection, write, number, epoch, place)?) {
        return Ok(Err(match standing(connection, number)? {
            Some((current, _)) if current != epoch => AppendError::Fenced { id, epoch },
            current => AppendError::Conflict { id, expected, actual: current.map(|(_, seq)| seq) },
        }));
    }
    for taken in &write.taken {
        let reply = serde_json::to_string(&taken.reply)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let mut answer = connection.prepare_cached("UPDATE messages SET reply = ?3 WHERE number = ?1 AND id = ?2")?;
        answer.execute((number, taken.message.0 as i64, reply))?;
    }
    if release && !write.summary.status.is_ended() {
        super::rows::free(connection, number)?;
    }
    Ok(Ok(Created::New(write.after)))
}

fn update(
    connection: &Connection,
    write: &Write,
    number: i64,
    epoch: Epoch,
    place: Option<i64>,
) -> rusqlite::Result<bool> {
    let Summary { status, paused, held, .. } = &write.summary;
    let (status, seq, wake, updated) =
        (status.as_str(), write.after.0 as i64, wake(write.summary.wake), time(write.last));
    let (epoch, expected, version) = (epoch.0 as i64, write.expected.0 as i64, write.version());
    let rows = if let Some(ended) = time(write.summary.ended) {
        let mut end = connection.prepare_cached(
            "UPDATE progress SET status = ?4, paused = ?5, seq = ?6, wake = NULL, updated = coalesce(?7, updated), \
             ended = ?8, host = NULL, held = NULL, version = max(version, ?9), last = coalesce(?10, last) WHERE number = ?1 AND epoch = ?2 AND seq = ?3",
        )?;
        end.execute((number, epoch, expected, status, paused, seq, updated, ended, version, place))?
    } else {
        // Its owner keeps it out of the index of what may be claimed, so that no index is written.
        let mut go_on = connection.prepare_cached(
            "UPDATE progress SET status = ?4, paused = ?5, seq = ?6, wake = ?7, updated = coalesce(?8, updated), \
             held = ?9, version = max(version, ?10), last = coalesce(?11, last) WHERE number = ?1 AND epoch = ?2 AND seq = ?3",
        )?;
        go_on.execute((number, epoch, expected, status, paused, seq, wake, updated, held, version, place))?
    };
    Ok(rows > 0)
}

fn standing(connection: &Connection, number: i64) -> rusqlite::Result<Option<(Epoch, Seq)>> {
    let mut current = connection.prepare_cached("SELECT epoch, seq FROM progress WHERE number = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok((Epoch(row.get::<_, i64>(0)? as u64), Seq(row.get::<_, i64>(1)? as u64)));
    current.query_row([number], read).optional()
}
