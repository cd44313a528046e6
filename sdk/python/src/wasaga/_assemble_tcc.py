"""Puts a TCC together from decorated functions or classes, and says all that is wrong with it at once."""

from __future__ import annotations

from dataclasses import replace

from wasaga._draft import Assembler, Draft, Found
from wasaga._input import input_schema
from wasaga._operation import Operation
from wasaga._rule import PARTICIPANT, NoSourceError, Place, node_id
from wasaga._signature import Signature
from wasaga._table import Action, Parameter, Participant, Tcc
from wasaga._types import first_paragraph
from wasaga.settings import Reader


def assemble(draft: Draft) -> Tcc:
    """Make a TCC.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
    """
    assembler = _Assembler(draft)
    tcc = assembler.tcc()
    assembler.end()
    return tcc


class _Assembler(Assembler):
    def __init__(self, draft: Draft) -> None:
        super().__init__("tcc", PARTICIPANT, draft)
        self._orders: dict[str, int] = {}
        self._outputs: dict[str, str | None] = {}
        self._taken: list[tuple[Operation, tuple[Parameter, ...]]] = []

    def tcc(self) -> Tcc:
        draft = self.draft
        reader = Reader(draft.settings, self.of_whole)
        self.check_names()
        self._orders = {found.id: Reader(found.mark.settings, self.of(found)).order() for found in self.nodes}
        confirms, cancels = self._settled("confirm"), self._settled("cancel")
        participants = {}
        for found in self.nodes:
            confirm, cancel = confirms.get(found.id), cancels.get(found.id)
            if provider := Reader(found.mark.settings, self.of(found)).text("provider"):
                self._refuse_settled(provider, [of for of in (confirm, cancel) if of is not None])
                participants[found.id] = self._participant(found, found, found)
            elif confirm is None or cancel is None:
                self._missing(found, [("confirm", confirm), ("cancel", cancel)])
            else:
                participants[found.id] = self._participant(found, confirm, cancel)
        self._fit()
        schema = input_schema(self._taken, self.complain)
        return Tcc(
            draft.name,
            first_paragraph(draft.doc),
            schema,
            reader.span("deadline"),
            self.labels(self._taken, schema),
            participants,
            draft.module,
            draft.place,
        )

    def _fit(self) -> None:
        """Look for parameters that what they are taken from can never be."""
        for operation, parameters in self._taken:
            for parameter in parameters:
                is_output = parameter.origin.kind == "step-output"
                self.misfit(operation, parameter, self._outputs.get(parameter.origin.name) if is_output else None)

    def _settled(self, kind: str) -> dict[str, Found]:
        """Find out which confirm, or which cancel, is of which participant."""
        settled: dict[str, Found] = {}
        for found in self.draft.found:
            if found.mark.kind != kind:
                continue
            of = found.mark.settings.get("of")
            try:
                if found.of is not None and of is not None:
                    raise NoSourceError("stands in its participant, and so is of no other (leave `of` out)")
                if found.of is None and of is None:
                    raise NoSourceError(f"does not say which participant it is of (write `@{kind}(of=…)`)")
                id_ = node_id(found.of or of, self.ids, PARTICIPANT)
            except NoSourceError as wrong:
                self.of(found)(f"`of` {wrong}" if of is not None else str(wrong))
                continue
            if id_ in settled:
                self.of(found)(f"participant `{id_}` has a {kind} already, `{settled[id_].shown}`")
            settled.setdefault(id_, found)
        return settled

    def _refuse_settled(self, provider: str, settled: list[Found]) -> None:
        for of in settled:
            self.of(of)(f"module `{provider}` confirms and cancels its participant (remove this)")

    def _missing(self, found: Found, settled: list[tuple[str, Found | None]]) -> None:
        for kind, there in settled:
            if there is None:
                remedy = f"a method `{kind}`" if found.cls else f"one with `@{kind}(of={found.mark.name})`"
                self.of(found)(f"has no {kind} (write {remedy})")

    def _participant(self, found: Found, confirm: Found, cancel: Found) -> Participant:
        reader = Reader(found.mark.settings, self.of(found))
        parameters: dict[str, Parameter] = {}
        actions = {}
        for operation, of in (("try", found), ("confirm", confirm), ("cancel", cancel)):
            # One of another module is its try alone, and the three are called with the same arguments.
            signature = self.signature(of, Place("try" if of is found else operation, self.ids, found.id))
            self._join(parameters, found.id, of, signature)
            called = self.operation(of, signature)
            if operation == "try":
                self._outputs[found.id] = signature.output_schema
            self._taken.append((called, signature.parameters))
            # What is said of a try is of the try alone.
            said = of.mark.settings if operation == "try" or of is not found else {}
            settings = Reader(said, self.of(of))
            actions[operation] = Action(settings.limits(), called)
        return Participant(
            found.id,
            first_paragraph(found.doc),
            self._orders[found.id],
            reader.flag("optional"),
            tuple(parameters.values()),
            actions["try"],
            actions["confirm"],
            actions["cancel"],
            reader.text("provider"),
        )

    def _join(self, parameters: dict[str, Parameter], own: str, found: Found, signature: Signature) -> None:
        """Add an operation's parameters to the participant's: they are bound once, for all three."""
        for of in signature.parameters:
            if of.origin.kind == "step-output" and self._orders[of.origin.name] >= self._orders[own]:
                what = f"`{of.origin.name}` is not tried before this participant (give it a lower `order`)"
                self.of(found)(f"parameter `{of.name}`: {what}")
            known = parameters.setdefault(of.name, of)
            if known.origin != of.origin:
                what = "comes from elsewhere in another function of this participant (they share their arguments)"
                self.of(found)(f"parameter `{of.name}` {what}")
            elif of.required and not known.required:
                parameters[of.name] = replace(known, required=True)
