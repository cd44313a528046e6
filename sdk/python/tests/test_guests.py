"""The guests of this repository, natively: what anyone would write beside a saga."""

import asyncio
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

import wasaga
from wasaga import Call, Forward, Rejected, Retryable, _registry

GUESTS = Path(wasaga.__file__).parents[4] / "guests"
FILES = sorted(GUESTS.glob("*/*.py"))


def guest(name: str) -> Any:
    sys.path.insert(0, str(GUESTS / name.replace("_", "-")))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_guest_has_its_twin_and_its_definitions(file: Path) -> None:
    assert (file.parent / "src" / "lib.rs").exists()
    assert file.stem == file.parent.name.replace("-", "_")
    guest(file.stem)
    assert _registry.sagas(file.stem) or _registry.tccs(file.stem)


def test_an_empty_order_is_refused() -> None:
    order = guest("order")
    with pytest.raises(Rejected) as refused:
        order.OrderSaga().validate(order.Order("o-1", "tea", 0, "good"), Call.sample())
    assert refused.value.code == "empty-order"


def test_the_price_is_for_all_items() -> None:
    order = guest("order")
    reserved = order.OrderSaga().reserve("tea", 2, None, Call.sample())
    assert reserved == order.Reservation("T3", 1180)


def test_flaky_work_succeeds_in_the_end() -> None:
    work = guest("flaky").Flaky().work
    with pytest.raises(Retryable):
        work(None, Call.sample())
    with pytest.raises(ConnectionError):
        work(None, Call.sample().with_attempt(2))
    assert work(None, Call.sample().with_attempt(3)) == 3


def test_what_is_held_is_taken_or_released() -> None:
    transfer = guest("transfer")
    of, call = transfer.Transfer(), Call.sample()
    with pytest.raises(Rejected, match="insufficient-funds"):
        of.debit("ada", transfer.BALANCE_CENTS + 1, None, call)
    hold = of.debit("ada", 500, None, call)
    assert of.take(hold, None, call) == 500
    assert of.release(hold, None, call) == "ada-500"
    assert of.release(None, None, call) is None
    assert not of.withdraw(Forward.unknown(), None, call)


def test_the_carrier_is_told_the_weight() -> None:
    order = guest("order_tcc")
    order.Inventory().try_("tea", 2, Call.sample())
    assert wasaga.context.variable("weight_g", int) == 500
    assert asyncio.run(order.Shipping().try_("1 Main Street", 500, Call.sample())) == "500 g to 1 Main Street"
    with pytest.raises(Rejected, match="no-paper"):
        order.GiftWrap().try_("blue", Call.sample())


def test_a_busy_lock_is_free_at_the_third_attempt() -> None:
    lock = guest("lock")
    with pytest.raises(Retryable):
        lock.first("taken", Call.sample())
    assert lock.first("taken", Call.sample().with_attempt(3)) is None
    assert lock.free_left("gone", Forward.unknown(), Call.sample())


def test_what_is_hostile_natively_is_an_outcome_too() -> None:
    guest("hostile")
    for saga, code in [("not-a-number", "bad-output"), ("cycle", "bad-output"), ("exit", "error"), ("panic", "error")]:
        operation = _registry.step(saga, "work")
        with pytest.raises(wasaga.Unknown) as unknown:
            operation.answer("{}")
        assert unknown.value.code == code
