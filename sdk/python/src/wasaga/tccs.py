"""`@tcc`, `@participant`, `@confirm`, `@cancel`: transactions that ask everyone before anything is final.

A participant has a try, which reserves; a confirm, which makes that final and has to succeed; and a cancel,
which frees it and has to accept a try that never happened. It is three functions, or a class with the
methods `try_`, `confirm` and `cancel`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from wasaga import _decorate, _marks, _registry
from wasaga._assemble_tcc import assemble
from wasaga._draft import Draft
from wasaga._units import Duration, Size
from wasaga.settings import Retry
from wasaga.sources import StepRef

F = TypeVar("F")
C = TypeVar("C", bound=type)

_LIMITS = "timeout, total_timeout, fuel, memory, retry"


def _keep(draft: Draft) -> None:
    _registry.add_tcc(assemble(draft))


_TCC = _decorate.Whole("tcc", "TCC", "participants", _marks.TCC, ("Tcc", "TCC"), _keep)


@overload
def participant(function: F, /) -> F: ...
@overload
def participant(
    *,
    id: str | None = None,
    order: int = 0,
    optional: bool = False,
    provider: str | None = None,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
) -> Callable[[F], F]: ...
def participant(function: Any = None, /, **settings: Any) -> Any:
    """Mark the try of a participant, or a class with the methods `try_`, `confirm` and `cancel`.

    Args:
        function: what is decorated, where no settings are given.
        **settings: `id` (default: the function's name, or the class's in snake_case), `order` (default 0;
            tried and confirmed in rising order, cancelled in falling, equal ones together), `optional`
            (where its try is refused it is cancelled alone, and the rest goes on), `provider` (another
            module has its three operations, by the same id; the function says what is passed, and
            its body is not used), and of the try
            `timeout` of one attempt, `total_timeout` of all with the delays between, `fuel` and
            `memory` of one attempt, and `retry`.

    Raises:
        DefinitionError: it is neither function nor class, or marked already.
        TypeError: there is no such setting.
    """
    return _decorate.mark("participant", function, settings, f"id, order, optional, provider, {_LIMITS}", classes=True)


@overload
def confirm(function: F, /) -> F: ...
@overload
def confirm(
    *,
    of: StepRef | None = None,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
) -> Callable[[F], F]: ...
def confirm(function: Any = None, /, **settings: Any) -> Any:
    """Mark what makes a try final. It is called until it succeeds, so it must bear repetition.

    Args:
        function: what is decorated, where no settings are given.
        **settings: `of` (the participant; in its class it is left out), and `timeout`, `total_timeout`,
            `fuel`, `memory` and `retry` as of a participant. A `retry` that does not say how many
            attempts has 70.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    return _decorate.mark("confirm", function, settings, f"of, {_LIMITS}")


@overload
def cancel(function: F, /) -> F: ...
@overload
def cancel(
    *,
    of: StepRef | None = None,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
) -> Callable[[F], F]: ...
def cancel(function: Any = None, /, **settings: Any) -> Any:
    """Mark what frees a try. It must bear repetition, and accept a try that never happened.

    Args:
        function: what is decorated, where no settings are given.
        **settings: as of `confirm`.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    return _decorate.mark("cancel", function, settings, f"of, {_LIMITS}")


@overload
def tcc(cls: C, /) -> C: ...
@overload
def tcc(
    name: str | None = None,
    /,
    *,
    description: str | None = None,
    deadline: Duration | None = None,
) -> Callable[[C], C]: ...
def tcc(name: Any = None, /, **settings: Any) -> Any:
    """Make a TCC: of a class, as its decorator; of a module's functions and classes, as a call below them.

    Args:
        name: default: the class's name in kebab-case, without `Tcc` at its end.
        **settings: `description` (default: the documentation string's first paragraph), `deadline` of
            the tries: when it passes, all is cancelled.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
        TypeError: there is no such setting.
    """
    return _decorate.collect(_TCC, name, settings, "description, deadline")
