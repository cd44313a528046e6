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
from typing import Any

from componentize_py_types import Err
from wit_world.exports import metadata
from wit_world.imports import types

from wasaga import _host, _outcome, _practice, _registry, _wire, log
from wasaga.errors import Error

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
    importlib.import_module(module)
    _Component.module = _wire.module(_registry.describe(module))
    for name in _LATE:
        importlib.import_module(name)
    for operation in _registry.operations():
        operation.prepare()
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

    def run(definition: str, node: str, arguments: str) -> None:
        Step().run(call(definition, node), arguments)

    def undo(definition: str, node: str, arguments: str) -> None:
        Compensation().compensate(call(definition, node), arguments, types.Forward_Completed("null"))

    _practice.practise(run, undo)


class Metadata:
    """Describes the module."""

    def describe(self) -> metadata.Module:
        """Tell what was found when the component was built."""
        return _Component.module


class Step:
    """Runs steps."""

    def run(self, call: types.Call, arguments: str) -> str:
        """Run a step."""
        if _Component.random is not None:
            _reseed()
        try:
            operation = _registry.step(call.definition, call.node)
            return operation.answer(_wire.call(call) if operation.takes_call else None, arguments)
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            _end()


class Compensation:
    """Undoes steps."""

    def compensate(self, call: types.Call, arguments: str, forward: types.Forward) -> str:
        """Undo a step."""
        if _Component.random is not None:
            _reseed()
        try:
            operation = _registry.compensation(call.definition, call.node)
            known = _wire.call(call) if operation.takes_call else None
            return operation.answer(known, arguments, _wire.forward(forward))
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
