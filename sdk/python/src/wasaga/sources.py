"""Where a value comes from, where the rule of arguments cannot say it. In a TCC participants are as steps.

Used in `Annotated[int, FromStep("reserve", at="/total_cents")]` and in `@step(each=…)`. `at` is a
JSON Pointer (RFC 6901) to the part that is wanted; without it the whole is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

StepRef = str | Callable[..., Any]
"""A step or a participant: its id, or what was decorated."""


class Source:
    """What all sources are."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class FromInput(Source):
    """The start input, or a part of it."""

    at: str | None = None


@dataclass(frozen=True, slots=True)
class FromStep(Source):
    """The output of a step, or a part of it; makes the step a dependency.

    In a TCC: what the try of another participant answered, which must have a lower `order`.
    """

    step: StepRef
    at: str | None = None


@dataclass(frozen=True, slots=True)
class FromVariable(Source):
    """A variable of the transaction, as it was when the call began."""

    name: str


@dataclass(frozen=True, slots=True)
class FromHeader(Source):
    """A header of the transaction: a string."""

    name: str


@dataclass(frozen=True, slots=True)
class FromItem(Source):
    """The element of a fan-out, or a part of it."""

    at: str | None = None


@dataclass(frozen=True, slots=True)
class FromOutput(Source):
    """In a compensation: the output of the step that is undone, or a part of it.

    In a confirm and a cancel: what the try answered, or a part of it.
    """

    at: str | None = None


@dataclass(frozen=True, slots=True)
class FromCompensation(Source):
    """In a compensation: what the compensation of another step answered."""

    step: StepRef


@dataclass(frozen=True, slots=True)
class FromCause(Source):
    """In a compensation: why the saga unwinds."""


@dataclass(frozen=True, slots=True)
class Fixed(Source):
    """A fixed value."""

    value: Any
