"""The document that `describe` answers: it fits its schema, says what the file says, and nothing that it does not."""

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import pytest
from test_guests import FILES, GUESTS, guest

import wasaga
from wasaga import (
    Fixed,
    FromCause,
    FromCompensation,
    FromHeader,
    FromItem,
    FromOutput,
    FromStep,
    FromVariable,
    Label,
    Retry,
    _document,
    _registry,
    cancel,
    compensation,
    confirm,
    participant,
    step,
    tcc,
)

CONTRACT = GUESTS.parent / "wit" / "0.1"
SCHEMA = json.loads((CONTRACT / "module.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def described(module: str) -> Any:
    """Describe a Python module, with the definitions of no other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_registry, "_sagas", _registry.sagas(module))
        patch.setattr(_registry, "_tccs", _registry.tccs(module))
        patch.setattr(_registry, "_modules", {name: of for name, of in _registry._modules.items() if name == module})
        document = json.loads(_document.text(_registry.describe(module)))
    VALIDATOR.validate(document)
    return document


def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> Any:
    (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module(name)
    try:
        return described(name)
    finally:
        del sys.modules[name]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_document_of_a_guest_fits_its_schema(file: Path) -> None:
    guest(file.stem)
    document = described(file.stem)
    assert document["sdk"].startswith("wasaga-python/")
    assert document.get("sagas") or document.get("tccs")


def test_the_schema_refuses_what_is_none() -> None:
    """Without this the tests above could not fail."""
    example = json.loads((CONTRACT / "module.example.json").read_text(encoding="utf-8"))
    VALIDATOR.validate(example)
    example["sagas"][0]["steps"][0]["arguments"]["sku"] = {"at": "/sku"}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(example)


def test_what_is_not_said_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = 'import wasaga\n\n@wasaga.step\ndef a(b: str): ...\n\nwasaga.saga("bare")\n'
    document = imported(tmp_path, monkeypatch, "bare", source)
    assert document.pop("sdk")
    assert document == {
        "wasaga": "0.1",
        "module": {"name": "bare"},
        "sagas": [
            {
                "name": "bare",
                "input": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
                "steps": [
                    {"id": "a", "arguments": {"b": {"input": "/b", "required": True, "schema": {"type": "string"}}}}
                ],
            }
        ],
    }


@wasaga.saga(
    "everything", deadline="2m", concurrency=3, policy="grouped-parallel", labels={"order": "id", "rush": "rush"}
)
class Everything:
    """Says everything."""

    @step(timeout="2s", retry=Retry(attempts=3, jitter=0))
    def reserve(self, id: str, rush: bool, lines: list[str]) -> dict[str, Any]:
        """Takes the goods."""
        return {}

    @compensation(of=reserve, critical=True, memory="1MiB")
    def release(
        self, output: Annotated[str | None, FromOutput("/shelf")], why: Annotated[Any, FromCause()]
    ) -> None: ...

    @step(each="lines", depends_on=[reserve], condition="input.rush", at_most_once=True, provider="other")
    def ship(
        self,
        line: Annotated[str, FromItem],
        shelf: Annotated[str | None, FromStep(reserve, at="/shelf")],
        tenant: Annotated[str | None, FromHeader("tenant")],
        limit: Annotated[int | None, FromVariable("limit")],
        rate: Annotated[float, Fixed(0.5)],
        none: Annotated[None, Fixed(None)],
    ) -> None: ...

    @compensation(of=ship)
    def recall(self, before: Annotated[Any, FromCompensation(reserve)]) -> None: ...


def test_all_that_is_said_of_a_saga_stands_in_it() -> None:
    (saga,) = [saga for saga in described(__name__)["sagas"] if saga["name"] == "everything"]
    head = {name: value for name, value in saga.items() if name not in {"steps", "input"}}
    assert head == {
        "name": "everything",
        "description": "Says everything.",
        "labels": {"order": {"at": "/id"}, "rush": {"at": "/rush", "type": "flag"}},
        "policy": "grouped-parallel",
        "deadline_ms": 120_000,
        "concurrency": 3,
    }
    reserve, ship = saga["steps"]
    assert reserve["limits"] == {"timeout_ms": 2_000, "retry": {"attempts": 3, "jitter": 0.0}}
    assert list(reserve["arguments"]) == ["id", "rush", "lines"], "in the order of the parameters"
    assert reserve["compensation"] == {
        "name": "release",
        "arguments": {
            "output": {"own": "/shelf", "schema": {"type": ["string", "null"]}},
            "why": {"cause": "", "schema": True},
        },
        "limits": {"memory_bytes": 1 << 20},
        "critical": True,
    }
    assert {name: ship[name] for name in ("after", "if", "each", "at_most_once", "provided")} == {
        "after": ["reserve"],
        "if": "input.rush",
        "each": {"input": "/lines"},
        "at_most_once": True,
        "provided": "other",
    }
    sources = {name: {k: v for k, v in of.items() if k != "schema"} for name, of in ship["arguments"].items()}
    assert sources == {
        "line": {"item": "", "required": True},
        "shelf": {"step": "reserve", "at": "/shelf"},
        "tenant": {"header": "tenant"},
        "limit": {"variable": "limit"},
        "rate": {"literal": 0.5, "required": True},
        "none": {"literal": None},
    }
    assert ship["compensation"]["arguments"]["before"]["compensation"] == "reserve"


@tcc("both", labels={"count": Label("/deep/count", type="integer")})
class Both:
    @participant(order=1, optional=True, timeout="1s")
    def first(self, name: str) -> dict[str, str]:
        return {"x": name}

    @confirm(of=first, retry=Retry(delay="50ms"))
    def take(self, output: dict[str, str]) -> None: ...

    @cancel(of=first)
    def free(self) -> None: ...

    @participant(order=2, provider="bank")
    def second(self, first: dict[str, str], part: Annotated[str, FromStep("first", at="/x")] = "") -> None: ...


def test_all_that_is_said_of_a_tcc_stands_in_it() -> None:
    (both,) = [tcc for tcc in described(__name__)["tccs"] if tcc["name"] == "both"]
    assert both["labels"] == {"count": {"at": "/deep/count", "type": "integer"}}
    first, second = both["participants"]
    name = {"name": {"input": "/name", "required": True, "schema": {"type": "string"}}}
    assert first == {
        "id": "first",
        "order": 1,
        "optional": True,
        "arguments": name,
        "try": {"limits": {"timeout_ms": 1_000}},
        "confirm": {"limits": {"retry": {"delay_ms": 50}}},
    }
    assert (second["provided"], second["order"]) == ("bank", 2)
    assert second["arguments"]["first"]["participant"] == "first"
    assert second["arguments"]["part"]["at"] == "/x"
