//! What only a file can suffer.

use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;
use wasaga_core::{
    Commit, Created as Creation, Digest, Fact, Json, RECORD_VERSION, Record, Status, Summary, Wake,
    definition::CompensationPolicy,
};

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
        input,
        headers: Default::default(),
        policy: Some(CompensationPolicy::StrictSequential),
        participants: Vec::new(),
        deadline: None,
        namespace: "n".into(),
        key: Some(format!("k{number}").into()),
        module_name: Some("shop".into()),
        generation: 0,
        labels: [("number".into(), wasaga_core::LabelValue::Integer(number as i64))].into(),
        class: None,
    };
    create_of(created, None)
}

fn create_of(created: Creation, ended: Option<Timestamp>) -> Create {
    let status = if ended.is_some() { Status::Completed } else { Status::Scheduled };
    let wake = if ended.is_some() { Wake::Never } else { Wake::Now };
    let commit = Commit {
        transaction: created.transaction,
        before: Seq(0),
        records: vec![Record { at: Timestamp::from_unix_us(5), fact: Fact::Created(created.into()) }],
        taken: Vec::new(),
        summary: Summary { status, paused: false, wake, held: None, ended },
    };
    Create { host: HostId("ada".into()), commit }
}

/// A journal that `ada` has joined.
async fn joined(path: &std::path::Path) -> Sqlite {
    let journal = Sqlite::open(options(path)).await.unwrap();
    journal.join(&HostId("ada".into()), RECORD_VERSION).await.unwrap();
    journal
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
    let journal = joined(&path).await;
    journal.create(create(1, 1)).await.unwrap();
    journal.close().await;
    let connection = raw(&path);
    connection.execute_batch("UPDATE records SET version = 3").unwrap();
    let journal = Sqlite::open(options(&path)).await.unwrap();
    let newer = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert_eq!(
        newer,
        "record 1 of 00000000000000000000000001 is of version 3, which this wasaga does not know \
         (update wasaga, or name another journal)"
    );
    journal.close().await;
    let later = "PRAGMA user_version = 4";
    connection.execute_batch(later).unwrap();
    assert!(refused(&path).await.contains("is of version 4, which this wasaga does not know"));
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = joined(&path).await;
    journal.create(create(1, 1)).await.unwrap();
    let connection = raw(&path);
    connection.execute_batch("UPDATE records SET records = '{'").unwrap();
    let damaged = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(damaged.starts_with("record 1 of 00000000000000000000000001 is damaged"), "{damaged}");
    connection.execute_batch("DELETE FROM records").unwrap();
    let lost = journal.load(TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(lost.starts_with("transaction 00000000000000000000000001 is damaged"), "{lost}");
}

#[tokio::test]
async fn a_message_of_a_later_version_keeps_nobody_from_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = joined(&path).await;
    journal.create(create(1, 1)).await.unwrap();
    let id = TransactionId::from_u128(1);
    let word = Message::Word {
        by: wasaga_core::Operator { who: "ada".into(), why: "a test".into() },
        word: wasaga_core::Word::Pause,
    };
    let first = journal.post(id, word.clone()).await.unwrap();
    let second = journal.post(id, word.clone()).await.unwrap();
    let later = "UPDATE messages SET message = '{\"signal\":{\"name\":\"paid\"}}' WHERE id = ?1";
    raw(&path).execute(later, [first.0 as i64]).unwrap();
    let inbox = journal.inbox(Inbox::Of(id), 10).await.unwrap();
    assert_eq!(inbox.iter().map(|posted| (posted.id, &posted.message)).collect::<Vec<_>>(), [(second, &word)]);
    raw(&path).execute("UPDATE messages SET message = '{' WHERE id = ?1", [first.0 as i64]).unwrap();
    let damaged = journal.inbox(Inbox::Of(id), 10).await.unwrap_err().to_string();
    assert!(damaged.contains("is damaged"), "{damaged}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_keeps_what_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let journal = joined(&directory.path().join("journal.db")).await;
    journal.create(create(1, 1)).await.unwrap();
    let pages = |sql: &'static str| journal.writer.alone(move |c| c.query_row(sql, (), |row| row.get::<_, i64>(0)));
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
    let journal = joined(&path).await;
    let other = raw(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = journal.create(create(1, 1));
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "nothing is answered while another process writes");
    assert!(journal.load(TransactionId::from_u128(1)).await.unwrap().is_none(), "and reads go on");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(waiting.await.unwrap(), Created::New(Seq(1)));
}

#[tokio::test]
async fn rows_are_made_again_from_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = joined(&path).await;
    let ada = HostId("ada".into());
    for number in 1..=3 {
        journal.create(create(number, 1)).await.unwrap();
    }
    let all = Page { limit: 9, below: None };
    let before = journal.list(&Filter::default(), all).await.unwrap();
    raw(&path)
        .execute_batch("DELETE FROM transactions; DELETE FROM progress; DELETE FROM keys; DELETE FROM labels")
        .unwrap();
    assert_eq!(journal.rebuild_rows().await.unwrap(), 3);
    assert_eq!(journal.rebuild_rows().await.unwrap(), 0);
    let after = journal.list(&Filter::default(), all).await.unwrap();
    let derived = |row: &Row| Row { epoch: Epoch(0), owner: None, ..row.clone() };
    assert_eq!(after.iter().map(derived).collect::<Vec<_>>(), before.iter().map(derived).collect::<Vec<_>>());
    let claims = journal.claim(&ada, Timestamp::from_unix_us(9), 9).await.unwrap().taken;
    assert_eq!(claims.len(), 3);
    assert!(claims.iter().all(|claim| claim.epoch > Epoch(1)), "epochs that were given are not given again");
    let mut again = create(3, 1);
    again.commit.transaction = TransactionId::from_u128(4);
    let keyed = journal.create(again).await.unwrap();
    assert!(matches!(keyed, Created::Exists { .. }), "keys are known again");
}

