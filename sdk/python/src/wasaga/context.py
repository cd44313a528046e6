"""The transaction that a call belongs to: variables, headers, business events.

Writes take effect with the call's success, in the same journal record, or not at all. Under pytest
there is no host: what is written stays in the thread, where tests find it with `variable`, `header`
and `published`; `reset` forgets it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from wasaga._host import host, native
from wasaga._json import write
from wasaga._types import Mismatch, Types
from wasaga.errors import Rejected

T = TypeVar("T")

_types = Types()


@dataclass(frozen=True, slots=True)
class Published:
    """A business event, as it was published; the payload is read from JSON."""

    topic: str
    key: str | None
    payload: Any


@overload
def variable(name: str) -> Any: ...
@overload
def variable(name: str, type: type[T]) -> T | None: ...
def variable(name: str, type: Any = Any) -> Any:  # noqa: A002 -- it is the type.
    """Give a variable, as it was when the call began, or as this call set it; None where it is not set.

    Raises:
        Rejected: its value is not of this type: `bad-variable`.
    """
    text = host().variable(name)
    if text is None:
        return None
    try:
        return _types.codec(type).decode(json.loads(text))
    except Mismatch as mismatch:
        raise Rejected("bad-variable", f"variable `{name}`: {mismatch}") from None


def set_variable(name: str, value: Any) -> None:
    """Set a variable of the transaction.

    Raises:
        Rejected: the value cannot be JSON: `bad-variable`.
    """
    host().set_variable(name, _json("bad-variable", f"variable `{name}`", value))


def set_header(name: str, value: str) -> None:
    """Set a header, which later calls and events carry.

    Raises:
        Rejected: the value is not a str: `bad-header`.
    """
    if not isinstance(value, str):
        raise Rejected("bad-header", f"header `{name}`: expected a str, not {value!r}")
    host().set_header(name, value)


def publish(topic: str, payload: Any, *, key: str | None = None) -> None:
    """Publish a business event when the call succeeds.

    Raises:
        Rejected: the payload cannot be JSON: `bad-event`.
    """
    host().publish(topic, key, _json("bad-event", f"event `{topic}`", payload))


def plain(value: Any) -> Any:
    """Give a value as plain JSON values, by what it is.

    Raises:
        Mismatch: it cannot be JSON.
    """
    return _types.any.encode(value)


def _json(code: str, what: str, value: Any) -> str:
    try:
        return write(plain(value))
    except Mismatch as mismatch:
        raise Rejected(code, f"{what}: {mismatch}") from None
    except (RecursionError, ValueError) as error:
        raise Rejected(code, f"{what}: it cannot be JSON: {error}") from None


def header(name: str) -> str | None:
    """Give a header that was set in this thread. For tests; in a component, ask the `Call`."""
    return native.kept.headers.get(name)


def published() -> list[Published]:
    """Give what was published in this thread. For tests; in a component nothing is found."""
    return [Published(topic, key, json.loads(payload)) for topic, key, payload in native.kept.published]


def reset() -> None:
    """Forget what was written in this thread. For tests."""
    native.reset()
