"""Steps and participants that other modules name: a bank.

Other modules name its steps, `charge`; it can be run alone as well. What it would answer is told by the
input: card `declined`; `delay_ms` makes a charge slow.

Every operation writes a log line `effect` with its idempotency key: the diary of a partner.
"""

import time
from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, Rejected, compensation, log, module, saga, step

module(name="bank")


@dataclass
class Payment:
    """Money taken."""

    receipt: str


def diary(operation: str, call: Call) -> None:
    """Leave a line in the diary of a partner."""
    log.info("effect", operation=operation, key=call.idempotency_key)


@saga("cards")
class Cards:
    """Takes money from cards."""

    @step(timeout="2s", at_most_once=True)
    def charge(
        self, card: str, cents: Annotated[int, Bounds(ge=0)], delay_ms: int | None, call: Call
    ) -> Payment:
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
