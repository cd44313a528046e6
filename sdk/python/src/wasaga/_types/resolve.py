"""From type hints to codecs. Done once, when a saga is imported; calls find everything ready."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, NewType, NotRequired, Required, Union
from uuid import UUID

from wasaga._types import containers, pydantic, records, scalars, unions
from wasaga._types.anything import anything
from wasaga._types.codec import Codec, Unsupported

_SCALARS: dict[Any, Codec] = {
    str: scalars.STRING,
    int: scalars.INTEGER,
    float: scalars.NUMBER,
    bool: scalars.BOOLEAN,
    None: scalars.NULL,
    type(None): scalars.NULL,
    typing.NoReturn: scalars.NULL,
    typing.Never: scalars.NULL,
    datetime: scalars.DATETIME,
    date: scalars.DATE,
    time: scalars.TIME,
    UUID: scalars.UNIQUE,
    Decimal: scalars.DECIMAL,
}
_ARRAYS: dict[Any, type] = {
    list: list,
    set: set,
    frozenset: frozenset,
    Sequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.MutableSequence: list,
    collections.abc.Set: frozenset,
    collections.abc.MutableSet: set,
}
_MAPPINGS = {dict, Mapping, collections.abc.MutableMapping}
_REMEDIES: dict[Any, str] = {
    bytes: "bytes have no form in JSON (use str, with base64 or hex)",
    bytearray: "bytes have no form in JSON (use str, with base64 or hex)",
    complex: "complex numbers have no form in JSON (use a tuple[float, float])",
}


class Types:
    """The codecs of one saga.

    Attributes:
        exact: whether numbers must be read with all their digits, for somewhere there is a `Decimal`.
    """

    def __init__(self, names: dict[str, Any] | None = None) -> None:
        self.exact = False
        self._names = names or {}
        self._records: dict[Any, Codec] = {}
        self.any = anything(self.codec, lambda: self.exact)

    def codec(self, hint: Any) -> Codec:
        """Give the codec of a type hint.

        Raises:
            Unsupported: the type has no form in JSON; the message has the remedy.
        """
        if hint is Any or hint is object:
            return self.any
        try:
            known = _SCALARS.get(hint) or self._records.get(hint)
        except TypeError:  # A hint that cannot be hashed, such as one with a list in its metadata.
            known = None
        if known is not None:
            self.exact = self.exact or known is scalars.DECIMAL
            return known
        origin = typing.get_origin(hint)
        if origin is Annotated:
            return self._annotated(hint)
        if isinstance(hint, NewType):
            return self.codec(hint.__supertype__)
        if type(hint).__name__ == "TypeAliasType":
            return self.codec(hint.__value__)
        if origin in (Union, types.UnionType):
            return unions.union([self.codec(part) for part in typing.get_args(hint)])
        if origin is typing.Literal:
            return records.choices(typing.get_args(hint))
        if origin in (Required, NotRequired):
            return self.codec(typing.get_args(hint)[0])
        return self._container(hint, origin) if origin or hint in _bare() else self._class(hint)

    def _annotated(self, hint: Any) -> Codec:
        plain, *metadata = typing.get_args(hint)
        codec = self.codec(plain)
        bounds: dict[str, Any] = {}
        for of in metadata:
            bounds.update(unions.bounds_of(of))
        return unions.bounded(codec, bounds) if bounds else codec

    def _container(self, hint: Any, origin: Any) -> Codec:
        kind, arguments = origin or hint, typing.get_args(hint)
        if kind is tuple:
            return self._tuple(arguments)
        if kind in _ARRAYS:
            element = self.codec(arguments[0] if arguments else Any)
            return containers.array(f"{_ARRAYS[kind].__name__}[{element.name}]", _ARRAYS[kind], element)
        if kind in _MAPPINGS:
            key, value = arguments or (str, Any)
            codec = self.codec(key)
            if codec is not scalars.STRING and not (isinstance(key, type) and issubclass(key, enum.Enum)):
                raise Unsupported(f"{_name(hint)}: keys in JSON are strings (use dict[str, …])")
            of = self.codec(value)
            return containers.mapping(f"dict[{codec.name}, {of.name}]", codec, of)
        raise Unsupported(
            f"{_name(hint)} has no form in JSON (use a dataclass, a TypedDict, list[…], dict[str, …] or Any)"
        )

    def _tuple(self, arguments: tuple[Any, ...]) -> Codec:
        if not arguments:
            return containers.array("tuple", tuple, self.any)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            element = self.codec(arguments[0])
            return containers.array(f"tuple[{element.name}, ...]", tuple, element)
        codecs = () if arguments == ((),) else tuple(self.codec(of) for of in arguments)
        return containers.fixed(f"tuple[{', '.join(codec.name for codec in codecs)}]", tuple, codecs)

    def _class(self, hint: Any) -> Codec:
        if isinstance(hint, str):
            raise Unsupported(f"the type {hint!r} is not known here (define it above)")
        if not isinstance(hint, type):
            raise Unsupported(f"{_name(hint)} has no form in JSON")
        if dataclasses.is_dataclass(hint):
            return self._record(hint, self._dataclass_fields, is_dict=False)
        if typing.is_typeddict(hint):
            return self._record(hint, self._typed_dict_fields, is_dict=True)
        if issubclass(hint, enum.Enum):
            return self._keep(hint, records.members(hint))
        if pydantic.is_model(hint):
            return self._keep(hint, pydantic.model(hint))
        if issubclass(hint, tuple) and hasattr(hint, "_fields"):
            return self._named_tuple(hint)
        for kind, remedy in _REMEDIES.items():
            if issubclass(hint, kind):
                raise Unsupported(remedy)
        # A subclass of str or int reads as what it is made from.
        raise Unsupported(
            f"`{hint.__name__}` has no form in JSON (make it a dataclass, a TypedDict or an Enum, or use Any)"
        )

    def _keep(self, hint: Any, codec: Codec) -> Codec:
        self._records[hint] = codec
        return codec

    def _record(self, hint: Any, fields: typing.Callable[[Any], list[records.Field]], *, is_dict: bool) -> Codec:
        codec = self._keep(hint, records.empty(hint.__name__))
        try:
            records.fill(codec, hint, fields(hint), is_dict=is_dict)
        except Unsupported:
            del self._records[hint]
            raise
        return codec

    def hints(self, of: Any) -> dict[str, Any]:
        """Give the type hints of a function or class, resolved.

        Raises:
            Unsupported: one names what is not defined.
        """
        try:
            return typing.get_type_hints(of, localns=self._names, include_extras=True)
        except NameError as error:
            raise Unsupported(f"a type hint names `{error.name}`, which is not defined yet (define it above)") from None
        except TypeError as error:
            raise Unsupported(f"a type hint cannot be read: {error}") from None

    def _dataclass_fields(self, hint: Any) -> list[records.Field]:
        hints, fields = self.hints(hint), []
        for field in dataclasses.fields(hint):
            codec = self._field(hint, field.name, hints[field.name])
            has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            fields.append(
                records.Field(
                    field.name,
                    field.metadata.get("name", field.name),
                    codec,
                    required=field.init and not has_default and not codec.nullable,
                    default=records.default(field, codec) if has_default else None,
                    null=codec.nullable and not has_default,
                    init=field.init,
                    description=field.metadata.get("description"),
                )
            )
        return fields

    def _typed_dict_fields(self, hint: Any) -> list[records.Field]:
        fields = []
        for name, of in self.hints(hint).items():
            codec = self._field(hint, name, of)
            required = name in hint.__required_keys__
            fields.append(
                records.Field(name, name, codec, required and not codec.nullable, null=required and codec.nullable)
            )
        return fields

    def _named_tuple(self, hint: Any) -> Codec:
        hints = self.hints(hint)
        codecs = tuple(self._field(hint, name, hints.get(name, Any)) for name in hint._fields)
        return self._keep(hint, containers.fixed(hint.__name__, lambda items: hint(*items), codecs))

    def _field(self, owner: Any, name: str, hint: Any) -> Codec:
        try:
            return self.codec(hint)
        except Unsupported as unsupported:
            raise Unsupported(f"`{owner.__name__}.{name}`: {unsupported}") from None


def _bare() -> set[Any]:
    return {tuple, *_ARRAYS, *_MAPPINGS}


def _name(hint: Any) -> str:
    return f"`{hint.__name__}`" if isinstance(hint, type) and not typing.get_args(hint) else f"`{hint!r}`"
