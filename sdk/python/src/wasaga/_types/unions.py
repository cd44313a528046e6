"""Values of one type or another, and values within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wasaga._types.codec import Codec, Definitions, Mismatch, Schema, found, given


def union(codecs: list[Codec]) -> Codec:
    """Make the codec of `X | Y`.

    JSON is read as the first type that fits, the more special before the more general: an int before
    a float, a datetime before a str, and of two types with fields the one that knows more of the keys.
    """
    if len(codecs) == 1:
        return codecs[0]
    ordered = sorted(codecs, key=lambda codec: codec.rank)
    names = " | ".join(codec.name for codec in codecs)

    def decode(value: Any) -> Any:
        candidates = ordered
        if type(value) is dict:
            if (tag := _tag(ordered)) is not None:
                return _by_tag(ordered, tag, value)
            candidates = sorted(ordered, key=lambda codec: _distance(value, codec))
        return _first(candidates, "decode", value, lambda: f"expected {names}, not {found(value)}")

    def encode(value: Any) -> Any:
        fitting = [codec for codec in ordered if codec.accepts(value)]
        return _first(fitting, "encode", value, lambda: f"expected {names}, not {given(value)}")

    def schema(definitions: Definitions) -> Schema:
        return _schema([codec.schema(definitions) for codec in codecs])

    nullable = any(codec.nullable for codec in codecs)
    return Codec(names, decode, encode, schema, lambda v: any(codec.accepts(v) for codec in codecs), nullable)


def _distance(value: dict[str, Any], codec: Codec) -> tuple[int, int]:
    """Say how far an object is from a type with fields: keys that this one does not know, then those that it misses."""
    return (len(value.keys() - codec.record), len(codec.record - value.keys())) if codec.record else (0, 0)


def _tag(codecs: list[Codec]) -> str | None:
    """Give the key that tells the types of a union apart: each has it, as a `Literal`, and none has another's value."""
    records = [codec for codec in codecs if codec.record]
    if len(records) < 2:
        return None
    for key in records[0].tags:
        values = [(type(value), value) for codec in records for value in codec.tags.get(key, ())]
        if all(key in codec.tags for codec in records) and len(values) == len(set(values)):
            return key
    return None


def _by_tag(codecs: list[Codec], tag: str, value: dict[str, Any]) -> Any:
    given_tag = value.get(tag)
    kinds = [codec for codec in codecs if codec.record]
    for codec in kinds:
        if any(type(known) is type(given_tag) and known == given_tag for known in codec.tags[tag]):
            return codec.decode(value)
    for codec in codecs:
        if not codec.record:
            try:
                return codec.decode(value)
            except Mismatch:  # What is said below counts.
                continue
    if tag not in value:
        raise Mismatch(f"field `{tag}` is missing")
    known = " or ".join(repr(one) for codec in kinds for one in codec.tags[tag])
    raise Mismatch(f"expected {known}, not {found(given_tag)}").under(tag)


def _first(codecs: Iterable[Codec], what: str, value: Any, otherwise: Callable[[], str]) -> Any:
    """Convert by the first codec that can; if only one went into the value, its complaint is the one to show."""
    deep: list[Mismatch] = []
    for codec in codecs:
        try:
            return codec.decode(value) if what == "decode" else codec.encode(value)
        except Mismatch as mismatch:
            if mismatch.path or codec.record:
                deep.append(mismatch)
            elif what == "encode":
                deep.insert(0, mismatch)
    raise deep[0] if len(deep) == 1 else Mismatch(otherwise())


def _schema(schemas: list[Schema]) -> Schema:
    """`{"type": [a, "null"]}` where that says it all, `anyOf` otherwise."""
    if any(schema is True for schema in schemas):
        return True
    plain = all(isinstance(schema, dict) and isinstance(schema.get("type"), str) for schema in schemas)
    null = {"type": "null"}
    if plain and len(schemas) == 2 and null in schemas:
        other = next(schema for schema in schemas if schema != null)
        if isinstance(other, dict) and "enum" not in other:
            return {**other, "type": [other["type"], "null"]}
    return {"anyOf": schemas}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a value must keep to, as in `Annotated[int, Bounds(ge=0)]`. Goes into the JSON Schema.

    Attributes:
        ge: of a number, it is not below.
        gt: of a number, it is above.
        le: of a number, it is not above.
        lt: of a number, it is below.
        min_length: of a string or list, how long it is at least.
        max_length: of a string or list, how long it is at most.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None


_CHECKS: dict[str, tuple[str, str, Callable[[Any, Any], bool]]] = {
    "ge": ("minimum", "is less than the minimum of {0}", lambda v, bound: v >= bound),
    "gt": ("exclusiveMinimum", "is not more than {0}", lambda v, bound: v > bound),
    "le": ("maximum", "is more than the maximum of {0}", lambda v, bound: v <= bound),
    "lt": ("exclusiveMaximum", "is not less than {0}", lambda v, bound: v < bound),
    "min_length": ("minLength", "has fewer than {0} {1}", lambda v, bound: len(v) >= bound),
    "max_length": ("maxLength", "has more than {0} {1}", lambda v, bound: len(v) <= bound),
}


def bounds_of(metadata: Any) -> dict[str, Any]:
    """Give what an annotation bounds. The names are those that `annotated_types` has made common."""
    return {name: bound for name in _CHECKS if (bound := getattr(metadata, name, None)) is not None}


def bounded(codec: Codec, bounds: dict[str, Any]) -> Codec:
    """Make the codec of a type whose values keep to bounds."""

    def check(value: Any) -> Any:
        for name, bound in bounds.items():
            _, complaint, holds = _CHECKS[name]
            if value is not None and not holds(value, bound):
                unit = "characters" if isinstance(value, str) else "elements"
                raise Mismatch(f"{value!r} " + complaint.format(bound, unit))
        return value

    def schema(definitions: Definitions) -> Schema:
        plain = codec.schema(definitions)
        words = {_CHECKS[name][0]: bound for name, bound in bounds.items()}
        if isinstance(plain, dict) and "array" in str(plain.get("type")):
            words = {word.replace("Length", "Items"): bound for word, bound in words.items()}
        return {**plain, **words} if isinstance(plain, dict) else words

    def encode(value: Any) -> Any:
        return codec.encode(check(value))

    return Codec(
        codec.name,
        lambda value: check(codec.decode(value)),
        encode,
        schema,
        lambda value: codec.accepts(value),
        codec.nullable,
        codec.rank,
        codec.record,
    )
