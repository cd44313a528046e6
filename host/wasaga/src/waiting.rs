//! Waits for a transaction's end while signals are heard, and says the last word on it.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use wasaga_core::{Report, TransactionId};
use wasaga_engine::Engine;
use wasaga_journal::Row;

use crate::exit::{Exit, last_json};
use crate::options::Speech;
use crate::out;
use crate::shown::shown;
use crate::view::View;

/// How long calls in flight may go on after the user asks to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether nobody drives a transaction that goes on by itself: it waits for `resume`.
pub(crate) fn is_left(row: &Row) -> bool {
    row.status.is_under_way() && !row.paused && row.owner.as_ref().is_none_or(|owner| !owner.alive)
}

/// The last word on a transaction: the result object for programs, a line for people.
pub(crate) fn tell(report: &Report, view: &View, speech: &Speech) -> anyhow::Result<Exit> {
    if speech.json {
        last_json(report)?;
    } else {
        view.conclude(report);
    }
    Ok(Exit::of(report))
}

/// Waits for the end, or for the user to ask for one; none where it is left for another time.
pub(crate) async fn wait(
    engine: &Engine,
    view: &View,
    id: TransactionId,
    stop: &mut Stop,
) -> anyhow::Result<Option<Report>> {
    tokio::select! {
        report = engine.wait(id) => Ok(Some(report?)),
        () = stop.asked() => {
            let patience = PATIENCE.as_secs();
            out::remark(&shown!("stopping: calls in flight may end within {} s (once more to stop at once)", patience));
            tokio::select! {
                _ = engine.drain(PATIENCE) => {}
                () = stop.asked() => { engine.drain(Duration::ZERO).await; }
            }
            // It may have ended in the last moment.
            let row = engine.journal().load(id).await?.map(|stored| stored.row);
            match row {
                Some(row) if row.status.is_ended() => Ok(Some(engine.result(id).await?)),
                _ => {
                    let left = shown!("transaction {} is not finished", id);
                    out::remark(&match view.hints().about("resume", id, &[]) {
                        Some(command) => shown!("{}, and kept in the journal; go on: {}", left, command),
                        None => shown!("{}, and its journal goes with this process", left),
                    });
                    Ok(None)
                }
            }
        }
    }
}

/// How often somebody asks before the process ends at once, whatever it does.
const ASKED_MAX: usize = 3;

/// Ctrl-C and SIGTERM, from the moment that this is made: before anything begins that should end in order.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = || -> anyhow::Result<Self> {
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        };
        // Whatever else holds the threads: who asks again and again is heard. The journal is safe at any moment.
        let mut last = listen()?;
        tokio::spawn(async move {
            for _ in 0..ASKED_MAX {
                last.asked().await;
            }
            std::process::exit(Exit::Unfinished.code().into());
        });
        listen()
    }

    /// The next time that the user, or the system, asks this process to end.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for something that may take its time, such as a module that is compiled; none where the user asks to end
    /// first. What was not begun by then does not begin.
    pub(crate) async fn unless_asked<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.asked() => {
                out::remark(&shown!("stopped; what has begun by now is in the journal"));
                None
            }
        }
    }
}
