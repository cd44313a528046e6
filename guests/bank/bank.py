"""Steps and participants that other modules name: a bank.

Other modules name its steps and participants, `charge` and `account`; it can be run alone as well. What it
would answer is told by the input: card `declined`, and more than 1,000 euros on an account; `delay_ms` makes a
charge slow.

Every operation writes a log line `effect` with its idempotency key: the diary of a partner.
"""

import time
from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, Rejected, cancel, compensation, confirm, log, module, participant, saga, step, tcc

module(name="bank")

BALANCE_CENTS = 100_000


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


@saga("cards")
class Cards:
    """Takes money from cards."""

    @step(timeout="2s", at_most_once=True)
    def charge(self, card: str, cents: Annotated[int, Bounds(ge=0)], delay_ms: int | None, call: Call) -> Payment:
        """Takes the money, once."""
        diary("charge", call)
        time.sleep((delay_ms or 0) / 1_000)
        if card == "declined":
            raise Rejected("card-declined", "the card was declined")
        return Payment(f"r-{cents}")

    @compensation(of=charge, critical=True)
    def refund(self, output: Payment | None, call: Call) -> str | None:
        """Gives the money back."""
        diary("refund", call)
        return None if output is None else output.receipt


@tcc("accounts")
class Accounts:
    """Takes money from accounts."""

    @participant(timeout="2s")
    def account(self, name: str, cents: Annotated[int, Bounds(ge=0)], call: Call) -> Hold:
        """Holds the money."""
        diary("hold", call)
        if cents > BALANCE_CENTS:
            raise Rejected("insufficient-funds", f"`{name}` has {BALANCE_CENTS} cents")
        return Hold(f"{name}-{cents}")

    @confirm(of=account)
    def take(self, output: Hold, call: Call) -> str:
        """Takes what is held."""
        diary("take", call)
        return output.hold

    @cancel(of=account)
    def free(self, output: Hold | None, call: Call) -> str | None:
        """Lets it go."""
        diary("free", call)
        return None if output is None else output.hold
