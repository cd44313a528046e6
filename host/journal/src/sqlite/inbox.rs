//! Messages that wait for a transaction, and what came of them.

use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::{Message, MessageId, Reply, TransactionId};

use super::ids::{id_of, number_of};
use super::read::{Unread, damaged};
use crate::{INBOX_MAX, Inbox, PostError, Posted};

pub(super) fn post(
    connection: &Connection,
    id: TransactionId,
    text: &str,
) -> rusqlite::Result<Result<MessageId, PostError>> {
    let Some(number) = number_of(connection, id)? else { return Ok(Err(PostError::Unknown(id))) };
    let mut query = connection.prepare_cached(
        "SELECT p.ended IS NOT NULL, (SELECT count(*) FROM messages WHERE number = ?1 AND reply IS NULL), \
         (SELECT coalesce(max(id), 0) FROM messages WHERE number = ?1) FROM progress p WHERE p.number = ?1",
    )?;
    let (ended, waiting, last): (bool, i64, i64) =
        query.query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if ended {
        return Ok(Err(PostError::Ended(id)));
    }
    if waiting as usize >= INBOX_MAX {
        return Ok(Err(PostError::Full(id)));
    }
    let mut post = connection.prepare_cached("INSERT INTO messages (number, id, message) VALUES (?1, ?2, ?3)")?;
    post.execute((number, last + 1, text))?;
    let mut wake = connection.prepare_cached("UPDATE progress SET wake = 0 WHERE number = ?1 AND host IS NULL")?;
    wake.execute([number])?;
    Ok(Ok(MessageId(last as u64 + 1)))
}

pub(super) fn inbox(connection: &Connection, of: Inbox<'_>, limit: usize) -> Result<Vec<Posted>, Unread> {
    const COLUMNS: &str = "SELECT t.id, m.id, m.message FROM messages m JOIN transactions t ON t.number = m.number";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (clause, value) = match of {
        Inbox::Of(id) => ("WHERE t.id = ?1", id.text()),
        Inbox::Host(host) => (
            "JOIN progress p ON p.number = m.number WHERE p.host = (SELECT number FROM hosts WHERE id = ?1)",
            host.0.to_string(),
        ),
    };
    let sql = format!("{COLUMNS} {clause} AND m.reply IS NULL ORDER BY m.number, m.id LIMIT ?2");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query((value, limit))?;
    let mut posted = Vec::new();
    while let Some(row) = rows.next()? {
        let (transaction, id) = (id_of(row, 0)?, MessageId(row.get::<_, i64>(1)? as u64));
        let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        match Message::read(text) {
            Ok(Some(message)) => posted.push(Posted { transaction, id, message }),
            // Of a later version: it keeps nobody from the messages beside it.
            Ok(None) => tracing::debug!(%transaction, message = id.0, "a message of a later version waits"),
            Err(error) => return Err(Unread::Content(damaged(transaction, format!("message {}: {error}", id.0)))),
        }
    }
    Ok(posted)
}

pub(super) fn reply(connection: &Connection, id: TransactionId, message: MessageId) -> Result<Option<Reply>, Unread> {
    let mut query = connection.prepare_cached(
        "SELECT m.reply FROM messages m JOIN transactions t ON t.number = m.number WHERE t.id = ?1 AND m.id = ?2",
    )?;
    let text = query.query_row((id.text(), message.0 as i64), |row| row.get::<_, Option<String>>(0)).optional()?;
    let Some(text) = text.flatten() else { return Ok(None) };
    let reply = serde_json::from_str(&text);
    reply
        .map(Some)
        .map_err(|error| Unread::Content(damaged(id, format!("the reply to message {}: {error}", message.0))))
}
