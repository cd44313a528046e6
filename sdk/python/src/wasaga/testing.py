"""What tests ask beside what a guest asks: what was published, and that nothing is left of the test before.

It is of use under pytest alone. In a component each of these raises a `RuntimeError`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from wasaga._host import is_native, native


@dataclass(frozen=True, slots=True)
class Event:
    """A business event, as it was published; the data is read from JSON."""

    type: str
    data: Any
    topic: str | None = None
    key: str | None = None
    subject: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def published() -> list[Event]:
    """Give what was published in this thread.

    Raises:
        RuntimeError: this is a component.
    """
    _must_be_native()
    return [Event(**json.loads(event)) for event in native.kept.events]


def reset() -> None:
    """Forget the variables, the headers and the events of this thread.

    Raises:
        RuntimeError: this is a component.
    """
    _must_be_native()
    native.reset()


def _must_be_native() -> None:
    if not is_native():
        raise RuntimeError("`wasaga.testing` is for tests: a component cannot see what it has published")