/// A file that version 0.1.0 wrote is opened and read: two orders that completed, one that was compensated, a stuck
/// saga, a TCC, and one that was killed in the middle.
#[tokio::test]
async fn a_journal_of_version_0_1_0_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version-0.1.0.db"), &path).unwrap();
    let journal = joined(&path).await;
    let rows = journal.list(&Filter::default(), Page { limit: 9, below: None }).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (&*row.definition, row.status.as_str(), row.seq.0, row.wake)).collect();
    assert_eq!(
        told,
        [
            ("slow", "running", 4, Wake::Now),
            ("order", "completed", 10, Wake::Never),
            ("stubborn", "stuck", 13, Wake::Never),
            ("transfer", "confirmed", 11, Wake::Never),
            ("order", "compensated", 11, Wake::Never),
            ("order", "completed", 10, Wake::Never),
        ]
    );
    for row in &rows {
        let stored = journal.load(row.id).await.unwrap().unwrap();
        assert_eq!(stored.records.len() as u64, row.seq.0);
        let told = Summary::of(&stored.records);
        assert_eq!((told.status, told.ended), (row.status, row.ended));
    }
    let slow = &rows[0];
    assert!(journal.modules().get(slow.module).await.unwrap().is_some());
    let claims = journal.claim(&HostId("ada".into()), Timestamp::from_unix_us(1), 9).await.unwrap();
    assert_eq!(claims.taken.iter().map(|claim| claim.id).collect::<Vec<_>>(), [slow.id]);
    // Its start key is known, under the name that its module has.
    let mut again = create(1, 1);
    if let Fact::Created(created) = &mut again.commit.records[0].fact {
        let created = Arc::make_mut(created);
        (created.definition, created.key) = ("slow".into(), Some("slow".into()));
        created.module_name = Some("guest-slow".into());
    }
    assert!(matches!(journal.create(again).await.unwrap(), Created::Exists { id, .. } if id == slow.id));
}

