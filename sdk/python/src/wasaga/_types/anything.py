"""`Any`: whatever JSON has, and on the way out whatever can become JSON by what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from wasaga._types.codec import Codec, Mismatch, Unsupported, given
from wasaga._types.scalars import finite


def anything(codec_of: Callable[[type], Codec], is_exact: Callable[[], bool]) -> Codec:
    """Make the codec of `Any`. `codec_of` gives the codec of a value's type."""
    # The containers on the way to the value: one that comes again holds itself.
    open_ids: set[int] = set()

    def encode(value: Any) -> Any:
        kind = type(value)
        if kind is str or kind is int or kind is bool or value is None:
            return value
        if kind is float:
            return finite(value)
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            return container(value)
        if kind is object:
            raise Mismatch("a plain object cannot be JSON")
        try:
            codec = codec_of(kind)
        except Unsupported as unsupported:
            if isinstance(value, Iterator):
                raise Mismatch(f"{given(value)} is no value yet (make a list of it)") from None
            raise Mismatch(str(unsupported)) from None
        return codec.encode(value)

    def container(value: Any) -> Any:
        if id(value) in open_ids:
            raise Mismatch(f"the {type(value).__name__} contains itself, so it has no end in JSON")
        open_ids.add(id(value))
        try:
            if isinstance(value, dict):
                return {key(name): item(name, of) for name, of in value.items()}
            items = [item(i, of) for i, of in enumerate(value)]
            return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
        finally:
            open_ids.discard(id(value))

    def item(at: Any, value: Any) -> Any:
        try:
            return encode(value)
        except Mismatch as mismatch:
            raise mismatch.under(at if isinstance(at, int) else str(at)) from None

    def key(name: Any) -> str:
        if isinstance(name, str):
            return str(name)
        raise Mismatch(f"the key {name!r} is {given(name)}, and keys in JSON are strings")

    def decode(value: Any) -> Any:
        return plain(value) if is_exact() else value

    return Codec("Any", decode, encode, lambda _: True, lambda _: True, nullable=True, rank=90)


def plain(value: Any) -> Any:
    """Make floats of the exact numbers that are read where a saga uses `Decimal`."""
    if isinstance(value, Decimal):
        return float(value)
    if type(value) is list:
        return [plain(item) for item in value]
    if type(value) is dict:
        return {name: plain(item) for name, item in value.items()}
    return value
