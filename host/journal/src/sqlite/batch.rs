//! One commit: what waits, a prepared statement for each row. A statement that stays prepared costs
//! a microsecond or two here, for nothing lies between this thread and SQLite.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use wasaga_core::{Digest, Epoch, Name, Seq, Summary, Timestamp, TransactionId};

use crate::{Append, AppendError, Create, Created, HostId};

/// What is written of a create or an append; records are texts already.
#[derive(Debug)]
pub(super) struct Write {
    id: TransactionId,
    id_text: String,
    /// How many records were there before.
    expected: Seq,
    first: Timestamp,
    last: Timestamp,
    summary: Summary,
    records: Vec<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Create(Box<New>),
    Append { epoch: Epoch },
}

#[derive(Debug)]
struct New {
    definition: Name,
    module: Digest,
    providers: Vec<Digest>,
    key: Option<Name>,
    input: Digest,
    host: HostId,
}

/// What became of a write.
pub(super) type Verdict = Result<Created, AppendError>;

impl Write {
    pub(super) fn create(create: Create) -> Result<Self, serde_json::Error> {
        let Create { id, definition, module, providers, key, input, host, records, summary } = create;
        let kind = Kind::Create(Box::new(New { definition, module, providers, key, input, host }));
        Self::new(id, Seq(0), &records, summary, kind)
    }

    pub(super) fn append(append: &Append) -> Result<Self, serde_json::Error> {
        let kind = Kind::Append { epoch: append.epoch };
        Self::new(append.id, append.expected, &append.records, append.summary, kind)
    }

    fn new(
        id: TransactionId,
        expected: Seq,
        records: &[wasaga_core::Record],
        summary: Summary,
        kind: Kind,
    ) -> Result<Self, serde_json::Error> {
        let at = |record: Option<&wasaga_core::Record>| record.map(|r| r.at).unwrap_or_default();
        let (first, last) = (at(records.first()), at(records.last()));
        let records = records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        Ok(Self { id, id_text: id.to_string(), expected, first, last, summary, records, kind })
    }

    fn seq(&self) -> Seq {
        Seq(self.expected.0 + self.records.len() as u64)
    }
}

/// Writes a batch in one transaction, in its order, and says of each write what became of it. A
/// refused one does not hold up its neighbours; an error is of all.
pub(super) fn commit(connection: &Connection, batch: &[Write]) -> rusqlite::Result<Vec<Verdict>> {
    // What is dropped before its commit, or fails in it, is rolled back.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let verdicts = batch.iter().map(|write| take(&transaction, write)).collect::<rusqlite::Result<_>>()?;
    transaction.commit()?;
    Ok(verdicts)
}

fn take(connection: &Connection, write: &Write) -> rusqlite::Result<Verdict> {
    let taken = match &write.kind {
        Kind::Create(new) => insert(connection, write, new)?,
        Kind::Append { epoch } => update(connection, write, *epoch)?,
    };
    if !taken {
        return refusal(connection, write);
    }
    if let Kind::Create(new) = &write.kind {
        keep_providers(connection, &write.id_text, new.providers.iter().copied())?;
    }
    let mut keep = connection
        .prepare_cached("INSERT INTO records (transaction_id, seq, version, record) VALUES (?1, ?2, ?3, ?4)")?;
    for (record, seq) in write.records.iter().zip(write.expected.0 + 1..) {
        keep.execute((&write.id_text, seq as i64, wasaga_core::RECORD_VERSION, record))?;
    }
    Ok(Ok(Created::New(write.seq())))
}

/// Whether there is a new row, for neither its id nor its key was used.
fn insert(connection: &Connection, write: &Write, new: &New) -> rusqlite::Result<bool> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO transactions (id, definition, module, key, input, status, paused, seq, epoch, host, due, created, \
         updated, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
    )?;
    let Summary { status, paused, due, ended } = &write.summary;
    let rows = insert.execute((
        &write.id_text,
        &*new.definition,
        new.module.to_string(),
        new.key.as_deref(),
        new.input.to_string(),
        status.as_str(),
        paused,
        write.seq().0 as i64,
        (!status.is_ended()).then_some(&*new.host.0),
        time(*due),
        time(Some(write.first)),
        time(Some(write.last)),
        time(*ended),
    ))?;
    Ok(rows > 0)
}

/// Notes what other modules a transaction needs.
pub(super) fn keep_providers(
    connection: &Connection,
    id: &str,
    providers: impl Iterator<Item = Digest>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO providers (transaction_id, module) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    for module in providers {
        connection.prepare_cached(sql)?.execute((id, module.to_string()))?;
    }
    Ok(())
}

/// An append takes effect where its epoch and its sequence are the current ones: invariant I5.
fn update(connection: &Connection, write: &Write, epoch: Epoch) -> rusqlite::Result<bool> {
    let Summary { status, paused, due, ended } = &write.summary;
    let (status, seq, due, updated) = (status.as_str(), write.seq().0 as i64, time(*due), time(Some(write.last)));
    let (epoch, expected) = (epoch.0 as i64, write.expected.0 as i64);
    let rows = if let Some(ended) = time(*ended) {
        let mut end = connection.prepare_cached(
            "UPDATE transactions SET status = ?4, paused = ?5, seq = ?6, due = ?7, updated = ?8, ended = ?9, \
             host = NULL WHERE id = ?1 AND epoch = ?2 AND seq = ?3",
        )?;
        end.execute((&write.id_text, epoch, expected, status, paused, seq, due, updated, ended))?
    } else {
        // It names no column that an index has, so that no index is written.
        let mut go_on = connection.prepare_cached(
            "UPDATE transactions SET status = ?4, paused = ?5, seq = ?6, due = ?7, updated = ?8 \
             WHERE id = ?1 AND epoch = ?2 AND seq = ?3",
        )?;
        go_on.execute((&write.id_text, epoch, expected, status, paused, seq, due, updated))?
    };
    Ok(rows > 0)
}

/// Why a write was not taken.
fn refusal(connection: &Connection, write: &Write) -> rusqlite::Result<Verdict> {
    let (id, expected) = (write.id, write.expected);
    if let Kind::Create(new) = &write.kind
        && let Some(key) = &new.key
    {
        let mut by_key =
            connection.prepare_cached("SELECT id, input FROM transactions WHERE definition = ?1 AND key = ?2")?;
        let found = by_key.query_row((&*new.definition, &**key), |row| Ok((parsed(row, 0)?, parsed(row, 1)?)));
        if let Some((id, input)) = found.optional()? {
            return Ok(Ok(Created::Exists { id, input }));
        }
    }
    let mut current = connection.prepare_cached("SELECT epoch, seq FROM transactions WHERE id = ?1")?;
    let current = current.query_row([&write.id_text], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    Ok(Err(match (&write.kind, current.optional()?) {
        (Kind::Append { epoch }, Some((current, _))) if current != epoch.0 as i64 => {
            AppendError::Fenced { id, epoch: *epoch }
        }
        (_, current) => AppendError::Conflict { id, expected, actual: current.map(|(_, seq)| Seq(seq as u64)) },
    }))
}

/// A column's text as what it means.
pub(super) fn parsed<T>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    let told = |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error));
    text.parse().map_err(told)
}

/// A time as it is kept: microseconds since 1970.
pub(super) fn time(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| i64::try_from(at.unix_us()).unwrap_or(i64::MAX))
}
