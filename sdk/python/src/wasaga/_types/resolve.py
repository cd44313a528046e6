"""From type hints to codecs. Done once, when a saga is imported; calls find everything ready."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, ForwardRef, NewType, NotRequired, Required, TypeVar, Union
from uuid import UUID

from wasaga._types import containers, generics, own, pydantic, records, scalars, unions
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
    timedelta: scalars.DURATION,
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
            return self._alias(hint)
        if isinstance(hint, TypeVar):
            return self.codec(generics.unbound(hint))
        if origin in (Union, types.UnionType):
            return unions.union([self.codec(part) for part in typing.get_args(hint)])
        if origin is typing.Literal:
            return records.choices(typing.get_args(hint))
        if origin in _OF_KEYS:
            return self.codec(typing.get_args(hint)[0])
        if isinstance(origin, type) and (dataclasses.is_dataclass(origin) or _is_of_fields(origin)):
            return self._class(hint)
        return self._container(hint, origin) if origin or hint in _bare() else self._class(hint)

    def _alias(self, hint: Any) -> Codec:
        """Give the codec of `type X = …`, which may name itself."""
        codec = self._keep(hint, records.empty(hint.__name__))
        try:
            of = self.codec(hint.__value__)
        except Unsupported:
            del self._records[hint]
            raise
        codec.decode, codec.encode, codec.accepts = of.decode, of.encode, of.accepts
        codec.schema = lambda definitions: definitions.refer(hint, hint.__name__, lambda: of.schema(definitions))
        codec.nullable, codec.rank, codec.record = of.nullable, of.rank, of.record
        codec.values, codec.tags = of.values, of.tags
        return codec

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
        if isinstance(hint, (str, ForwardRef)):
            name = hint if isinstance(hint, str) else hint.__forward_arg__
            remedy = f"define it above; one that names itself is written `type {name} = …`, or as a dataclass"
            raise Unsupported(f"the type `{name}` is not known here ({remedy})")
        kind = typing.get_origin(hint) or hint
        if not isinstance(kind, type):
            raise Unsupported(f"{_name(hint)} has no form in JSON")
        if own.has(kind):
            return self._keep(hint, own.own(kind, self.codec))
        if dataclasses.is_dataclass(kind):
            return self._record(hint, self._dataclass_fields, is_dict=False)
        if hasattr(kind, "__attrs_attrs__"):
            return self._record(hint, self._attrs_fields, is_dict=False)
        if typing.is_typeddict(kind):
            return self._record(hint, self._typed_dict_fields, is_dict=True)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return self._named_tuple(hint)
        return self._plain_class(hint)

    def _plain_class(self, hint: Any) -> Codec:
        if issubclass(hint, enum.Enum):
            return self._keep(hint, records.members(hint))
        if pydantic.is_model(hint):
            return self._keep(hint, pydantic.model(hint))
        for kind, remedy in _REMEDIES.items():
            if issubclass(hint, kind):
                raise Unsupported(remedy)
        # A subclass of str or int reads as what it is made from.
        raise Unsupported(
            f"`{hint.__name__}` has no form in JSON (make it a dataclass, a TypedDict or an Enum, or use Any; "
            "or say with `wasaga.json_as` what it is)"
        )

    def _keep(self, hint: Any, codec: Codec) -> Codec:
        self._records[hint] = codec
        return codec

    def _record(self, hint: Any, fields: typing.Callable[[Any], list[records.Field]], *, is_dict: bool) -> Codec:
        codec = self._keep(hint, records.empty(_title(hint)))
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
        except RecursionError:
            raise Unsupported("a type names itself without end (write it as a dataclass)") from None
        except NameError as error:
            raise Unsupported(f"a type hint names `{error.name}`, which is not defined yet (define it above)") from None
        except TypeError as error:
            raise Unsupported(f"a type hint cannot be read: {error}") from None

    def _own_hints(self, hint: Any) -> dict[str, Any]:
        """Give the type hints of a class with fields, with what its type variables stand for."""
        kind = typing.get_origin(hint) or hint
        hints = self.hints(kind)
        known = generics.variables(hint)
        if not any(known.values()):
            return hints
        return {name: generics.substitute(of, known.get(generics.owner(kind, name), {})) for name, of in hints.items()}

    def _dataclass_fields(self, hint: Any) -> list[records.Field]:
        hints, fields = self._own_hints(hint), []
        for field in dataclasses.fields(typing.get_origin(hint) or hint):
            codec = self._field(hint, field.name, hints[field.name])
            make: Any = field.default_factory
            if field.default is not dataclasses.MISSING:
                make = _constant(field.default)
            has_default = make is not dataclasses.MISSING
            fields.append(
                records.Field(
                    field.name,
                    field.metadata.get("name", field.name),
                    codec,
                    required=field.init and not has_default and not codec.nullable,
                    default=records.default(make, codec) if has_default else None,
                    null=codec.nullable and not has_default,
                    init=field.init,
                    description=field.metadata.get("description"),
                )
            )
        return fields

    def _attrs_fields(self, hint: Any) -> list[records.Field]:
        """Read the fields of a class of attrs. Nothing here imports it: such a class knows its own fields."""
        hints, fields = self._own_hints(hint), []
        for of in (typing.get_origin(hint) or hint).__attrs_attrs__:
            if of.name not in hints:
                raise Unsupported(f"`{hint.__name__}.{of.name}` has no type hint")
            codec = self._field(hint, of.name, hints[of.name])
            # Its word for no default, and its class for one that is made, are known by their names alone.
            has_default = type(of.default).__name__ != "_Nothing"
            is_made = type(of.default).__name__ == "Factory"
            make = (
                None if is_made and of.default.takes_self else of.default.factory if is_made else _constant(of.default)
            )
            fields.append(
                records.Field(
                    of.name,
                    of.metadata.get("name", of.name),
                    codec,
                    required=of.init and not has_default and not codec.nullable,
                    default=records.default(make, codec) if has_default and make else None,
                    null=codec.nullable and not has_default,
                    init=of.init,
                    description=of.metadata.get("description"),
                    argument=of.alias,
                )
            )
        return fields

    def _typed_dict_fields(self, hint: Any) -> list[records.Field]:
        fields = []
        kind = typing.get_origin(hint) or hint
        for name, of in self._own_hints(hint).items():
            codec = self._field(hint, name, of)
            # Its own list knows no marks in hints that were still texts when the class was made.
            marks = _marks(of)
            required = Required in marks or (NotRequired not in marks and name in kind.__required_keys__)
            fields.append(
                records.Field(name, name, codec, required and not codec.nullable, null=required and codec.nullable)
            )
        return fields

    def _named_tuple(self, hint: Any) -> Codec:
        kind, codec = typing.get_origin(hint) or hint, self._keep(hint, records.empty(_title(hint)))
        hints = self._own_hints(hint)
        try:
            codecs = tuple(self._field(hint, name, hints.get(name, Any)) for name in kind._fields)
        except Unsupported:
            del self._records[hint]
            raise
        of = containers.fixed(codec.name, lambda items: kind(*items), codecs)
        codec.decode, codec.encode = of.decode, of.encode
        codec.accepts, codec.rank = lambda value: isinstance(value, kind), of.rank
        codec.schema = lambda definitions: definitions.refer(hint, kind.__name__, lambda: of.schema(definitions))
        return codec

    def _field(self, owner: Any, name: str, hint: Any) -> Codec:
        try:
            return self.codec(hint)
        except Unsupported as unsupported:
            raise Unsupported(f"`{owner.__name__}.{name}`: {unsupported}") from None


_OF_KEYS = [Required, NotRequired, *([typing.ReadOnly] if hasattr(typing, "ReadOnly") else [])]
"""What a key of a `TypedDict` may be marked with."""


def _marks(hint: Any) -> list[Any]:
    """Give the marks of a key, which may stand within each other and in `Annotated`."""
    marks = []
    while (origin := typing.get_origin(hint)) in [*_OF_KEYS, Annotated]:
        marks.append(origin)
        hint = typing.get_args(hint)[0]
    return marks


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _is_of_fields(kind: type) -> bool:
    is_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return is_tuple or typing.is_typeddict(kind) or hasattr(kind, "__attrs_attrs__")


def _title(hint: Any) -> str:
    """Name a class as messages do, with what its type variables stand for."""
    inner = [getattr(of, "__name__", None) or str(of) for of in typing.get_args(hint)]
    return f"{hint.__name__}[{', '.join(inner)}]" if inner else str(hint.__name__)


def _bare() -> set[Any]:
    return {tuple, *_ARRAYS, *_MAPPINGS}


def _name(hint: Any) -> str:
    return f"`{hint.__name__}`" if isinstance(hint, type) and not typing.get_args(hint) else f"`{hint!r}`"
