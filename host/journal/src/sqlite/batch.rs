//! One commit: what waits, written in few large statements. A statement costs the same whatever it
//! does and rows are cheap, so rows go by the hundred, in shapes that the statement cache knows.

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqliteConnection};
use wasaga_core::{Digest, Epoch, Name, Seq, Summary, Timestamp, TransactionId};

use crate::{Append, AppendError, Create, Created, HostId};

/// How many rows a statement has, largest first.
const SHAPES: [usize; 4] = [128, 32, 8, 1];

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
    Create { definition: Name, module: Digest, key: Option<Name>, input: Digest, host: HostId },
    Append { epoch: Epoch },
}

/// What became of a write.
pub(super) type Verdict = Result<Created, AppendError>;

impl Write {
    pub(super) fn create(create: Create) -> Result<Self, serde_json::Error> {
        let Create { id, definition, module, key, input, host, records, summary } = create;
        let kind = Kind::Create { definition, module, key, input, host };
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

    pub(super) fn id(&self) -> TransactionId {
        self.id
    }

    fn seq(&self) -> Seq {
        Seq(self.expected.0 + self.records.len() as u64)
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let id = &*self.id_text;
        self.records.iter().zip(self.expected.0 + 1..).map(move |(text, seq)| Line { id, seq, text })
    }

    fn is_create(&self) -> bool {
        matches!(self.kind, Kind::Create { .. })
    }
}

/// Writes a batch in one transaction, and says of each write what became of it. A refused one does
/// not hold up its neighbours. A batch holds at most one write of a transaction.
pub(super) async fn commit(connection: &mut SqliteConnection, batch: &[Write]) -> Result<Vec<Verdict>, sqlx::Error> {
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let written = write(connection, batch).await;
    let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = sqlx::raw_sql(end).execute(&mut *connection).await;
    if written.is_ok() && ended.is_err() {
        // A commit that failed leaves its transaction open. Where this fails as well it was closed.
        drop(sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await);
    }
    let verdicts = written?;
    ended.map(|_| verdicts)
}

async fn write(connection: &mut SqliteConnection, batch: &[Write]) -> Result<Vec<Verdict>, sqlx::Error> {
    let creates: Vec<&Write> = batch.iter().filter(|write| write.is_create()).collect();
    let appends: Vec<&Write> = batch.iter().filter(|write| !write.is_create()).collect();
    let mut accepted = rows(connection, &creates, insert, bind_create).await?;
    accepted.extend(rows(connection, &appends, update, bind_append).await?);
    let kept = batch.iter().filter(|write| accepted.contains(&write.id_text));
    let records: Vec<Line<'_>> = kept.flat_map(Write::lines).collect();
    keep(connection, &records).await?;
    let mut verdicts = Vec::with_capacity(batch.len());
    for write in batch {
        let accepted = accepted.contains(&write.id_text);
        verdicts.push(if accepted { Ok(Created::New(write.seq())) } else { refusal(connection, write).await? });
    }
    Ok(verdicts)
}

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// Runs a statement with a row for each write, and gives the ids that it took.
async fn rows(
    connection: &mut SqliteConnection,
    writes: &[&Write],
    statement: fn(usize) -> String,
    bind: fn(Query, &Write) -> Query,
) -> Result<std::collections::HashSet<String>, sqlx::Error> {
    let mut taken = std::collections::HashSet::with_capacity(writes.len());
    for chunk in chunks(writes) {
        let query = chunk.iter().fold(sqlx::query(AssertSqlSafe(statement(chunk.len()))), |q, write| bind(q, write));
        for row in query.fetch_all(&mut *connection).await? {
            taken.insert(row.try_get(0)?);
        }
    }
    Ok(taken)
}

/// One row of `records`.
struct Line<'w> {
    id: &'w str,
    seq: u64,
    text: &'w str,
}

