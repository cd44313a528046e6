//! Whether there may be something new: told at once inside the process, and seen within moments where another process
//! wrote it. Deliberately absent: what it is; whoever waits looks for itself.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::read::{Readers, Unread};
use crate::Error;

/// How often the file is looked at for what other processes wrote: the longest that a message of theirs waits. A look
/// reads one number of the log's index, and touches no disk.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct News {
    readers: Arc<Readers>,
    told: Notify,
}

impl News {
    pub(super) fn new(readers: Arc<Readers>) -> Self {
        Self { readers, told: Notify::new() }
    }

    /// Something of this process is new.
    pub(super) fn tell(&self) {
        self.told.notify_waiters();
    }

    /// Waits for news, or until the time is over.
    pub(super) async fn wait(&self, at_most: Duration) -> Result<(), Error> {
        let end = Instant::now() + at_most;
        let told = self.told.notified();
        tokio::pin!(told);
        let before = self.readers.read(messages).await?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if tokio::time::timeout(left.min(LOOK_EVERY), &mut told).await.is_ok() {
                return Ok(());
            }
            if self.readers.read(messages).await? != before {
                return Ok(());
            }
        }
    }
}

/// What changes with news: the newest message that waits, and when the next free transaction wakes.
fn messages(connection: &Connection) -> Result<(Option<i64>, i64, Option<i64>), Unread> {
    let mut query = connection.prepare_cached(
        "SELECT (SELECT max(number) FROM messages WHERE reply IS NULL), \
         (SELECT count(*) FROM messages WHERE reply IS NULL), \
         (SELECT min(wake) FROM progress WHERE host IS NULL AND wake IS NOT NULL)",
    )?;
    Ok(query.query_row((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
}
