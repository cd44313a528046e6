"""Labels: values of the start input by which transactions are found."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wasaga import _fit, _table
from wasaga._rule import NoSourceError, near, pointer

# As the host has it.
_LABELS_MAX = 8
_NAME_CHARS_MAX = 128
_TYPES = {"text": "string", "integer": "integer", "flag": "boolean"}
"""By type what JSON has."""


@dataclass(frozen=True, slots=True)
class Label:
    """A value of the start input by which transactions are found.

    Attributes:
        at: a field of the input, or a JSON Pointer to a part of it.
        type: `text`, `integer` or `flag`; where it is not said, what the type of the field is.
    """

    at: str
    type: str | None = None


def read(said: Any, schema: str | None, complain: Callable[[str], None], *, is_whole: bool) -> dict[str, _table.Label]:
    """Read the setting `labels`.

    Args:
        said: the setting.
        schema: of the input, a JSON text.
        complain: takes what is wrong.
        is_whole: whether the schema is that of a type, so that there are no other fields.
    """
    if said is None:
        return {}
    if not isinstance(said, Mapping) or not all(isinstance(name, str) for name in said):
        complain(f'`labels` is {said!r} (a dict such as {{"customer": "/customer/id"}})')
        return {}
    if len(said) > _LABELS_MAX:
        complain(f"`labels` has {len(said)} labels ({_LABELS_MAX} at most)")
    labels = {}
    for name, one in said.items():
        try:
            labels[name] = _label(name, one, True if schema is None else json.loads(schema), is_whole=is_whole)
        except NoSourceError as wrong:
            complain(f"label `{name}` {wrong}")
    return labels


def _label(name: str, said: Any, schema: Any, *, is_whole: bool) -> _table.Label:
    """Read one label.

    Raises:
        NoSourceError: it is none.
    """
    label = Label(said) if isinstance(said, str) else said
    if not isinstance(label, Label) or not isinstance(label.at, str):
        raise NoSourceError(f"is {said!r} (a field of the input, a JSON Pointer, or a `Label`)")
    if not 1 <= len(name) <= _NAME_CHARS_MAX:
        raise NoSourceError(f"has a name of {len(name)} characters (1 to {_NAME_CHARS_MAX})")
    if label.type not in {None, *_TYPES}:
        raise NoSourceError(f"has the type {label.type!r} (there are: {', '.join(_TYPES)})")
    at = pointer(label.at if label.at.startswith("/") else "/" + label.at.replace("~", "~0"))
    part = _part(at or "", schema, is_whole=is_whole)
    kind = label.type or _type(part, schema)
    if _TYPES[kind] not in _fit.kinds(part, schema):
        what = f"no {label.type}" if label.type else "no text, no whole number and no bool"
        raise NoSourceError(f"is `{at}` of the input, which is {what}")
    return _table.Label(at or "", None if kind == "text" else kind)


def _part(at: str, schema: Any, *, is_whole: bool) -> Any:
    """Give the schema of what a label is; True where nothing is known.

    Raises:
        NoSourceError: there is no such part.
    """
    first = at.split("/")[1].replace("~1", "/").replace("~0", "~")
    known = list(schema.get("properties", ())) if isinstance(schema, dict) else []
    part = schema
    for key in at.split("/")[1:]:
        part = _fit.part(part, key.replace("~1", "/").replace("~0", "~"), schema)
        if part is None and (is_whole or (first not in known and difflib.get_close_matches(first, known, 1, 0.7))):
            raise NoSourceError(f"is `{at}` of the input, which the input does not have ({near(first, known)})")
        if part is None:
            return True
    return part


def _type(part: Any, schema: Any) -> str:
    """Give the type of a label where nobody has said it: what the field is, or else text."""
    kinds = _fit.kinds(part, schema) - {"null"}
    return "integer" if kinds == {"integer"} else "flag" if kinds == {"boolean"} else "text"
