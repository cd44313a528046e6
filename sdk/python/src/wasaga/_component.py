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
from typing import Any, cast

from componentize_py_types import Err
from wit_world.imports import wasaga_guest_types as types

from wasaga import _absent, _document, _host, _outcome, _practice, _registry, _wire, log
from wasaga.call import Forward
from wasaga.errors import Error

# Modules of the standard library that others import when they are first used. At a call it would be
# too late, for a component has no files.
_LATE = ("_strptime", "encodings.ascii", "encodings.latin_1", "encodings.utf_8_sig", "encodings.idna")

_document_text = ""
_random: Any = None
"""The module `random`, where the guest uses it, until its first call."""


def start(module: str) -> None:
    """Import the user's module and get everything ready.

    Raises:
        DefinitionError: what it describes makes no sense.
    """
    global _document_text, _random
    host, stand_in = _wire.Host(), cast(Any, _practice.Host())
    _host.become(host)
    _absent.close()
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
    _registry.prepare()
    log.install()
    _random = sys.modules.get("random")
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
    participant = Participant()

    def undo(definition: str, node: str, arguments: str) -> None:
        Compensation().compensate(definition, node, arguments, types.Forward_Completed("null"))

    def settle(definition: str, node: str, arguments: str, tried: str) -> None:
        participant.try_(definition, node, arguments)
        participant.confirm(definition, node, arguments, tried)
        participant.cancel(definition, node, arguments, types.Forward_Completed(tried))

    _practice.practise(Step().run, undo, settle)


class Metadata:
    """Describes the module."""

    def describe(self) -> str:
        """Tell what was found when the component was built."""
        return _document_text


class Step:
    """Runs steps."""

    def run(self, definition: str, step: str, arguments: str) -> str:
        """Run a step."""
        if _random is not None:
            _reseed()
        try:
            return _registry.step(definition, step).answer(arguments)
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            _end()


class Compensation:
    """Undoes steps."""

    def compensate(self, definition: str, step: str, arguments: str, forward: types.Forward) -> str:
        """Undo a step."""
        if _random is not None:
            _reseed()
        try:
            return _registry.compensation(definition, step).answer(arguments, _wire.forward(forward))
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            _end()


class Participant:
    """Takes part in TCCs."""

    def try_(self, definition: str, participant: str, arguments: str) -> str:
        """Try a participant."""
        if _random is not None:
            _reseed()
        try:
            return _registry.attempt(definition, participant).answer(arguments)
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            _end()

    def confirm(self, definition: str, participant: str, arguments: str, tried: str) -> str:
        """Confirm a participant."""
        if _random is not None:
            _reseed()
        try:
            return _registry.confirm(definition, participant).answer(arguments, Forward("completed", tried))
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            _end()

    def cancel(self, definition: str, participant: str, arguments: str, tried: types.Forward) -> str:
        """Cancel a participant."""
        if _random is not None:
            _reseed()
        try:
            return _registry.cancel(definition, participant).answer(arguments, _wire.forward(tried))
        except Error as error:
            raise Err(_wire.error(error)) from None
        finally:
            _end()


def _reseed() -> None:
    """Seed `random`: its state was made when the component was built, the same for all instances."""
    global _random
    _random.seed()
    _random = None


def _end() -> None:
    """Let what was printed go."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: S110 -- the guest has closed or replaced them, which is its own affair.
        pass
