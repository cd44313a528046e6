//! How records become text and text becomes records, for backends that keep text. Deliberately absent: the tables or
//! keys that the text lies in.

use std::collections::HashMap;

use wasaga_core::{Digest, Json, RECORD_VERSION, Record, Seq, StoredRecord, TransactionId};

use crate::Error;

/// The records of one append as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The version that a reader of them must know.
    pub version: u32,
    /// A JSON array of the records, without their large payloads.
    pub text: String,
    /// The large payloads, each to be kept once for the transaction, by its digest.
    pub payloads: Vec<(Digest, Json)>,
}

/// Writes the records of one append; none where there are no records.
///
/// # Errors
/// [`Error::Failed`] where a record cannot be written as JSON.
pub fn write_records(records: Vec<Record>) -> Result<Option<Written>, Error> {
    if records.is_empty() {
        return Ok(None);
    }
    let mut payloads = Vec::new();
    let stored: Vec<_> = records
        .into_iter()
        .map(|record| StoredRecord::of(record, |digest, payload| payloads.push((digest, payload))))
        .collect();
    let version = stored.iter().map(StoredRecord::version).max().unwrap_or(RECORD_VERSION);
    let text = serde_json::to_string(&stored).map_err(|error| Error::Failed(Box::new(error)))?;
    Ok(Some(Written { version, text, payloads }))
}

/// Reads records of one transaction back. A payload that several of them share is loaded once, and shares its memory.
#[derive(Debug)]
pub struct Reading<L> {
    transaction: TransactionId,
    load: L,
    known: HashMap<Digest, Json>,
}

impl<L, E> Reading<L>
where
    L: FnMut(Digest) -> Result<Option<String>, E>,
    E: From<Error>,
{
    /// Of this transaction; `load` gives the text of a payload, and none where it is not there.
    pub fn new(transaction: TransactionId, load: L) -> Self {
        Self { transaction, load, known: HashMap::new() }
    }

    /// The records of one append; `first` is the place of the first of them.
    ///
    /// # Errors
    /// [`Error::Newer`] and [`Error::Damaged`]; what `load` answers.
    pub fn read(&mut self, first: Seq, version: u32, text: &str) -> Result<Vec<Record>, E> {
        let named = |seq: u64| format!("record {seq} of {}", self.transaction);
        if version > RECORD_VERSION {
            return Err(Error::Newer { what: named(first.0), version }.into());
        }
        let damaged = |seq, source| E::from(Error::Damaged { what: named(seq), source });
        let stored: Vec<StoredRecord> =
            serde_json::from_str(text).map_err(|error| damaged(first.0, Box::new(error)))?;
        let (load, known) = (&mut self.load, &mut self.known);
        let whole = |(seq, stored): (u64, StoredRecord)| {
            let record = stored.whole(|digest| -> Result<_, E> {
                if let Some(payload) = known.get(&digest) {
                    return Ok(Some(payload.clone()));
                }
                let Some(text) = load(digest)? else { return Ok(None) };
                let payload = checked(digest, text).map_err(|why| damaged(seq, why.into()))?;
                known.insert(digest, payload.clone());
                Ok(Some(payload))
            });
            record?.map_err(|why| damaged(seq, Box::new(why)))
        };
        (first.0..).zip(stored).map(whole).collect()
    }
}

fn checked(digest: Digest, text: String) -> Result<Json, String> {
    if Digest::of(text.as_bytes()) != digest {
        return Err(format!("payload {digest} has other bytes than its digest"));
    }
    Json::parse_owned(text).map_err(|error| format!("payload {digest} is no JSON: {error}"))
}
