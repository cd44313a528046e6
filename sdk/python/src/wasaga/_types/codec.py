"""What every type has: how it is read from JSON, how it is written, how it is described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any] | bool
"""A JSON Schema, as plain values."""
Decode = Callable[[Any], Any]
Encode = Callable[[Any], Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Mismatch(Exception):
    """A value that does not fit its type, and where in the value."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str | int] = []

    def under(self, key: str | int) -> Mismatch:
        """Note that the value lies at this key of a larger one."""
        self.path.insert(0, key)
        return self

    def __str__(self) -> str:
        if not self.path:
            return self.what
        pointer = "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in self.path)
        return f"at {pointer}: {self.what}"


class Unsupported(TypeError):
    """A type hint that has no form in JSON. The message says what to use instead."""


class Definitions:
    """The named schemas that one document refers to."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}
        self._names: dict[object, str] = {}

    def refer(self, owner: object, name: str, schema: Callable[[], Schema]) -> dict[str, Any]:
        """Give a reference to the schema of `owner`, and keep the schema where it is new."""
        known = self._names.get(owner)
        if known is None:
            known, n = name, 2
            while known in self.schemas:
                known, n = f"{name}{n}", n + 1
            self._names[owner] = known
            # Before its parts are asked: a type may hold itself.
            self.schemas[known] = {}
            self.schemas[known] = schema()
        return {"$ref": f"#/$defs/{known}"}


@dataclass(slots=True, eq=False)
class Codec:
    """One type.

    Attributes:
        name: what messages call it.
        decode: from plain JSON values; raises `Mismatch`.
        encode: to plain JSON values; raises `Mismatch`.
        schema: its JSON Schema.
        accepts: whether a Python value is one of its values, looked at from outside.
        nullable: whether null is one of its values.
        rank: which of a union's types is asked first; the smaller, the earlier.
        record: of a type with fields, the keys that JSON may have.
        values: of a `Literal` or an enum, the plain values that it has.
        tags: of a type with fields, those that have few values, each with its values: a union may be told apart by one.
    """

    name: str
    decode: Decode
    encode: Encode
    schema: Callable[[Definitions], Schema]
    accepts: Callable[[Any], bool]
    nullable: bool = False
    rank: int = 50
    record: frozenset[str] = field(default_factory=frozenset)
    values: tuple[Any, ...] = ()
    tags: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def document(codec: Codec) -> Schema:
    """Give the whole JSON Schema of a type, with what it refers to."""
    definitions = Definitions()
    schema = codec.schema(definitions)
    if isinstance(schema, bool):
        return schema
    if set(schema) == {"$ref"}:
        own = schema["$ref"].removeprefix("#/$defs/")
        inlined = definitions.schemas[own]
        if isinstance(inlined, dict):
            schema = {"title": own, **inlined}
        if not _refers(definitions.schemas, own):
            del definitions.schemas[own]
    whole: dict[str, Any] = {"$schema": DIALECT, **schema}
    if definitions.schemas:
        whole["$defs"] = dict(definitions.schemas)
    return whole


def _refers(schemas: dict[str, Schema], name: str) -> bool:
    """Whether any schema refers to the one of this name."""
    wanted = f"#/$defs/{name}"
    stack: list[Any] = list(schemas.values())
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("$ref") == wanted:
                return True
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return False


def found(value: Any) -> str:
    """Say what a plain JSON value is, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string {_short(value)}"
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "an object"
    return f"the number {value}"


def given(value: Any) -> str:
    """Say what a Python value is, for messages."""
    if value is None:
        return "None"
    kind = type(value).__name__
    article = "an" if kind[:1] in "aeiouAEIOU" else "a"
    if isinstance(value, (bool, int, float, str)):
        return f"the {kind} {_short(value)}"
    return f"{article} {kind}"


def _short(value: Any) -> str:
    """Show the beginning of a value."""
    longest = 40
    try:
        text = repr(value)
    except ValueError:  # An int with more digits than Python likes to print.
        return "of very many digits"
    return text if len(text) <= longest else text[: longest - 1] + "…"
