//! Modules beside the transactions of a file.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _};
use wasaga_core::{Digest, Name};

use super::column::parsed;
use super::read::Unread;
use super::{Sqlite, prune, rows};
use crate::{Error, HostId, Modules};

#[async_trait]
impl Modules for Sqlite {
    async fn put(&self, host: &HostId, digest: Digest, bytes: Arc<[u8]>) -> Result<(), Error> {
        let host = host.clone();
        self.writer.alone(move |connection| put(connection, &host, digest, &bytes)).await
    }

    async fn get(&self, digest: Digest) -> Result<Option<Arc<[u8]>>, Error> {
        self.readers.read(move |connection| get(connection, digest)).await
    }

    async fn activate(&self, name: &Name, digest: Digest) -> Result<(), Error> {
        let name = name.clone();
        let sql = "INSERT INTO active (name, module) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET module = ?2";
        self.writer.alone(move |connection| connection.execute(sql, (&*name, digest.to_string())).map(drop)).await
    }

    async fn active(&self) -> Result<Vec<(Name, Digest)>, Error> {
        self.readers.read(active).await
    }

    async fn let_go(&self, host: &HostId, digest: Digest) -> Result<(), Error> {
        let host = host.clone();
        let work = move |connection: &Connection| {
            let sql = "DELETE FROM holds WHERE host = (SELECT number FROM hosts WHERE id = ?1) AND module = ?2";
            let module = digest.to_string();
            connection.execute(sql, (&*host.0, &module))?;
            prune::drop_module(connection, &module)
        };
        self.writer.alone(work).await
    }
}

fn put(connection: &Connection, host: &HostId, digest: Digest, bytes: &[u8]) -> rusqlite::Result<()> {
    let module = digest.to_string();
    let hold = "INSERT INTO holds (host, module) SELECT number, ?2 FROM hosts WHERE id = ?1 ON CONFLICT DO NOTHING";
    connection.execute(hold, (&*host.0, &module))?;
    let known = connection.prepare_cached("SELECT 1 FROM modules WHERE digest = ?1")?.exists([&module])?;
    if known {
        // Bytes that were damaged on the disk are put right.
        let sql = "UPDATE modules SET bytes = ?2 WHERE digest = ?1 AND bytes <> ?2";
        connection.execute(sql, (&module, bytes))?;
    } else {
        connection.execute("INSERT INTO modules (digest, bytes) VALUES (?1, ?2)", (&module, bytes))?;
    }
    rows::wake_for(connection, &module)
}

fn get(connection: &Connection, digest: Digest) -> Result<Option<Arc<[u8]>>, Unread> {
    let mut query = connection.prepare_cached("SELECT bytes FROM modules WHERE digest = ?1")?;
    let bytes = query.query_row([digest.to_string()], |row| Ok(Arc::<[u8]>::from(row.get_ref(0)?.as_blob()?)));
    let Some(bytes) = bytes.optional()? else { return Ok(None) };
    if Digest::of(&bytes) != digest {
        let source = "its bytes have another digest".into();
        return Err(Unread::Content(Error::Damaged { what: format!("module {digest}"), source }));
    }
    Ok(Some(bytes))
}

fn active(connection: &Connection) -> Result<Vec<(Name, Digest)>, Unread> {
    let mut query = connection.prepare_cached("SELECT name, module FROM active ORDER BY name")?;
    let rows = query.query_map((), |row| Ok((Name::from(row.get_ref(0)?.as_str()?), parsed(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
