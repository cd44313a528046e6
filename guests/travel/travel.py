"""A journey: the flight first, then the hotel and the car side by side, then the payment for all.

`full` names what is booked out: `flight`, `hotel` or `car`. A card `declined` undoes the whole journey.
"""

from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Rejected, Retry, compensation, saga, step


@dataclass
class Journey:
    """Where to, for how long, and how it is paid."""

    to: str
    nights: Annotated[int, Bounds(ge=0)]
    card: str
    full: str | None = None


@dataclass
class Booking:
    """A place that is taken."""

    code: str
    cents: Annotated[int, Bounds(ge=0)]


def book(what: str, to: str, cents: int, full: str | None) -> Booking:
    """Take a place, unless all are taken."""
    if full == what:
        raise Rejected(f"no-{what}", f"no {what} is left in {to}")
    return Booking(f"{what}-{to}", cents)


@saga("travel", deadline="5m", policy="grouped-parallel")
class Travel:
    """Books a journey, or nothing of it."""

    @step(timeout="2s")
    def flight(self, input: Journey) -> Booking:
        """Books the flight."""
        return book("flight", input.to, 20_000, input.full)

    @compensation(of=flight)
    def cancel_flight(self, to: str) -> str:
        """Gives the seat back. The destination is enough: the airline knows who asks."""
        return f"flight-{to}"

    @step(timeout="2s", depends_on=[flight])
    async def hotel(self, input: Journey) -> Booking:
        """Books the hotel."""
        return book("hotel", input.to, 9_000 * input.nights, input.full)

    @compensation(of=hotel)
    async def cancel_hotel(self, output: Booking | None) -> str | None:
        """Gives the room back."""
        return None if output is None else output.code

    @step(timeout="2s", depends_on=[flight])
    async def car(self, input: Journey) -> Booking:
        """Books the car."""
        return book("car", input.to, 3_000 * input.nights, input.full)

    @compensation(of=car)
    async def cancel_car(self, output: Booking | None) -> str | None:
        """Gives the car back."""
        return None if output is None else output.code

    @step(timeout="2s", retry=Retry(attempts=3, delay="100ms"))
    def pay(self, card: str, flight: Booking, hotel: Booking, car: Booking) -> int:
        """Pays for all three."""
        if card == "declined":
            raise Rejected("card-declined", "the card was declined")
        return flight.cents + hotel.cents + car.cents
