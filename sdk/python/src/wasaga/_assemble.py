"""Puts a saga together from decorated functions, and says all that is wrong with it at once."""

from __future__ import annotations

import graphlib

from wasaga._draft import Assembler, Draft, Found
from wasaga._input import input_schema
from wasaga._rule import STEP, NoSourceError, Place, node_id
from wasaga._signature import SignatureReader
from wasaga._table import Saga, Step, Undo
from wasaga._types import first_paragraph
from wasaga.settings import Reader


def assemble(draft: Draft) -> Saga:
    """Make a saga.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
    """
    assembler = _Assembler(draft)
    saga = assembler.saga()
    assembler.end()
    return saga


class _Assembler(Assembler):
    def __init__(self, draft: Draft) -> None:
        super().__init__("saga", STEP, draft)
        self._fans = {found.id for found in self.nodes if found.mark.settings.get("each") is not None}

    def saga(self) -> Saga:
        draft = self.draft
        reader = Reader(draft.settings, self.of_whole)
        self.check_names()
        undone = self._undone()
        steps = {found.id: self._step(found) for found in self.nodes}
        for id_, found in undone.items():
            steps[id_].undo = self._undo(found, id_, list(undone))
        taken = [(step.operation, step.parameters) for step in steps.values()]
        taken += [(step.undo.operation, step.undo.parameters) for step in steps.values() if step.undo]
        schema = input_schema(taken, self.complain)
        self._cycle(list(steps.values()))
        self._fit(steps)
        return Saga(
            draft.name,
            first_paragraph(draft.doc),
            schema,
            reader.policy(),
            reader.span("deadline"),
            reader.count("concurrency"),
            self.labels(taken, schema),
            steps,
            draft.module,
            draft.place,
        )

    def _undone(self) -> dict[str, Found]:
        """Find out which compensation undoes which step."""
        undone: dict[str, Found] = {}
        for found in self.draft.found:
            if found.mark.kind != "compensation":
                continue
            of = found.mark.settings.get("of")
            try:
                if of is None:
                    raise NoSourceError("does not say which step it undoes (write `@compensation(of=…)`)")
                id_ = node_id(of, self.ids, STEP)
            except NoSourceError as wrong:
                self.of(found)(f"`of` {wrong}" if of is not None else str(wrong))
                continue
            if id_ in undone:
                self.of(found)(f"step `{id_}` has a compensation already, `{undone[id_].shown}`")
            undone.setdefault(id_, found)
        return undone

    def _step(self, found: Found) -> Step:
        complain, settings = self.of(found), found.mark.settings
        reader = Reader(settings, complain)
        place = Place("step", self.ids, found.id, each=found.id in self._fans)
        signature = self.signature(found, place)
        each = settings.get("each")
        return Step(
            found.id,
            first_paragraph(found.doc),
            self._depends_on(found),
            signature.parameters,
            signature.output_schema,
            reader.text("condition"),
            None if each is None else SignatureReader(self.types, complain).each(each, place),
            reader.flag("at_most_once"),
            reader.limits(),
            self.operation(found, signature),
            provider=reader.text("provider"),
        )

    def _depends_on(self, found: Found) -> tuple[str, ...]:
        said = found.mark.settings.get("depends_on", ())
        names = [said] if isinstance(said, str) or callable(said) else list(said)
        ids = []
        for name in names:
            try:
                id_ = node_id(name, self.ids, STEP)
            except NoSourceError as wrong:
                self.of(found)(f"`depends_on` {wrong}")
                continue
            if id_ == found.id:
                self.of(found)("it cannot depend on itself")
            elif id_ not in ids:
                ids.append(id_)
        return tuple(ids)

    def _undo(self, found: Found, step: str, undoable: list[str]) -> Undo:
        reader = Reader(found.mark.settings, self.of(found))
        place = Place("compensation", self.ids, step, each=step in self._fans, undoable=undoable)
        signature = self.signature(found, place)
        return Undo(
            found.mark.name,
            signature.parameters,
            reader.limits(),
            reader.flag("critical"),
            self.operation(found, signature),
        )

    def _fit(self, steps: dict[str, Step]) -> None:
        """Look for parameters that what they are taken from can never be."""
        taking = [(step.id, step.operation, step.parameters) for step in steps.values()]
        taking += [(step.id, step.undo.operation, step.undo.parameters) for step in steps.values() if step.undo]
        for own, operation, parameters in taking:
            for parameter in parameters:
                named = parameter.origin.name if parameter.origin.kind == "step-output" else own
                step = steps.get(named)
                of_step = step is not None and parameter.origin.kind in {"step-output", "own-output"}
                is_array = parameter.origin.kind == "step-output" and named in self._fans
                self.misfit(operation, parameter, step.output_schema if step and of_step else None, is_array=is_array)

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
            self.of_whole(f"its steps wait for each other: {names}")