async fn keep(connection: &mut SqliteConnection, records: &[Line<'_>]) -> Result<(), sqlx::Error> {
    for chunk in chunks(records) {
        let sql = format!(
            "INSERT INTO records (transaction_id, seq, version, record) VALUES {}",
            places(&format!("(?, ?, {}, ?)", wasaga_core::RECORD_VERSION), chunk.len())
        );
        let mut query: Query = sqlx::query(AssertSqlSafe(sql));
        for line in chunk {
            query = query.bind(line.id.to_owned()).bind(line.seq as i64).bind(line.text.to_owned());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn insert(rows: usize) -> String {
    let values = places("(?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)", rows);
    format!(
        "INSERT INTO transactions (id, definition, module, key, input, status, paused, seq, epoch, host, due, created, \
         updated, ended) VALUES {values} ON CONFLICT DO NOTHING RETURNING id"
    )
}

fn bind_create(query: Query, write: &Write) -> Query {
    let Kind::Create { definition, module, key, input, host } = &write.kind else { return query };
    let host = (!write.summary.status.is_ended()).then(|| host.0.to_string());
    query
        .bind(write.id_text.clone())
        .bind(definition.to_string())
        .bind(module.to_string())
        .bind(key.as_ref().map(ToString::to_string))
        .bind(input.to_string())
        .bind(write.summary.status.as_str())
        .bind(write.summary.paused)
        .bind(write.seq().0 as i64)
        .bind(host)
        .bind(time(write.summary.due))
        .bind(time(Some(write.first)))
        .bind(time(Some(write.last)))
        .bind(time(write.summary.ended))
}

/// An append takes effect where its epoch and its sequence are the current ones: invariant I5.
fn update(rows: usize) -> String {
    let values = places("(?, ?, ?, ?, ?, ?, ?, ?, ?)", rows);
    format!(
        "UPDATE transactions SET status = v.column4, paused = v.column5, seq = v.column6, due = v.column7, \
         updated = v.column8, ended = v.column9, host = iif(v.column9 IS NULL, host, NULL) \
         FROM (VALUES {values}) AS v \
         WHERE id = v.column1 AND epoch = v.column2 AND transactions.seq = v.column3 RETURNING id"
    )
}

fn bind_append(query: Query, write: &Write) -> Query {
    let Kind::Append { epoch } = &write.kind else { return query };
    query
        .bind(write.id_text.clone())
        .bind(epoch.0 as i64)
        .bind(write.expected.0 as i64)
        .bind(write.summary.status.as_str())
        .bind(write.summary.paused)
        .bind(write.seq().0 as i64)
        .bind(time(write.summary.due))
        .bind(time(Some(write.last)))
        .bind(time(write.summary.ended))
}

/// Why a write was not taken.
async fn refusal(connection: &mut SqliteConnection, write: &Write) -> Result<Verdict, sqlx::Error> {
    let (id, expected) = (write.id, write.expected);
    if let Kind::Create { definition, key: Some(key), .. } = &write.kind {
        let by_key = sqlx::query_as("SELECT id, input FROM transactions WHERE definition = ? AND key = ?");
        let found: Option<(String, String)> =
            by_key.bind(definition.to_string()).bind(key.to_string()).fetch_optional(&mut *connection).await?;
        if let Some((id, input)) = found {
            let id = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let input = input.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            return Ok(Ok(Created::Exists { id, input }));
        }
    }
    let current = sqlx::query_as("SELECT epoch, seq FROM transactions WHERE id = ?");
    let current: Option<(i64, i64)> = current.bind(write.id_text.clone()).fetch_optional(&mut *connection).await?;
    Ok(Err(match (&write.kind, current) {
        (Kind::Append { epoch }, Some((current, _))) if current != epoch.0 as i64 => {
            AppendError::Fenced { id, epoch: *epoch }
        }
        (_, current) => AppendError::Conflict { id, expected, actual: current.map(|(_, seq)| Seq(seq as u64)) },
    }))
}

fn time(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| i64::try_from(at.unix_us()).unwrap_or(i64::MAX))
}

fn places(row: &str, rows: usize) -> String {
    let mut text = String::with_capacity((row.len() + 1) * rows);
    for i in 0..rows {
        if i > 0 {
            text.push(',');
        }
        text.push_str(row);
    }
    text
}

/// Parts in the known shapes.
fn chunks<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let shape = SHAPES.into_iter().find(|shape| *shape <= rest.len())?;
        let (chunk, after) = rest.split_at(shape);
        rest = after;
        Some(chunk)
    })
}
