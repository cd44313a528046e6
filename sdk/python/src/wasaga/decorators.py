"""`@saga`, `@step`, `@compensation`: they leave functions as they are, and note what is said of them.

Nothing is checked before the whole saga is there, and then everything at once: when the class is
complete, or at the `saga(…)` below the functions of a module.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from wasaga import _marks, _registry
from wasaga._assemble import Draft, Found, assemble
from wasaga._marks import Mark, Scope
from wasaga._units import Duration, Size
from wasaga.errors import DefinitionError
from wasaga.settings import Retry
from wasaga.sources import Source, StepRef

F = TypeVar("F")
C = TypeVar("C", bound=type)


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
) -> Callable[[F], F]: ...
def step(function: Any = None, /, **settings: Any) -> Any:
    """Mark a step.

    Args:
        function: what is decorated, where no settings are given.
        **settings: `id` (default: the function's name), `depends_on` (steps that end first, as
            functions or ids), `timeout` of one attempt, `total_timeout` of all with the delays
            between, `fuel` and `memory` of one attempt, `retry`, `condition` (CEL; false skips the
            step), `each` (runs it for each element: a field of the input, a step, or a source),
            `at_most_once` (an attempt whose outcome is unknown is not repeated).

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    known = "id, depends_on, timeout, total_timeout, fuel, memory, retry, condition, each, at_most_once"
    return _mark("step", function, settings, known)


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
def compensation(function: Any = None, /, **settings: Any) -> Any:
    """Mark the compensation of a step. It may be called more than once, so it must bear repetition.

    Args:
        function: what is decorated; it needs settings, so this is there for its message.
        **settings: `of` (the step that it undoes), `critical` (under the policy `circuit-breaker` a
            failure opens the circuit), and `timeout`, `total_timeout`, `fuel`, `memory` and `retry`
            as of a step.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    return _mark("compensation", function, settings, "of, critical, timeout, total_timeout, fuel, memory, retry")


def _mark(kind: str, function: Any, settings: dict[str, Any], known: str) -> Any:
    for name in settings:
        if name not in known.split(", "):
            raise TypeError(f"`{name}` is not a setting of `@{kind}` (there are: {known})")

    def mark(decorated: Any) -> Any:
        plain = _marks.plain(decorated)
        if plain is None:
            raise DefinitionError(f"{_place(_caller())}: `@{kind}` belongs on a function, not on {decorated!r}")
        if _marks.ATTRIBUTE in vars(plain) and _marks.of(plain) is not None and not hasattr(plain, "__wrapped__"):
            what = f"`{plain.__qualname__}` is marked twice (a function is one step or one compensation)"
            raise DefinitionError(f"{_marks.place(plain)}: {what}")
        frame = _caller()
        scope = _marks.scope_of(frame)
        _above(scope)
        said = {name: value for name, value in settings.items() if value is not None}
        _marks.put(Mark(kind, plain, said, scope, _place(frame), plain.__name__))
        return decorated

    return mark if function is None else mark(function)


def _caller() -> Any:
    """Give the frame that has called into this module."""
    frame: Any = sys._getframe(1)
    while frame.f_globals is globals():
        frame = frame.f_back
    return frame


def _place(frame: Any) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _above(scope: Scope) -> None:
    """Complain of a `saga(…)` above the functions of a module: it took nothing."""
    place = _marks.waiting.get(scope[0])
    if place is not None and not scope[1]:
        del _marks.waiting[scope[0]]
        remedy = "move it to the end of the file"
        raise DefinitionError(f"{place}: in a module, `saga(…)` stands below its steps ({remedy})")


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
) -> Callable[[C], C]: ...
def saga(name: Any = None, /, **settings: Any) -> Any:
    """Make a saga: of a class, as its decorator; of a module's functions, as a call below them.

    Args:
        name: default: the class's name in kebab-case, without `Saga` at its end.
        **settings: `description` (default: the documentation string's first paragraph), `deadline`
            of the whole, `concurrency` (steps in flight at once), `policy` (how it unwinds:
            `strict-sequential`, `grouped-parallel`, `retry-with-backoff`, `circuit-breaker` or
            `best-effort-parallel`).

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
        TypeError: there is no such setting.
    """
    known = "description, deadline, concurrency, policy"
    for setting in settings:
        if setting not in known.split(", "):
            raise TypeError(f"`{setting}` is not a setting of `saga` (there are: {known})")
    frame = _caller()
    place = _place(frame)
    if isinstance(name, type):
        return _of_class(name, None, settings, place, frame.f_locals)
    scope = _marks.scope_of(frame)
    if _marks.has(scope):
        return _of_functions(scope, name, settings, place, dict(frame.f_locals))
    _marks.waiting[scope[0]] = place

    def decorate(cls: Any) -> Any:
        _marks.waiting.pop(scope[0], None)
        if not isinstance(cls, type):
            raise DefinitionError(f"{place}: `@saga` belongs on a class, not on {cls!r}")
        return _of_class(cls, name, settings, place, frame.f_locals)

    return decorate


def _of_functions(
    scope: Scope, name: Any, settings: dict[str, Any], place: str, names: dict[str, Any]
) -> Callable[[Any], Any]:
    module = sys.modules.get(scope[0])
    named = {id(mark): of for of, mark in _marks.by_name(names).items()}
    found = [_found_function(mark, named.get(id(mark)), names) for mark in _marks.take(scope)]
    doc = settings.pop("description", None) or (module.__doc__ if module and not scope[1] else None)
    if name is None:
        name = scope[0].rpartition(".")[2].replace("_", "-")
    _registry.add(assemble(Draft(name, settings, doc, scope[0], place, found, names)))

    def refuse(cls: Any) -> Any:
        what = f"the steps above `{cls.__name__}` belong to no saga"
        raise DefinitionError(f"{place}: {what} (put a `saga(…)` below them)")

    return refuse


def _found_function(mark: Mark, name: str | None, names: dict[str, Any]) -> Found:
    """Find what the scope has under the function's name, for other decorators may have wrapped it."""
    if name is None:
        _refuse_hidden(mark, _marks.of(names.get(mark.name)))
    mark.name = name or mark.name
    current = names[mark.name]
    function: Callable[..., Any] = getattr(current, "__func__", current)
    return Found(mark, function, lambda: function, bound=False)


def _of_class(cls: type, name: Any, settings: dict[str, Any], place: str, names: dict[str, Any]) -> type:
    settings = dict(settings)
    doc = settings.pop("description", None) or cls.__dict__.get("__doc__")
    if name is None:
        name = _kebab(cls.__name__)
    own = _marks.take((cls.__module__, cls.__qualname__))
    instance: list[Any] = []

    def make() -> Any:
        if not instance:
            instance.append(cls())
        return instance[0]

    found = [_found_method(cls, attribute, mark, make) for attribute, mark in _marked(cls).items()]
    found.sort(key=lambda of: of.mark.serial)
    _check_class(cls, own, found, place)
    _registry.add(assemble(Draft(name, settings, doc, cls.__module__, place, found, {**names, cls.__name__: cls})))
    return cls


def _marked(cls: type) -> dict[str, Mark]:
    """Give the marked attributes, those of base classes included."""
    attributes: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        attributes.update(vars(base))
    return _marks.by_name(attributes)


def _found_method(cls: type, attribute: str, mark: Mark, make: Callable[[], Any]) -> Found:
    mark.name = attribute
    static = inspect.getattr_static(cls, attribute)
    function = getattr(static, "__func__", static)
    return Found(mark, function, lambda: getattr(make(), attribute), bound=not isinstance(static, staticmethod))


def _check_class(cls: type, own: list[Mark], found: list[Found], place: str) -> None:
    """Refuse what would lose a step silently.

    Raises:
        DefinitionError: a marked function is hidden, or the class cannot be made.
    """
    reached = {id(of.mark) for of in found}
    for mark in own:
        if id(mark) in reached:
            continue
        _refuse_hidden(mark, next((of.mark for of in found if of.mark.name == mark.name), None))
    for base in cls.__mro__[1:]:
        for name, mark in _marks.by_name(dict(vars(base))).items():
            if _marks.of(inspect.getattr_static(cls, name)) is None:
                what = f"`{cls.__name__}.{name}` replaces a {mark.kind}"
                raise DefinitionError(f"{place}: {what} (mark it with `@{mark.kind}` too)")
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        what = f"`{cls.__name__}()` must do without arguments, for the host makes it"
        raise DefinitionError(f"{place}: {what}: {error}") from None
    except ValueError:  # A class without a signature that can be read.
        return


def _refuse_hidden(mark: Mark, twin: Mark | None) -> None:
    """Refuse a marked function that cannot be reached by its name.

    Raises:
        DefinitionError: always.
    """
    if twin is not None:
        raise DefinitionError(f"{mark.place}: `{mark.name}` is defined again at {twin.place} (rename one)")
    raise DefinitionError(
        f"{mark.place}: {mark.kind} `{mark.shown}` is hidden by what took its name, such as a decorator "
        f"above it (put `@{mark.kind}` on top, or use `functools.wraps` in that decorator)"
    )


def _kebab(name: str) -> str:
    """`BusyLoopSaga` is `busy-loop`."""
    short = name.removesuffix("Saga") or name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", short).lower()


def module(
    *,
    name: str | None = None,
    version: str | None = None,
    description: str | None = None,
    calls_per_instance: int = 1,
) -> None:
    """Say of the whole component what its sagas do not.

    Args:
        name: by which other modules call it; default: the file's name.
        version: semantic version of the business logic; default: the file's `__version__`, or 0.1.0.
        description: default: the first paragraph of the file's documentation string.
        calls_per_instance: how many calls one instance may serve. More than one is faster, and then
            what a call leaves in memory is there for the next.

    Raises:
        DefinitionError: `calls_per_instance` is not a whole number from 1.
    """
    if isinstance(calls_per_instance, bool) or not isinstance(calls_per_instance, int) or calls_per_instance < 1:
        raise DefinitionError(
            f"{_place(_caller())}: `calls_per_instance` is {calls_per_instance!r} (a whole number from 1)"
        )
    frame = _caller()
    _registry.say(frame.f_globals.get("__name__", "__main__"), name, version, description, calls_per_instance)
