//! A record as journals write it: what a person reads in the place of a small payload, and a reference in the place of
//! a large one. Deliberately absent: where the large ones are kept (`wasaga-journal`).

use alloc::{collections::BTreeMap, format, string::String, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    id::{Digest, Name},
    json::Json,
    record::{Fact, Record},
    time::Timestamp,
};

/// Bytes from which a payload is stored once for its transaction, and not in each record that has it. Below it a
/// record that a person can read whole is worth more than the room; arbitrary within a factor of four.
pub const APART_BYTES_MIN: usize = 64 << 10;

/// The version of a record whose payloads lie apart: an older reader would take the null in their place for the payload.
const APART_VERSION: u32 = 2;

/// A record as it is written. What lies apart is named beside the fact and not within it, where guests and callers
/// write what they like: so no payload can be taken for a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRecord {
    at: Timestamp,
    fact: Fact,
    /// By the place in the fact, which has a null there: `output`, `variables/0`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    apart: BTreeMap<String, Apart>,
}

/// Where a payload is that does not stand in its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Apart {
    /// Stored once for the transaction, by the SHA-256 of its text.
    Stored(Digest),
    /// Sealed by a data key of the transaction: without the key nobody reads it, also not in a backup.
    Sealed(Sealed),
}

/// A payload that is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    /// Which data key.
    key: Name,
    /// What came of sealing, in base64; none where it is stored by this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The SHA-256 of what came of sealing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stored: Option<Digest>,
}

/// A record that cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// What its reference names is not there.
    #[error("its `{place}` is missing ({digest})")]
    Missing {
        /// The place in the fact.
        place: String,
        /// What is referred to.
        digest: Digest,
    },
    /// It can be read with a key alone.
    #[error("its `{place}` is sealed by data key `{key}`, and this wasaga cannot open it")]
    Sealed {
        /// The place in the fact.
        place: String,
        /// The data key.
        key: Name,
    },
    /// Its fact has no such place.
    #[error("its fact has no `{0}`")]
    NoPlace(String),
}

impl StoredRecord {
    /// Takes large payloads out of a record and hands each to `keep`, with the digest that stands for it.
    pub fn of(record: Record, mut keep: impl FnMut(Digest, Json)) -> Self {
        let Record { at, mut fact } = record;
        let mut apart = BTreeMap::new();
        fact.payloads(&mut |place, payload| {
            if payload.as_str().len() < APART_BYTES_MIN {
                return;
            }
            let digest = Digest::of(payload.as_str().as_bytes());
            keep(digest, core::mem::replace(payload, Json::null()));
            apart.insert(named(place), Apart::Stored(digest));
        });
        Self { at, fact, apart }
    }

    /// The version that a reader must know to understand it.
    pub fn version(&self) -> u32 {
        if self.apart.is_empty() { self.fact.version() } else { self.fact.version().max(APART_VERSION) }
    }

    /// The whole record, with the payloads that `find` has for the digests.
    ///
    /// # Errors
    /// The outer one is an error of `find`; the inner one says why the record cannot be put together.
    pub fn whole<E>(
        self,
        mut find: impl FnMut(Digest) -> Result<Option<Json>, E>,
    ) -> Result<Result<Record, NotWhole>, E> {
        let Self { at, mut fact, apart } = self;
        let mut found = BTreeMap::new();
        for (place, apart) in apart {
            match apart {
                Apart::Sealed(Sealed { key, .. }) => return Ok(Err(NotWhole::Sealed { place, key })),
                Apart::Stored(digest) => match find(digest)? {
                    Some(payload) => drop(found.insert(place, payload)),
                    None => return Ok(Err(NotWhole::Missing { place, digest })),
                },
            }
        }
        if !found.is_empty() {
            fact.payloads(&mut |place, payload| {
                if let Some(whole) = found.remove(&named(place)) {
                    *payload = whole;
                }
            });
        }
        Ok(match found.into_keys().next() {
            Some(place) => Err(NotWhole::NoPlace(place)),
            None => Ok(Record { at, fact }),
        })
    }
}

