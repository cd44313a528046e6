"""stdout and stderr of a component: they know whether something is left to flush, so that most calls flush nothing."""

from __future__ import annotations

import io
import sys
from typing import Any

is_left = False
"""Whether something was written since the last flush, or may have been."""
_is_shared = False
"""Whether somebody may hold the bytes below a stream, and write there at any time."""


class Stream(io.TextIOWrapper):
    """A stream that notes that it was used."""

    def write(self, text: str, /) -> int:
        """Write a text."""
        global is_left
        is_left = True
        return super().write(text)

    @property
    def buffer(self) -> Any:
        """The stream of bytes below, through which somebody is about to write, now or later."""
        global is_left, _is_shared
        is_left = _is_shared = True
        return super().buffer


def install() -> None:
    """Take the place of both streams, before anybody holds them.

    They are written line by line, for what is printed before a stop tells where.
    """
    for name in ("stdout", "stderr"):
        plain = getattr(sys, name)
        if isinstance(plain, io.TextIOWrapper):
            encoding = plain.encoding
            stream = Stream(plain.detach(), encoding, "backslashreplace", line_buffering=True)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def flush() -> None:
    """Let go what was printed."""
    global is_left
    is_left = _is_shared
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: S112 -- the guest has closed or replaced it, which is its own affair.
            continue
