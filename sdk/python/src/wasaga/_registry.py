"""The sagas and TCCs of a process: found by name, described to the host, called by name."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from wasaga import _marks
from wasaga._table import Description, Module, Participant, Saga, Step, Tcc
from wasaga._types import first_paragraph
from wasaga._version import VERSION
from wasaga.errors import DefinitionError, Rejected

if TYPE_CHECKING:
    from wasaga._operation import Operation

_sagas: list[Saga] = []
_tccs: list[Tcc] = []
_modules: dict[str, Module] = {}


def add(saga: Saga) -> None:
    """Keep a saga. One of the same place and name takes that of the other, as when a module is reloaded."""
    _sagas[:] = [known for known in _sagas if (known.place, known.name) != (saga.place, saga.name)]
    _sagas.append(saga)
    _forget()


def add_tcc(tcc: Tcc) -> None:
    """Keep a TCC, likewise."""
    _tccs[:] = [known for known in _tccs if (known.place, known.name) != (tcc.place, tcc.name)]
    _tccs.append(tcc)
    _forget()


def drop(name: str) -> None:
    """Forget the sagas and TCCs of a name."""
    _sagas[:] = [known for known in _sagas if known.name != name]
    _tccs[:] = [known for known in _tccs if known.name != name]
    _forget()


def say(module: str, said: Module) -> None:
    """Keep what a file says of its component."""
    _modules[module] = said


def describe(module: str) -> Description:
    """Describe the component that a Python module makes, with the sagas and TCCs of all that it imports.

    Raises:
        DefinitionError: there is neither saga nor TCC, a name stands twice, or a function belongs to none.
    """
    for place, word, nodes in _marks.waiting.values():
        raise DefinitionError(f"{place}: this `{word}(…)` has no {nodes} (it decorates a class, or stands below them)")
    _refuse_left()
    sagas, tccs = sorted(_sagas, key=lambda saga: saga.name), sorted(_tccs, key=lambda tcc: tcc.name)
    whole: list[Saga | Tcc] = sorted([*sagas, *tccs], key=lambda of: of.name)
    if not whole:
        raise DefinitionError(f"module `{module}` has neither saga nor TCC (mark a class with `@saga` or `@tcc`)")
    for one, next_ in itertools.pairwise(whole):
        if one.name == next_.name:
            kind = "saga" if isinstance(one, Saga) else "tcc"
            raise DefinitionError(f"{next_.place}: the name `{one.name}` is taken by the {kind} at {one.place}")
    said = _said(module)
    python = sys.modules[module]
    return Description(
        said.name or module.rpartition(".")[2].replace("_", "-"),
        said.version or getattr(python, "__version__", None),
        said.description or first_paragraph(python.__doc__) or whole[0].description,
        f"wasaga-python/{VERSION} (Python {'.'.join(map(str, sys.version_info[:3]))})",
        sagas,
        tccs,
        said.calls,
        said.asks,
    )


def _refuse_left() -> None:
    """Refuse functions of a module that belong to nothing.

    Raises:
        DefinitionError: there are some.
    """
    left = _marks.left()
    lines = []
    for kinds, name, hint in (
        (_marks.SAGA, "saga", '(put `saga("name")` below the steps of a module)'),
        (_marks.TCC, "TCC", '(put `tcc("name")` below the participants of a module)'),
    ):
        of_kind = [
            f"{mark.place}: {mark.kind} `{mark.name}` belongs to no {name}" for mark in left if mark.kind in kinds
        ]
        lines += [*of_kind, hint] if of_kind else []
    if lines:
        raise DefinitionError("\n".join(lines))


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
    # That of the saga that is run; or of another saga here, where that one is of another module.
    own = [saga for saga in reversed(_sagas) if saga.name == definition]
    for saga in [*own, *_sagas]:
        step = saga.steps.get(node)
        if step is not None and step.provider is None:
            return step
    raise Rejected("no-such-step", f"saga `{definition}` has no step `{node}`")


def attempt(definition: str, node: str) -> Operation:
    """Find what tries a participant.

    Raises:
        Rejected: there is no such participant.
    """
    return _participant(definition, node).attempt.operation


def confirm(definition: str, node: str) -> Operation:
    """Find what confirms a participant.

    Raises:
        Rejected: there is no such participant.
    """
    return _participant(definition, node).confirm.operation


def cancel(definition: str, node: str) -> Operation:
    """Find what cancels a participant.

    Raises:
        Rejected: there is no such participant.
    """
    return _participant(definition, node).cancel.operation


def _participant(definition: str, node: str) -> Participant:
    own = [tcc for tcc in reversed(_tccs) if tcc.name == definition]
    for tcc in [*own, *_tccs]:
        participant = tcc.participants.get(node)
        if participant is not None and participant.provider is None:
            return participant
    raise Rejected("no-such-participant", f"tcc `{definition}` has no participant `{node}`")


class _Answers(dict[tuple[str, str], Callable[..., str]]):
    """What answers a call, by definition and node; looked up the first time."""

    def __init__(self, find: Callable[[str, str], Operation]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, key: tuple[str, str]) -> Callable[..., str]:
        operation = self._find(*key)
        operation.prepare()
        self[key] = operation.answer
        return self[key]


runs, undos = _Answers(step), _Answers(compensation)
tries, confirms, cancels = _Answers(attempt), _Answers(confirm), _Answers(cancel)


def _forget() -> None:
    for answers in (runs, undos, tries, confirms, cancels):
        answers.clear()


def prepare() -> None:
    """Do what can be done before the first call: make the objects of methods, and look everything up."""
    _forget()
    for saga in _sagas:
        for of in saga.steps.values():
            if of.provider is None:
                runs[saga.name, of.id]
                if of.undo is not None:
                    undos[saga.name, of.id]
    for tcc in _tccs:
        for one in tcc.participants.values():
            if one.provider is None:
                tries[tcc.name, one.id], confirms[tcc.name, one.id], cancels[tcc.name, one.id]


def sagas(module: str) -> list[Saga]:
    """Give the sagas that stand in one Python module."""
    return [saga for saga in _sagas if saga.module == module]


def tccs(module: str) -> list[Tcc]:
    """Give the TCCs that stand in one Python module."""
    return [tcc for tcc in _tccs if tcc.module == module]
