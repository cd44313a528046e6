"""What an operation is told of its call. A parameter of type `Call` or `Forward` gets it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEVER_MS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one operation.

    Attributes:
        transaction_id: the transaction, one run of one saga or TCC.
        definition: the saga's or the TCC's name.
        node: the step's or the participant's id.
        item: the position in a fan-out, from 0; None outside one.
        attempt: from 1; not part of the idempotency key.
        idempotency_key: the same over all attempts, restarts and hosts. Pass it to whatever you
            call, so that what is called twice takes effect once.
        deadline_unix_ms: when the host stops this call, in milliseconds since the Unix epoch.
        headers: given at the start, and set by earlier steps.
    """

    transaction_id: str
    definition: str
    node: str
    item: int | None
    attempt: int
    idempotency_key: str
    deadline_unix_ms: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def sample() -> Call:
        """Make a call for tests: the first attempt of step `step` of saga `sample`, with the key `sample-key`."""
        return Call("0" * 26, "sample", "step", None, 1, "sample-key", _NEVER_MS)

    def with_attempt(self, attempt: int) -> Call:
        """Give the same call as another attempt, for tests."""
        return replace(self, attempt=attempt)

    def with_header(self, name: str, value: str) -> Call:
        """Give the same call with one more header, for tests."""
        return replace(self, headers={**self.headers, name: value})

    def header(self, name: str) -> str | None:
        """Give a header's value, or None where there is none."""
        return self.headers.get(name)


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
