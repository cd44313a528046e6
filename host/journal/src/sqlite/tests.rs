//! What only a file can suffer.

use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;
use wasaga_core::{Created as Creation, Fact, Json, Record, Status, Summary, definition::CompensationPolicy};

use super::{
    cause::{Cause, of_lock_file},
    *,
};

fn options(path: &std::path::Path) -> Options {
    Options { path: path.into(), synchronous: Synchronous::Full }
}

fn raw(path: &std::path::Path) -> Connection {
    Connection::open(path).unwrap()
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
        providers: Default::default(),
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
        providers: Vec::new(),
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
         touched): file is not a database"
    );
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let foreign = directory.path().join("foreign.db");
    let connection = raw(&foreign);
    connection.execute_batch("CREATE TABLE albums (name TEXT)").unwrap();
    connection.close().unwrap();
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
    let connection = raw(&path);
    connection.execute_batch("UPDATE records SET version = 2").unwrap();
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let newer = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert_eq!(
        newer,
        "record 1 of 00000000000000000000000001 is of version 2, which this wasaga does not know \
         (update wasaga, or name another journal)"
    );
    journal.close().await;
    let later = "PRAGMA user_version = 3";
    connection.execute_batch(later).unwrap();
    assert!(refused(&path).await.contains("is of version 3, which this wasaga does not know"));
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Sqlite::open(options(&path)).await.unwrap();
    journal.create(create(1, 1)).await.unwrap();
    let connection = raw(&path);
    connection.execute_batch("UPDATE records SET record = '{'").unwrap();
    let damaged = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(damaged.starts_with("record 1 of 00000000000000000000000001 is damaged"), "{damaged}");
    connection.execute_batch("DELETE FROM records").unwrap();
    let lost = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(lost.starts_with("transaction 00000000000000000000000001 is damaged"), "{lost}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_keeps_what_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Sqlite::open(options(&directory.path().join("journal.db"))).await.unwrap();
    journal.join(&HostId("ada".into())).await.unwrap();
    journal.create(create(1, 1)).await.unwrap();
    let pages = |sql: &'static str| journal.writer.run(move |c| c.query_row(sql, (), |row| row.get::<_, i64>(0)));
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
    let other = raw(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = journal.create(create(1, 1));
    tokio::pin!(waiting);
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "nothing is answered while another process writes");
    assert!(journal.load(TransactionId::from_u128(1)).await.unwrap().is_none(), "and reads go on");
    other.execute_batch("COMMIT").unwrap();
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
    raw(&path).execute_batch("DELETE FROM transactions").unwrap();
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
async fn a_journal_of_the_first_version_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    Sqlite::open(options(&path)).await.unwrap().close().await;
    raw(&path).execute_batch("DROP TABLE providers; PRAGMA user_version = 1").unwrap();
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let providers = vec![Digest::of(b"bank")];
    assert_eq!(journal.create(Create { providers, ..create(1, 1) }).await.unwrap(), Created::New(Seq(1)));
}

#[tokio::test]
async fn a_module_is_kept_while_a_transaction_needs_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let bytes: Arc<[u8]> = b"bank".to_vec().into();
    let bank = Digest::of(&bytes);
    journal.put_module(bank, &"bank".into(), bytes).await.unwrap();
    raw(&path).execute_batch("UPDATE modules SET added = 1").unwrap();
    let ended = |us| {
        let ended = Some(Timestamp::from_unix_us(us));
        Summary { status: Status::Completed, paused: false, due: None, ended }
    };
    for number in 1..=2_u64 {
        let create = Create { providers: vec![bank], summary: ended(10 * number), ..create(number.into(), 1) };
        journal.create(create).await.unwrap();
    }
    let mut kept = Vec::new();
    for before in [15, 25] {
        assert_eq!(journal.prune(Timestamp::from_unix_us(before), 9).await.unwrap(), 1);
        kept.push(journal.module(bank).await.unwrap().is_some());
    }
    assert_eq!(kept, [true, false]);
}

#[tokio::test]
async fn a_read_only_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    Sqlite::open(options(&path)).await.unwrap().close().await;
    let connection = raw(&path);
    connection.execute_batch("PRAGMA query_only = 1").unwrap();
    let error = connection.execute_batch("DELETE FROM hosts").unwrap_err();
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
fn what_a_lock_file_and_the_log_suffer_is_told_of_the_journal() {
    let told = |number: i32| of_lock_file("sqlite:PATH", &std::io::Error::from_raw_os_error(number)).to_string();
    let (again, no_space, read_only, not_permitted) = (11, 28, 30, 13);
    assert!(told(no_space).starts_with("journal `sqlite:PATH` cannot be written: the disk is full (make room"));
    assert!(told(read_only).starts_with("journal `sqlite:PATH` cannot be written: it is read-only ("));
    assert!(told(again).starts_with("journal `sqlite:PATH` is locked by another process ("));
    assert!(
        told(not_permitted).contains("cannot be opened: Permission denied") && told(not_permitted).contains(".hosts")
    );
    let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    let full = Cause::from(rusqlite::Error::SqliteFailure(failure, None)).into_error("sqlite:PATH");
    assert!(matches!(full, Error::Full { .. }), "{full}");
}

/// SQLite itself would begin anew, and throw the log away.
#[tokio::test]
async fn an_empty_file_with_a_log_is_no_new_journal() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("journal.db"), directory.path().join("copy.db"));
    let journal = Sqlite::open(options(&path)).await.unwrap();
    journal.create(create(1, 1)).await.unwrap();
    // While it is open its log is not yet taken into the file.
    std::fs::copy(directory.path().join("journal.db-wal"), directory.path().join("copy.db-wal")).unwrap();
    std::fs::write(&copy, "").unwrap();
    let log = std::fs::read(directory.path().join("copy.db-wal")).unwrap();
    assert!(!log.is_empty());
    assert_eq!(
        refused(&copy).await,
        "journal `sqlite:PATH` is damaged (restore the journal from a backup; nothing was changed): the file is empty, \
         and there is a log beside it"
    );
    assert_eq!(std::fs::read(directory.path().join("copy.db-wal")).unwrap(), log);
    journal.close().await;
}

#[test]
fn options_are_read() {
    let read = |text: &str| text.parse::<Options>();
    assert_eq!(read("a/b.db").unwrap(), options("a/b.db".as_ref()));
    assert_eq!(read("b?synchronous=off").unwrap().synchronous, Synchronous::Off);
    assert_eq!(read("").unwrap_err(), "the path is missing (write `sqlite:PATH`)");
    assert!(read("b?sync=1").unwrap_err().starts_with("option `sync=1` is not known"));
}
