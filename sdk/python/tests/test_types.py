"""Types: from JSON, to JSON, and their schemas."""

import enum
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict, Union
from uuid import UUID

import jsonschema
import pydantic
import pytest

from wasaga import Bounds
from wasaga._types import Mismatch, Types, Unsupported, document


class Colour(enum.Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Line:
    """One of several."""

    sku: str
    price: Decimal
    colour: Colour = Colour.RED


@dataclass
class Card:
    kind: Literal["card"]
    number: str


@dataclass
class Transfer:
    kind: Literal["transfer"]
    iban: str


@dataclass
class Tree:
    name: str
    children: list["Tree"] = field(default_factory=list)


@dataclass
class Renamed:
    from_: str = field(metadata={"name": "from", "description": "Where it begins."})
    total: int = field(init=False, default=0)


@dataclass
class Checked:
    a: int

    def __post_init__(self) -> None:
        if self.a == 13:
            raise ValueError("13 is unlucky")


class Point(NamedTuple):
    x: int
    y: float


class Options(TypedDict):
    """How it is done."""

    fast: bool
    name: NotRequired[str]
    maybe: str | None


UserId = NewType("UserId", int)

ROUND_TRIPS: list[tuple[Any, Any, Any]] = [
    (str, "a\u00e9", "a\u00e9"),
    (int, 2**70, 2**70),
    (float, 0.5, 0.5),
    (bool, True, True),
    (None, None, None),
    (UserId, 7, 7),
    (Colour, "blue", Colour.BLUE),
    (Level, 2, Level.HIGH),
    (datetime, "2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
    (date, "2026-11-23", date(2026, 11, 23)),
    (time, "10:30:00", time(10, 30)),
    (UUID, "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    (Decimal, "12.30", Decimal("12.30")),
    (Literal["a", 1, None], 1, 1),
    (list[int], [1, 2], [1, 2]),
    (set[str], ["a", "b"], {"a", "b"}),
    (frozenset[int], [1], frozenset({1})),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
    (tuple[()], [], ()),
    (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
    (dict[Colour, int], {"red": 1}, {Colour.RED: 1}),
    (Point, [1, 2.5], Point(1, 2.5)),
    (Optional[int], None, None),
    (int | None, 3, 3),
    (Union[int, str], "3", "3"),
    (int | float, 3, 3),
    (datetime | str, "2026-11-23T10:00:00+01:00", datetime.fromisoformat("2026-11-23T10:00:00+01:00")),
    (date | datetime, "2026-11-23", date(2026, 11, 23)),
    (datetime | str, "tomorrow", "tomorrow"),
    (Card | Transfer, {"kind": "transfer", "iban": "x"}, Transfer("transfer", "x")),
    (list[Card] | list[int], [1, 2], [1, 2]),
    (Line, {"sku": "t", "price": "1.10", "colour": "blue"}, Line("t", Decimal("1.10"), Colour.BLUE)),
    (Options, {"fast": True, "maybe": None}, {"fast": True, "maybe": None}),
    (Renamed, {"from": "here", "total": 0}, None),
    (Tree, {"name": "a", "children": [{"name": "b", "children": []}]}, Tree("a", [Tree("b")])),
    (Annotated[int, Bounds(ge=1), "more"], 1, 1),
    (Any, {"a": [1, None, "x", {"b": 0.5}]}, {"a": [1, None, "x", {"b": 0.5}]}),
    (dict, {"a": 1}, {"a": 1}),
    (list, [1, "a"], [1, "a"]),
]


@pytest.mark.parametrize(("hint", "plain", "value"), ROUND_TRIPS, ids=lambda of: str(of)[:30])
def test_both_ways(hint: Any, plain: Any, value: Any) -> None:
    codec = Types().codec(hint)
    read = codec.decode(plain)
    if value is not None:
        assert read == value
        assert type(read) is type(value)
    assert codec.encode(read) == plain
    schema = document(codec)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(plain)
    assert json.loads(json.dumps(schema)) == schema


REFUSED: list[tuple[Any, Any, str]] = [
    (str, 7, "expected a string, not the number 7"),
    (str, None, "expected a string, not null"),
    (int, True, "expected an integer, not true"),
    (int, 1.5, "expected an integer, not the number 1.5"),
    (float, "1", "expected a number, not the string '1'"),
    (bool, 1, "expected true or false, not the number 1"),
    (Colour, "green", "expected one of 'red', 'blue', not the string 'green'"),
    (Level, True, "expected one of 1, 2, not true"),
    (datetime, "2026-11-23", "expected a date and time such as \"2026-11-23T10:00:00Z\", not the string '2026-11-23'"),
    (UUID, "x", "expected a UUID, not the string 'x'"),
    (Decimal, "NaN", "expected a decimal number, not the string 'NaN'"),
    (Literal["a"], "b", "expected 'a', not the string 'b'"),
    (list[int], [1, "2"], "at /1: expected an integer, not the string '2'"),
    (list[int], {}, "expected an array, not an object"),
    (tuple[int, str], [1], "expected 2 elements, not 1"),
    (dict[str, int], {"a/b": "x"}, "at /a~1b: expected an integer, not the string 'x'"),
    (Line, {"sku": "t"}, "field `price` is missing"),
    (Line, {"sku": "t", "price": {}}, "at /price: expected a decimal number, not an object"),
    (Line | None, {"sku": 1, "price": "1"}, "at /sku: expected a string, not the number 1"),
    (int | list[int], "x", "expected int | list[int], not the string 'x'"),
    (Card | Transfer, {"kind": "cash"}, "at /kind: expected 'card' or 'transfer', not the string 'cash'"),
    (Checked, {"a": 13}, "13 is unlucky"),
    (Tree, {"name": "a", "children": [{"name": 1}]}, "at /children/0/name: expected a string, not the number 1"),
    (Annotated[int, Bounds(ge=0)], -1, "-1 is less than the minimum of 0"),
    (Annotated[str, Bounds(min_length=2)], "a", "'a' has fewer than 2 characters"),
    (Annotated[list[int], Bounds(max_length=1)], [1, 2], "[1, 2] has more than 1 elements"),
]


@pytest.mark.parametrize(("hint", "plain", "message"), REFUSED, ids=lambda of: str(of)[:30])
def test_what_does_not_fit_is_told_with_its_place(hint: Any, plain: Any, message: str) -> None:
    with pytest.raises(Mismatch) as refused:
        Types().codec(hint).decode(plain)
    assert str(refused.value) == message


LOOP: list[Any] = []
LOOP.append({"again": LOOP})

UNWRITABLE: list[tuple[Any, Any, str]] = [
    (str, 7, "expected a str, not the int 7"),
    (int, "7", "expected an int, not the str '7'"),
    (int, True, "expected an int, not the bool True"),
    (float, float("nan"), "nan is no number in JSON (return None, or a string, for what has no value)"),
    (list[float], [1.0, float("-inf")], "at /1: -inf is no number in JSON"),
    (Line, {"sku": "t"}, "expected a Line, not a dict"),
    (Line, Line("t", 1), "at /price: expected a Decimal, not the int 1"),  # type: ignore[arg-type]
    (Options, {"maybe": None}, "key `fast` of Options is missing"),
    (Options, {"fast": True, "maybe": None, "x": 1}, "Options has no key `x`"),
    (None, 0, "expected None, not the int 0"),
    (int | None, "x", "expected int | None, not the str 'x'"),
    (Any, {"a": [b"x"]}, "at /a/0: bytes have no form in JSON (use str, with base64 or hex)"),
    (Any, {"a": {1: 2}}, "at /a: the key 1 is the int 1, and keys in JSON are strings"),
    (Any, LOOP, "at /0/again: the list contains itself, so it has no end in JSON"),
    (Any, {"a": object()}, "at /a: a plain object cannot be JSON"),
    (Any, print, "`builtin_function_or_method` has no form in JSON"),
    (Any, {"a": iter([])}, "at /a: a list_iterator is no value yet (make a list of it)"),
]


@pytest.mark.parametrize(("hint", "value", "message"), UNWRITABLE, ids=lambda of: str(of)[:30])
def test_what_cannot_be_written_is_told_with_its_place(hint: Any, value: Any, message: str) -> None:
    with pytest.raises(Mismatch) as refused:
        Types().codec(hint).encode(value)
    assert str(refused.value).startswith(message)


UNSUPPORTED: list[tuple[Any, str]] = [
    (bytes, "bytes have no form in JSON (use str, with base64 or hex)"),
    (complex, "complex numbers have no form in JSON"),
    (dict[int, str], "keys in JSON are strings (use dict[str, …])"),
    (list[bytes], "bytes have no form in JSON"),
    (type("Plain", (), {}), "`Plain` has no form in JSON (make it a dataclass, a TypedDict or an Enum, or use Any; or"),
    (Literal[b"x"], "has no form in JSON (use strings, ints or bools)"),
    (type[int], "has no form in JSON"),
]


@pytest.mark.parametrize(("hint", "message"), UNSUPPORTED, ids=lambda of: str(of)[:30])
def test_what_has_no_form_in_json_is_told_with_the_remedy(hint: Any, message: str) -> None:
    with pytest.raises(Unsupported) as refused:
        Types().codec(hint)
    assert message in str(refused.value)


def test_a_field_that_has_no_form_is_named() -> None:
    @dataclass
    class Bad:
        raw: bytes

    with pytest.raises(Unsupported, match=r"`Bad\.raw`: bytes have no form"):
        Types().codec(Bad)


def test_schemas() -> None:
    assert document(Types().codec(Line | None)) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}],
        "$defs": {
            "Line": {
                "description": "One of several.",
                "type": "object",
                "properties": {
                    "sku": {"type": "string"},
                    "price": {
                        "anyOf": [
                            {"type": "string", "pattern": r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"},
                            {"type": "number"},
                        ]
                    },
                    "colour": {"$ref": "#/$defs/Colour", "default": "red"},
                },
                "required": ["sku", "price"],
            },
            "Colour": {"description": "What it looks like.", "type": "string", "enum": ["red", "blue"]},
        },
    }
    tree = document(Types().codec(Tree))
    assert isinstance(tree, dict)
    assert tree["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Tree"}, "default": []}
    assert tree["title"] == "Tree"
    assert "Tree" in tree["$defs"]
    assert document(Types().codec(Annotated[int | None, Bounds(ge=0, lt=9)])) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": ["integer", "null"],
        "minimum": 0,
        "exclusiveMaximum": 9,
    }
    renamed = document(Types().codec(Renamed))
    assert isinstance(renamed, dict)
    assert renamed["properties"]["from"] == {"type": "string", "description": "Where it begins."}
    assert document(Types().codec(Any)) is True


def test_decimals_keep_their_digits() -> None:
    types = Types()
    assert not types.exact
    codec = types.codec(list[Decimal])
    assert types.exact
    assert codec.decode([Decimal("1.10"), 2, "3.000"]) == [Decimal("1.10"), Decimal(2), Decimal("3.000")]
    assert codec.encode([Decimal("1.10")]) == ["1.10"]
    assert types.any.decode({"a": [Decimal("0.5")]}) == {"a": [0.5]}


def test_models_of_pydantic() -> None:
    class Inner(pydantic.BaseModel):
        when: datetime

    class Model(pydantic.BaseModel):
        name: str
        count: int = pydantic.Field(ge=0)  # Written the same in pydantic 1 and 2.
        inner: Inner | None = None

    codec = Types().codec(Model)
    plain = {"name": "a", "count": 1, "inner": {"when": "2026-11-23T10:00:00+01:00"}}
    assert codec.encode(codec.decode(plain)) == plain
    with pytest.raises(Mismatch, match=r"at /count: (Input should be|ensure this value is) greater than or equal to 0"):
        codec.decode({"name": "a", "count": -1})
    schema = document(Types().codec(list[Model]))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate([plain])
