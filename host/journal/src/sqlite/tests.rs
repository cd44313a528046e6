//! What only a file can suffer.

use std::os::unix::fs::PermissionsExt as _;

use sqlx::{ConnectOptions, SqliteConnection};
use wasaga_core::{Created as Creation, Fact, Json, Record, Status, Summary, definition::CompensationPolicy};

use super::*;

fn options(path: &std::path::Path) -> Options {
    Options { path: path.into(), synchronous: Synchronous::Full }
}

async fn raw(path: &std::path::Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn refused(path: &std::path::Path) -> String {
    let mut error: &dyn std::error::Error = &Sqlite::open(options(path)).await.unwrap_err();
    let mut text = error.to_string();
    while let Some(source) = error.source() {
        error = source;
        text = format!("{text}: {error}");
    }
    text.replace(&path.display().to_string(), "PATH")
}

fn create(number: u128, filler: usize) -> Create {
    let input = Json::of(&"x".repeat(filler)).unwrap();
    let created = Creation {
        transaction: TransactionId::from_u128(number),
        definition: "order".into(),
        module: Digest::of(b"m"),
        input: input.clone(),
        headers: Default::default(),
        policy: Some(CompensationPolicy::StrictSequential),
        participants: Vec::new(),
        deadline: None,
        namespace: "n".into(),
        key: Some(format!("k{number}").into()),
    };
    Create {
        id: created.transaction,
        definition: created.definition.clone(),
        module: created.module,
        key: created.key.clone(),
        input: input.digest(),
        host: HostId("ada".into()),
        records: vec![Record { at: Timestamp::from_unix_us(5), fact: Fact::Created(created) }],
        summary: Summary {
            status: Status::Scheduled,
            paused: false,
            due: Some(Timestamp::from_unix_us(5)),
            ended: None,
        },
    }
}

#[tokio::test]
async fn what_is_no_journal_is_told_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "dear diary, this is not a database at all\n".repeat(50)).unwrap();
    let before = std::fs::read(&text).unwrap();
    assert_eq!(
        refused(&text).await,
        "journal `sqlite:PATH` cannot be opened: it is not an SQLite database (name another file; this one was not \
         touched): error returned from database: (code: 26) file is not a database"
    );
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let foreign = directory.path().join("foreign.db");
    let mut connection = raw(&foreign).await;
    sqlx::raw_sql("CREATE TABLE albums (name TEXT)").execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(refused(&foreign).await.contains("another program's database (name another file"));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);

    let nowhere = text.join("journal.db");
    assert!(refused(&nowhere).await.contains("cannot be opened"), "{}", refused(&nowhere).await);
    assert!(refused(directory.path()).await.contains("cannot be opened"), "{}", refused(directory.path()).await);
}

#[tokio::test]
async fn a_later_version_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Sqlite::open(options(&path)).await.unwrap();
    journal.create(create(1, 1)).await.unwrap();
    journal.close().await;
    let mut connection = raw(&path).await;
    sqlx::raw_sql("UPDATE records SET version = 2").execute(&mut connection).await.unwrap();
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let newer = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert_eq!(
        newer,
        "record 1 of 00000000000000000000000001 is of version 2, which this wasaga does not know \
         (update wasaga, or name another journal)"
    );
    journal.close().await;
    let later = "INSERT INTO _sqlx_migrations VALUES (2, 'later', '2026-01-01', 1, x'00', 1)";
    sqlx::raw_sql(later).execute(&mut connection).await.unwrap();
    assert!(refused(&path).await.contains("is of version 2, which this wasaga does not know"));
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Sqlite::open(options(&path)).await.unwrap();
    journal.create(create(1, 1)).await.unwrap();
    let mut connection = raw(&path).await;
    sqlx::raw_sql("UPDATE records SET record = '{'").execute(&mut connection).await.unwrap();
    let damaged = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(damaged.starts_with("record 1 of 00000000000000000000000001 is damaged"), "{damaged}");
    sqlx::raw_sql("DELETE FROM records").execute(&mut connection).await.unwrap();
    let lost = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(lost.starts_with("transaction 00000000000000000000000001 is damaged"), "{lost}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_keeps_what_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Sqlite::open(options(&directory.path().join("journal.db"))).await.unwrap();
    journal.join(&HostId("ada".into())).await.unwrap();
    journal.create(create(1, 1)).await.unwrap();
    let pages = |sql: &'static str| {
        journal.writer.run(move |c| Box::pin(async move { sqlx::query(sql).execute(c).await.map(drop) }))
    };
    // SQLite takes its present size where the bound is below it.
    pages("PRAGMA max_page_count = 1").await.unwrap();
    let full = journal.create(create(2, 1 << 20)).await.unwrap_err();
    assert!(matches!(full, AppendError::Journal(Error::Full { .. })), "{full}");
    assert!(full.to_string().contains("the disk is full (make room"), "{full}");
    assert!(journal.load(TransactionId::from_u128(2)).await.unwrap().is_none());
    assert!(journal.load(TransactionId::from_u128(1)).await.unwrap().is_some());
    pages("PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(journal.create(create(2, 1 << 20)).await.unwrap(), Created::New(Seq(1)));
}