/// U2: a start key of version 0.1.0 has the digest that inputs have now, which it had not when it was written.
#[tokio::test]
async fn keys_of_version_0_1_0_have_todays_digest() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = joined(&path).await;
    let mut create = create(1, 1);
    let input = Json::parse(r#"{"wei":1.0,"large":1000000000000000000000001}"#).unwrap();
    if let Fact::Created(created) = &mut create.commit.records[0].fact {
        let created = Arc::make_mut(created);
        created.input = input.clone();
    }
    journal.create(create.clone()).await.unwrap();
    raw(&path).execute_batch("UPDATE keys SET input = ''").unwrap();
    create.commit.transaction = TransactionId::from_u128(2);
    let exists = Created::Exists { id: TransactionId::from_u128(1), input: input.digest() };
    assert_eq!(journal.create(create).await.unwrap(), exists);
}

/// Equal outputs are one payload in the file, go with their transaction, and are compared with their digest.
#[tokio::test]
async fn large_payloads_are_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = joined(&path).await;
    let call = wasaga_core::CallId { node: "a".into(), item: None, operation: wasaga_core::Operation::Run, attempt: 1 };
    let output = Json::of(&"o".repeat(1 << 20)).unwrap();
    let completed = |item| {
        let call = wasaga_core::CallId { item: Some(item), ..call.clone() };
        let (writes, usage) = (Default::default(), Default::default());
        let fact = Fact::Completed { call, output: output.clone(), writes, usage };
        Record { at: Timestamp::from_unix_us(6), fact }
    };
    let mut create = create(1, 1);
    create.commit.records.extend((0..100).map(completed));
    let commit = Commit { before: Seq(101), records: (100..200).map(completed).collect(), ..create.commit.clone() };
    journal.create(create).await.unwrap();
    journal.append(Append { epoch: Epoch(1), commit, release: false }).await.unwrap();
    let one = TransactionId::from_u128(1);
    assert_eq!(journal.load(one).await.unwrap().unwrap().records.len(), 201);
    let count = |sql: &str| raw(&path).query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM payloads"), 1);
    assert!(count("SELECT sum(length(records)) FROM records") < 100_000);
    raw(&path).execute_batch("UPDATE payloads SET text = '\"p\"'").unwrap();
    let damaged = journal.load(one).await.unwrap_err();
    assert!(matches!(&damaged, Error::Damaged { what, .. } if what.starts_with("record 2 of ")), "{damaged}");
    raw(&path).execute_batch("DELETE FROM payloads").unwrap();
    assert!(matches!(journal.load(one).await, Err(Error::Damaged { .. })));
}

/// X6: bytes that are not those of the digest are never run.
#[tokio::test]
async fn a_module_with_a_flipped_bit_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let (journal, ada) = (joined(&path).await, HostId("ada".into()));
    let bytes: Arc<[u8]> = b"bank".to_vec().into();
    let bank = Digest::of(&bytes);
    journal.modules().put(&ada, bank, bytes.clone()).await.unwrap();
    raw(&path).execute_batch("UPDATE modules SET bytes = x'62616e6c'").unwrap();
    let damaged = journal.modules().get(bank).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
    journal.modules().put(&ada, bank, bytes).await.unwrap();
    assert!(journal.modules().get(bank).await.unwrap().is_some(), "put once more it is well again");
}

