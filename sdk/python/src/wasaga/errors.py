"""Why an operation did not succeed, in the words that decide what the host does next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasaga._units import milliseconds

if TYPE_CHECKING:
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
        after_ms: how long to wait at least, in milliseconds; None leaves it to the retry policy.
    """

    kind = "unknown"

    def __init__(self, code: str, message: str = "", *, details: Any = None) -> None:
        super().__init__(code, message)
        self.code = str(code)
        self.message = str(message)
        self.details = details
        self.after_ms: int | None = None

    def __str__(self) -> str:
        return f"`{self.code}`: {self.message}" if self.message else f"`{self.code}`"


class Rejected(Error):
    """Refused for good, and nothing remains done: the saga unwinds, the TCC cancels."""

    kind = "rejected"


class _After(Error):
    def __init__(self, code: str, message: str = "", *, after: Duration | None = None, details: Any = None) -> None:
        super().__init__(code, message, details=details)
        self.after_ms = None if after is None else milliseconds(after)


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

    The host polls every 10 ms at most.
    """

    kind = "pending"

    def __init__(self, poll: Duration) -> None:
        super().__init__("pending", "it is not finished")
        self.after_ms = milliseconds(poll)


class DefinitionError(Exception):
    """A saga or a TCC that makes no sense, found when its file is imported: every mistake with file and line."""
