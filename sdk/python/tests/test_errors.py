"""Errors of the user's own classes, and numbers of any size in them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from kit import outcome

import wasaga
from wasaga import Pending, Rejected, Retryable, Unknown, _units, step
from wasaga.errors import Told

LONGEST = 30 * 24 * 3_600_000


class CardDeclined(Rejected):
    def __init__(self, card: str) -> None:
        self.card = card


@dataclass
class NoStock(Rejected):
    sku: str
    left: int = 0

    @property
    def message(self) -> str:  # type: ignore[override]
        return f"{self.left} of {self.sku} are left"


class Coded(Retryable):
    code = "bank-busy"

    def __init__(self) -> None:
        self.after_ms = 10**30


@dataclass(frozen=True)
class Frozen(Unknown):
    why: Any


class Later(Pending):
    def __init__(self) -> None:
        pass


class Odd(Rejected):
    @property
    def code(self) -> str:  # type: ignore[override]
        raise ValueError("not even that")


@wasaga.saga("own-errors")
class OwnErrors:
    @step
    def work(self, what: str) -> None:
        match what:
            case "plain":
                raise CardDeclined("4111")
            case "dataclass":
                raise NoStock("tea", 2)
            case "coded":
                raise Coded
            case "frozen":
                raise Frozen(5)
            case "later":
                raise Later
            case "odd":
                raise Odd("x")
            case "after":
                raise Retryable("a", "b", after=10**17)
            case "digits":
                raise Retryable("a", "b", after=int("9" * 400))
            case "text":
                raise Unknown("a", "b", after="99999999999999999999999h")
            case "span":
                raise Unknown("a", "b", after=timedelta.max)
            case "poll":
                raise Pending(10**17)
            case "past":
                raise Unknown("a", "b", after=-5)
            case "long past":
                raise Retryable("a", "b", after=timedelta.min)
            case "nan":
                raise Retryable("a", "b", after=float("nan"))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("plain", Told("rejected", "card-declined", "4111", None, None)),
        ("dataclass", Told("rejected", "no-stock", "2 of tea are left", None, None)),
        ("coded", Told("retryable", "bank-busy", "", None, LONGEST)),
        ("frozen", Told("unknown", "frozen", "5", None, None)),
        ("later", Told("pending", "later", "", None, None)),
        ("odd", Told("rejected", "error", "", None, None)),
    ],
)
def test_a_class_that_does_not_call_the_base(what: str, expected: Told) -> None:
    """U7: it had no code, so the call trapped, was unknown, retried and undone."""
    assert outcome("own-errors", "work", what=what) == expected


@pytest.mark.parametrize("what", ["after", "digits", "text", "span", "poll"])
def test_a_wait_that_no_clock_holds(what: str) -> None:
    """U10: it overflowed the contract's number, which was a trap."""
    told = outcome("own-errors", "work", what=what)
    assert told.after_ms == LONGEST
    assert told.kind == {"poll": "pending", "text": "unknown", "span": "unknown"}.get(what, "retryable")


@pytest.mark.parametrize("what", ["past", "long past", "nan"])
def test_a_wait_that_is_over(what: str) -> None:
    """U10: it was a `ValueError` in the place of the error that was meant."""
    assert outcome("own-errors", "work", what=what).after_ms == 0


@pytest.mark.parametrize("value", [10**17, int("9" * 400), "9" * 400 + "h", "1000000h", timedelta.max, 1e300])
def test_a_setting_that_no_clock_holds(value: Any) -> None:
    """U10: told where it is written."""
    with pytest.raises(ValueError, match="is longer than 100 years"):
        _units.milliseconds(value)


def test_other_settings_that_nothing_holds() -> None:
    """U10: a multiplier, a size, a number of calls."""
    for size in (10**30, "9" * 400 + "GiB"):
        with pytest.raises(ValueError, match="is more memory than there is"):
            _units.size_bytes(size)
    with pytest.raises(wasaga.DefinitionError, match="multiplier"):

        @wasaga.saga("too-large")
        class TooLarge:
            @step(retry=wasaga.Retry(multiplier=10**400))
            def work(self) -> None: ...

    with pytest.raises(wasaga.DefinitionError, match="instance_calls"):
        wasaga.module(instance_calls=1 << 32)
