"""The transaction that a call belongs to: variables, headers, business events.

Writes take effect with the call's success, in the same journal record, or not at all. Under pytest
there is no host: what is written stays in the thread, where it is read in the same manner, and
`wasaga.testing` tells what was published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar, overload

from wasaga._host import host
from wasaga._json import write
from wasaga._types import Mismatch, Types
from wasaga.errors import Unknown, WriteError

T = TypeVar("T")

_types = Types()
_MOVED = {"published": "wasaga.testing.published", "reset": "wasaga.testing.reset", "Published": "wasaga.testing.Event"}


@overload
def variable(name: str) -> Any: ...
@overload
def variable(name: str, type: type[T]) -> T | None: ...
def variable(name: str, type: Any = Any) -> Any:  # noqa: A002 -- it is the type.
    """Give a variable, as it was when the call began, or as this call set it; None where it is not set.

    Raises:
        Unknown: its value is not of this type: `bad-variable`. What the step has done by then only the step knows.
    """
    text = host().variable(name)
    if text is None:
        return None
    try:
        return _types.codec(type).decode(json.loads(text))
    except Mismatch as mismatch:
        raise Unknown("bad-variable", f"variable `{name}`: {mismatch}") from None


def set_variable(name: str, value: Any) -> None:
    """Set a variable of the transaction; None is a value like any other.

    Raises:
        WriteError: `too-much`, or `invalid`: the value cannot be JSON, or the name is none.
    """
    host().set_variable(name, _json(f"variable `{name}`", value))


def remove_variable(name: str) -> None:
    """Remove a variable of the transaction. It is no mistake where there is none.

    Raises:
        WriteError: `too-much`, or `invalid`: the name is none.
    """
    host().set_variable(name, None)


def header(name: str) -> str | None:
    """Give a header: given at the start, or set by an earlier call or this one; None where there is none."""
    return host().header(name)


def headers() -> dict[str, str]:
    """Give all headers, in the order of their names."""
    return dict(host().headers())


def set_header(name: str, value: str) -> None:
    """Set a header, which later calls and events carry.

    Raises:
        WriteError: `too-much`, or `invalid`: the value is not a str, or the name is none.
    """
    if not isinstance(value, str):
        remedy = " (`remove_header` removes it)" if value is None else ""
        raise WriteError("invalid", f"header `{name}`: expected a str, not {value!r}{remedy}")
    host().set_header(name, value)


def remove_header(name: str) -> None:
    """Remove a header. It is no mistake where there is none.

    Raises:
        WriteError: `too-much`, or `invalid`: the name is none.
    """
    host().set_header(name, None)


def publish(
    type: str,  # noqa: A002 -- it is the type.
    data: Any,
    *,
    topic: str | None = None,
    key: str | None = None,
    subject: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Publish a business event when the call succeeds.

    Args:
        type: what happened, such as `order.shipped`.
        data: what there is to say of it; anything that can be JSON.
        topic: where it goes; the operator's choice where it is not said.
        key: events of the same key stay in their order.
        subject: what it is about.
        headers: more for whoever takes it.

    Raises:
        WriteError: `too-much`, or `invalid`: the data cannot be JSON, or something else is no text.
    """
    event: dict[str, Any] = {"type": type, "topic": topic, "key": key, "subject": subject}
    event = {name: value for name, value in event.items() if value is not None}
    for name, value in [*event.items(), *(headers or {}).items()]:
        if not isinstance(value, str) or not isinstance(name, str):
            raise WriteError("invalid", f"event `{type}`: `{name}` is {value!r} (a str)")
    if headers:
        event["headers"] = dict(headers)
    text = _json(f"event `{type}`", data)
    head = write(event)
    host().publish(f'{head[:-1]},"data":{text}}}')


def plain(value: Any) -> Any:
    """Give a value as plain JSON values, by what it is.

    Raises:
        Mismatch: it cannot be JSON.
    """
    return _types.any.encode(value)


def _json(what: str, value: Any) -> str:
    try:
        return write(plain(value))
    except Mismatch as mismatch:
        raise WriteError("invalid", f"{what}: {mismatch}") from None
    except (RecursionError, ValueError) as error:
        raise WriteError("invalid", f"{what}: it cannot be JSON: {error}") from None


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        raise AttributeError(f"`context.{name}` is for tests, and has moved (use `{_MOVED[name]}`)")
    raise AttributeError(f"module `{__name__}` has no `{name}`")
