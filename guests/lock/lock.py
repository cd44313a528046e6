"""Several locks, or none: a TCC whose tries answer nothing at all.

A lock named `taken` is busy twice and free then, one named `lost` is never free, and one named `gone` does
not tell whether it was taken.
"""

from wasaga import Call, Forward, Rejected, Retry, Retryable, Unknown, cancel, confirm, log, participant, tcc

TRY = Retry(attempts=4, delay="50ms")


def note(operation: str, name: str, call: Call) -> None:
    """Leave a line in the diary."""
    log.info("effect", operation=operation, lock=name, key=call.idempotency_key)


def acquire(name: str, call: Call) -> None:
    """Take a lock, as its keeper answers."""
    note("acquire", name, call)
    if name == "taken" and call.attempt < 3:
        raise Retryable("busy", "another has it, for a moment")
    if name == "lost":
        raise Rejected("lost", "another has it, for good")
    if name == "gone":
        raise Unknown("gone", "the lock's keeper did not answer")


@participant(retry=TRY)
def first(left: str, call: Call) -> None:
    """The first."""
    acquire(left, call)


@confirm(of=first)
def keep_left(left: str, call: Call) -> None:
    """Keeps it."""
    note("keep", left, call)


@cancel(of=first)
def free_left(left: str, tried: Forward, call: Call) -> bool:
    """Gives it back. It is no mistake if it was never taken."""
    note("free", left, call)
    return tried.is_unknown


@participant(retry=TRY)
def second(right: str, call: Call) -> None:
    """The second."""
    acquire(right, call)


@confirm(of=second)
def keep_right(right: str, call: Call) -> None:
    """Keeps it."""
    note("keep", right, call)


@cancel(of=second)
def free_right(right: str, tried: Forward, call: Call) -> bool:
    """Gives it back."""
    note("free", right, call)
    return tried.is_unknown


tcc("locks", deadline="30s", description="Takes two locks together, or leaves both.")
