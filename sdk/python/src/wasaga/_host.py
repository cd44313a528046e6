"""What a call may ask of its host: in a component the contract's imports, natively what stays in the thread.

Deliberately absent: conversions; here are JSON texts.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasaga.http import Request, Response


class Host(Protocol):
    """What there is to ask, in the words of the contract."""

    def variable(self, name: str) -> str | None:
        """Give the JSON text of a variable."""

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable to a JSON text."""

    def set_header(self, name: str, value: str) -> None:
        """Set a header."""

    def publish(self, topic: str, key: str | None, payload: str) -> None:
        """Publish a JSON text."""

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
    published: list[tuple[str, str | None, str]] = field(default_factory=list)


class _Threads(threading.local):
    def __init__(self) -> None:
        self.kept = Kept()
        self.partner: Callable[[Request], Response] | None = None


class Native:
    """Stands in for a host under pytest."""

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

    def variable(self, name: str) -> str | None:
        """Give a variable as it was set in this thread."""
        return self.kept.variables.get(name)

    def set_variable(self, name: str, value: str) -> None:
        """Keep a variable."""
        self.kept.variables[name] = value

    def set_header(self, name: str, value: str) -> None:
        """Keep a header."""
        self.kept.headers[name] = value

    def publish(self, topic: str, key: str | None, payload: str) -> None:
        """Keep an event."""
        self.kept.published.append((topic, key, payload))

    def log(self, level: str, message: str, fields: list[tuple[str, str]]) -> None:
        """Write to the logger `wasaga`, where pytest's `caplog` finds it."""
        text = message + "".join(f" {name}={value}" for name, value in fields)
        self._log.log(_LEVELS[level], "%s", text)


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