#[tokio::test]
async fn a_locked_journal_waits_for_its_turn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let mut other = raw(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = journal.create(create(1, 1));
    tokio::pin!(waiting);
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "nothing is answered while another process writes");
    assert!(journal.load(TransactionId::from_u128(1)).await.unwrap().is_none(), "and reads go on");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Created::New(Seq(1)));
}

#[tokio::test]
async fn rows_are_made_again_from_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let ada = HostId("ada".into());
    journal.join(&ada).await.unwrap();
    for number in 1..=3 {
        journal.create(create(number, 1)).await.unwrap();
    }
    let all = Page { limit: 9, below: None };
    let before = journal.list(&Filter::default(), all).await.unwrap();
    sqlx::raw_sql("DELETE FROM transactions").execute(&mut raw(&path).await).await.unwrap();
    assert_eq!(journal.rebuild_rows().await.unwrap(), 3);
    assert_eq!(journal.rebuild_rows().await.unwrap(), 0);
    let after = journal.list(&Filter::default(), all).await.unwrap();
    let derived = |row: &Row| Row { epoch: Epoch(0), owner: None, ..row.clone() };
    assert_eq!(after.iter().map(derived).collect::<Vec<_>>(), before.iter().map(derived).collect::<Vec<_>>());
    let claims = journal.claim(&ada, 9).await.unwrap();
    assert_eq!(claims.len(), 3);
    assert!(claims.iter().all(|claim| claim.epoch > Epoch(1)), "epochs that were given are not given again");
    let keyed = journal.create(create(3, 1)).await.unwrap();
    assert!(matches!(keyed, Created::Exists { .. }), "keys are known again");
}

#[tokio::test]
async fn a_read_only_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    Sqlite::open(options(&path)).await.unwrap().close().await;
    let mut connection = raw(&path).await;
    sqlx::raw_sql("PRAGMA query_only = 1").execute(&mut connection).await.unwrap();
    let error = sqlx::raw_sql("DELETE FROM hosts").execute(&mut connection).await.unwrap_err();
    let told = Cause::from(error).into_error("sqlite:PATH").to_string();
    assert_eq!(
        told,
        "journal `sqlite:PATH` cannot be written: it is read-only (change its permissions, or name another journal)"
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    // Root writes whatever the permissions say; anyone else is told on opening.
    if std::fs::OpenOptions::new().write(true).open(&path).is_err() {
        assert!(refused(&path).await.contains("read-only"), "{}", refused(&path).await);
    }
}

#[test]
fn options_are_read() {
    let read = |text: &str| text.parse::<Options>();
    assert_eq!(read("a/b.db").unwrap(), options("a/b.db".as_ref()));
    assert_eq!(read("b?synchronous=off").unwrap().synchronous, Synchronous::Off);
    assert_eq!(read("").unwrap_err(), "the path is missing (write `sqlite:PATH`)");
    assert!(read("b?sync=1").unwrap_err().starts_with("option `sync=1` is not known"));
}
