"""The one rule of arguments: where a value comes from when nothing but its name is said.

A parameter of type `Call` is the call, one of type `Forward` what is known of the step to undo. One
with the name of a step is that step's output, and makes the step a dependency; `-` and `_` are the same
there. `input` is the whole input, `item` in a step with `each` the element; in a compensation `output` is
what is undone and `cause` is why. Any other name is that field of the input. In a TCC participants are as
steps; in a confirm and a cancel `output`, or the participant's own name, is what its try answered. The
same as in the Rust SDK.
"""

from __future__ import annotations

import difflib
import keyword
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wasaga import sources
from wasaga._json import write
from wasaga._marks import of as mark_of
from wasaga._table import Origin


class NoSourceError(Exception):
    """Why a value has no source: the rest of a sentence about a parameter, with the remedy."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a definition is made of, in words for messages."""

    kind: str
    of: str


_LONG_CHARS = 5
"""Shorter names are near to too many others."""

STEP = Node("step", "a step of this saga")
PARTICIPANT = Node("participant", "a participant of this TCC")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parameter stands.

    Attributes:
        operation: `step`, `compensation`, `try`, `confirm` or `cancel`.
        nodes: the ids of the saga's steps, or of the TCC's participants.
        own: the step that this is, or undoes; the participant that this is of.
        each: whether this is a fan-out, or undoes one.
        undoable: the ids of the steps that have a compensation.
    """

    operation: str
    nodes: Sequence[str]
    own: str
    each: bool = False
    undoable: Sequence[str] = ()

    @property
    def is_tcc(self) -> bool:
        """Whether it is of a TCC."""
        return self.operation in {"try", "confirm", "cancel"}

    @property
    def is_after(self) -> bool:
        """Whether something was done before it, of which it is told."""
        return self.operation not in {"step", "try"}

    @property
    def node(self) -> Node:
        """What `nodes` are."""
        return PARTICIPANT if self.is_tcc else STEP


def json_name(name: str) -> str:
    """Give the name in JSON: a leading underscore is no part of it, nor one that makes a keyword a name."""
    name = name.lstrip("_")
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def by_rule(name: str, place: Place) -> Origin:
    """Give the source of a parameter by its name.

    Raises:
        NoSourceError: the name means nothing here.
    """
    if name == "input":
        return Origin("input")
    if name == "output" and place.is_after:
        return Origin("own-output")
    if name == "cause" and place.operation == "compensation":
        return Origin("cause")
    if name == "item" and place.each:
        return Origin("item")
    if name in {"output", "cause"}:
        where = "confirm and cancel" if place.is_tcc and name == "output" else "compensations"
        raise NoSourceError(
            f"has a meaning in {where} only (name it otherwise, or say where it comes from with `Annotated`)"
        )
    if name == "try_result" and place.operation in {"confirm", "cancel"}:
        raise NoSourceError("is not the word here for what the try answered (name it `output`)")
    node = _same(name, place.nodes)
    if node is not None:
        return _own(place) if node == place.own else Origin("step-output", node)
    return Origin("input", at="/" + name.replace("~", "~0").replace("/", "~1"))


def _same(name: str, known: Sequence[str]) -> str | None:
    """Give the id that a name is: exactly, or else but for `-` and `_`."""
    if name in known:
        return name
    plain = name.replace("-", "_")
    return next((id_ for id_ in known if id_.replace("-", "_") == plain), None)


def nearly(name: str, place: Place) -> str | None:
    """Give the node that a parameter's name is a slip of the pen away from, by case, a hyphen or one letter."""
    plain = _plain(name)
    return next((id_ for id_ in place.nodes if _is_near(plain, _plain(id_))), None)


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _is_near(one: str, other: str) -> bool:
    """Whether two names are the same, or long and one letter apart: one more, one other, or two in the wrong order."""
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < _LONG_CHARS:
        return False
    start = len(os.path.commonprefix([one, other]))
    end = len(os.path.commonprefix([one[start:][::-1], other[start:][::-1]]))
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    return max(len(left), len(right)) <= 1 or (left == right[::-1] and len(left) == 2)


