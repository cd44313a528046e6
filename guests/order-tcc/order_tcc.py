"""An order as a TCC: stock, money and a carrier are asked together, and a gift wrap that is welcome and not needed.

What they would answer is told by the input: quantity above 100, card `declined`, address `nowhere`, and
a wrap in a colour other than `red` is not there. Each participant is a class.
"""

from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, FromStep, FromVariable, Rejected, context, log, participant, tcc

Natural = Annotated[int, Bounds(ge=0)]


@dataclass
class Reservation:
    """Goods set aside."""

    shelf: str
    total_cents: Natural


@dataclass
class Authorization:
    """Money that is held."""

    number: str


def partner(operation: str, call: Call) -> None:
    """Stand for a call to a partner: it leaves a line in the diary."""
    log.info("effect", operation=operation, key=call.idempotency_key)


@participant(order=1)
class Inventory:
    """Sets the goods aside."""

    def try_(self, sku: str, quantity: Natural, call: Call) -> Reservation:
        """Sets the goods aside."""
        partner("inventory", call)
        if not 0 < quantity <= 100:
            raise Rejected("not-in-stock", f"there are not {quantity} of `{sku}`")
        context.set_variable("weight_g", quantity * 250)
        return Reservation(f"{sku}-{quantity}", 590 * quantity)

    def confirm(self, output: Reservation, call: Call) -> str:
        """Takes them off the shelf."""
        partner("pick", call)
        return output.shelf

    def cancel(self, output: Reservation | None, call: Call) -> str | None:
        """Puts them back."""
        partner("restock", call)
        return None if output is None else output.shelf


@participant(order=2, optional=True)
class GiftWrap:
    """Wraps it, if there is paper of that colour. The order goes on without."""

    def try_(self, wrap: str | None, call: Call) -> str | None:
        """Looks for the paper."""
        partner("gift_wrap", call)
        if wrap not in {None, "red"}:
            raise Rejected("no-paper", f"there is no paper in {wrap}")
        return wrap

    def confirm(self, output: str | None, call: Call) -> bool:
        """Uses the paper."""
        partner("wrap_it", call)
        return output is not None

    def cancel(self, call: Call) -> None:
        """Leaves the paper for others."""
        partner("unwrap_it", call)


@participant(order=2)
class Payment:
    """Holds the money."""

    def try_(
        self, card: str, cents: Annotated[int, FromStep("inventory", at="/total_cents")], call: Call
    ) -> Authorization:
        """Holds the money."""
        partner("payment", call)
        if card == "declined":
            raise Rejected("card-declined", "the card was declined")
        return Authorization(f"a-{cents}")

    def confirm(self, payment: Authorization, call: Call) -> str:
        """Takes it."""
        partner("capture", call)
        return payment.number

    def cancel(self, output: Authorization | None, call: Call) -> str | None:
        """Lets it go."""
        partner("void", call)
        return None if output is None else output.number


@participant(order=3)
class Shipping:
    """Books a place in the van."""

    async def try_(self, address: str, weight_g: Annotated[int, FromVariable("weight_g")], call: Call) -> str:
        """Books a place in the van."""
        partner("shipping", call)
        if address == "nowhere":
            raise Rejected("no-such-address", "the carrier does not know the address")
        return f"{weight_g} g to {address}"

    async def confirm(self, output: str, call: Call) -> str:
        """Loads it."""
        partner("load", call)
        return output

    async def cancel(self, call: Call) -> None:
        """Gives the place up."""
        partner("unload", call)


tcc("order-tcc", deadline="1m", description="Stock, money and a carrier, and a gift wrap if there is one.")
