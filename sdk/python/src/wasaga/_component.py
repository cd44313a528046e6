"""The component: exports of the contract, on top of the registry. Only componentize-py imports this.

`start` runs while the component is built. What it does is in the image that every call begins with:
everything imported, tables and schemas built, objects made, the interpreter warm. What is left to a
fresh call is the call.
"""

from __future__ import annotations

import gc
import importlib
import io
import linecache
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from componentize_py_types import Err
from wit_world.exports import metadata
from wit_world.imports import wasaga_plugin_types as types

from wasaga import _absent, _host, _outcome, _practice, _registry, _wire, log
from wasaga.call import Forward
from wasaga.errors import Error

if TYPE_CHECKING:
    from wasaga._operation import Operation

# Modules of the standard library that others import when they are first used. At a call it would be
# too late, for a component has no files.
_LATE = ("_strptime", "encodings.ascii", "encodings.latin_1", "encodings.utf_8_sig", "encodings.idna")


class _Component:
    """What is known once the component is started.

    Attributes:
        module: what it describes.
        random: the module `random`, where the guest uses it, until its first call.
    """

    module: Any = None
    random: Any = None


def start(module: str) -> None:
    """Import the user's module and get everything ready.

    Raises:
        DefinitionError: what it describes makes no sense.
    """
    _host.become(_wire.Host())
    _absent.close()
    importlib.import_module(module)
    _Component.module = _wire.module(_registry.describe(module))
    for name in _LATE:
        importlib.import_module(name)
    for operation in _registry.operations():
        operation.prepare()
    if "asyncio" in sys.modules:
        from wasaga import _loop

        _loop.install()
    _practise()
    log.install()
    _Component.random = sys.modules.get("random")
    _keep_sources()
    # Line by line, for what is printed before a step is stopped tells where it was.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    gc.collect()
    # What is here stays, and collections of a call do not touch its pages.
    gc.freeze()


def _keep_sources() -> None:
    """Keep the lines of the user's files, so that tracebacks can show them without a file system."""
    for python in list(sys.modules.values()):
        file = getattr(python, "__file__", None) or ""
        if file.startswith(("/0/", "/1/", "/2/")) and not file.startswith(_outcome.SDK):
            lines = linecache.getlines(file)
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _practise() -> None:
    def call(definition: str, node: str) -> Any:
        return types.Call("0", definition, node, None, 1, "key", 0, [("name", "value")])

    participant = Participant()

    def run(definition: str, node: str, arguments: str) -> None:
        Step().run(call(definition, node), arguments)

    def undo(definition: str, node: str, arguments: str) -> None:
        Compensation().compensate(call(definition, node), arguments, types.Forward_Completed("null"))

    def settle(definition: str, node: str, arguments: str, tried: str) -> None:
        participant.try_(call(definition, node), arguments)
        participant.confirm(call(definition, node), arguments, tried)
        participant.cancel(call(definition, node), arguments, types.Forward_Completed(tried))

    _practice.practise(run, undo, settle)


class Metadata:
    """Describes the module."""

    def describe(self) -> metadata.Module:
        """Tell what was found when the component was built."""
        return _Component.module


class Step:
    """Runs steps."""

    def run(self, call: types.Call, arguments: str) -> str:
        """Run a step."""
        return _answer(_registry.step, call, arguments)


class Compensation:
    """Undoes steps."""

    def compensate(self, call: types.Call, arguments: str, forward: types.Forward) -> str:
        """Undo a step."""
        return _answer(_registry.compensation, call, arguments, _wire.forward(forward))


class Participant:
    """Takes part in TCCs."""

    def try_(self, call: types.Call, arguments: str) -> str:
        """Try a participant."""
        return _answer(_registry.attempt, call, arguments)

    def confirm(self, call: types.Call, arguments: str, tried: str) -> str:
        """Confirm a participant."""
        return _answer(_registry.confirm, call, arguments, Forward("completed", tried))

    def cancel(self, call: types.Call, arguments: str, tried: types.Forward) -> str:
        """Cancel a participant."""
        return _answer(_registry.cancel, call, arguments, _wire.forward(tried))


def _answer(
    find: Callable[[str, str], Operation], call: types.Call, arguments: str, forward: Forward | None = None
) -> str:
    if _Component.random is not None:
        _reseed()
    try:
        operation = find(call.definition, call.node)
        return operation.answer(_wire.call(call) if operation.takes_call else None, arguments, forward)
    except Error as error:
        raise Err(_wire.error(error)) from None
    finally:
        _end()


def _reseed() -> None:
    """Seed `random`: its state was made when the component was built, the same for all instances."""
    _Component.random.seed()
    _Component.random = None


def _end() -> None:
    """Let what was printed go."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: S110 -- the guest has closed or replaced them, which is its own affair.
        pass