def _own(place: Place) -> Origin:
    """Give the source of a parameter with the name of the node itself.

    Raises:
        NoSourceError: it has no output yet, or that is better named.
    """
    if place.operation in {"confirm", "cancel"}:
        return Origin("own-output")
    if place.operation == "compensation":
        raise NoSourceError("is the output of the step that is undone (name it `output`)")
    raise NoSourceError(f"is the {place.node.kind}'s own output, for which it cannot wait")


def said(source: sources.Source, place: Place) -> Origin:
    """Give the source that an annotation says.

    Raises:
        NoSourceError: it cannot be had here.
    """
    match source:
        case sources.FromInput(at):
            return Origin("input", at=pointer(at))
        case sources.FromStep(step, at):
            return Origin("step-output", other(step, place), pointer(at))
        case sources.FromVariable(name):
            return Origin("variable", text(name, "a variable"))
        case sources.FromHeader(name):
            return Origin("header", text(name, "a header"))
        case sources.FromItem(at):
            if place.is_tcc:
                raise NoSourceError("is an item, which only a saga has")
            if not place.each:
                raise NoSourceError("is an item, and the step has no `each`")
            return Origin("item", at=pointer(at))
        case sources.Fixed(value):
            return Origin("literal", literal(value))
    return _undoing(source, place)


def _undoing(source: sources.Source, place: Place) -> Origin:
    name = type(source).__name__
    if not place.is_after:
        who = "a confirm or a cancel" if place.is_tcc and name == "FromOutput" else "a compensation"
        raise NoSourceError(f"is `{name}`, which only {who} has")
    match source:
        case sources.FromOutput(at):
            return Origin("own-output", at=pointer(at))
        case _ if place.is_tcc:
            raise NoSourceError(f"is `{name}`, which only a compensation has")
        case sources.FromCompensation(step):
            name = other(step, place)
            if name not in place.undoable:
                raise NoSourceError(f"is the answer of the compensation of `{name}`, which has none")
            return Origin("compensation-output", name)
        case _:
            return Origin("cause")


def other(step: sources.StepRef, place: Place) -> str:
    """Give the id of another step.

    Raises:
        NoSourceError: there is none, or it is the same.
    """
    name = node_id(step, place.nodes, place.node)
    if name == place.own:
        raise NoSourceError(f"is taken from the {place.node.kind} itself")
    return name


def node_id(named: Any, known: Sequence[str], node: Node) -> str:
    """Give the id of a step or a participant that is named by its id, its function or its class.

    Raises:
        NoSourceError: there is none of this name.
    """
    if isinstance(named, str):
        name = named
    else:
        mark = mark_of(named)
        if mark is None or mark.kind != node.kind:
            remedy = f"mark the function with `@{node.kind}`"
            raise NoSourceError(f"names {named!r}, which is not a {node.kind} ({remedy})")
        name = mark.id
    found = _same(name, known)
    if found is None:
        raise NoSourceError(f"names `{name}`, which is not {node.of} ({near(name, known)})")
    return found


def near(name: str, known: Sequence[str]) -> str:
    """Say what may have been meant."""
    close = difflib.get_close_matches(name, known, 1, 0.7)
    return f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(known) or 'none'}"


def pointer(at: Any) -> str | None:
    """Check a JSON Pointer.

    Raises:
        NoSourceError: it is none.
    """
    if at is None or at == "":
        return None
    if not isinstance(at, str) or not at.startswith("/"):
        raise NoSourceError(f"has `at={at!r}` (a JSON Pointer begins with `/`, such as `/lines/0/sku`)")
    if any(part[:1] not in {"0", "1"} for part in at.split("~")[1:]):
        raise NoSourceError(f"has `at={at!r}` (in a JSON Pointer `~0` stands for `~` and `~1` for `/`)")
    return at


def text(name: Any, what: str) -> str:
    """Check a name.

    Raises:
        NoSourceError: it is none.
    """
    if isinstance(name, str) and name:
        return name
    raise NoSourceError(f"names {what} by {name!r} (a str that is not empty)")


def literal(value: Any) -> str:
    """Give the JSON text of a literal.

    Raises:
        NoSourceError: it cannot be JSON.
    """
    try:
        return write(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise NoSourceError(f"is the literal {value!r}, which cannot be JSON: {error}") from None
