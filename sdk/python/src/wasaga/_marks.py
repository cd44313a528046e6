"""What a decorator leaves on a function: its settings, unread, and where it stands."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ATTRIBUTE = "__wasaga__"
_serials = itertools.count()

SAGA = ("step", "compensation")
TCC = ("participant", "confirm", "cancel")
"""The kinds of marks, by what takes them."""

WORDS = {
    "timeout_ms": 'timeout="{}ms"',
    "deadline_ms": 'deadline="{}ms"',
    "backoff_ms": 'retry=Retry(delay="{}ms")',
    "retry_delay_ms": 'retry=Retry(delay="{}ms")',
    "max_retries": "retry=Retry(attempts={} + 1)",
    "compensate": "@compensation(of=…)` above the function that undoes it, in place of `{}",
    "compensation": "@compensation(of=…)` above the function that undoes it, in place of `{}",
    "name": 'id="{}"',
    "calls_per_instance": "instance_calls={}",
}
"""What settings are called elsewhere, such as in FireflyTX, and what is written here."""

Scope = tuple[str, str]
"""A module's name, and the class or function within it whose body it is; empty for the module itself."""


@dataclass(slots=True)
class Mark:
    """One decorated function, or class of a participant. Nothing in its settings is checked before the whole is there.

    Attributes:
        kind: one of `SAGA` or `TCC`.
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
    def id(self) -> str:
        """The id of a step or a participant; of a compensation, a confirm and a cancel the name."""
        own = self.settings.get("id")
        if isinstance(own, str):
            return own
        return snake(self.name) if isinstance(self.function, type) else self.name

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


class Waiting(NamedTuple):
    """A `saga(…)` or `tcc(…)`: where it stands, its word, and what it consists of."""

    place: str
    word: str
    nodes: str


waiting: dict[str, Waiting] = {}
"""By module, one that has found neither functions above it nor, yet, a class below it."""


def put(mark: Mark) -> None:
    """Note a mark that no saga has taken yet, and leave it on the function."""
    setattr(mark.function, ATTRIBUTE, mark)
    _pending.setdefault(mark.scope, []).append(mark)


def take(scope: Scope, kinds: Iterable[str] = SAGA + TCC) -> list[Mark]:
    """Give the marks of a scope that are of these kinds, and forget them."""
    marks = _pending.pop(scope, [])
    left = [mark for mark in marks if mark.kind not in kinds]
    if left:
        _pending[scope] = left
    return [mark for mark in marks if mark.kind in kinds]


def has(scope: Scope, kinds: Iterable[str]) -> bool:
    """Say whether a scope has marks of these kinds that nothing has taken."""
    return any(mark.kind in kinds for mark in _pending.get(scope, ()))


def by_name(names: dict[str, Any]) -> dict[str, Mark]:
    """Give the marked among named values, each once: by the name of its function, or the first that it has."""
    found: dict[int, tuple[str, Mark]] = {}
    for name, value in names.items():
        mark = of(value)
        if mark is not None and (id(mark) not in found or name == mark.function.__name__):
            found[id(mark)] = name, mark
    return dict(found.values())


def left() -> list[Mark]:
    """Give the marks in modules, outside any class, that nothing has taken."""
    return [mark for (_, inner), marks in _pending.items() if not inner for mark in marks]


def of(value: Any) -> Mark | None:
    """Give the mark on a function, also through `staticmethod`, `classmethod` and `functools.wraps`; or on a class.

    What is derived from a marked class, and an object of it, have none.
    """
    plain = getattr(value, "__func__", value)
    mark = vars(plain).get(ATTRIBUTE) if isinstance(plain, type) else getattr(plain, ATTRIBUTE, None)
    if not isinstance(mark, Mark) or (isinstance(mark.function, type) and not isinstance(plain, type)):
        return None
    return mark


def plain(value: Any) -> Callable[..., Any] | None:
    """Give the function in a `staticmethod` or `classmethod`, or the function itself; None where there is none."""
    value = getattr(value, "__func__", value)
    return value if inspect.isfunction(value) else None


def snake(name: str) -> str:
    """`GiftWrap` is `gift_wrap`."""
    return _words(name, "_")


def kebab(name: str) -> str:
    """`BusyLoop` is `busy-loop`."""
    return _words(name, "-")


def _words(name: str, between: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", between, name).lower()


def place(function: Any) -> str:
    """Give the file and line where a function stands."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return "an unknown file"
    return f"{code.co_filename}:{below(code.co_filename, int(code.co_firstlineno), ('def ', 'async def '))}"


def below(file: str, first: int, words: tuple[str, ...]) -> int:
    """Give the line that begins with one of the words, such as `def`, below its decorators."""
    import linecache

    for number in range(first, first + 40):
        if linecache.getline(file, number).lstrip().startswith(words):
            return number
    return first
