//! The call that is being served. What is asked for comes from the host, each thing once; what is not asked for costs
//! nothing.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context;
use crate::error::{Error, Failure};
use crate::json;

/// How long a call for tests may take.
const SAMPLE_TIME: Duration = Duration::from_secs(3_600);

/// One call of one operation. A parameter of type `&Call` gets it.
///
/// The default is the call that the host makes.
#[derive(Clone, Debug, Default)]
pub struct Call {
    transaction_id: OnceLock<String>,
    idempotency_key: OnceLock<String>,
    attempt: OnceLock<u32>,
    item: OnceLock<Option<u32>>,
    deadline: OnceLock<SystemTime>,
    token: OnceLock<Option<String>>,
    last_failure: OnceLock<Option<Failure>>,
    /// Those that a test gives.
    headers: Vec<(String, String)>,
}

/// What is there from the beginning.
fn set<T>(value: T) -> OnceLock<T> {
    OnceLock::from(value)
}

impl Call {
    /// A call for tests: the first attempt, outside a fan-out, with the key `sample-key` and an hour until its deadline.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn sample() -> Self {
        Self::default()
    }

    /// The same call of another transaction, for tests.
    #[must_use]
    pub fn with_transaction_id(self, id: &str) -> Self {
        Self { transaction_id: set(id.into()), ..self }
    }

    /// The same call with another key, for tests.
    #[must_use]
    pub fn with_idempotency_key(self, key: &str) -> Self {
        Self { idempotency_key: set(key.into()), ..self }
    }

    /// The same call as another attempt, for tests.
    #[must_use]
    pub fn with_attempt(self, attempt: u32) -> Self {
        Self { attempt: set(attempt), ..self }
    }

    /// The same call of an item of a fan-out, for tests.
    #[must_use]
    pub fn with_item(self, item: u32) -> Self {
        Self { item: set(Some(item)), ..self }
    }

    /// The same call with another deadline, for tests.
    #[must_use]
    pub fn with_deadline(self, deadline: SystemTime) -> Self {
        Self { deadline: set(deadline), ..self }
    }

    /// The same call after a pending one that left a token, for tests.
    ///
    /// # Panics
    /// The token cannot be written as JSON.
    #[must_use]
    pub fn with_token(self, token: &(impl Serialize + ?Sized)) -> Self {
        let token = json::write(token).expect("a token for a test can be written as JSON");
        Self { token: set(Some(token)), ..self }
    }

    /// The same call after an attempt that failed so, for tests.
    #[must_use]
    pub fn with_last_failure(self, failure: Failure) -> Self {
        Self { last_failure: set(Some(failure)), ..self }
    }

    /// The same call with one more header, for tests.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The transaction: one run of one saga or TCC.
    pub fn transaction_id(&self) -> &str {
        self.transaction_id.get_or_init(host::transaction_id)
    }

    /// The same over all attempts, restarts and hosts: pass it to whatever you call, so that what
    /// is called twice takes effect once.
    pub fn idempotency_key(&self) -> &str {
        self.idempotency_key.get_or_init(host::idempotency_key)
    }

    /// The attempt, from 1.
    pub fn attempt(&self) -> u32 {
        *self.attempt.get_or_init(host::attempt)
    }

    /// The position in a fan-out, from 0; none outside one.
    pub fn item(&self) -> Option<u32> {
        *self.item.get_or_init(host::item)
    }

    /// When the host stops this call.
    pub fn deadline(&self) -> SystemTime {
        *self.deadline.get_or_init(host::deadline)
    }

    /// How long until the host stops this call; zero where that time has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline().duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// What the last pending answer of this attempt left, [`Error::with_token`]; none in its first call.
    ///
    /// # Errors
    /// It is not of this type: unknown with the code `bad-token`, for what it tells of is under way.
    pub fn token<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Some(json) = self.token.get_or_init(host::token) else { return Ok(None) };
        serde_json::from_str(json).map(Some).map_err(|error| Error::unknown("bad-token", error))
    }

    /// Why the attempt before this one failed; none in the first.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.get_or_init(host::last_failure).as_ref()
    }

    /// A header that was given at the start, or that an earlier call or this one has set; as [`context::header`].
    pub fn header(&self, name: &str) -> Option<String> {
        let given = self.headers.iter().rev().find(|(known, _)| known == name);
        given.map(|(_, value)| value.clone()).or_else(|| context::header(name))
    }
}

/// The host's answers, in our types.
#[cfg(target_family = "wasm")]
mod host {
    use std::time::{Duration, SystemTime};

    use crate::bindings::call;
    pub(super) use crate::bindings::call::{attempt, idempotency_key, item, token, transaction_id};
    use crate::error::Failure;

    pub(super) fn deadline() -> SystemTime {
        // What no clock holds is as far away as the sample's: no call takes that long.
        let deadline = Duration::from_millis(call::deadline());
        SystemTime::UNIX_EPOCH.checked_add(deadline).unwrap_or_else(|| SystemTime::now() + super::SAMPLE_TIME)
    }

    pub(super) fn last_failure() -> Option<Failure> {
        call::last_failure().map(Into::into)
    }
}

/// Outside a component there is no host: a call is as [`Call::sample`] has it.
#[cfg(not(target_family = "wasm"))]
mod host {
    use std::time::SystemTime;

    use crate::error::Failure;

    pub(super) fn transaction_id() -> String {
        "00000000000000000000000000".into()
    }

    pub(super) fn idempotency_key() -> String {
        "sample-key".into()
    }

    pub(super) fn attempt() -> u32 {
        1
    }

    pub(super) fn item() -> Option<u32> {
        None
    }

    pub(super) fn deadline() -> SystemTime {
        SystemTime::now() + super::SAMPLE_TIME
    }

    pub(super) fn token() -> Option<String> {
        None
    }

    pub(super) fn last_failure() -> Option<Failure> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_sample_is_a_first_attempt() {
        let call = Call::sample();
        assert_eq!((call.idempotency_key(), call.attempt(), call.item()), ("sample-key", 1, None));
        assert_eq!((call.token::<u8>().unwrap(), call.last_failure()), (None, None));
        assert!(call.remaining() > SAMPLE_TIME / 2 && call.remaining() <= SAMPLE_TIME);
    }

    #[test]
    fn a_test_says_what_differs() {
        let call = Call::sample().with_transaction_id("t").with_idempotency_key("k").with_attempt(3).with_item(7);
        let call = call.with_token("job-1").with_last_failure(Failure::new("busy", "it is busy"));
        let call = call.with_deadline(SystemTime::UNIX_EPOCH).with_header("tenant", "a").with_header("tenant", "b");
        assert_eq!((call.transaction_id(), call.idempotency_key(), call.attempt()), ("t", "k", 3));
        assert_eq!((call.item(), call.remaining()), (Some(7), Duration::ZERO));
        assert_eq!(call.token::<String>().unwrap().as_deref(), Some("job-1"));
        assert_eq!(call.last_failure().map(|failure| &*failure.code), Some("busy"));
        assert_eq!(call.header("tenant").as_deref(), Some("b"));
    }

    #[test]
    fn a_token_of_another_type_tells_of_work_that_is_under_way() {
        let error = Call::sample().with_token("job-1").token::<u8>().unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unknown, "bad-token"));
    }

    #[test]
    fn a_header_that_the_call_has_set_is_its_own() {
        context::reset();
        context::set_header("by", "ada").unwrap();
        assert_eq!(Call::sample().header("by").as_deref(), Some("ada"));
    }
}
