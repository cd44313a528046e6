"""The component: exports of the contract, on top of the registry. Only componentize-py imports this.

`start` runs while the component is built. What it does is in the image that every call begins with:
everything imported, tables and schemas built, objects made, the interpreter warm. What is left to a
fresh call is the call.
"""

from __future__ import annotations

import gc
import importlib
import linecache
import sys
from typing import Any, cast

import componentize_py_types
from componentize_py_types import Err
from wit_world.imports import wasaga_guest_types as types

from wasaga import _absent, _chance, _document, _host, _outcome, _practice, _printed, _registry, _wire, log
from wasaga.call import Forward
from wasaga.errors import Error

# Modules of the standard library that others import when they are first used. At a call it would be
# too late, for a component has no files.
_LATE = ("_strptime", "encodings.ascii", "encodings.latin_1", "encodings.utf_8_sig", "encodings.idna")

_document_text = ""


def start(module: str) -> None:
    """Import the user's module and get everything ready.

    Raises:
        DefinitionError: what it describes makes no sense.
    """
    global _document_text
    host, stand_in = _wire.Host(), cast(Any, _practice.Host())
    _host.become(host)
    _absent.close()
    _printed.install()
    importlib.import_module(module)
    _document_text = _document.text(_registry.describe(module))
    for name in _LATE:
        importlib.import_module(name)
    if "asyncio" in sys.modules:
        from wasaga import _loop

        _loop.install()
    _host.become(stand_in)
    _practise()
    _host.become(host)
    log.install()
    _chance.defer()
    _keep_sources()
    componentize_py_types.Ok = Ok
    gc.collect()
    _registry.prepare()
    _printed.flush()
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
    participant = Participant()

    def undo(definition: str, node: str, arguments: str) -> None:
        Compensation().compensate(definition, node, arguments, types.Forward_Completed("null"))

    def settle(definition: str, node: str, arguments: str, tried: str) -> None:
        participant.try_(definition, node, arguments)
        participant.confirm(definition, node, arguments, tried)
        participant.cancel(definition, node, arguments, types.Forward_Completed(tried))

    _practice.practise(Step().run, undo, settle)
    # As componentize-py asks, by name: Python keeps what it finds there too.
    for of, name in ((Step(), "run"), (Compensation(), "compensate"), (Ok("null"), "value")):
        getattr(of, name)
    for name in ("try_", "confirm", "cancel"):
        getattr(participant, name)


class Metadata:
    """Describes the module."""

    def describe(self) -> str:
        """Tell what was found when the component was built."""
        return _document_text


class Step:
    """Runs steps."""

    def run(self, definition: str, step: str, arguments: str) -> str:
        """Run a step."""
        try:
            return _registry.runs[definition, step](arguments)
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            if _printed.is_left:
                _printed.flush()


class Compensation:
    """Undoes steps."""

    def compensate(self, definition: str, step: str, arguments: str, forward: types.Forward) -> str:
        """Undo a step."""
        try:
            return _registry.undos[definition, step](arguments, _wire.forward(forward))
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            if _printed.is_left:
                _printed.flush()


class Participant:
    """Takes part in TCCs."""

    def try_(self, definition: str, participant: str, arguments: str) -> str:
        """Try a participant."""
        try:
            return _registry.tries[definition, participant](arguments)
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            if _printed.is_left:
                _printed.flush()

    def confirm(self, definition: str, participant: str, arguments: str, tried: str) -> str:
        """Confirm a participant."""
        try:
            return _registry.confirms[definition, participant](arguments, Forward("completed", tried))
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            if _printed.is_left:
                _printed.flush()

    def cancel(self, definition: str, participant: str, arguments: str, tried: types.Forward) -> str:
        """Cancel a participant."""
        try:
            return _registry.cancels[definition, participant](arguments, _wire.forward(tried))
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            if _printed.is_left:
                _printed.flush()


class Ok(StopIteration):
    """What componentize-py wraps each answer in; this one is made without running Python, and has a `value` too."""

    __slots__ = ()
