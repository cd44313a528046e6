"""A shop that leaves money to another module, `bank`: what that one does has no body here.

Run it with the bank beside it: `wasaga run shop.wasm order --with bank.wasm`.
"""

from dataclasses import dataclass
from typing import Annotated

from wasaga import (
    Bounds,
    Call,
    FromInput,
    FromStep,
    Rejected,
    cancel,
    compensation,
    confirm,
    log,
    module,
    participant,
    saga,
    step,
    tcc,
)

module(name="shop")


@dataclass
class Reservation:
    """Goods set aside."""

    shelf: str
    total_cents: int


@dataclass
class Payment:
    """Money taken."""

    receipt: str


@dataclass
class Hold:
    """Money held."""

    hold: str


def diary(operation: str, call: Call) -> None:
    """Leave a line in the diary of a partner."""
    log.info("effect", operation=operation, key=call.idempotency_key)


@saga("order")
class Order:
    """Reserves, charges and ships, or leaves nothing behind."""

    @step(timeout="2s")
    def reserve(self, sku: str, quantity: Annotated[int, Bounds(ge=0)], call: Call) -> Reservation:
        """Sets the goods aside."""
        diary("reserve", call)
        return Reservation(f"{sku}-{quantity}", 590 * quantity)

    @compensation(of=reserve)
    def release(self, output: Reservation | None, call: Call) -> str | None:
        """Puts the goods back."""
        diary("release", call)
        return None if output is None else output.shelf

    @step(provider="bank", timeout="2s", at_most_once=True)
    def charge(
        self, card: str, cents: Annotated[int, FromStep("reserve", at="/total_cents")], delay_ms: int | None
    ) -> Payment:
        """Takes the money, once."""
        raise NotImplementedError("the bank has it")

    @compensation(of=charge, critical=True)
    def refund(self, output: Payment | None) -> str | None:
        """Gives the money back."""

    @step(timeout="2s")
    def ship(self, reserve: Reservation, charge: Payment, address: str | None, call: Call) -> str:
        """Sends the parcel."""
        diary("ship", call)
        if address == "nowhere":
            raise Rejected("no-such-address", "the carrier does not know the address")
        return f"{reserve.shelf} for {charge.receipt}"


@tcc("purchase")
class Purchase:
    """Goods against money, or neither."""

    @participant(order=1, timeout="2s")
    def goods(self, sku: str, call: Call) -> str:
        """Sets the goods aside."""
        diary("set-aside", call)
        return sku

    @confirm(of=goods)
    def hand_over(self, output: str, call: Call) -> str:
        """Hands them over."""
        diary("hand-over", call)
        return output

    @cancel(of=goods)
    def put_back(self, output: str | None, call: Call) -> str | None:
        """Puts them back."""
        diary("put-back", call)
        return output

    @participant(order=2, provider="bank", timeout="2s")
    def account(self, name: Annotated[str, FromInput("/buyer")], cents: Annotated[int, Bounds(ge=0)]) -> Hold:
        """Holds the money."""
        raise NotImplementedError("the bank has it")
