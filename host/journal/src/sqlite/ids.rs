//! Transactions go by numbers in the tables, and by their ids everywhere else.

use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::TransactionId;

use super::column::parsed;

/// The number of a transaction; none where it is unknown.
pub(super) fn number_of(connection: &Connection, id: TransactionId) -> rusqlite::Result<Option<i64>> {
    let mut query = connection.prepare_cached("SELECT number FROM transactions WHERE id = ?1")?;
    query.query_row([id.text()], |row| row.get(0)).optional()
}

/// The id that a column has.
pub(super) fn id_of(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<TransactionId> {
    parsed(row, column)
}
