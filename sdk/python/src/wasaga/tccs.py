"""`@tcc`, `@participant`, `@confirm`, `@cancel`: transactions that ask everyone before anything is final.

A participant has a try, which reserves; a confirm, which makes that final and has to succeed; and a cancel,
which frees it and has to accept a try that never happened. It is three functions, or a class with the
methods `try_`, `confirm` and `cancel`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from wasaga import _decorate, _marks, _registry
from wasaga._assemble_tcc import assemble
from wasaga._draft import Draft
from wasaga._labels import Label
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
def participant(
    function: Any = None,
    /,
    *,
    id: str | None = None,  # noqa: A002 -- it is the id.
    order: int = 0,
    optional: bool = False,
    provider: str | None = None,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
    **unknown: Any,
) -> Any:
    """Mark the try of a participant, or a class with the methods `try_`, `confirm` and `cancel`.

    Args:
        function: what is decorated, where no settings are given.
        id: default: the function's name, or the class's in snake_case.
        order: tried and confirmed in rising order, cancelled in falling, equal ones together.
        optional: where its try is refused it is cancelled alone, and the rest goes on.
        provider: another module has its three operations, by the same id. The function says what is passed; its body is
            not used.
        timeout: of one attempt of the try.
        total_timeout: of all attempts, with the delays between.
        fuel: units of computation of one attempt of the try.
        memory: of one attempt of the try.
        retry: how often it is tried, or a number of attempts.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it is neither function nor class, or marked already.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
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
def confirm(
    function: Any = None,
    /,
    *,
    of: StepRef | None = None,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
    **unknown: Any,
) -> Any:
    """Mark what makes a try final. It is called until it succeeds, so it must bear repetition.

    Args:
        function: what is decorated, where no settings are given.
        of: the participant; in its class it is left out.
        timeout: of one attempt.
        total_timeout: of all attempts, with the delays between.
        fuel: units of computation of one attempt.
        memory: of one attempt.
        retry: how often it is tried. One that does not say how many attempts has 70.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
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
def cancel(
    function: Any = None,
    /,
    *,
    of: StepRef | None = None,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
    **unknown: Any,
) -> Any:
    """Mark what frees a try. It must bear repetition, and accept a try that never happened.

    Args:
        function: what is decorated, where no settings are given.
        of: the participant; in its class it is left out.
        timeout: of one attempt.
        total_timeout: of all attempts, with the delays between.
        fuel: units of computation of one attempt.
        memory: of one attempt.
        retry: how often it is tried. One that does not say how many attempts has 70.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
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
    labels: Mapping[str, str | Label] | None = None,
) -> Callable[[C], C]: ...
def tcc(
    name: Any = None,
    /,
    *,
    description: str | None = None,
    deadline: Duration | None = None,
    labels: Mapping[str, str | Label] | None = None,
    **unknown: Any,
) -> Any:
    """Make a TCC: of a class, as its decorator; of a module's functions and classes, as a call below them.

    Args:
        name: default: the class's name in kebab-case, without `Tcc` at its end.
        description: default: the documentation string's first paragraph.
        deadline: of the tries: when it passes, all is cancelled.
        labels: by which transactions are found, 8 at most: by name a field of the input, a JSON Pointer, or a `Label`.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
    return _decorate.collect(_TCC, name, settings, "description, deadline, labels")
