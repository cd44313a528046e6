//! Several locks, or none: a TCC whose tries answer nothing at all. A lock named `taken` is busy twice and
//! free then, one named `lost` is never free, and one named `gone` does not tell whether it was taken.

use wasaga::{Call, Error, Forward, log, tcc};

fn lock(operation: &str, name: &str, call: &Call) {
    log::info("effect", &[("operation", operation), ("lock", name), ("key", call.idempotency_key())]);
}

fn acquire(name: &str, call: &Call) -> Result<(), Error> {
    lock("acquire", name, call);
    match name {
        "taken" if call.attempt() < 3 => Err(Error::retryable("busy", "another has it, for a moment")),
        "lost" => Err(Error::rejected("lost", "another has it, for good")),
        "gone" => Err(Error::unknown("gone", "the lock's keeper did not answer")),
        _ => Ok(()),
    }
}

/// Takes two locks together, or leaves both.
#[tcc(deadline = "30s")]
pub mod locks {
    use super::*;

    /// The first.
    #[participant(retry(attempts = 4, delay = "50ms"))]
    pub fn first(left: String, call: &Call) -> Result<(), Error> {
        acquire(&left, call)
    }

    /// Keeps it.
    #[confirm(of = first)]
    pub fn keep_left(left: String, call: &Call) {
        lock("keep", &left, call);
    }

    /// Gives it back. It is no mistake if it was never taken.
    #[cancel(of = first)]
    pub fn free_left(left: String, tried: &Forward, call: &Call) -> bool {
        lock("free", &left, call);
        tried.is_unknown()
    }

    /// The second.
    #[participant(retry(attempts = 4, delay = "50ms"))]
    pub fn second(right: String, call: &Call) -> Result<(), Error> {
        acquire(&right, call)
    }

    /// Keeps it.
    #[confirm(of = second)]
    pub fn keep_right(right: String, call: &Call) {
        lock("keep", &right, call);
    }

    /// Gives it back.
    #[cancel(of = second)]
    pub fn free_right(right: String, tried: &Forward, call: &Call) -> bool {
        lock("free", &right, call);
        tried.is_unknown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_lock_is_free_at_the_third_attempt() {
        let busy = locks::first("taken".into(), &Call::sample()).unwrap_err();
        assert_eq!((busy.kind(), busy.code()), (wasaga::Kind::Retryable, "busy"));
        locks::first("taken".into(), &Call::sample().with_attempt(3)).unwrap();
    }

    #[test]
    fn what_is_not_known_to_be_taken_is_freed_all_the_same() {
        assert!(locks::free_left("gone".into(), &Forward::Unknown, &Call::sample()));
        assert!(!locks::free_right("a".into(), &Forward::Completed("null".into()), &Call::sample()));
    }
}
