"""What an exception that is no `wasaga.Error` comes to, in words that a Python programmer understands."""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from wasaga import _absent
from wasaga.errors import Error, Unknown

if TYPE_CHECKING:
    from types import TracebackType

UNTYPED = "error"
# The innermost frames are where it happened; more do not fit a line of a journal.
_FRAMES_MAX = 12
_CHARS_MAX = 8_000
SDK = str(PurePath(__file__).parent)
"""Where this package lies."""

# Where componentize-py mounts what it builds from: the user's files, this package, the library.
_ROOTS = re.compile(r"(?<![\w/.])/(?:\d+|python/lib/python3\.\d+|python)/(?=[\w/]+\.py\b)")

_REMEDIES: list[tuple[type[BaseException], str]] = [
    (SystemExit, "a step ends by returning or raising, not by leaving the process"),
    (RecursionError, "a function calls itself without end, or too deeply for the sandbox"),
    (ImportError, "a component has only what was imported when it was built: move the import to the top of the file"),
    (FileNotFoundError, "a step has no files; what it needs comes from its arguments"),
    (PermissionError, "a step has no files and no sockets, only what the operator has granted it"),
    (EOFError, "nobody is there to answer: what a step needs comes from its arguments"),
]
_NO_THREAD = "can't start new thread"
_NO_WORLD = "a step reaches the world only by what the operator has granted it"


def untyped(raised: BaseException) -> Error:
    """Give the error that stands for an exception: unknown, with the traceback in its details."""
    if isinstance(raised, BaseExceptionGroup) and (typed := _single(raised)) is not None:
        return typed
    if isinstance(raised, MemoryError):
        return Unknown("out-of-memory", "it asked for more memory than it may have (see `memory` of the step)")
    return Unknown(UNTYPED, message(raised), details=details(raised))


def _single(group: BaseExceptionGroup[Any]) -> Error | None:
    """Give the one typed error of a group, such as a `TaskGroup` raises."""
    while len(group.exceptions) == 1:
        inner = group.exceptions[0]
        if isinstance(inner, Error):
            return inner
        if not isinstance(inner, BaseExceptionGroup):
            return None
        group = inner
    return None


def message(raised: BaseException) -> str:
    """Name the exception, what it says, and where there is one the remedy."""
    kind = type(raised)
    name = _name(kind)
    try:
        said = str(raised)
    except Exception:
        said = ""
    text = f"{name}: {said[:_CHARS_MAX]}" if said else name
    remedy = _remedy(raised, said)
    return f"{text} ({remedy})" if remedy else text


def _remedy(raised: BaseException, said: str) -> str | None:
    if _absent.NO_SOCKETS in said or _absent.ONE_THREAD in said:
        return None
    if isinstance(raised, ImportError) and (instead := _absent.of_module(said)):
        return instead
    for of, remedy in _REMEDIES:
        if isinstance(raised, of):
            return remedy
    if isinstance(raised, RuntimeError) and said == _NO_THREAD:
        return _absent.ONE_THREAD
    if isinstance(raised, OSError) and not _is_of_guest(raised):
        return _absent.NO_SOCKETS if type(raised).__module__ == "socket" else _NO_WORLD
    return None


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is_of_guest(raised: OSError) -> bool:
    """Whether someone raised it with words of their own, rather than the system with a number."""
    return raised.errno is None


def details(raised: BaseException) -> dict[str, Any]:
    """Give the name and the traceback, without the frames of this package."""
    kind = type(raised)
    try:
        lines = traceback.format_exception(kind, raised, _users(raised.__traceback__), limit=-_FRAMES_MAX)
        text = shown("".join(lines)).strip()
    except BaseException:
        text = ""
    return {"exception": _name(kind), "traceback": text[-_CHARS_MAX:]}


def _users(frames: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of this package before the user's."""
    at = frames
    while at is not None and at.tb_frame.f_code.co_filename.startswith(SDK):
        at = at.tb_next
    return at or frames


def shown(text: str) -> str:
    """Take the directories of a component off the files that a text names: they are nowhere else."""
    return _ROOTS.sub("", text)
