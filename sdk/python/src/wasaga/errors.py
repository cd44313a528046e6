"""Why an operation did not succeed, in the words that decide what the host does next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasaga._units import WAIT_MS_MAX, waiting_ms

if TYPE_CHECKING:
    from typing import Self

    from wasaga._units import Duration


class Error(Exception):
    """What an operation raises when it does not succeed: one of the four classes below.

    Any other exception counts as `Unknown` with the code `error`, for the host cannot know what it
    left behind. A parameter that cannot be read is rejected with the code `bad-argument` before the
    function is called.

    Attributes:
        code: for programs, a stable word such as `card-declined`.
        message: for people.
        details: whatever else helps programs; anything that can be JSON.
        after_ms: how long to wait at least, in milliseconds; None leaves it to the retry policy. At most
            30 days, which is what the host takes: a partner's `Retry-After` may say anything.

    A class of yours that is derived from one of the four may have an `__init__` of its own, which need not
    call this one, and may be a dataclass: then `code` and `message` are what its class or its object says,
    and otherwise the class's name in kebab-case and the arguments.
    """

    kind = "unknown"
    code: str
    message: str
    details: Any
    after_ms: int | None

    def __new__(cls, *arguments: Any, **_named: Any) -> Self:
        """Make it whole, also where `__init__` of a derived class does not call this class's."""
        made = super().__new__(cls, *arguments)
        whole = {
            "code": re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower(),
            "message": ", ".join(map(str, arguments)),
            "details": None,
            "after_ms": None,
        }
        made.__dict__.update({name: value for name, value in whole.items() if not hasattr(cls, name)})
        return made

    def __init__(self, code: str, message: str = "", *, details: Any = None) -> None:
        super().__init__(code, message)
        # Past `__setattr__`: a derived class may be frozen, or have properties of these names.
        self.__dict__.update(code=str(code), message=str(message), details=details, after_ms=None)

    def __str__(self) -> str:
        said = told(self)
        return f"`{said.code}`: {said.message}" if said.message else f"`{said.code}`"


class Rejected(Error):
    """Refused for good, and nothing remains done: the saga unwinds, the TCC cancels."""

    kind = "rejected"


class _After(Error):
    def __init__(self, code: str, message: str = "", *, after: Duration | None = None, details: Any = None) -> None:
        super().__init__(code, message, details=details)
        self.after_ms = None if after is None else waiting_ms(after)


class Retryable(_After):
    """Failed for now, nothing remains done, and it may be tried again.

    `after` lengthens the delay of the retry policy and never shortens it.
    """

    kind = "retryable"


class Unknown(_After):
    """Failed, and it may have happened: it is tried again, and undone or cancelled if attempts end."""

    kind = "unknown"


class Pending(Error):
    """Accepted and not finished: call again after `poll`, which costs no attempt.

    The host polls every 10 ms at most, and more rarely the longer it takes.

    Attributes:
        token: what the next call of this attempt finds as `call.token`, such as the id of a job; anything that
            can be JSON.
    """

    kind = "pending"
    token: Any = None

    def __init__(self, poll: Duration, *, token: Any = None) -> None:
        super().__init__("pending", "it is not finished")
        self.__dict__.update(after_ms=waiting_ms(poll), token=token)


class WriteError(Unknown):
    """Something was not written: a variable, a header, an event. The call goes on where this is caught.

    Where it is not, the step ends as unknown: what it did before it wrote only the step knows.

    Attributes:
        code: `too-much` (a limit was reached) or `invalid` (it cannot be JSON, or the name is none).
    """


@dataclass(frozen=True, slots=True)
class Told:
    """An error as the host is told of it: what a class of the user's left odd is made plain."""

    kind: str
    code: str
    message: str
    details: Any
    after_ms: int | None
    token: Any = None


def told(error: Error) -> Told:
    """Read an error, whatever a derived class has made of it."""
    after = _of(error, "after_ms")
    if isinstance(after, bool) or not isinstance(after, (int, float)) or after != after:
        after = None
    kind = _of(error, "kind")
    return Told(
        kind if kind in _KINDS else Error.kind,
        _text(_of(error, "code")) or "error",
        _text(_of(error, "message")),
        _of(error, "details"),
        None if after is None else int(min(max(after, 0), WAIT_MS_MAX)),
        _of(error, "token") if kind == "pending" else None,
    )


_KINDS = ("rejected", "retryable", "unknown", "pending")


def _of(error: Error, name: str) -> Any:
    try:
        return getattr(error, name, None)
    except Exception:  # A property of the user's.
        return None


def _text(value: Any) -> str:
    try:
        return "" if value is None else str(value)
    except Exception:  # Its own `__str__`.
        return type(value).__name__


class DefinitionError(Exception):
    """A saga or a TCC that makes no sense, found when its file is imported: every mistake with file and line."""
