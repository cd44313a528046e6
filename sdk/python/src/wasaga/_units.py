"""Spans of time and sizes of memory as people write them; the same text as in the Rust SDK."""

from __future__ import annotations

import math
import re
from datetime import timedelta

Duration = str | int | float | timedelta
"""A span of time: `"200ms"`, `"2s"`, `"5m"`, `"1h"`, a `timedelta`, or a number of seconds."""
Size = str | int
"""A size of memory: `"64MiB"`, or a number of bytes."""

SPAN_MS_MAX = 100 * 366 * 24 * 3_600_000
"""100 years: no transaction lives longer, and no clock of a host overflows."""
WAIT_MS_MAX = 30 * 24 * 3_600_000
"""30 days: what the host takes of an answer that says when to try again."""
_SIZE_MAX = 1 << 48
"""More than any machine has."""
_SPANS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_TEXT_CHARS_MAX = 40
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
        read = _read(value, _SPANS, expected)
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not {expected}")
    else:
        read = _round(min(value, SPAN_MS_MAX) * 1_000)
    if read > SPAN_MS_MAX:
        raise ValueError(f"{_short(value)} is longer than 100 years")
    return read


def waiting_ms(value: Duration) -> int:
    """Read how long to wait, which may come from a partner: from 0 to 30 days, whatever it says beyond.

    Raises:
        ValueError: it is a text, and no span of time.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # Compared first: a number without a bound overflows where it is multiplied. NaN is no time at all.
        seconds = min(value, WAIT_MS_MAX // 1_000) if value > 0 else 0
        return _round(seconds * 1_000)
    if isinstance(value, str) and len(value) > _TEXT_CHARS_MAX:
        raise ValueError(f"{_short(value)} is not a span of time")
    try:
        return min(milliseconds(value), WAIT_MS_MAX)
    except ValueError as error:
        if str(error).endswith("is longer than 100 years"):
            return WAIT_MS_MAX
        raise


def size_bytes(value: Size) -> int:
    """Read a size of memory.

    Raises:
        ValueError: it is none, or it is negative.
    """
    expected = 'a size such as "64MiB", or a number of bytes'
    if isinstance(value, str):
        read = _read(value, _SIZES, expected)
    elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not {expected}")
    else:
        read = value
    if read > _SIZE_MAX:
        raise ValueError(f"{_short(value)} is more memory than there is")
    return read


def _read(text: str, units: dict[str, int], expected: str) -> int:
    read = _TEXT.fullmatch(text)
    if read is None or read[2] not in units:
        raise ValueError(f"{text!r} is not {expected}")
    # So many digits are too much in any unit, and as a float they would be no number.
    return _round(min(float(read[1]), 1e18) * units[read[2]])


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or value < _SIZE_MAX * 1_000 else "a number of so many digits"
    return text if len(text) <= _TEXT_CHARS_MAX else f"{text[:_TEXT_CHARS_MAX]}…"


def _round(number: float) -> int:
    return math.floor(number + 0.5)
