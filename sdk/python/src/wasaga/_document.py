"""The document that `describe` answers: what a component says of itself, as contract 0.1 has it.

What a user did not say is left out, so that the host's default counts, and a later host's.
"""

from __future__ import annotations

import json
from typing import Any

from wasaga._json import write
from wasaga._table import Action, Description, Label, Limits, Origin, Parameter, Participant, Saga, Step, Tcc, Undo

VERSION = "0.1"
"""Of the document."""


def text(of: Description) -> str:
    """Write the document, a JSON text."""
    return write(document(of))


def document(of: Description) -> dict[str, Any]:
    """Give the document as plain JSON values."""
    module = {"name": of.name, "version": of.version, "description": of.description}
    asks = {"http": list(of.asks.http), "config": list(of.asks.config), "secrets": list(of.asks.secrets)}
    return {
        "wasaga": VERSION,
        "module": _said(module),
        **_said(
            {
                "sdk": of.sdk,
                "instances": _said({"calls": of.calls}),
                "asks": _said(asks),
                "sagas": [_saga(saga) for saga in of.sagas],
                "tccs": [_tcc(tcc) for tcc in of.tccs],
            }
        ),
    }


def _said(members: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not said: None, False, an empty text, an empty list, an empty object."""
    return {name: value for name, value in members.items() if value is not None and value not in (False, "", [], {})}


def _saga(of: Saga) -> dict[str, Any]:
    whole = {
        "name": of.name,
        "description": of.description,
        "labels": _labels(of.labels),
        "policy": of.policy,
        "deadline_ms": of.deadline_ms,
        "concurrency": of.concurrency,
    }
    steps = [_step(step) for step in of.steps.values()]
    return {**_said(whole), **_schema("input", of.input_schema), "steps": steps}


def _labels(of: dict[str, Label]) -> dict[str, Any]:
    return {name: {"at": label.at, **_said({"type": label.type})} for name, label in of.items()}


def _step(of: Step) -> dict[str, Any]:
    whole = {
        "id": of.id,
        "description": of.description,
        "after": list(of.depends_on),
        "provided": of.provider,
        "arguments": _arguments(of.parameters, "step"),
        "if": of.condition,
        "each": None if of.each is None else _source(of.each, "step"),
        "at_most_once": of.at_most_once,
        "limits": _limits(of.limits),
        "compensation": None if of.undo is None else _undo(of.undo),
    }
    return {**_said(whole), **_schema("output", of.output_schema)}


def _undo(of: Undo) -> dict[str, Any]:
    whole = {"arguments": _arguments(of.parameters, "step"), "limits": _limits(of.limits), "critical": of.critical}
    return {"name": of.name, **_said(whole)}


def _tcc(of: Tcc) -> dict[str, Any]:
    whole = {
        "name": of.name,
        "description": of.description,
        "labels": _labels(of.labels),
        "deadline_ms": of.deadline_ms,
    }
    participants = [_participant(one) for one in of.participants.values()]
    return {**_said(whole), **_schema("input", of.input_schema), "participants": participants}


def _participant(of: Participant) -> dict[str, Any]:
    whole = {
        "id": of.id,
        "description": of.description,
        "provided": of.provider,
        "order": of.order or None,
        "optional": of.optional,
        "arguments": _arguments(of.parameters, "participant"),
        "try": _operation(of.attempt),
        "confirm": _operation(of.confirm),
        "cancel": _operation(of.cancel),
    }
    return _said(whole)


def _operation(of: Action) -> dict[str, Any]:
    return _said({"limits": _limits(of.limits)})


def _arguments(of: tuple[Parameter, ...], node: str) -> dict[str, Any]:
    """Write arguments, in the order of the parameters."""
    return {
        one.name: {**_source(one.origin, node), **_said({"required": one.required}), **_schema("schema", one.schema)}
        for one in of
    }


def _source(of: Origin, node: str) -> dict[str, Any]:
    """Write where a value comes from; `node` says whether an output is a step's or a participant's."""
    match of.kind:
        case "input" | "item":
            return {of.kind: of.at or ""}
        case "own-output":
            return {"own": of.at or ""}
        case "step-output":
            return {node: of.name, **_said({"at": of.at})}
        case "variable" | "header":
            return {of.kind: of.name}
        case "compensation-output":
            return {"compensation": of.name}
        case "cause":
            return {"cause": ""}
        case _:
            return {"literal": json.loads(of.name)}


def _schema(name: str, of: str | None) -> dict[str, Any]:
    """Write a schema, without its dialect: the document has one for all."""
    if of is None:
        return {}
    schema = json.loads(of)
    if isinstance(schema, dict):
        schema.pop("$schema", None)
    return {name: schema}


def _limits(of: Limits) -> dict[str, Any]:
    retry = of.retry
    limits: dict[str, Any] = {
        "timeout_ms": of.timeout_ms,
        "total_timeout_ms": of.total_timeout_ms,
        "fuel": of.fuel,
        "memory_bytes": of.memory_bytes,
    }
    said = {name: value for name, value in limits.items() if value is not None}
    if retry is not None:
        every = {name: getattr(retry, name) for name in type(retry).__slots__}
        if told := {name: value for name, value in every.items() if value is not None}:
            said["retry"] = told
    return said
