"""What an operation is told of its call. A parameter of type `Call` or `Forward` gets it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from wasaga._host import host
from wasaga._units import SPAN_MS_MAX, Duration, milliseconds

_SAMPLE = {
    "transaction_id": "0" * 26,
    "idempotency_key": "sample-key",
    "attempt": 1,
    "item": None,
    "deadline": (1 << 64) - 1,
    "token": None,
    "last_failure": None,
}


class Call:
    """The call that is being served.

    What it is asked, it asks the host, each thing once; what it is not asked costs nothing. In a test
    `Call.sample()` makes one, and its `with_…` methods give others. It is of no use after the call.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    @property
    def transaction_id(self) -> str:
        """The transaction: one run of one saga or TCC."""
        return self._ask("transaction_id")  # type: ignore[no-any-return]

    @property
    def idempotency_key(self) -> str:
        """The same over all attempts, restarts and hosts.

        Pass it to whatever you call, so that what is called twice takes effect once.
        """
        return self._ask("idempotency_key")  # type: ignore[no-any-return]

    @property
    def attempt(self) -> int:
        """The attempt, from 1. It is no part of the idempotency key."""
        return self._ask("attempt")  # type: ignore[no-any-return]

    @property
    def item(self) -> int | None:
        """The position in a fan-out, from 0; None outside one."""
        return self._ask("item")  # type: ignore[no-any-return]

    @property
    def deadline_unix_ms(self) -> int:
        """When the host stops this call, in milliseconds since the Unix epoch."""
        return self._ask("deadline")  # type: ignore[no-any-return]

    @property
    def remaining(self) -> timedelta:
        """How long the call may still take: 0 where its time is up, and 100 years at most."""
        left_ms = self.deadline_unix_ms - time.time_ns() // 1_000_000
        return timedelta(milliseconds=min(max(left_ms, 0), SPAN_MS_MAX))

    @property
    def token(self) -> Any:
        """What the last `Pending` of this attempt left, read from JSON; None at the first call of an attempt."""
        text = self._ask("token")
        return None if text is None else json.loads(text)

    @property
    def last_failure(self) -> Failure | None:
        """Why the attempt before this one failed; None at the first."""
        failed = self._ask("last_failure")
        if failed is None:
            return None
        code, message, details = failed
        return Failure(code, message, None if details is None else json.loads(details))

    def header(self, name: str) -> str | None:
        """Give a header's value, or None where there is none: as `context.header`."""
        set_here = host().header(name)
        return set_here if set_here is not None else self._known.get("headers", {}).get(name)

    @property
    def headers(self) -> dict[str, str]:
        """All headers, in the order of their names: as `context.headers`."""
        both = {**self._known.get("headers", {}), **dict(host().headers())}
        return dict(sorted(both.items()))

    def _ask(self, what: str) -> Any:
        known = self._known
        if what not in known:
            known[what] = getattr(host(), what)()
        return known[what]

    @staticmethod
    def sample() -> Call:
        """Make a call for tests: the first attempt, outside a fan-out, with the key `sample-key` and no deadline."""
        made = Call()
        made._known = dict(_SAMPLE)
        return made

    def _with(self, **known: Any) -> Call:
        made = Call()
        made._known = {**self._known, **known}
        return made

    def with_transaction_id(self, transaction_id: str) -> Call:
        """Give the same call of another transaction, for tests."""
        return self._with(transaction_id=transaction_id)

    def with_idempotency_key(self, key: str) -> Call:
        """Give the same call with another idempotency key, for tests."""
        return self._with(idempotency_key=key)

    def with_attempt(self, attempt: int) -> Call:
        """Give the same call as another attempt, for tests."""
        return self._with(attempt=attempt)

    def with_item(self, item: int | None) -> Call:
        """Give the same call at a position of a fan-out, for tests."""
        return self._with(item=item)

    def with_remaining(self, remaining: Duration) -> Call:
        """Give the same call with so much time left, for tests."""
        return self._with(deadline=time.time_ns() // 1_000_000 + milliseconds(remaining))

    def with_token(self, token: Any) -> Call:
        """Give the same call with what the last `Pending` left, for tests; anything that can be JSON."""
        return self._with(token=json.dumps(token, allow_nan=False))

    def with_last_failure(self, code: str, message: str = "", details: Any = None) -> Call:
        """Give the same call after an attempt that failed so, for tests."""
        return self._with(last_failure=(code, message, json.dumps(details, allow_nan=False)))

    def with_header(self, name: str, value: str) -> Call:
        """Give the same call with one more header, for tests. One that `context.set_header` sets counts more."""
        return self._with(headers={**self._known.get("headers", {}), name: value})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed.

    Attributes:
        code: for programs, a stable word.
        message: for people.
        details: more, read from JSON.
    """

    code: str
    message: str
    details: Any = None


@dataclass(frozen=True, slots=True)
class Forward:
    """What is known of the step that a compensation undoes, or of the try that a cancel frees.

    Attributes:
        outcome: `completed`, `unknown` (it was started and may have happened) or `rejected`.
        text: of a completed one the output, a JSON text.
        failure: of a rejected one the reason.
    """

    outcome: str
    text: str | None = None
    failure: Failure | None = None

    @staticmethod
    def completed(output: Any) -> Forward:
        """Say that it succeeded with this output, for tests; the output is anything that can be JSON."""
        return Forward("completed", json.dumps(output, allow_nan=False))

    @staticmethod
    def unknown() -> Forward:
        """Say that it may have happened, for tests."""
        return Forward("unknown")

    @staticmethod
    def rejected(code: str, message: str) -> Forward:
        """Say that it refused, for tests."""
        return Forward("rejected", None, Failure(code, message))

    @property
    def is_unknown(self) -> bool:
        """Whether it may have happened without a known output."""
        return self.outcome == "unknown"

    @property
    def output(self) -> Any:
        """The output as plain JSON values; None where there is none.

        A parameter named `output` gets it as the type that its hint says.
        """
        return None if self.text is None else json.loads(self.text)
