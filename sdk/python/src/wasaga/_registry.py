"""The sagas of a process: found by name, described to the host, called by name."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

from wasaga import _marks
from wasaga._table import Description, Module, Saga, Step
from wasaga._types import first_paragraph
from wasaga._version import VERSION
from wasaga.errors import DefinitionError, Rejected

if TYPE_CHECKING:
    from wasaga._operation import Operation

_sagas: list[Saga] = []
_modules: dict[str, Module] = {}


def add(saga: Saga) -> None:
    """Keep a saga. One of the same module and name takes the place of the other, as when a module is reloaded."""
    _sagas[:] = [known for known in _sagas if (known.module, known.name) != (saga.module, saga.name)]
    _sagas.append(saga)


def drop(name: str) -> None:
    """Forget the sagas of a name."""
    _sagas[:] = [known for known in _sagas if known.name != name]


def say(module: str, name: str | None, version: str | None, description: str | None, calls_per_instance: int) -> None:
    """Keep what a file says of its component."""
    _modules[module] = Module(name, version, description, calls_per_instance)


def describe(module: str) -> Description:
    """Describe the component that a Python module makes, with the sagas of all that it imports.

    Raises:
        DefinitionError: there is no saga, a name stands twice, or a step belongs to no saga.
    """
    for place in _marks.waiting.values():
        raise DefinitionError(f"{place}: this `saga(…)` has no steps (it decorates a class, or stands below them)")
    left = _marks.left()
    if left:
        lines = [f"{mark.place}: {mark.kind} `{mark.name}` belongs to no saga" for mark in left]
        raise DefinitionError("\n".join([*lines, '(put `saga("name")` below the steps of a module)']))
    sagas = sorted(_sagas, key=lambda saga: saga.name)
    if not sagas:
        raise DefinitionError(f"module `{module}` has no saga (mark a class with `@saga`)")
    for one, next_ in itertools.pairwise(sagas):
        if one.name == next_.name:
            raise DefinitionError(f"{next_.place}: the name `{one.name}` is taken by the saga at {one.place}")
    said = _said(module)
    python = sys.modules[module]
    return Description(
        said.name or module.rpartition(".")[2].replace("_", "-"),
        said.version or str(getattr(python, "__version__", "0.1.0")),
        said.description or first_paragraph(python.__doc__) or sagas[0].description,
        sagas,
        said.calls_per_instance,
        [("sdk", f"wasaga-python/{VERSION}"), ("python", ".".join(map(str, sys.version_info[:3])))],
    )


def _said(module: str) -> Module:
    """Give what was said by the file itself, or else by one that it imports."""
    return _modules.get(module) or next(iter(_modules.values()), Module())


def step(definition: str, node: str) -> Operation:
    """Find what runs a step.

    Raises:
        Rejected: there is no such step.
    """
    return _find(definition, node).operation


def compensation(definition: str, node: str) -> Operation:
    """Find what undoes a step.

    Raises:
        Rejected: there is no such step, or it has no compensation.
    """
    undo = _find(definition, node).undo
    if undo is None:
        raise Rejected("no-compensation", f"step `{node}` has no compensation")
    return undo.operation


def _find(definition: str, node: str) -> Step:
    for saga in reversed(_sagas):
        if saga.name == definition and node in saga.steps:
            return saga.steps[node]
    raise Rejected("no-such-step", f"saga `{definition}` has no step `{node}`")


def operations() -> list[Operation]:
    """Give everything that can be called."""
    steps = [step for saga in _sagas for step in saga.steps.values()]
    return [step.operation for step in steps] + [step.undo.operation for step in steps if step.undo]


def sagas(module: str) -> list[Saga]:
    """Give the sagas that stand in one Python module."""
    return [saga for saga in _sagas if saga.module == module]
