"""Puts a saga together from decorated functions, and says all that is wrong with it at once."""

from __future__ import annotations

import graphlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wasaga._input import input_schema
from wasaga._marks import Mark
from wasaga._operation import Operation
from wasaga._rule import NoSourceError, Place, step_id
from wasaga._signature import Signature, SignatureReader
from wasaga._table import Saga, Step, Undo
from wasaga._types import Types, first_paragraph
from wasaga.errors import DefinitionError
from wasaga.settings import Reader

# As the host has it.
_NAME_CHARS_MAX = 128


@dataclass(slots=True)
class Found:
    """A decorated function, and how to get at it when it is called.

    Attributes:
        mark: its settings.
        function: what its class or module has under its name; perhaps wrapped by other decorators.
        bind: gives what a call calls.
        bound: whether its first parameter is the object it is called on.
    """

    mark: Mark
    function: Callable[..., Any]
    bind: Callable[[], Callable[..., Any]]
    bound: bool

    @property
    def id(self) -> str:
        """The id of a step; of a compensation its name."""
        own = self.mark.settings.get("id")
        return own if isinstance(own, str) else self.mark.name

    @property
    def shown(self) -> str:
        """The function, as messages name it."""
        return self.mark.shown


@dataclass(slots=True)
class Draft:
    """A saga before it is looked at. `names` are those that type hints may use beside the module's."""

    name: Any
    settings: dict[str, Any]
    doc: str | None
    module: str
    place: str
    found: list[Found]
    names: dict[str, Any] = field(default_factory=dict)


def assemble(draft: Draft) -> Saga:
    """Make a saga.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
    """
    assembler = _Assembler(draft)
    saga = assembler.saga()
    if assembler.mistakes:
        count = len(assembler.mistakes)
        head = f"saga `{draft.name}` has {'a mistake' if count == 1 else f'{count} mistakes'}"
        raise DefinitionError("\n  ".join([head, *assembler.mistakes]))
    return saga


