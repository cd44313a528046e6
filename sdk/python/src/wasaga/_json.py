"""JSON texts, written the shortest way: a fresh call feels every microsecond."""

from __future__ import annotations

import json
from json import encoder as _encoder
from typing import Any

_slow = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))
# `JSONEncoder.encode` makes this anew each time. It is C, and where there is no C there is `_slow`.
_make: Any = getattr(_encoder, "c_make_encoder", None)
_SORT, _SKIP, _NAN = False, False, False
_fast: Any = _make and _make(None, _slow.default, _encoder.encode_basestring, None, ":", ",", _SORT, _SKIP, _NAN)


def write(value: Any) -> str:
    """Write plain JSON values.

    Raises:
        UnicodeEncodeError: a string has half a character, which no JSON text can hold.
    """
    if value is None:
        return "null"
    text: str = "".join(_fast(value, 0)) if _fast else _slow.encode(value)
    if not text.isascii():
        text.encode()
    return text
