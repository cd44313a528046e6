//! The connection that writes, as a store of commits.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    batch::{self, Numbers},
    cause::Cause,
};
use crate::error::Error;
use crate::grouped::{Grouped, Store};
use crate::write::{Verdict, Write};

#[derive(Debug)]
pub(super) struct Tables {
    connection: Connection,
    numbers: Numbers,
    location: Arc<str>,
}

/// What failed, and where.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    cause: Cause,
    location: Arc<str>,
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.cause.into_error(&failed.location)
    }
}

impl Tables {
    pub(super) fn new(connection: Connection, location: Arc<str>) -> Self {
        Self { connection, numbers: Numbers::default(), location }
    }

    fn failed(&self, error: rusqlite::Error) -> Failed {
        Failed { cause: Cause::from(error), location: self.location.clone() }
    }

    /// Does something in a transaction of its own.
    fn alone<T>(&mut self, job: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        // It may remove transactions.
        self.numbers.forget();
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let done = job(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

impl Store for Tables {
    type Failed = Failed;

    fn commit(&mut self, writes: &[Write]) -> Result<Vec<Verdict>, Failed> {
        batch::commit(&self.connection, writes, &mut self.numbers).map_err(|error| self.failed(error))
    }

    fn close(self) {
        if let Err((_, error)) = self.connection.close() {
            tracing::debug!(%error, "the writer's connection was not closed in order");
        }
    }
}

impl Grouped<Tables> {
    /// Does something on the writing connection, in a transaction of its own.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(|tables| tables.alone(job).map_err(|error| tables.failed(error))).await
    }
}
