"""Types with fields: dataclasses and typed dictionaries; and enums."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasaga._types.codec import Codec, Definitions, Mismatch, Schema, Unsupported, found, given
from wasaga._types.text import first_paragraph


@dataclass(slots=True)
class Field:
    """One field.

    Attributes:
        name: in Python.
        key: in JSON.
        codec: of its type.
        required: whether JSON must have it.
        default: where there is one, what gives it as JSON would have it: asked when the types are all known.
        null: whether None stands for what JSON does not have.
        init: whether the constructor takes it.
        argument: what the constructor calls it, where that is another name.
    """

    name: str
    key: str
    codec: Codec
    required: bool
    default: Callable[[], tuple[Any] | None] | None = None
    null: bool = False
    init: bool = True
    description: str | None = None
    argument: str | None = None


def fill(codec: Codec, hint: Any, fields: list[Field], *, is_dict: bool) -> None:
    """Make the codec of a type with fields. It exists before its fields do, for a type may hold itself."""
    kind = typing.get_origin(hint) or hint
    codec.decode = _decoder(kind, [field for field in fields if field.init], is_dict=is_dict)
    codec.encode = _encoder(kind, fields, is_dict=is_dict)
    codec.record = frozenset(field.key for field in fields)
    codec.tags = {field.key: field.codec.values for field in fields if field.required and field.codec.values}
    required = {field.key for field in fields if field.required}
    codec.accepts = (
        (lambda v: isinstance(v, dict) and required <= v.keys()) if is_dict else (lambda v: isinstance(v, kind))
    )
    codec.schema = _describer(hint, kind, re.sub(r"\W+", "_", codec.name).strip("_"), fields)


def empty(name: str) -> Codec:
    """Make a codec that `fill` completes."""

    def early(_: Any) -> Any:
        raise AssertionError(f"the fields of `{name}` are not known yet")

    return Codec(name, early, early, early, early, rank=45)


def _decoder(kind: Any, fields: list[Field], *, is_dict: bool) -> Callable[[Any], Any]:
    table = [(field.argument or field.name, field.key, field.codec, field.required, field.null) for field in fields]

    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise Mismatch(f"expected an object, not {found(value)}")
        arguments = {}
        for name, key, codec, required, null in table:
            if key in value:
                try:
                    arguments[name] = codec.decode(value[key])
                except Mismatch as mismatch:
                    raise mismatch.under(key) from None
            elif required:
                raise Mismatch(f"field `{key}` is missing")
            elif null:
                arguments[name] = None
        if is_dict:
            return arguments
        try:
            return kind(**arguments)
        except (TypeError, ValueError) as refused:  # What `__post_init__` says.
            raise Mismatch(str(refused)) from refused

    return decode


def _encoder(kind: Any, fields: list[Field], *, is_dict: bool) -> Callable[[Any], Any]:
    table = [(field.name, field.key, field.codec) for field in fields]
    names = frozenset(field.name for field in fields)

    def encode(value: Any) -> dict[str, Any]:
        if not isinstance(value, kind):
            raise Mismatch(f"expected {_article(kind.__name__)}, not {given(value)}")
        if type(value) is not kind and (more := _more(value, names)):
            both = f"{kind.__name__} | {type(value).__name__}"
            raise Mismatch(f"{given(value)} has `{more}`, which {kind.__name__} has not (write `{both}`)")
        out = {}
        for name, key, codec in table:
            try:
                out[key] = codec.encode(getattr(value, name))
            except Mismatch as mismatch:
                raise mismatch.under(key) from None
        return out

    def encode_dict(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Mismatch(f"expected a dict with the keys of {kind.__name__}, not {given(value)}")
        out = {}
        for field in fields:
            if field.name in value:
                try:
                    out[field.key] = field.codec.encode(value[field.name])
                except Mismatch as mismatch:
                    raise mismatch.under(field.key) from None
            elif field.required:
                raise Mismatch(f"key `{field.name}` of {kind.__name__} is missing")
        more = sorted(str(key) for key in value.keys() - {field.name for field in fields})
        if more:
            raise Mismatch(f"{kind.__name__} has no key `{more[0]}`")
        return out

    return encode_dict if is_dict else encode


def _more(value: Any, names: frozenset[str]) -> str | None:
    """Give a field of a derived class that its base does not have: written as the base, it would be lost."""
    own = getattr(type(value), "__dataclass_fields__", None) or [of.name for of in type(value).__attrs_attrs__]
    return next((name for name in own if name not in names), None)


def _describer(owner: Any, kind: Any, name: str, fields: list[Field]) -> Callable[[Definitions], Schema]:
    def own(definitions: Definitions) -> Schema:
        properties = {}
        for field in fields:
            schema = field.codec.schema(definitions)
            if isinstance(schema, dict):
                schema = dict(schema)
                if field.description:
                    schema["description"] = field.description
                if field.default is not None and (made := field.default()) is not None:
                    schema["default"] = made[0]
            properties[field.key] = schema
        whole: dict[str, Any] = {"type": "object", "properties": properties}
        if description := _description(kind):
            whole = {"description": description, **whole}
        if required := [field.key for field in fields if field.required]:
            whole["required"] = required
        return whole

    return lambda definitions: definitions.refer(owner, name, lambda: own(definitions))


def _description(kind: Any) -> str:
    text = first_paragraph(kind.__doc__)
    # What `@dataclass` writes where nobody has written anything.
    return "" if text.startswith(f"{kind.__name__}(") else text


def default(make: Callable[[], Any], codec: Codec) -> Callable[[], tuple[Any] | None]:
    """Give what gives the default of a field as JSON has it, where it can be written."""

    def as_json() -> tuple[Any] | None:
        try:
            return (codec.encode(make()),)
        except Mismatch:
            return None

    return as_json


def members(kind: type[enum.Enum]) -> Codec:
    """Make the codec of an enum: its values.

    Raises:
        Unsupported: a value is neither a string nor a number nor a bool.
    """
    by_value: dict[tuple[type, Any], enum.Enum] = {}
    for member in kind:
        plain = member.value
        if type(plain) not in {str, int, float, bool}:
            raise Unsupported(f"`{kind.__name__}.{member.name}` has {given(plain)} as its value (use a str or an int)")
        by_value[type(plain), plain] = member
    values = [member.value for member in kind]
    expected = ", ".join(repr(value) if isinstance(value, str) else str(value) for value in values)

    def decode(value: Any) -> enum.Enum:
        member = by_value.get((type(value), value)) if type(value) in {str, int, float, bool} else None
        if member is None:
            raise Mismatch(f"expected one of {expected}, not {found(value)}")
        return member

    def encode(value: Any) -> Any:
        if isinstance(value, kind):
            return value.value
        raise Mismatch(f"expected {_article(kind.__name__)}, not {given(value)}")

    def schema(definitions: Definitions) -> Schema:
        return definitions.refer(kind, kind.__name__, lambda: _enum_schema(kind, values))

    return Codec(kind.__name__, decode, encode, schema, lambda v: isinstance(v, kind), rank=32, values=tuple(values))


def _enum_schema(kind: type[enum.Enum], values: list[Any]) -> Schema:
    schema: dict[str, Any] = {"enum": values}
    if all(isinstance(value, str) for value in values):
        schema = {"type": "string", **schema}
    inherited = {base.__doc__ for base in kind.__mro__[1:]}
    if kind.__doc__ and kind.__doc__ not in inherited:
        schema = {"description": first_paragraph(kind.__doc__), **schema}
    return schema


def choices(values: tuple[Any, ...]) -> Codec:
    """Make the codec of `typing.Literal[…]`.

    Raises:
        Unsupported: a value is none that JSON has.
    """
    for value in values:
        if value is not None and type(value) not in {str, int, bool}:
            raise Unsupported(f"`Literal[{value!r}]` has no form in JSON (use strings, ints or bools)")
    known = {(type(value), value) for value in values}
    expected = " or ".join(repr(value) for value in values)

    def decode(value: Any) -> Any:
        if isinstance(value, (list, dict)) or (type(value), value) not in known:
            raise Mismatch(f"expected {expected}, not {found(value)}")
        return value

    def accepts(value: Any) -> bool:
        return isinstance(value, (str, int, type(None))) and (type(value), value) in known

    def encode(value: Any) -> Any:
        if not accepts(value):
            raise Mismatch(f"expected {expected}, not {given(value)}")
        return value

    name, null = f"Literal[{expected}]", None in values
    return Codec(name, decode, encode, lambda _: {"enum": list(values)}, accepts, null, 31, values=values)


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
