"""Whether what one function answers can be what another takes: by their schemas, as far as these say it for certain.

Only what can never fit is a mistake. What may or may not fit is found out by the call.
"""

from __future__ import annotations

import json
from typing import Any

from wasaga._table import Parameter

_ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_DEPTH_MAX = 16
"""Types hold themselves, and deeper than this nobody has looked for a mistake."""


def misfit(answered: str, parameter: Parameter, *, is_array: bool = False) -> str | None:
    """Say why an answer of a schema can never be a parameter, as the rest of a sentence; None where it may.

    Args:
        answered: the schema of the answer, a JSON text.
        parameter: what takes it, or a part of it.
        is_array: whether an array of such answers is taken, as from a fan-out.
    """
    answer, wanted = json.loads(answered), json.loads(parameter.schema)
    roots = (answer, wanted)
    if is_array:
        answer = {"type": "array", "items": answer}
    for key in (parameter.origin.at or "").split("/")[1:]:
        answer = part(answer, key.replace("~1", "/").replace("~0", "~"), roots[0])
        if answer is None:
            return f"has no part `{parameter.origin.at}`"
    return _differ(answer, wanted, roots, 0)


def _differ(answer: Any, wanted: Any, roots: tuple[Any, Any], depth: int) -> str | None:
    answer, wanted = _resolve(answer, roots[0]), _resolve(wanted, roots[1])
    gives, takes = kinds(answer, roots[0], depth), kinds(wanted, roots[1], depth)
    if not gives & takes:
        return f"is {_said(gives)}, and what is wanted is {_said(takes)}"
    if gives == takes == {"object"} and depth < _DEPTH_MAX:
        return _objects(answer, wanted, roots, depth)
    return None


def _objects(answer: Any, wanted: Any, roots: tuple[Any, Any], depth: int) -> str | None:
    there, asked = answer.get("properties"), wanted.get("properties", {})
    if there is None or answer.get("additionalProperties"):
        return None
    for name in wanted.get("required", ()):
        if name not in there:
            return f"has no field `{name}`, which is wanted"
        if wrong := _differ(there[name], asked.get(name, True), roots, depth + 1):
            return f"has a field `{name}`, which {wrong}"
    return None


def part(schema: Any, key: str, root: Any) -> Any:
    """Give the schema of a part; None where there is no such part for certain, True where nothing is known."""
    schema = _resolve(schema, root)
    if not isinstance(schema, dict) or "anyOf" in schema:
        return True
    of = kinds(schema, root)
    if "object" in of and "properties" in schema:
        return schema["properties"].get(key, schema.get("additionalProperties"))
    if "object" in of:
        return schema.get("additionalProperties", True)
    if "array" in of:
        return schema.get("items", True) if key.isdecimal() and "prefixItems" not in schema else True
    return None


def _resolve(schema: Any, root: Any) -> Any:
    for _ in range(_DEPTH_MAX):
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        name = schema["$ref"].removeprefix("#/$defs/")
        schema = root.get("$defs", {}).get(name, True) if isinstance(root, dict) else True
    return True


def kinds(schema: Any, root: Any, depth: int = 0) -> frozenset[str]:
    """Give the kinds of JSON values that a schema allows."""
    schema = _resolve(schema, root)
    if not isinstance(schema, dict) or depth > _DEPTH_MAX:
        return _ALL
    if "anyOf" in schema:
        return frozenset().union(*(kinds(one, root, depth + 1) for one in schema["anyOf"]))
    if "enum" in schema:
        return frozenset(_kind(value) for value in schema["enum"])
    said = schema.get("type", _ALL)
    of = frozenset([said] if isinstance(said, str) else said)
    return of | {"integer"} if "number" in of else of


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _said(of: frozenset[str]) -> str:
    shown = of - {"integer"} if "number" in of else of
    words = [f"an {kind}" if kind[0] in "aio" else "null" if kind == "null" else f"a {kind}" for kind in sorted(shown)]
    return " or ".join(words)
