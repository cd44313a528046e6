"""Models of pydantic, where it is there. Nothing here imports it: a model knows its own way.

What can be built into a component: pydantic 1 is pure Python, and can. pydantic 2 rests on `pydantic-core`,
a native wheel for the machine it runs on, and nobody publishes one for WASI; so its models work natively,
in tests, and in a component as soon as there is a wheel.
"""

from __future__ import annotations

import json
from typing import Any

from wasaga._types.codec import Codec, Definitions, Mismatch, Schema, given


def is_model(kind: Any) -> bool:
    """Whether a class is a model of pydantic, 2 or 1."""
    return _is_second(kind) or (hasattr(kind, "__fields__") and hasattr(kind, "parse_obj"))


def _is_second(kind: Any) -> bool:
    return hasattr(kind, "__pydantic_validator__") and hasattr(kind, "model_json_schema")


def model(kind: Any) -> Codec:
    """Make the codec of a model: its own validation, its own JSON, its own schema."""
    validate = kind.model_validate if _is_second(kind) else kind.parse_obj

    def decode(value: Any) -> Any:
        try:
            return validate(value)
        except ValueError as refused:
            raise _mismatch(refused) from None

    def encode(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Mismatch(f"expected a {kind.__name__}, not {given(value)}")
        whole: Any = value
        return (
            whole.model_dump(mode="json", by_alias=True) if _is_second(kind) else json.loads(whole.json(by_alias=True))
        )

    def schema(definitions: Definitions) -> Schema:
        return definitions.refer(kind, kind.__name__, lambda: _own(kind, definitions))

    fields = kind.model_fields if _is_second(kind) else kind.__fields__
    keys = frozenset(field.alias or name for name, field in fields.items())
    return Codec(kind.__name__, decode, encode, schema, lambda v: isinstance(v, kind), rank=45, record=keys)


def _own(kind: Any, definitions: Definitions) -> Schema:
    second = _is_second(kind)
    whole: dict[str, Any] = kind.model_json_schema() if second else kind.schema(ref_template="#/$defs/{model}")
    # Its references are by name, as ours are; a name that we use already keeps our meaning.
    for name, schema in whole.pop("$defs" if second else "definitions", {}).items():
        definitions.schemas.setdefault(name, schema)
    return whole


def _mismatch(refused: Any) -> Mismatch:
    first = refused.errors()[0] if hasattr(refused, "errors") else {"msg": str(refused), "loc": ()}
    mismatch = Mismatch(str(first["msg"]))
    for key in reversed(first["loc"]):
        mismatch.under(key)
    return mismatch
