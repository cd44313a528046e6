//! Clauses of the suite: what is read is what was appended, of one moment.

use wasaga_core::{APART_BYTES_MIN, CallId, Created as Creation, Digest, Fact, Json, Operation, Record, Seq, Usage};

use super::{Suite, append_of, at, creation, id, record, running};
use crate::Created;

/// A call that completed with this output.
fn completed(item: u32, output: Json) -> Record {
    let call = CallId { node: "step".into(), item: Some(item), operation: Operation::Run, attempt: 1 };
    let fact = Fact::Completed { call, output, writes: Default::default(), usage: Usage::default() };
    Record { at: at(9), fact }
}

impl Suite<'_> {
    pub(super) async fn reads_a_part(&self) {
        let one = self.created(45).await;
        let more = (3..6).map(record).collect();
        assert_eq!(self.journal.append(append_of(one, (1, 2), more, running())).await.unwrap(), Seq(5));
        self.append(one, 1, 5, running()).await.unwrap();
        let whole = self.stored(one).await.records;
        assert_eq!(whole.len(), 6);
        for (after, limit) in [(0, 0), (0, 1), (1, 2), (2, 3), (3, 1), (4, 9), (5, 9), (6, 9), (9, 9)] {
            let part = self.journal.read(one, Seq(after), limit).await.unwrap().unwrap();
            let expected: Vec<_> = whole.iter().skip(after as usize).take(limit).cloned().collect();
            assert_eq!(part.records, expected, "{limit} after {after}");
            assert_eq!(part.row.seq, Seq(6));
        }
    }

    /// The row and the records are of one moment, and an append is there whole, while others append.
    pub(super) async fn reads_under_appends(&self) {
        let one = self.created(46).await;
        let other = self.backend.open().await;
        let appends = async {
            for before in (2..42).step_by(2) {
                let two = vec![record(before), record(before + 1)];
                self.journal.append(append_of(one, (1, before), two, running())).await.unwrap();
            }
        };
        let reads = async {
            let mut seen = 0;
            while seen < 42 {
                let stored = other.load(one).await.unwrap().unwrap();
                assert_eq!(stored.records.len() as u64, stored.row.seq.0);
                assert!(stored.row.seq.0 >= seen && stored.row.seq.0 % 2 == 0, "{} after {seen}", stored.row.seq);
                seen = stored.row.seq.0;
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(appends, reads);
    }

    /// Payloads that a backend may keep apart come back as they were, also in a part; and what looks like a reference
    /// to one is what it is.
    pub(super) async fn large_payloads_come_back(&self) {
        let large = |letter: &str| Json::of(&letter.repeat(APART_BYTES_MIN)).unwrap();
        let created = Creation { input: large("i"), ..creation(47, None) };
        let create = self.create_of(created);
        let mut whole = create.commit.records.clone();
        assert_eq!(self.journal.create(create).await.unwrap(), Created::New(Seq(2)));
        let digest = Digest::of(large("o").as_str().as_bytes());
        let sly = format!(r#"{{"stored":"{digest}","apart":{{"output":{{"stored":"{digest}"}}}}}}"#);
        let outputs = [large("o"), Json::parse(&sly).unwrap(), large("o"), large("i"), Json::null()];
        let records: Vec<_> = (0..).zip(outputs).map(|(item, output)| completed(item, output)).collect();
        whole.extend(records.clone());
        self.journal.append(append_of(id(47), (1, 2), records, running())).await.unwrap();
        let other = self.backend.open().await;
        assert_eq!(other.load(id(47)).await.unwrap().unwrap().records, whole);
        assert_eq!(other.read(id(47), Seq(3), 2).await.unwrap().unwrap().records, whole[3..5]);
    }
}
