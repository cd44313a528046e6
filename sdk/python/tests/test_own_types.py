"""Classes of the user's: derived, generic, recursive, of attrs, told apart by a tag, with a form of their own."""

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, Required, TypedDict, TypeVar

import attrs
import jsonschema
import pytest
from typing_extensions import TypeAliasType

from wasaga import Bounds, json_as
from wasaga._types import Mismatch, Types, Unsupported, document

T = TypeVar("T")
N = TypeVar("N", bound=int)


@dataclass
class Base:
    id: str


@dataclass
class Card(Base):
    number: str


@dataclass
class Same(Base):
    """Nothing of its own."""


@dataclass
class Node:
    name: str
    parent: "Node | None" = None
    pair: "tuple[Node, int] | None" = None


class Branch(NamedTuple):
    name: str
    below: "list[Branch]"


@dataclass
class Page(Generic[T]):
    items: list[T]
    next: "Page[T] | None" = None


@dataclass
class Prices(Page[Decimal], Generic[N]):
    rate: N | None = None


class Box(TypedDict, Generic[T]):
    inner: T


@dataclass
class Circle:
    kind: Literal["circle"]
    r: float


@dataclass
class Square:
    kind: Literal["square"]
    side: float
    note: str = ""


@attrs.define
class Parcel:
    weight: int
    _hidden: str = "none"
    tags: list[str] = attrs.field(factory=list)
    double: int = attrs.field(init=False, default=2)


class Money:
    def __init__(self, text: str) -> None:
        amount, _, self.currency = text.partition(" ")
        self.cents = int(Decimal(amount) * 100)

    def __str__(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02} {self.currency}"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]


json_as(Money, Annotated[str, Bounds(max_length=20)], read=Money, write=str)


def both_ways(hint: Any, plain: Any, value: Any) -> None:
    codec = Types().codec(hint)
    assert codec.decode(plain) == value
    assert type(codec.decode(plain)) is type(value)
    assert codec.encode(value) == plain
    schema = document(codec)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(plain)


@pytest.mark.parametrize("hint", [Base | Card, Card | Base, Base | Card | None, list[Base] | list[Card]])
def test_a_derived_class_keeps_its_fields(hint: Any) -> None:
    """U4: a union wrote a `Card` as the `Base` that it is as well, and its number was gone."""
    codec = Types().codec(hint)
    one = hint in (list[Base] | list[Card],)
    value: Any = [Card("a", "4111")] if one else Card("a", "4111")
    plain: Any = [{"id": "a", "number": "4111"}] if one else {"id": "a", "number": "4111"}
    assert codec.encode(value) == plain
    assert one or codec.decode(plain) == value  # Of two lists the first that fits is read.
    base: Any = [Base("a")] if one else Base("a")
    assert codec.decode(codec.encode(base)) == base


def test_a_field_that_would_be_lost_is_told() -> None:
    """U4: where the hint names the base alone, nothing is dropped without a word."""
    with pytest.raises(Mismatch, match=r"a Card has `number`, which Base has not \(write `Base \| Card`\)"):
        Types().codec(Base).encode(Card("a", "4111"))
    assert Types().codec(Base).encode(Same("a")) == {"id": "a"}


def test_types_that_hold_themselves() -> None:
    """U12: with a default, as a tuple and as an alias."""
    both_ways(
        Node, {"name": "a", "parent": {"name": "b", "parent": None, "pair": None}, "pair": None}, Node("a", Node("b"))
    )
    tree = {"name": "a", "parent": None, "pair": [{"name": "b", "parent": None, "pair": None}, 1]}
    both_ways(Node, tree, Node("a", None, (Node("b"), 1)))
    both_ways(Branch, ["a", [["b", []]]], Branch("a", [Branch("b", [])]))


def test_a_recursive_alias() -> None:
    """U12: `type Json = …` of Python 3.12 ended without a text; the old way is told what to write."""

    late: Any = type("TypeAliasType", (), {"__name__": "Tree"})()
    # As `type Tree = dict[str, Tree]` has it, which Python 3.11 cannot read.
    type(late).__value__ = property(lambda self: dict[str, self])
    both_ways(late, {"a": {"b": {}}}, {"a": {"b": {}}})
    plain = TypeAliasType("plain", list[int])  # type: ignore[misc]
    both_ways(plain, [1], [1])
    with pytest.raises(Unsupported, match=r"`type Old = …`"):
        Types().codec(Sequence["Old"])  # type: ignore[name-defined]  # noqa: F821


