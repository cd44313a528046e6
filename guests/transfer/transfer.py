"""A money transfer as a TCC: one participant holds the money, the other announces it.

Only when both agree does any of it move. What the bank would answer is told by the input: more than
1,000 euros are not there, account `closed` takes nothing, account `slow` takes `delay_ms`, and account
`wall` announces a credit and then refuses to book it, which no participant may.

Every operation writes a log line `effect` with its idempotency key: the diary of a partner.
"""

import time
from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, Forward, Rejected, Retry, cancel, confirm, log, participant, tcc

# What `from` has.
BALANCE_CENTS = 100_000

Natural = Annotated[int, Bounds(ge=0)]
TRY = Retry(attempts=3, delay="100ms")
SETTLE = Retry(delay="100ms", max_delay="2s")


@dataclass
class Hold:
    """Money that is held, or announced."""

    hold: str
    cents: Natural


def bank(operation: str, call: Call, delay_ms: int | None) -> None:
    """Stand for a call to the bank: it takes its time, and leaves a line in the diary."""
    log.info("effect", operation=operation, key=call.idempotency_key)
    if delay_ms:
        time.sleep(delay_ms / 1_000)


@tcc("transfer", deadline="1m")
class Transfer:
    """Moves money from one account to another, or none at all."""

    @participant(order=1, timeout="2s", retry=TRY)
    def debit(self, from_: str, cents: Natural, delay_ms: Natural | None, call: Call) -> Hold:
        """Holds the money."""
        bank("debit", call, delay_ms)
        if cents > BALANCE_CENTS:
            raise Rejected("insufficient-funds", f"`{from_}` has {BALANCE_CENTS} cents", details=BALANCE_CENTS)
        return Hold(f"{from_}-{cents}", cents)

    @confirm(of=debit, retry=SETTLE)
    def take(self, output: Hold, delay_ms: Natural | None, call: Call) -> int:
        """Takes what is held."""
        bank("take", call, delay_ms)
        return output.cents

    @cancel(of=debit, retry=SETTLE)
    def release(self, output: Hold | None, delay_ms: Natural | None, call: Call) -> str | None:
        """Lets it go.

        The hold may not be there, or its answer may have been lost: the bank finds it by its key.
        """
        bank("release", call, delay_ms)
        return None if output is None else output.hold

    @participant(order=2, timeout="2s", retry=TRY)
    def credit(self, to: str, debit: Hold, delay_ms: Natural | None, call: Call) -> Hold:
        """Announces the money to the other account."""
        bank("credit", call, delay_ms)
        if to == "closed":
            raise Rejected("account-closed", "the account takes nothing")
        return Hold(f"{to}-{debit.cents}", debit.cents)

    @confirm(of=credit, retry=Retry(attempts=5, delay="100ms", max_delay="2s"))
    def book(self, to: str, output: Hold, delay_ms: Natural | None, call: Call) -> int:
        """Books it."""
        bank("book", call, delay_ms)
        if to == "wall":
            raise Rejected("no-way-through", "the account announced it, and does not book it")
        return output.cents

    @cancel(of=credit, retry=SETTLE)
    def withdraw(self, forward: Forward, delay_ms: Natural | None, call: Call) -> bool:
        """Takes the announcement back."""
        bank("withdraw", call, delay_ms)
        return forward.outcome == "completed"
