"""Types of the user's own, with the form in JSON that `json_as` has said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from wasaga._types.codec import Codec, Definitions, Mismatch, Schema, given

T = TypeVar("T")

_forms: dict[type, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {}


def json_as(kind: type[T], form: Any, *, read: Callable[[Any], T], write: Callable[[T], Any]) -> None:
    """Say what a type of yours is in JSON: that of another type. Stands above the first function that uses it.

        json_as(Money, str, read=Money.parse, write=str)

    Args:
        kind: your type; classes that are derived from it need a word of their own.
        form: the type that JSON has in its place, as a hint; bounds go along.
        read: makes yours of a value of `form`. Where it raises a `ValueError`, a `TypeError` or an `ArithmeticError`,
            the value does not fit.
        write: makes a value of `form` of yours.

    Raises:
        TypeError: `kind` is not a class.
    """
    if not isinstance(kind, type):
        raise TypeError(f"`json_as` is for a class, not for {kind!r}")
    _forms[kind] = (form, read, write)


def has(kind: Any) -> bool:
    """Say whether something was said of a type."""
    return isinstance(kind, type) and kind in _forms


def own(kind: type, codec_of: Callable[[Any], Codec]) -> Codec:
    """Make the codec of such a type."""
    form, read, write = _forms[kind]
    codec = codec_of(form)

    def decode(value: Any) -> Any:
        try:
            return read(codec.decode(value))
        except (ArithmeticError, TypeError, ValueError) as refused:
            raise Mismatch(str(refused) or f"it is no {kind.__name__}") from refused

    def encode(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Mismatch(f"expected a {kind.__name__}, not {given(value)}")
        return codec.encode(write(value))

    def schema(definitions: Definitions) -> Schema:
        return codec.schema(definitions)

    return Codec(kind.__name__, decode, encode, schema, lambda v: isinstance(v, kind), rank=34)