/// C1, X1: a lock file that cannot be opened is an error of the question, and does not make its host dead.
#[tokio::test]
async fn a_host_that_cannot_be_looked_at_is_not_dead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let (journal, ada, bob) = (joined(&path).await, HostId("ada".into()), HostId("bob".into()));
    let other = Sqlite::open(options(&path)).await.unwrap();
    other.join(&bob, RECORD_VERSION).await.unwrap();
    let one = create(1, 1);
    journal.create(one).await.unwrap();
    // A link that leads to itself cannot be opened, by root neither: to look at it fails as EMFILE and EACCES do.
    let lock = directory.path().join("journal.db.hosts/host-ada");
    std::fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink(&lock, &lock).unwrap();
    let claims = other.claim(&bob, Timestamp::from_unix_us(9), 9).await.unwrap();
    assert_eq!(claims.taken, []);
    let told = other.claim_one(&bob, TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(told.contains("whether host `ada` lives cannot be found out"), "{told}");
    let row = journal.read(TransactionId::from_u128(1), Seq(0), 0).await.unwrap().unwrap().row;
    assert_eq!(row.owner.map(|owner| (owner.host, owner.alive)), Some((ada, true)));
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(other.claim(&bob, Timestamp::from_unix_us(9), 9).await.unwrap().taken.len(), 1, "no file is no host");
}

/// U1: whatever name a journal is opened by, it is one journal with one folder of locks.
#[tokio::test]
async fn a_journal_is_one_by_all_its_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let (journal, bob) = (joined(&path).await, HostId("bob".into()));
    journal.create(create(1, 1)).await.unwrap();
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let roundabout = directory.path().join("journal.db.hosts/../journal.db");
    let named = format!("file:{}", path.display()).parse::<Options>().unwrap();
    for options in [options(&link), options(&roundabout), named] {
        let other = Sqlite::open(options).await.unwrap();
        other.join(&bob, RECORD_VERSION).await.unwrap();
        assert_eq!(other.claim(&bob, Timestamp::from_unix_us(9), 9).await.unwrap().taken, []);
        other.leave(&bob).await.unwrap();
    }
    std::fs::hard_link(&path, directory.path().join("hard.db")).unwrap();
    let told = refused(&directory.path().join("hard.db")).await;
    assert!(told.contains("its file has 2 names (hard links)"), "{told}");
}

/// U1: a host that came by another name of the file, as by a bind mount of the file alone, is judged by the file itself.
#[tokio::test]
async fn a_host_with_locks_elsewhere_is_dead_only_where_nobody_has_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let (journal, bob) = (joined(&path).await, HostId("bob".into()));
    journal.create(create(1, 1)).await.unwrap();
    raw(&path).execute_batch("UPDATE hosts SET locks = 'elsewhere'").unwrap();
    journal.close().await;
    let other = Sqlite::open(options(&path)).await.unwrap();
    other.join(&bob, RECORD_VERSION).await.unwrap();
    // Another process that has it open holds such a lock; to the system, so does another open file of this one.
    let elsewhere = std::fs::File::open(&path).unwrap();
    elsewhere.lock_shared().unwrap();
    assert_eq!(other.claim(&bob, Timestamp::from_unix_us(9), 9).await.unwrap().taken, []);
    let told = other.claim_one(&bob, TransactionId::from_u128(1)).await.unwrap_err().to_string();
    assert!(told.contains("joined by another name of this journal"), "{told}");
    elsewhere.unlock().unwrap();
    assert_eq!(other.claim(&bob, Timestamp::from_unix_us(9), 9).await.unwrap().taken.len(), 1);
}

/// S17: the journal has every payload, and is its user's alone.
#[tokio::test]
async fn a_journal_is_its_users_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/journal.db");
    let journal = joined(&path).await;
    journal.create(create(1, 1)).await.unwrap();
    let mode = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
    for file in ["new/journal.db", "new/journal.db-wal", "new/journal.db-shm"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    for folder in ["new", "new/journal.db.hosts"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
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
    let journal = joined(&path).await;
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
    assert_eq!(read("file:a/b.db").unwrap(), options("a/b.db".as_ref()));
    assert_eq!(read(":memory:").unwrap_err(), "a journal in memory is `memory:`");
    assert!(read("b?sync=1").unwrap_err().starts_with("option `sync=1` is not known"));
}
