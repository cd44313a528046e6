"""What the type variables of a generic class stand for: `Page[Line]`, and fields that came from a generic base."""

from __future__ import annotations

import functools
import operator
import typing
from typing import Any, TypeVar

Variables = dict[Any, Any]
"""By type variable what it stands for."""


def variables(hint: Any) -> dict[type, Variables]:
    """Give, for a class and each of its bases, what their type variables stand for."""
    found: dict[type, Variables] = {}
    _walk(hint, found)
    return found


def _walk(hint: Any, found: dict[type, Variables]) -> None:
    kind = typing.get_origin(hint) or hint
    if not isinstance(kind, type) or kind in found:
        return
    found[kind] = dict(zip(getattr(kind, "__parameters__", ()), typing.get_args(hint), strict=False))
    for base in getattr(kind, "__orig_bases__", ()) or kind.__bases__:
        if typing.get_origin(base) is not typing.Generic:
            _walk(substitute(base, found[kind]), found)


def substitute(hint: Any, known: Variables) -> Any:
    """Put what is known in the place of type variables; one that nothing is said of is what bounds it, or anything."""
    if isinstance(hint, TypeVar):
        return known.get(hint, hint)
    inner = getattr(hint, "__parameters__", ())
    if not inner or isinstance(hint, type) or not all(isinstance(of, TypeVar) for of in inner):
        return hint
    return hint[tuple(known.get(of, of) for of in inner)]


def owner(kind: type, name: str) -> type:
    """Give the class, this one or a base, whose annotation a field has."""
    return next((of for of in kind.__mro__ if name in vars(of).get("__annotations__", {})), kind)


def unbound(variable: TypeVar) -> Any:
    """Give what a type variable stands for where nobody has said."""
    if variable.__constraints__:
        return functools.reduce(operator.or_, variable.__constraints__)
    return Any if variable.__bound__ is None else variable.__bound__
