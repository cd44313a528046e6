"""The one rule of arguments: where a value comes from when nothing but its name is said.

A parameter of type `Call` is the call, one of type `Forward` what is known of the step to undo. One
with the name of a step is that step's output, and makes the step a dependency. `input` is the whole
input, `item` in a step with `each` the element; in a compensation `output` is what is undone and
`cause` is why. Any other name is that field of the input. The same as in the Rust SDK.
"""

from __future__ import annotations

import difflib
import keyword
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
class Place:
    """Where a parameter stands.

    Attributes:
        steps: the ids of the saga's steps.
        own: the step that this is, or undoes.
        undo: whether this is a compensation.
        each: whether this is a fan-out, or undoes one.
        undoable: the ids of the steps that have a compensation.
    """

    steps: Sequence[str]
    own: str
    undo: bool
    each: bool
    undoable: Sequence[str] = ()


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
    if name == "output" and place.undo:
        return Origin("own-output")
    if name == "cause" and place.undo:
        return Origin("cause")
    if name == "item" and place.each:
        return Origin("item")
    if name in {"output", "cause"}:
        raise NoSourceError(
            "has a meaning in compensations only (name it otherwise, or say where it comes from with `Annotated`)"
        )
    if name in place.steps:
        if name == place.own:
            raise NoSourceError(
                "is the output of the step that is undone (name it `output`)"
                if place.undo
                else "is the step's own output, for which it cannot wait"
            )
        return Origin("step-output", name)
    return Origin("input", at="/" + name.replace("~", "~0").replace("/", "~1"))


def said(source: sources.Source, place: Place) -> Origin:
    """Give the source that an annotation says.

    Raises:
        NoSourceError: it cannot be had here.
    """
    match source:
        case sources.Input(at):
            return Origin("input", at=pointer(at))
        case sources.FromStep(step, at):
            return Origin("step-output", other(step, place), pointer(at))
        case sources.Variable(name):
            return Origin("variable", text(name, "a variable"))
        case sources.Header(name):
            return Origin("header", text(name, "a header"))
        case sources.Item(at):
            if not place.each:
                raise NoSourceError("is an item, and the step has no `each`")
            return Origin("item", at=pointer(at))
        case sources.Literal(value):
            return Origin("literal", literal(value))
    return _undoing(source, place)


def _undoing(source: sources.Source, place: Place) -> Origin:
    if not place.undo:
        raise NoSourceError(f"is `{type(source).__name__}`, which only a compensation has")
    match source:
        case sources.OwnOutput(at):
            return Origin("own-output", at=pointer(at))
        case sources.CompensationOutput(step):
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
    name = step_id(step, place.steps)
    if name == place.own:
        raise NoSourceError("is taken from the step itself")
    return name


def step_id(step: Any, steps: Sequence[str]) -> str:
    """Give the id of a step that is named by its id or its function.

    Raises:
        NoSourceError: there is no such step.
    """
    if isinstance(step, str):
        name = step
    else:
        mark = mark_of(step)
        if mark is None or mark.kind != "step":
            raise NoSourceError(f"names {step!r}, which is not a step (mark the function with `@step`)")
        name = mark.settings.get("id") or mark.name
    if name not in steps:
        raise NoSourceError(f"names `{name}`, which is not a step of this saga ({near(name, steps)})")
    return name


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
