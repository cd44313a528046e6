"""Types whose values are one JSON string, number, bool or null."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from wasaga._types.codec import Codec, Mismatch, Schema, found, given

_DIGITS_MAX = 4_300
"""Digits of a whole number, as Python has it for texts."""
_DECIMAL = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"


def _always(schema: Schema) -> Callable[[Any], Schema]:
    def same(_: Any) -> Schema:
        return dict(schema) if isinstance(schema, dict) else schema

    return same


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    raise Mismatch(f"expected a string, not {found(value)}")


def _write_string(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise Mismatch(f"expected a str, not {given(value)}")


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    # In JSON Schema 3.0 is an integer. A number of a million digits, `1e1000000`, is no value of anybody.
    if isinstance(value, Decimal) and abs(value.adjusted()) > _DIGITS_MAX:
        raise Mismatch(f"the number {value} has more than {_DIGITS_MAX} digits")
    if isinstance(value, (float, Decimal)) and value == value // 1:
        return int(value)
    raise Mismatch(f"expected an integer, not {found(value)}")


def _write_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise Mismatch(f"expected an int, not {given(value)}")


def _number(value: Any) -> float:
    if type(value) is float or (type(value) is int) or isinstance(value, Decimal):
        try:
            read = float(value)
        except OverflowError:
            read = math.inf
        if math.isfinite(read):
            return read
        raise Mismatch("the number is larger than a float can be (use Decimal)")
    raise Mismatch(f"expected a number, not {found(value)}")


def finite(value: float) -> float:
    """Refuse what JSON has no number for.

    Raises:
        Mismatch: it is NaN or infinite.
    """
    if math.isfinite(value):
        return value
    raise Mismatch(f"{value!r} is no number in JSON (return None, or a string, for what has no value)")


def _write_number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return finite(value)
    raise Mismatch(f"expected a float, not {given(value)}")


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise Mismatch(f"expected true or false, not {found(value)}")


def _write_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Mismatch(f"expected a bool, not {given(value)}")


def _null(value: Any) -> None:
    if value is not None:
        raise Mismatch(f"expected null, not {found(value)}")


def _write_none(value: Any) -> None:
    if value is not None:
        raise Mismatch(f"expected None, not {given(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


STRING = Codec("str", _string, _write_string, _always({"type": "string"}), lambda v: isinstance(v, str), rank=60)
INTEGER = Codec("int", _integer, _write_integer, _always({"type": "integer"}), lambda v: type(v) is int, rank=20)
NUMBER = Codec("float", _number, _write_number, _always({"type": "number"}), _is_number, rank=30)
BOOLEAN = Codec("bool", _boolean, _write_boolean, _always({"type": "boolean"}), lambda v: type(v) is bool, rank=10)
NULL = Codec("None", _null, _write_none, _always({"type": "null"}), lambda v: v is None, nullable=True, rank=0)


def _texts(
    kind: type, expected: str, read: Callable[[str], Any], write: Callable[[Any], str], schema: Schema, rank: int
) -> Codec:
    """Make the codec of a type that is a string in JSON."""

    def decode(value: Any) -> Any:
        if type(value) is not str:
            raise Mismatch(f"expected {expected}, not {found(value)}")
        try:
            return read(value)
        except ValueError:
            raise Mismatch(f"expected {expected}, not {found(value)}") from None

    def encode(value: Any) -> str:
        if isinstance(value, kind):
            return write(value)
        raise Mismatch(f"expected a {kind.__name__}, not {given(value)}")

    return Codec(kind.__name__, decode, encode, _always(schema), lambda v: isinstance(v, kind), rank=rank)


def _read_date(text: str) -> date:
    return date.fromisoformat(text)


def _read_datetime(text: str) -> datetime:
    # A date alone is no moment, though `fromisoformat` takes it.
    if "T" not in text and "t" not in text and " " not in text:
        raise ValueError(text)
    return datetime.fromisoformat(text)


DATETIME = _texts(
    datetime,
    'a date and time such as "2026-11-23T10:00:00Z"',
    _read_datetime,
    lambda v: v.isoformat().replace("+00:00", "Z"),
    {"type": "string", "format": "date-time"},
    35,
)
DATE = _texts(
    date,
    'a date such as "2026-11-23"',
    _read_date,
    lambda v: v.isoformat()[:10],
    {"type": "string", "format": "date"},
    36,
)
TIME = _texts(
    time,
    'a time such as "10:00:00"',
    time.fromisoformat,
    lambda v: v.isoformat(),
    {"type": "string", "format": "time"},
    37,
)
_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?"
)


def _read_duration(text: str) -> timedelta:
    read = _DURATION.fullmatch(text)
    parts = {name: part for name, part in read.groupdict().items() if part and name != "sign"} if read else {}
    if read is None or not parts or text.endswith("T"):
        raise ValueError(text)
    # Digits beyond the sixth are no part of a `timedelta`, and seconds are not rounded on the way.
    whole, _, micros = parts.pop("seconds", "0").partition(".")
    try:
        span = timedelta(**{name: int(part) for name, part in parts.items()})
        span += timedelta(seconds=int(whole), microseconds=int(micros.ljust(6, "0")))
    except OverflowError as error:
        raise ValueError(text) from error
    return -span if read["sign"] else span


def _write_duration(value: timedelta) -> str:
    if value < timedelta():
        return "-" + _write_duration(-value)
    days = f"{value.days}D" if value.days else ""
    micros = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    seconds = f"T{value.seconds}{micros}S" if value.seconds or micros or not days else ""
    return f"P{days}{seconds}"


DURATION = _texts(
    timedelta,
    'a span of time such as "PT1.5S" or "P2DT3H"',
    _read_duration,
    _write_duration,
    {"type": "string", "format": "duration"},
    38,
)
UNIQUE = _texts(UUID, "a UUID", UUID, str, {"type": "string", "format": "uuid"}, 38)


def _decimal(value: Any) -> Decimal:
    if type(value) is int or isinstance(value, Decimal):
        return Decimal(value)
    if type(value) is float:
        return Decimal(str(value))
    if type(value) is str:
        try:
            read = Decimal(value)
        except InvalidOperation:
            raise Mismatch(f"expected a decimal number, not {found(value)}") from None
        if read.is_finite():
            return read
    raise Mismatch(f"expected a decimal number, not {found(value)}")


def _write_decimal(value: Any) -> str:
    if not isinstance(value, Decimal):
        raise Mismatch(f"expected a Decimal, not {given(value)}")
    if not value.is_finite():
        raise Mismatch(f"{value} is no number in JSON")
    return str(value)


DECIMAL = Codec(
    "Decimal",
    _decimal,
    _write_decimal,
    # Written as a string, for most readers of JSON would make a float of a number.
    _always({"anyOf": [{"type": "string", "pattern": _DECIMAL}, {"type": "number"}]}),
    lambda v: isinstance(v, Decimal),
    rank=40,
)
