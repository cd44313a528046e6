"""What a call may ask of its host: in a component the contract's imports, natively what stays in the thread.

Deliberately absent: conversions; here are JSON texts.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from wasaga.errors import WriteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasaga.http import Request, Response

NAME_CHARS_MAX = 128
"""As the host has it."""

Failed = tuple[str, str, str | None]
"""Why an attempt failed: the code, the message, and the details as a JSON text."""


class Host(Protocol):
    """What there is to ask, in the words of the contract."""

    def transaction_id(self) -> str:
        """Give the id of the transaction."""

    def idempotency_key(self) -> str:
        """Give the key that is the same over attempts."""

    def attempt(self) -> int:
        """Give the attempt, from 1."""

    def item(self) -> int | None:
        """Give the position in a fan-out."""

    def deadline(self) -> int:
        """Give the moment, in milliseconds since the Unix epoch, at which the host stops the call."""

    def token(self) -> str | None:
        """Give the JSON text that the last `Pending` left."""

    def last_failure(self) -> Failed | None:
        """Say why the attempt before this one failed."""

    def header(self, name: str) -> str | None:
        """Give a header."""

    def headers(self) -> list[tuple[str, str]]:
        """Give all headers, in the order of their names."""

    def set_header(self, name: str, value: str | None) -> None:
        """Set a header, or remove it."""

    def variable(self, name: str) -> str | None:
        """Give the JSON text of a variable."""

    def set_variable(self, name: str, value: str | None) -> None:
        """Set a variable to a JSON text, or remove it."""

    def publish(self, event: str) -> None:
        """Publish an event, a JSON text."""

    def log(self, level: str, message: str, fields: list[tuple[str, str]]) -> None:
        """Write a line of the log."""

    def config(self, key: str) -> str | None:
        """Give a value of the operator's."""

    def send(self, request: Request) -> Response:
        """Send a request, and read the whole answer."""


@dataclass(slots=True)
class Kept:
    """What was written natively."""

    variables: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


class _Threads(threading.local):
    def __init__(self) -> None:
        self.kept = Kept()
        self.partner: Callable[[Request], Response] | None = None


class Native:
    """Stands in for a host under pytest. There is no call to ask about: a test makes one with `Call.sample()`."""

    def __init__(self) -> None:
        self._threads = _Threads()
        self._log = logging.getLogger("wasaga")

    @property
    def kept(self) -> Kept:
        """What was written in this thread."""
        return self._threads.kept

    def reset(self) -> None:
        """Forget what was written in this thread."""
        self._threads.kept = Kept()

    @property
    def partner(self) -> Callable[[Request], Response] | None:
        """Who answers the requests of this thread."""
        return self._threads.partner

    @partner.setter
    def partner(self, answer: Callable[[Request], Response] | None) -> None:
        self._threads.partner = answer

    def config(self, key: str) -> str | None:
        """Give the environment variable of that name."""
        return os.environ.get(key)

    def send(self, request: Request) -> Response:
        """Let the partner of a test answer."""
        if self.partner is None:
            from wasaga.http import NotSent

            raise NotSent("requests leave from a component; in a test, answer them with `wasaga.http.fake`")
        return self.partner(request)

    def header(self, name: str) -> str | None:
        """Give a header as it was set in this thread."""
        return self.kept.headers.get(name)

    def headers(self) -> list[tuple[str, str]]:
        """Give the headers that were set in this thread, in the order of their names."""
        return sorted(self.kept.headers.items())

    def set_header(self, name: str, value: str | None) -> None:
        """Keep a header, or forget it."""
        if value is not None and _has_control(value):
            raise WriteError("invalid", f"the value of header `{name}` has a control character")
        _put(self.kept.headers, name, value)

    def variable(self, name: str) -> str | None:
        """Give a variable as it was set in this thread."""
        return self.kept.variables.get(name)

    def set_variable(self, name: str, value: str | None) -> None:
        """Keep a variable, or forget it."""
        _put(self.kept.variables, name, value)

    def publish(self, event: str) -> None:
        """Keep an event."""
        kind = json.loads(event)["type"]
        if not 1 <= len(kind) <= NAME_CHARS_MAX:
            raise WriteError("invalid", f"the `type` of an event has 1 to {NAME_CHARS_MAX} characters")
        self.kept.events.append(event)

    def log(self, level: str, message: str, fields: list[tuple[str, str]]) -> None:
        """Write to the logger `wasaga`, where pytest's `caplog` finds it."""
        text = message + "".join(f" {name}={value}" for name, value in fields)
        self._log.log(_LEVELS[level], "%s", text)

    def _no_call(self) -> NoReturn:
        raise RuntimeError("there is no call to ask about (make one with `Call.sample()`)")

    transaction_id = idempotency_key = attempt = item = deadline = token = last_failure = _no_call


def _put(kept: dict[str, str], name: str, value: str | None) -> None:
    _named(name)
    if value is None:
        kept.pop(name, None)
    else:
        kept[name] = value


def _named(name: str) -> None:
    """Refuse a name that a host refuses.

    Raises:
        WriteError: it is empty, too long, or has a control character.
    """
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        raise WriteError("invalid", f"the name `{name[:NAME_CHARS_MAX]}`: a name has 1 to {NAME_CHARS_MAX} characters")
    if _has_control(name):
        raise WriteError("invalid", f"the name {name!r} has a control character")


def _has_control(text: str) -> bool:
    return any(unicodedata.category(one) == "Cc" for one in text)


_LEVELS = {"trace": 5, "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

native = Native()
_host: Host = native


def host() -> Host:
    """Give the host of this process."""
    return _host


def become(other: Host) -> None:
    """Take another host: in a component, the one that has loaded it."""
    global _host
    _host = other


def is_native() -> bool:
    """Whether this is a test, and no component."""
    return _host is native
