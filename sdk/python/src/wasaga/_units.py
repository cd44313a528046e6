"""Spans of time and sizes of memory as people write them; the same text as in the Rust SDK."""

from __future__ import annotations

import math
import re
from datetime import timedelta

Duration = str | int | float | timedelta
"""A span of time: `"200ms"`, `"2s"`, `"5m"`, `"1h"`, a `timedelta`, or a number of seconds."""
Size = str | int
"""A size of memory: `"64MiB"`, or a number of bytes."""

_SPANS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]+)")


def milliseconds(value: Duration) -> int:
    """Read a span of time.

    Raises:
        ValueError: it is none, or it is negative.
    """
    expected = 'a span of time such as "200ms", "2s", "5m" or "1h", a timedelta, or a number of seconds'
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        return _read(value, _SPANS, expected)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not {expected}")
    return _round(value * 1_000)


def size_bytes(value: Size) -> int:
    """Read a size of memory.

    Raises:
        ValueError: it is none, or it is negative.
    """
    expected = 'a size such as "64MiB", or a number of bytes'
    if isinstance(value, str):
        return _read(value, _SIZES, expected)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not {expected}")
    return value


def _read(text: str, units: dict[str, int], expected: str) -> int:
    read = _TEXT.fullmatch(text)
    if read is None or read[2] not in units:
        raise ValueError(f"{text!r} is not {expected}")
    return _round(float(read[1]) * units[read[2]])


def _round(number: float) -> int:
    return math.floor(number + 0.5)
