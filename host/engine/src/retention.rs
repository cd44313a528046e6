//! Removes ended transactions when their time has passed. Unfinished ones are never removed; the
//! journal sees to that.

use std::sync::Arc;
use std::time::Duration;

use wasaga_core::Timestamp;

use crate::error::chain;
use crate::shared::Shared;

/// How often the journal is asked to remove what is old.
const EVERY: Duration = Duration::from_mins(1);
/// Records that are removed at once: one short commit, so that appends do not wait for it.
const CHUNK: usize = 2_000;
/// Chunks of one round. What is left waits for the next.
const CHUNKS_MAX: usize = 200;

/// Starts the loop. It ends with the engine.
pub(crate) fn start(shared: &Arc<Shared>, retention: Duration) {
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(engine) = shared.upgrade().filter(|engine| !engine.drain.is_under_way()) else { return };
            remove_old(&engine, retention).await;
        }
    });
}

async fn remove_old(engine: &Shared, retention: Duration) {
    let retention_us = u64::try_from(retention.as_micros()).unwrap_or(u64::MAX);
    let before = Timestamp::from_unix_us(engine.world.now().unix_us().saturating_sub(retention_us));
    for _ in 0..CHUNKS_MAX {
        match engine.journal.prune(before, CHUNK).await {
            Ok(pruned) if pruned.more => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "old transactions cannot be removed");
                return;
            }
        }
    }
}
