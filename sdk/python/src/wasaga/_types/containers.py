"""Lists, tuples, sets and dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasaga._types.codec import Codec, Definitions, Mismatch, Schema, found, given


def _each(values: Any, convert: Callable[[Any], Any]) -> list[Any]:
    out = []
    for i, value in enumerate(values):
        try:
            out.append(convert(value))
        except Mismatch as mismatch:
            raise mismatch.under(i) from None
    return out


def array(name: str, kind: type, element: Codec) -> Codec:
    """Make the codec of `list[X]`, `tuple[X, ...]`, `set[X]` or `frozenset[X]`."""
    unordered = issubclass(kind, (set, frozenset))

    def decode(value: Any) -> Any:
        if type(value) is not list:
            raise Mismatch(f"expected an array, not {found(value)}")
        items = _each(value, element.decode)
        return items if kind is list else kind(items)

    def encode(value: Any) -> list[Any]:
        if not isinstance(value, kind):
            raise Mismatch(f"expected a {name}, not {given(value)}")
        items = _each(value, element.encode)
        # A set has no order, and an answer should not change with the weather.
        return sorted(items, key=repr) if unordered else items

    def schema(definitions: Definitions) -> Schema:
        base: dict[str, Any] = {"type": "array", "items": element.schema(definitions)}
        return {**base, "uniqueItems": True} if unordered else base

    return Codec(name, decode, encode, schema, lambda v: isinstance(v, kind), rank=50)


def fixed(name: str, make: Callable[[list[Any]], Any], elements: tuple[Codec, ...]) -> Codec:
    """Make the codec of `tuple[X, Y]` or of a `NamedTuple`: an array of that many elements."""
    length = len(elements)

    def convert(values: Any, converts: list[Callable[[Any], Any]]) -> list[Any]:
        if len(values) != length:
            raise Mismatch(f"expected {length} elements, not {len(values)}")
        out = []
        for i, (value, one) in enumerate(zip(values, converts, strict=True)):
            try:
                out.append(one(value))
            except Mismatch as mismatch:
                raise mismatch.under(i) from None
        return out

    def decode(value: Any) -> Any:
        if type(value) is not list:
            raise Mismatch(f"expected an array, not {found(value)}")
        return make(convert(value, [element.decode for element in elements]))

    def encode(value: Any) -> list[Any]:
        if not isinstance(value, tuple):
            raise Mismatch(f"expected a tuple, not {given(value)}")
        return convert(value, [element.encode for element in elements])

    def schema(definitions: Definitions) -> Schema:
        items = [element.schema(definitions) for element in elements]
        size = {"minItems": length, "maxItems": length}
        return {"type": "array", "prefixItems": items, "items": False, **size} if items else {"type": "array", **size}

    return Codec(name, decode, encode, schema, lambda v: isinstance(v, tuple) and len(v) == length, rank=49)


def mapping(name: str, key: Codec, value_codec: Codec) -> Codec:
    """Make the codec of `dict[str, X]`."""

    def decode(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise Mismatch(f"expected an object, not {found(value)}")
        out = {}
        for name, item in value.items():
            try:
                out[key.decode(name)] = value_codec.decode(item)
            except Mismatch as mismatch:
                raise mismatch.under(name) from None
        return out

    def encode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Mismatch(f"expected a dict, not {given(value)}")
        out = {}
        for name, item in value.items():
            try:
                out[key.encode(name)] = value_codec.encode(item)
            except Mismatch as mismatch:
                raise mismatch.under(str(name)) from None
        return out

    def schema(definitions: Definitions) -> Schema:
        return {"type": "object", "additionalProperties": value_codec.schema(definitions)}

    return Codec(name, decode, encode, schema, lambda v: isinstance(v, dict), rank=55)