class _Assembler:
    def __init__(self, draft: Draft) -> None:
        self.mistakes: list[str] = []
        self._draft = draft
        self._types = Types(draft.names)
        self._steps = [found for found in draft.found if found.mark.kind == "step"]
        self._ids = [found.id for found in self._steps]
        self._fans = {found.id for found in self._steps if found.mark.settings.get("each") is not None}

    def saga(self) -> Saga:
        draft = self._draft
        reader = Reader(draft.settings, self._of_saga)
        self._names()
        undone = self._undone()
        steps = {found.id: self._step(found) for found in self._steps}
        for id_, found in undone.items():
            steps[id_].undo = self._undo(found, id_, list(undone))
        schema = input_schema(list(steps.values()), self._complain)
        self._cycle(list(steps.values()))
        return Saga(
            draft.name,
            first_paragraph(draft.doc),
            schema,
            reader.policy(),
            reader.span("deadline"),
            reader.count("concurrency"),
            steps,
            draft.module,
            draft.place,
        )

    def _of_saga(self, what: str) -> None:
        self.mistakes.append(f"{self._draft.place}: {what}")

    def _of(self, found: Found) -> Callable[[str], None]:
        """Give what notes a mistake of a function."""

        def note(what: str) -> None:
            self.mistakes.append(f"{found.mark.place}: {found.mark.kind} `{found.shown}`: {what}")

        return note

    def _complain(self, name: str, what: str) -> None:
        """Note a mistake of the function that an operation calls."""
        self.mistakes.append(f"{name}: {what}")

    def _names(self) -> None:
        if wrong := _bad_name(self._draft.name):
            self._of_saga(f"its name {wrong}")
        if not self._steps:
            self._of_saga("has no steps (mark a function with `@step`)")
        seen: dict[str, Found] = {}
        for found in self._steps:
            if wrong := _bad_name(found.mark.settings.get("id", found.mark.name)):
                self._of(found)(f"its id {wrong}")
            if found.id in seen:
                self._of(found)(f"the id `{found.id}` is taken by `{seen[found.id].shown}` (give it another `id`)")
            seen.setdefault(found.id, found)

    def _undone(self) -> dict[str, Found]:
        """Find out which compensation undoes which step."""
        undone: dict[str, Found] = {}
        for found in self._draft.found:
            if found.mark.kind != "compensation":
                continue
            of = found.mark.settings.get("of")
            try:
                if of is None:
                    raise NoSourceError("does not say which step it undoes (write `@compensation(of=…)`)")
                id_ = step_id(of, self._ids)
            except NoSourceError as wrong:
                self._of(found)(f"`of` {wrong}" if of is not None else str(wrong))
                continue
            if id_ in undone:
                self._of(found)(f"step `{id_}` has a compensation already, `{undone[id_].shown}`")
            undone.setdefault(id_, found)
        return undone

    def _signature(self, found: Found, place: Place) -> Signature:
        return SignatureReader(self._types, self._of(found)).read(found.function, place, bound=found.bound)

    def _operation(self, found: Found, signature: Signature) -> Operation:
        return Operation(found.shown, found.mark.place, signature, found.bind, self._types)

    def _step(self, found: Found) -> Step:
        complain, settings = self._of(found), found.mark.settings
        reader = Reader(settings, complain)
        place = Place(self._ids, found.id, undo=False, each=found.id in self._fans)
        signature = self._signature(found, place)
        each = settings.get("each")
        return Step(
            found.id,
            first_paragraph(found.mark.function.__doc__),
            self._depends_on(found),
            signature.parameters,
            signature.output_schema,
            reader.text("condition"),
            None if each is None else SignatureReader(self._types, complain).each(each, place),
            reader.flag("at_most_once"),
            reader.limits(),
            self._operation(found, signature),
        )

    def _depends_on(self, found: Found) -> tuple[str, ...]:
        said = found.mark.settings.get("depends_on", ())
        names = [said] if isinstance(said, str) or callable(said) else list(said)
        ids = []
        for name in names:
            try:
                id_ = step_id(name, self._ids)
            except NoSourceError as wrong:
                self._of(found)(f"`depends_on` {wrong}")
                continue
            if id_ == found.id:
                self._of(found)("it cannot depend on itself")
            elif id_ not in ids:
                ids.append(id_)
        return tuple(ids)

    def _undo(self, found: Found, step: str, undoable: list[str]) -> Undo:
        reader = Reader(found.mark.settings, self._of(found))
        place = Place(self._ids, step, undo=True, each=step in self._fans, undoable=undoable)
        signature = self._signature(found, place)
        return Undo(
            found.mark.name,
            signature.parameters,
            reader.limits(),
            reader.flag("critical"),
            self._operation(found, signature),
        )

    def _cycle(self, steps: list[Step]) -> None:
        """Look for steps that wait for each other."""
        known = {step.id for step in steps}
        graph = {}
        for step in steps:
            origins = [parameter.origin for parameter in step.parameters] + ([step.each] if step.each else [])
            taken = {origin.name for origin in origins if origin.kind == "step-output"}
            graph[step.id] = (taken | set(step.depends_on)) & known
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as cycle:
            names = " needs ".join(f"`{name}`" for name in reversed(cycle.args[1]))
            self._of_saga(f"its steps wait for each other: {names}")


def _bad_name(name: Any) -> str | None:
    """Say why something is no name, as the rest of a sentence."""
    if not isinstance(name, str) or not name:
        return f"is {name!r} (a str that is not empty)"
    if len(name) > _NAME_CHARS_MAX:
        return f"has more than {_NAME_CHARS_MAX} characters"
    wrong = next((c for c in name if not (c.isalnum() or c in "-_.")), None)
    return wrong and f"has the character {wrong!r} (letters, digits, `-`, `_` and `.` are allowed)"
