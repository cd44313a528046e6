"""`@saga`, `@step`, `@compensation`, and what is said of a whole component."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Never, TypeVar, overload

from wasaga import _decorate, _marks, _registry
from wasaga._assemble import assemble
from wasaga._draft import Draft
from wasaga._labels import Label
from wasaga._table import Asks, Module
from wasaga._units import Duration, Size
from wasaga.errors import DefinitionError
from wasaga.settings import Retry
from wasaga.sources import Source, StepRef

F = TypeVar("F")
C = TypeVar("C", bound=type)

_CALLS_MAX = (1 << 32) - 1


def _keep(draft: Draft) -> None:
    _registry.add(assemble(draft))


_SAGA = _decorate.Whole("saga", "saga", "steps", _marks.SAGA, ("Saga",), _keep)


@overload
def step(function: F, /) -> F: ...
@overload
def step(
    *,
    id: str | None = None,
    depends_on: StepRef | Iterable[StepRef] = (),
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
    condition: str | None = None,
    each: StepRef | Source | None = None,
    at_most_once: bool = False,
    provider: str | None = None,
) -> Callable[[F], F]: ...
def step(
    function: Any = None,
    /,
    *,
    id: str | None = None,  # noqa: A002 -- it is the id.
    depends_on: StepRef | Iterable[StepRef] = (),
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
    condition: str | None = None,
    each: StepRef | Source | None = None,
    at_most_once: bool = False,
    provider: str | None = None,
    **unknown: Any,
) -> Any:
    """Mark a step.

    Args:
        function: what is decorated, where no settings are given.
        id: default: the function's name.
        depends_on: steps that end first, as functions or ids.
        timeout: of one attempt.
        total_timeout: of all attempts, with the delays between.
        fuel: units of computation of one attempt.
        memory: of one attempt.
        retry: how often it is tried, or a number of attempts.
        condition: a CEL expression; false skips the step.
        each: runs it for each element: a field of the input, a step, or a source.
        at_most_once: an attempt whose outcome is unknown is not repeated.
        provider: another module does it, by the same id. The function says what is passed; its body is not used, and
            neither is that of its compensation.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
    known = "id, depends_on, timeout, total_timeout, fuel, memory, retry, condition, each, at_most_once, provider"
    return _decorate.mark("step", function, settings, known)


@overload
def compensation(function: F, /) -> F: ...
@overload
def compensation(
    *,
    of: StepRef,
    critical: bool = False,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
) -> Callable[[F], F]: ...
def compensation(
    function: Any = None,
    /,
    *,
    of: StepRef | None = None,
    critical: bool = False,
    timeout: Duration | None = None,
    total_timeout: Duration | None = None,
    fuel: int | None = None,
    memory: Size | None = None,
    retry: Retry | int | None = None,
    **unknown: Any,
) -> Any:
    """Mark the compensation of a step. It may be called more than once, so it must bear repetition.

    Args:
        function: what is decorated; it needs settings, so this is there for its message.
        of: the step that it undoes.
        critical: under the policy `circuit-breaker` a failure opens the circuit.
        timeout: of one attempt.
        total_timeout: of all attempts, with the delays between.
        fuel: units of computation of one attempt.
        memory: of one attempt.
        retry: how often it is tried, or a number of attempts.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
    return _decorate.mark(
        "compensation", function, settings, "of, critical, timeout, total_timeout, fuel, memory, retry"
    )


@overload
def saga(cls: C, /) -> C: ...
@overload
def saga(
    name: str | None = None,
    /,
    *,
    description: str | None = None,
    deadline: Duration | None = None,
    concurrency: int | None = None,
    policy: str | None = None,
    labels: Mapping[str, str | Label] | None = None,
) -> Callable[[C], C]: ...
def saga(
    name: Any = None,
    /,
    *,
    description: str | None = None,
    deadline: Duration | None = None,
    concurrency: int | None = None,
    policy: str | None = None,
    labels: Mapping[str, str | Label] | None = None,
    **unknown: Any,
) -> Any:
    """Make a saga: of a class, as its decorator; of a module's functions, as a call below them.

    Args:
        name: default: the class's name in kebab-case, without `Saga` at its end.
        description: default: the documentation string's first paragraph.
        deadline: of the whole.
        concurrency: steps in flight at once.
        policy: how it unwinds: `strict-sequential`, `grouped-parallel`, `retry-with-backoff`, `circuit-breaker` or
            `best-effort-parallel`.
        labels: by which transactions are found, 8 at most: by name a field of the input, a JSON Pointer, or a `Label`.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
        TypeError: there is no such setting.
    """
    settings = _decorate.given(locals())
    return _decorate.collect(_SAGA, name, settings, "description, deadline, concurrency, policy, labels")


def module(
    *,
    name: str | None = None,
    version: str | None = None,
    description: str | None = None,
    instance_calls: int | None = None,
    http: Iterable[str] = (),
    config: Iterable[str] = (),
    secrets: Iterable[str] = (),
    **unknown: Never,
) -> None:
    """Say of the whole component what its sagas and TCCs do not.

    Args:
        name: by which other modules call it; default: the file's name.
        version: semantic version of the business logic; default: the file's `__version__`.
        description: default: the first paragraph of the file's documentation string.
        instance_calls: how many calls one instance may serve. More than one is faster, and then
            what a call leaves in memory is there for the next. Default: a fresh instance for each call.
        http: origins that it sends requests to, such as `https://api.example.com`.
        config: keys of the values that it reads.
        secrets: names of those that it uses in requests.
        **unknown: refused, with what is meant by it.

    Raises:
        DefinitionError: `instance_calls` is not a whole number from 1, or a list is none of texts.
        TypeError: there is no such setting.
    """
    known = "name, version, description, instance_calls, http, config, secrets"
    _decorate.refuse_unknown("module", dict(unknown), known)
    is_whole = isinstance(instance_calls, int) and not isinstance(instance_calls, bool)
    if instance_calls is not None and not (is_whole and 1 <= instance_calls <= _CALLS_MAX):
        what = f"`instance_calls` is {instance_calls!r} (a whole number from 1 to {_CALLS_MAX})"
        raise DefinitionError(f"{_decorate.place()}: {what}")
    for what, text in (("name", name), ("version", version), ("description", description)):
        if text is not None and not isinstance(text, str):
            raise DefinitionError(f"{_decorate.place()}: `{what}` is {text!r} (a str)")
    asks = Asks(_texts("http", http), _texts("config", config), _texts("secrets", secrets))
    _registry.say(_decorate.module(), Module(name, version, description, instance_calls, asks))


def _texts(kind: str, texts: Iterable[str]) -> tuple[str, ...]:
    listed = (texts,) if isinstance(texts, str) else tuple(texts)
    if not all(isinstance(text, str) and text for text in listed):
        raise DefinitionError(f"{_decorate.place()}: `{kind}` is {list(listed)!r} (a list of texts)")
    return listed
