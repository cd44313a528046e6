"""A function's parameters, read: what each is called with, and how."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from wasaga import sources
from wasaga._json import write
from wasaga._rule import NoSourceError, Place, by_rule, json_name, nearly, said
from wasaga._table import Origin, Parameter
from wasaga._types import Codec, Mismatch, Types, Unsupported, document
from wasaga.call import Call, Forward

NOTHING = inspect.Parameter.empty


@dataclass(slots=True)
class Argument:
    """One parameter of a function, as a call fills it.

    Attributes:
        key: its name in the arguments object; for the call and for what is known of a step `None`.
        special: `call`, `forward` or `tried` (in a confirm or a cancel, what the try answered), or empty.
        keyword: the name to pass it by, where it cannot go by position.
        default: what stands for an argument that was left out; `NOTHING` where there is no default.
        at: of what was tried, the keys to the part that is wanted.
    """

    key: str
    special: str
    keyword: str | None
    codec: Codec | None
    default: Any = NOTHING
    parameter: Parameter | None = None
    at: tuple[str, ...] = ()


@dataclass(slots=True)
class Signature:
    """What a function takes and gives."""

    arguments: list[Argument]
    output: Codec
    output_schema: str | None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the host is told."""
        return tuple(argument.parameter for argument in self.arguments if argument.parameter is not None)


class SignatureReader:
    """Reads the functions of one saga."""

    def __init__(self, types: Types, complain: Callable[[str], None]) -> None:
        self._types = types
        self._complain = complain

    def read(self, function: Callable[..., Any], place: Place, *, bound: bool) -> Signature:
        """Read a function. `bound` says that its first parameter is the object it is called on."""
        plain = inspect.unwrap(function)
        if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
            self._complain("is a generator, which has no result to keep (return a list instead of using `yield`)")
        try:
            hints = self._types.hints(plain)
        except Unsupported as unsupported:
            self._complain(str(unsupported))
            hints = {}
        parameters = list(inspect.signature(plain).parameters.values())
        if bound and not parameters:
            self._complain("takes no `self` (add it, or use `@staticmethod`)")
        arguments = [self._argument(of, hints, place) for of in parameters[1 if bound else 0 :]]
        output, schema = self._output(hints)
        return Signature([argument for argument in arguments if argument is not None], output, schema)

    def _output(self, hints: dict[str, Any]) -> tuple[Codec, str | None]:
        if "return" not in hints:
            return self._types.any, None
        try:
            codec = self._types.codec(hints["return"])
        except Unsupported as unsupported:
            self._complain(f"its result: {unsupported}")
            return self._types.any, None
        return codec, text(document(codec))

    def _argument(self, of: inspect.Parameter, hints: dict[str, Any], place: Place) -> Argument | None:
        if of.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            remedy = "name each parameter, for a name says where a value comes from"
            self._complain(f"parameter `{of}` has no source ({remedy})")
            return None
        keyword = of.name if of.kind is inspect.Parameter.KEYWORD_ONLY else None
        if of.name not in hints:
            if of.annotation is NOTHING:
                hint = f"`{of.name}: {'Call' if of.name == 'call' else 'str'}`"
                self._complain(f"parameter `{of.name}` has no type hint (such as {hint}, or `Any`)")
            return None
        hint, source = split(hints[of.name])
        if hint is Call:
            return Argument("", "call", keyword, None)
        if hint is Forward:
            if not place.is_after:
                told = "a confirm and a cancel are told what is known of the try"
                told = told if place.is_tcc else "a compensation is told what is known of its step"
                self._complain(f"parameter `{of.name}`: only {told}")
            return Argument("", "forward", keyword, None)
        return self._value(of, hints[of.name], source, keyword, place)

    def _value(
        self, of: inspect.Parameter, hint: Any, source: Any, keyword: str | None, place: Place
    ) -> Argument | None:
        name = json_name(of.name)
        try:
            origin = by_rule(name, place) if source is None else said(source, place)
            codec = self._types.codec(hint)
        except NoSourceError as wrong:
            self._complain(f"parameter `{of.name}` {wrong}")
            return None
        except Unsupported as unsupported:
            self._complain(f"parameter `{of.name}`: {unsupported}")
            return None
        required = not codec.nullable and of.default is NOTHING
        if place.is_tcc and origin.kind == "own-output":
            return self._tried(of, codec, origin, keyword, place)
        near = nearly(name, place) if source is None and origin.kind == "input" and origin.at else None
        parameter = Parameter(name, origin, required, self._schema(of, codec), near)
        return Argument(name, "", keyword, codec, of.default, parameter)

    def _tried(
        self, of: inspect.Parameter, codec: Codec, origin: Origin, keyword: str | None, place: Place
    ) -> Argument:
        """Read what is no parameter for the host: it gives what was tried beside the arguments."""
        if place.operation == "cancel" and not codec.nullable and of.default is NOTHING:
            hint = getattr(of.annotation, "__name__", None) or str(of.annotation)
            remedy = f"write `{of.name}: {hint} | None`"
            self._complain(f"parameter `{of.name}`: a try that never happened has no output ({remedy})")
        self._schema(of, codec)
        keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in (origin.at or "").split("/")[1:])
        return Argument(json_name(of.name), "tried", keyword, codec, of.default, at=keys)

    def _schema(self, of: inspect.Parameter, codec: Codec) -> str:
        schema = document(codec)
        if of.default is not NOTHING and isinstance(schema, dict):
            try:
                schema = {**schema, "default": codec.encode(of.default)}
            except Mismatch as mismatch:
                self._complain(f"parameter `{of.name}`: its default does not fit its type: {mismatch}")
        return text(schema)

    def each(self, value: Any, place: Place) -> Origin | None:
        """Read what a step fans out over."""
        outside = Place("step", place.nodes, place.own)
        try:
            if isinstance(value, sources.Source):
                return said(value, outside)
            if isinstance(value, str):
                return by_rule(value, outside)
            return said(sources.FromStep(value), outside)
        except NoSourceError as wrong:
            self._complain(f"`each` {wrong}")
            return None


def split(hint: Any) -> tuple[Any, sources.Source | None]:
    """Take the source off an annotated hint."""
    if typing.get_origin(hint) is not Annotated:
        return hint, None
    plain, *metadata = typing.get_args(hint)
    for of in metadata:
        if isinstance(of, sources.Source):
            return plain, of
        if (
            isinstance(of, type)
            and issubclass(of, sources.Source)
            and of
            in (
                sources.FromInput,
                sources.FromItem,
                sources.FromOutput,
                sources.FromCause,
            )
        ):
            return plain, of()
    return plain, None


def text(schema: Any) -> str:
    """Give a schema as a JSON text."""
    return write(schema)
