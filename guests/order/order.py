"""Reserves, charges and ships, or leaves nothing behind.

What the outside world would answer is told by the input, so that every way an order can go is one
input away: card `declined`, quantity 0 or above 100, address `nowhere`, and `delay_ms` for slow steps.

Every operation writes a log line `effect` with its idempotency key: the diary of a partner.
"""

import time
from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, FromStep, Rejected, Retry, compensation, log, saga, step


@dataclass
class Order:
    """What a customer sends."""

    id: str
    sku: str
    quantity: Annotated[int, Bounds(ge=0)]
    card: str
    address: str = "1 Main Street"
    delay_ms: Annotated[int, Bounds(ge=0)] = 0


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
class Parcel:
    """A parcel on its way."""

    tracking: str


def partner(operation: str, call: Call, delay_ms: int | None) -> None:
    """Stand for a call to a partner: it takes its time, and leaves a line in the diary."""
    log.info("effect", operation=operation, key=call.idempotency_key)
    if delay_ms:
        time.sleep(delay_ms / 1_000)


@saga("order", deadline="2m", labels={"order": "id"})
class OrderSaga:
    """Reserves, charges and ships, or leaves nothing behind."""

    @step(timeout="2s")
    def validate(self, input: Order, call: Call) -> int:
        """Looks whether the order makes sense."""
        partner("validate", call, input.delay_ms)
        if input.quantity == 0:
            raise Rejected("empty-order", "an order needs at least one item")
        if input.quantity > 100:
            raise Rejected("too-large", "no more than 100 of one kind are sold at once")
        return input.quantity

    @step(timeout="2s", retry=Retry(attempts=3, delay="200ms"))
    def reserve(self, sku: str, validate: int, delay_ms: int | None, call: Call) -> Reservation:
        """Sets the goods aside."""
        partner("reserve", call, delay_ms)
        return Reservation(f"{sku[:1].upper() or 'A'}{len(sku)}", 590 * validate)

    @compensation(of=reserve, retry=Retry(attempts=5, delay="100ms"))
    def release(self, output: Reservation | None, delay_ms: int | None, call: Call) -> str | None:
        """Puts the goods back.

        Without an output it is not known whether they were set aside; the idempotency key tells the
        partner which reservation is meant.
        """
        partner("release", call, delay_ms)
        return None if output is None else output.shelf

    @step(timeout="2s", at_most_once=True)
    def charge(
        self,
        card: str,
        cents: Annotated[int, FromStep("reserve", at="/total_cents")],
        delay_ms: int | None,
        call: Call,
    ) -> Payment:
        """Takes the money, once."""
        partner("charge", call, delay_ms)
        if card == "declined":
            raise Rejected("card-declined", "the card was declined")
        return Payment(f"r-{cents}")

    @compensation(of=charge, critical=True, retry=Retry(attempts=5, delay="100ms"))
    def refund(self, output: Payment | None, delay_ms: int | None, call: Call) -> str | None:
        """Gives the money back."""
        partner("refund", call, delay_ms)
        return None if output is None else output.receipt

    @step(timeout="2s", depends_on=[charge])
    def ship(self, input: Order, reserve: Reservation, call: Call) -> Parcel:
        """Sends the parcel."""
        partner("ship", call, input.delay_ms)
        if input.address == "nowhere":
            raise Rejected("no-such-address", "the carrier does not know the address")
        return Parcel(f"{reserve.shelf}-{input.id}")

    @compensation(of=ship, retry=Retry(attempts=5, delay="100ms"))
    def recall(self, id: str, delay_ms: int | None, call: Call) -> str:
        """Calls the parcel back."""
        partner("recall", call, delay_ms)
        return id