/// A place in a fact; the number is that of a variable or an event among those that a call wrote.
type Place = (&'static str, Option<usize>);

fn named((name, number): Place) -> String {
    number.map_or_else(|| name.into(), |number| format!("{name}/{number}"))
}

impl Fact {
    /// Visits what callers, guests and operators hand over of any size.
    fn payloads(&mut self, visit: &mut dyn FnMut(Place, &mut Json)) {
        match self {
            Self::Created(created) => {
                // The machine shares it, and it is copied only where the input is exchanged.
                let mut input = created.input.clone();
                visit(("input", None), &mut input);
                if !input.is_same(&created.input) {
                    Arc::make_mut(created).input = input;
                }
            }
            Self::Completed { output, writes, .. } => {
                visit(("output", None), output);
                for (i, (_, value)) in writes.variables.iter_mut().enumerate() {
                    visit(("variables", Some(i)), value);
                }
                for (i, event) in writes.published.iter_mut().enumerate() {
                    visit(("published", Some(i)), &mut event.payload);
                }
            }
            Self::Pending { token: Some(token), .. } => visit(("token", None), token),
            Self::Patched { arguments, .. } => visit(("arguments", None), arguments),
            _ => {}
        }
    }
}

/// Payloads of one transaction that are kept once, however often they come: for journals and machines that keep
/// records in memory.
#[derive(Clone, Debug, Default)]
pub struct Shared(BTreeMap<Digest, Json>);

impl Shared {
    /// Lets large payloads of this record be those that came before, where they are the same.
    pub fn share(&mut self, record: &mut Record) {
        record.fact.payloads(&mut |_, payload| {
            if payload.as_str().len() >= APART_BYTES_MIN {
                let digest = Digest::of(payload.as_str().as_bytes());
                *payload = self.0.entry(digest).or_insert_with(|| payload.clone()).clone();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec, vec::Vec};
    use core::convert::Infallible;

    use super::*;
    use crate::{
        outcome::{Usage, Writes},
        record::{CallId, Operation},
    };

    fn large(letter: &str) -> Json {
        Json::of(&letter.repeat(APART_BYTES_MIN)).unwrap()
    }

    fn completed(output: Json, variables: Vec<(Name, Json)>) -> Record {
        let call = CallId { node: "a".into(), item: None, operation: Operation::Run, attempt: 1 };
        let writes = Writes { variables, ..Writes::default() };
        Record {
            at: Timestamp::from_unix_us(1),
            fact: Fact::Completed { call, output, writes, usage: Usage::default() },
        }
    }

    fn written(record: &Record) -> (String, u32, BTreeMap<Digest, Json>) {
        let mut kept = BTreeMap::new();
        let stored = StoredRecord::of(record.clone(), |digest, payload| drop(kept.insert(digest, payload)));
        (serde_json::to_string(&stored).unwrap(), stored.version(), kept)
    }

    fn read(text: &str, kept: &BTreeMap<Digest, Json>) -> Result<Record, NotWhole> {
        let stored: StoredRecord = serde_json::from_str(text).unwrap();
        let Ok(read) = stored.whole(|digest| Ok::<_, Infallible>(kept.get(&digest).cloned()));
        read
    }

    #[test]
    fn large_payloads_lie_apart_once() {
        let record = completed(large("x"), vec![("v".into(), large("x")), ("w".into(), large("y"))]);
        let (text, version, kept) = written(&record);
        assert_eq!((version, kept.len()), (2, 2));
        assert!(text.len() < 800 && text.contains(r#""output":null"#) && text.contains("variables/1"), "{text}");
        assert_eq!(read(&text, &kept), Ok(record));
        let missing = read(&text, &BTreeMap::new()).unwrap_err().to_string();
        assert!(missing.starts_with("its `output` is missing (sha256:"), "{missing}");
    }

    /// A small record is written as ever, and what looks like a reference in a payload is a payload.
    #[test]
    fn no_payload_is_taken_for_a_reference() {
        let digest = Digest::of(b"x");
        let sly = alloc::format!(r#"{{"apart":{{"output":{{"stored":"{digest}"}}}},"stored":"{digest}"}}"#);
        let record = completed(Json::parse(&sly).unwrap(), Vec::new());
        let (text, version, kept) = written(&record);
        assert_eq!((version, kept.len()), (1, 0));
        assert_eq!(text, serde_json::to_string(&record).unwrap());
        assert_eq!(read(&text, &kept), Ok(record));
    }

    #[test]
    fn what_is_sealed_is_refused() {
        let record = completed(Json::null(), Vec::new());
        let mark = r#","apart":{"output":{"sealed":{"key":"k1","text":"AAAA"}}}}"#;
        let text = written(&record).0.strip_suffix('}').map(|text| alloc::format!("{text}{mark}")).unwrap();
        let refused = read(&text, &BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(refused, "its `output` is sealed by data key `k1`, and this wasaga cannot open it");
        let nowhere = text
            .replace(
                r#"{"sealed":{"key":"k1","text":"AAAA"}}"#,
                &alloc::format!(r#"{{"stored":"{}"}}"#, Digest::of(b"x")),
            )
            .replace(r#""apart":{"output""#, r#""apart":{"else""#);
        let kept = [(Digest::of(b"x"), Json::null())].into();
        assert_eq!(read(&nowhere, &kept), Err(NotWhole::NoPlace("else".into())));
    }

    #[test]
    fn equal_payloads_share_their_memory() {
        let mut shared = Shared::default();
        let mut records = [completed(large("x"), Vec::new()), completed(large("x"), Vec::new())];
        for record in &mut records {
            shared.share(record);
        }
        let texts = records.each_ref().map(|record| match &record.fact {
            Fact::Completed { output, .. } => output.as_str().as_ptr(),
            _ => unreachable!(),
        });
        assert_eq!(texts[0], texts[1]);
    }
}