def test_generic_classes() -> None:
    """U12: a generic dataclass was told to be a dataclass."""
    both_ways(Page[int], {"items": [1], "next": {"items": [2], "next": None}}, Page([1], Page([2])))
    both_ways(Page[Base], {"items": [{"id": "a"}], "next": None}, Page([Base("a")]))
    both_ways(Prices[int], {"items": ["1.10"], "next": None, "rate": 2}, Prices([Decimal("1.10")], None, 2))
    both_ways(Page, {"items": [{"any": 1}], "next": None}, Page([{"any": 1}]))
    both_ways(Box[int], {"inner": 1}, {"inner": 1})
    with pytest.raises(Mismatch, match="at /items/0: expected an integer"):
        Types().codec(Page[int]).decode({"items": ["a"]})
    schema = document(Types().codec(list[Page[int] | Page[str]]))
    assert isinstance(schema, dict)
    assert set(schema["$defs"]) == {"Page_int", "Page_str"}


def test_a_tag_tells_the_types_of_a_union_apart() -> None:
    hint = Circle | Square
    both_ways(hint, {"kind": "square", "side": 1.0, "note": ""}, Square("square", 1.0))
    for plain, message in [
        ({"kind": "square", "r": 1.0}, "field `side` is missing"),
        ({"kind": "line"}, "at /kind: expected 'circle' or 'square', not the string 'line'"),
        ({"r": 1.0}, "field `kind` is missing"),
    ]:
        with pytest.raises(Mismatch) as refused:
            Types().codec(hint).decode(plain)
        assert str(refused.value) == message
    assert Types().codec(hint | dict[str, int]).decode({"side": 1}) == {"side": 1}


def test_spans_of_time() -> None:
    for text, value in [
        ("PT1.5S", timedelta(seconds=1.5)),
        ("P2DT60S", timedelta(days=2, minutes=1)),
        ("PT0S", timedelta()),
        ("-P1D", timedelta(days=-1)),
    ]:
        both_ways(timedelta, text, value)
    assert Types().codec(timedelta).decode("P1W2DT3H4M5.000001S") == timedelta(9, 5, 1, 0, 4, 3)
    for wrong in ("P", "PT", "1s", "P1Y", f"P{'9' * 30}D", 5):
        with pytest.raises(Mismatch, match="expected a span of time such as"):
            Types().codec(timedelta).decode(wrong)


def test_classes_of_attrs() -> None:
    plain = {"weight": 1, "_hidden": "x", "tags": ["a"], "double": 2}
    both_ways(Parcel, plain, Parcel(1, "x", ["a"]))
    assert Types().codec(Parcel).decode({"weight": 1}) == Parcel(1)
    with pytest.raises(Mismatch, match="field `weight` is missing"):
        Types().codec(Parcel).decode({})
    schema = document(Types().codec(Parcel))
    assert isinstance(schema, dict)
    assert schema["properties"]["tags"]["default"] == []


def test_a_type_with_a_form_of_its_own() -> None:
    both_ways(Money, "5.90 EUR", Money("5.90 EUR"))
    assert Types().any.encode({"a": Money("1.00 EUR")}) == {"a": "1.00 EUR"}
    assert document(Types().codec(list[Money]))["items"] == {"type": "string", "maxLength": 20}  # type: ignore[index]
    for wrong in ("much", 5, "9" * 30):
        with pytest.raises(Mismatch):
            Types().codec(Money).decode(wrong)
    with pytest.raises(TypeError, match="`json_as` is for a class"):
        json_as("Money", str, read=Money, write=str)  # type: ignore[arg-type]


LATE = """
from __future__ import annotations
from typing import NotRequired, Required, TypedDict

class Half(TypedDict, total=False):
    must: Required[int]
    may: int

class Options(Half):
    fast: bool
    name: NotRequired[str]
"""


def test_marks_of_keys_under_future_annotations(tmp_path: Path) -> None:
    """U14: `NotRequired` became required where hints are texts."""
    (tmp_path / "late_hints.py").write_text(LATE, encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        late = importlib.import_module("late_hints")
    finally:
        sys.path.pop(0)
    schema = document(Types().codec(late.Options))
    assert isinstance(schema, dict)
    assert sorted(schema["required"]) == ["fast", "must"]
    assert Types().codec(late.Options).decode({"fast": True, "must": 1}) == {"fast": True, "must": 1}


class Marked(TypedDict):
    a: Annotated[NotRequired[int], Bounds(ge=0)]
    b: Required[int]


def test_a_mark_within_an_annotation() -> None:
    schema = document(Types().codec(Marked))
    assert isinstance(schema, dict)
    assert schema["required"] == ["b"]


def test_numbers_that_nothing_holds() -> None:
    """U10: from a partner or an input, they are refused with a place, and no exception of Python's comes out."""
    for hint, text in [(float, "1e400"), (float, "9" * 400), (int, "1e1000000"), (int, "1e999999999")]:
        value = json.loads(text, parse_float=Decimal)
        with pytest.raises(Mismatch, match=r"larger than a float|more than 4300 digits"):
            Types().codec(hint).decode(value)
