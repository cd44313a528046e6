//! Names and numbers that identify things. Deliberately absent: making them up; randomness and
//! time come from the caller.

use alloc::{format, string::String, sync::Arc};
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// A name that people chose: of a definition, a step, a variable. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&Name> for Arc<str> {
    fn from(name: &Name) -> Self {
        name.0.clone()
    }
}

impl core::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl core::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Text that is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    /// What was given.
    pub text: String,
    /// What it should have been, for people.
    pub expected: &'static str,
}

/// A transaction: one run of one definition. Ids rise with time, so that inserts stay at the edge
/// of a database's tree; the text form is a ULID, 26 characters of Crockford's base 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(u128);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ID_CHARS: usize = 26;

impl TransactionId {
    /// An id from the time in milliseconds since the Unix epoch (48 bits are kept) and 80 random bits.
    pub fn from_parts(unix_ms: u64, random: u128) -> Self {
        Self((u128::from(unix_ms) << 80) | (random & ((1 << 80) - 1)))
    }

    /// The id as a number.
    pub fn as_u128(self) -> u128 {
        self.0
    }

    /// The id from its number.
    pub fn from_u128(value: u128) -> Self {
        Self(value)
    }
}

impl TransactionId {
    fn digits(self) -> [u8; ID_CHARS] {
        let mut text = [0u8; ID_CHARS];
        for (place, byte) in text.iter_mut().rev().enumerate() {
            *byte = CROCKFORD[((self.0 >> (5 * place)) & 31) as usize];
        }
        text
    }

    /// The text form. The way through `Display` takes longer than what is around it in a call.
    pub fn text(self) -> String {
        core::str::from_utf8(&self.digits()).expect("base 32 digits are ASCII").into()
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(&self.digits()).expect("base 32 digits are ASCII"))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TransactionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { text: text.into(), expected: "a transaction id (26 letters and digits)" };
        // The first digit carries three bits only: 26 × 5 is two more than 128.
        if text.len() != ID_CHARS || !matches!(text.as_bytes()[0], b'0'..=b'7') {
            return Err(invalid());
        }
        let mut value = 0u128;
        for byte in text.bytes() {
            let upper = byte.to_ascii_uppercase();
            let digit = CROCKFORD.iter().position(|c| *c == upper).ok_or_else(invalid)?;
            value = (value << 5) | digit as u128;
        }
        Ok(Self(value))
    }
}

impl Serialize for TransactionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TransactionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A SHA-256 of bytes; a module's identity. The text form is `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hex digits alone: a name for a file.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("sha256:{}", self.hex()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { text: text.into(), expected: "a digest (`sha256:` and 64 hex digits)" };
        let digits = text.strip_prefix("sha256:").filter(|d| d.len() == 64 && d.is_ascii()).ok_or_else(invalid)?;
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or_else(invalid)?;
            let low = char::from(pair[1]).to_digit(16).ok_or_else(invalid)?;
            *byte = (high * 16 + low) as u8;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// How many records a transaction has; the first record is number 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The fencing number of a transaction's owner: it rises at every acquisition (invariant I5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the idempotency keys of a transaction follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Its id, where it was started without a key.
    Transaction(TransactionId),
    /// Its start key: a start that is repeated on a journal which has lost the first one gives partners the same keys.
    Key {
        /// The name of the module.
        module_name: &'a str,
        /// The definition.
        definition: &'a str,
        /// The start key.
        key: &'a str,
        /// How many transactions had the key before and were removed.
        generation: u32,
    },
}

/// The same over attempts, restarts and hosts (invariant I6): the first 128 bits of
/// SHA-256(namespace, origin, node, item, operation), as 32 hex digits. Each part is preceded
/// by its length, so that no two lists of parts read the same.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of one operation of one node.
    pub fn of(namespace: &str, origin: Origin<'_>, node: &str, item: Option<u32>, operation: &str) -> Self {
        let mut hash = Sha256::new();
        let mut part = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        part(namespace.as_bytes());
        match origin {
            Origin::Transaction(id) => part(&id.as_u128().to_be_bytes()),
            Origin::Key { module_name, definition, key, generation } => {
                part(b"key");
                part(module_name.as_bytes());
                part(definition.as_bytes());
                part(key.as_bytes());
                part(&generation.to_be_bytes());
            }
        }
        part(node.as_bytes());
        part(&item.map_or(u64::MAX, u64::from).to_be_bytes());
        part(operation.as_bytes());
        Self(hex(&hash.finalize()[..16]))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_transaction_id_reads_back_and_sorts_by_time() {
        let early = TransactionId::from_parts(1_000, u128::MAX);
        let late = TransactionId::from_parts(1_001, 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(early.text(), early.to_string());
        assert_eq!(early.to_string().to_lowercase().parse(), Ok(early));
        assert_eq!(TransactionId::from_u128(u128::MAX).to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        for wrong in ["", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "7ZZZZZZZZZZZZZZZZZZZZZZZZU", "ééééééééééééé"] {
            assert!(wrong.parse::<TransactionId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_reads_back() {
        let digest = Digest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert!("sha256:zz".parse::<Digest>().is_err());
    }

    #[test]
    fn a_key_tells_every_part_apart() {
        let id = Origin::Transaction(TransactionId::from_u128(1));
        let keyed = |module_name, definition, key, generation| Origin::Key { module_name, definition, key, generation };
        let keys = [
            IdempotencyKey::of("n", id, "step", None, "run"),
            IdempotencyKey::of("n", id, "step", Some(0), "run"),
            IdempotencyKey::of("n", id, "step", None, "compensate"),
            IdempotencyKey::of("n", id, "ste", None, "prun"),
            IdempotencyKey::of("ns", id, "tep", None, "run"),
            IdempotencyKey::of("n", Origin::Transaction(TransactionId::from_u128(2)), "step", None, "run"),
            IdempotencyKey::of("n", keyed("m", "d", "k", 0), "step", None, "run"),
            IdempotencyKey::of("n", keyed("m", "d", "k", 1), "step", None, "run"),
            IdempotencyKey::of("n", keyed("m", "d", "o", 0), "step", None, "run"),
            IdempotencyKey::of("n", keyed("m", "dk", "", 0), "step", None, "run"),
            IdempotencyKey::of("n", keyed("md", "", "k", 0), "step", None, "run"),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert_eq!(a.as_str().len(), 32);
            assert!(keys[i + 1..].iter().all(|b| a != b));
        }
    }
}
