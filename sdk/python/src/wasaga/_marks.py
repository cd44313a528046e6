"""What a decorator leaves on a function: its settings, unread, and where it stands."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ATTRIBUTE = "__wasaga__"
_serials = itertools.count()

Scope = tuple[str, str]
"""A module's name, and the class or function within it whose body it is; empty for the module itself."""


@dataclass(slots=True)
class Mark:
    """One decorated function. Nothing in its settings is checked before the saga is put together.

    Attributes:
        kind: `step` or `compensation`.
        function: what was decorated, plain.
        settings: by name, without those that were left out.
        scope: where the decorator stands.
        site: its file and line.
        name: the function's, until its class or module is known to have another.
        serial: the order of the source.
    """

    kind: str
    function: Callable[..., Any]
    settings: dict[str, Any]
    scope: Scope
    site: str
    name: str
    serial: int = field(default_factory=lambda: next(_serials))

    @property
    def place(self) -> str:
        """The file and the line of `def`, or of the decorator where another has put its function in between."""
        found = place(self.function)
        return found if found.rpartition(":")[0] == self.site.rpartition(":")[0] else self.site

    @property
    def shown(self) -> str:
        """The function, as messages name it: with its class."""
        inner = self.scope[1].rpartition("<locals>.")[2]
        is_class = inner and inner[:1].isupper()
        return f"{inner}.{self.name}" if is_class else self.name


def scope_of(frame: Any) -> Scope:
    """Give the scope whose code a frame runs."""
    inner = frame.f_code.co_qualname
    return frame.f_globals.get("__name__", "__main__"), "" if inner == "<module>" else inner


_pending: dict[Scope, list[Mark]] = {}

waiting: dict[str, str] = {}
"""By module, the place of a `saga(…)` that has found neither functions above it nor, yet, a class below it."""


def put(mark: Mark) -> None:
    """Note a mark that no saga has taken yet, and leave it on the function."""
    setattr(mark.function, ATTRIBUTE, mark)
    _pending.setdefault(mark.scope, []).append(mark)


def take(scope: Scope) -> list[Mark]:
    """Give the marks of a scope, and forget them."""
    return _pending.pop(scope, [])


def has(scope: Scope) -> bool:
    """Say whether a scope has marks that no saga has taken."""
    return bool(_pending.get(scope))


def by_name(names: dict[str, Any]) -> dict[str, Mark]:
    """Give the marked among named values, each once: by the name of its function, or the first that it has."""
    found: dict[int, tuple[str, Mark]] = {}
    for name, value in names.items():
        mark = of(value)
        if mark is not None and (id(mark) not in found or name == mark.function.__name__):
            found[id(mark)] = name, mark
    return dict(found.values())


def left() -> list[Mark]:
    """Give the marks in modules, outside any class, that no saga has taken."""
    return [mark for (_, inner), marks in _pending.items() if not inner for mark in marks]


def of(value: Any) -> Mark | None:
    """Give the mark on a function, also through `staticmethod`, `classmethod` and `functools.wraps`."""
    plain = getattr(value, "__func__", value)
    mark = getattr(plain, ATTRIBUTE, None)
    return mark if isinstance(mark, Mark) else None


def plain(value: Any) -> Callable[..., Any] | None:
    """Give the function in a `staticmethod` or `classmethod`, or the function itself; None where there is none."""
    value = getattr(value, "__func__", value)
    return value if inspect.isfunction(value) else None


def place(function: Any) -> str:
    """Give the file and line where a function stands."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{_line(code)}" if code else "an unknown file"


def _line(code: Any) -> int:
    """Give the line of `def`, below the decorators."""
    import linecache

    first = int(code.co_firstlineno)
    for number in range(first, first + 40):
        if linecache.getline(code.co_filename, number).lstrip().startswith(("def ", "async def ")):
            return number
    return first
