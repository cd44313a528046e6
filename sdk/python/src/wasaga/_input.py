"""The start input of a saga or a TCC: its schema, from the parameters that take it or parts of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasaga._json import write
from wasaga._rule import near

if TYPE_CHECKING:
    from wasaga._operation import Operation
    from wasaga._table import Parameter

Complain = Callable[[str, str], None]
"""Takes the place and name of a function, and what is wrong with it."""
_ELSE = "or say with `Annotated` where it comes from"


def input_schema(operations: list[tuple[Operation, tuple[Parameter, ...]]], complain: Complain) -> str | None:
    """Give the schema, as a JSON text, from what each operation takes.

    It is that of the first parameter that takes the whole input; where there is none, an object of
    the fields that are taken. A field that the whole does not have is a mistake.
    """
    taken = [(_owner(one), of) for one, parameters in operations for of in parameters if of.origin.kind == "input"]
    whole = next((of.schema for _, of in taken if of.origin.at is None), None)
    known = None if whole is None else _fields(json.loads(whole))
    for owner, of in taken:
        field = _field(of)
        if field is None or (known is not None and field in known):
            continue
        what = f"parameter `{of.name}` is the field `{field}` of the input"
        if known is not None:
            remedy = f"did you mean `{of.near}`?" if of.near else near(field, known)
            complain(owner, f"{what}, which the input does not have ({remedy}; {_ELSE})")
        elif of.near:
            complain(owner, f"{what}, and there is `{of.near}`, which is nearly of that name ({_ELSE})")
    return _of_fields([of for _, of in taken]) if whole is None else whole


def _owner(operation: Operation) -> str:
    return f"{operation.place}: `{operation.name}`"


def _field(parameter: Parameter) -> str | None:
    """Give the field of the input that a parameter lies in."""
    pointer = parameter.origin.at
    return pointer and pointer.split("/")[1].replace("~1", "/").replace("~0", "~")


def _fields(schema: Any) -> list[str] | None:
    """Give the fields that a schema lists; None where it is open."""
    is_open = not isinstance(schema, dict) or "properties" not in schema or "$ref" in schema or "anyOf" in schema
    return None if is_open else list(schema["properties"])


def _of_fields(parameters: list[Parameter]) -> str | None:
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    required: list[str] = []
    for parameter in parameters:
        field = _field(parameter)
        # Fields of fields are checked where they are bound.
        if field is None or parameter.origin.at is None or parameter.origin.at.count("/") > 1:
            continue
        schema = json.loads(parameter.schema)
        if isinstance(schema, dict):
            schema.pop("$schema", None)
            definitions |= schema.pop("$defs", {})
        if parameter.required and field not in required:
            required.append(field)
        properties.setdefault(field, schema)
    if not properties:
        return None
    whole: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if definitions:
        whole["$defs"] = definitions
    return write(whole)
