//! How far this host's leaving is.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How far a drain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    No,
    /// Nothing new begins.
    Calls,
    /// What still runs is dropped.
    Cut,
}

/// The level of this host. Waiters are woken in the order of waiting, and not at random as by a
/// `watch`, so that one schedule gives one run.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    /// A plain lock, held for a read or a write of one value.
    level: Mutex<Level>,
    moved: Notify,
}

impl Drain {
    pub(crate) fn level(&self) -> Level {
        *self.level.lock()
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.level() > Level::No
    }

    /// Goes on to this level; never back.
    pub(crate) fn go_on(&self, to: Level) {
        let mut level = self.level.lock();
        *level = to.max(*level);
        drop(level);
        self.moved.notify_waiters();
    }

    /// Waits until it is beyond this level; answers where it is then.
    pub(crate) async fn beyond(&self, seen: Level) -> Level {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            // From here on no move is missed.
            moved.as_mut().enable();
            let now = self.level();
            if now > seen {
                return now;
            }
            moved.await;
        }
    }
}
