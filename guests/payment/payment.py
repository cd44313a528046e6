"""A payment in three steps: validate, authorise, settle; and what undoes each.

What the bank would answer is told by the input: an amount of 0 is refused, one above 10,000.00 is not
authorised, and the merchant `closed` cannot be paid.
"""

from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, FromStep, Rejected, Retry, compensation, log, saga, step

Cents = Annotated[int, Bounds(ge=0)]


@dataclass
class Payment:
    """What is to be paid."""

    id: str
    merchant: str
    cents: Cents
    currency: str = "EUR"


@dataclass
class Authorisation:
    """Money set aside."""

    code: str
    cents: Cents


@saga("payment", deadline="1m", policy="retry-with-backoff")
class PaymentSaga:
    """Pays a merchant, or leaves the money where it was."""

    @step(timeout="1s")
    def validate(self, input: Payment) -> str:
        """Looks whether the payment makes sense."""
        if input.cents == 0:
            raise Rejected("nothing-to-pay", "the amount is 0")
        if len(input.currency) != 3:
            raise Rejected("no-such-currency", f"`{input.currency}` is not a currency")
        return input.currency

    @step(timeout="2s", retry=Retry(attempts=3, delay="100ms"))
    def authorise(self, id: str, cents: Cents, validate: str, call: Call) -> Authorisation:
        """Sets the money aside. The idempotency key keeps a second attempt from doing it twice."""
        log.info("effect", operation="authorise", key=call.idempotency_key)
        if cents > 1_000_000:
            raise Rejected("limit-exceeded", "no more than 10,000.00 is paid at once")
        return Authorisation(f"{validate}-{id}", cents)

    @compensation(of=authorise, retry=Retry(attempts=5, delay="100ms"))
    def void(self, id: str, output: Authorisation | None, call: Call) -> str:
        """Gives the money free. The payment's own number is enough where the code is not known."""
        log.info("effect", operation="void", key=call.idempotency_key)
        return id if output is None else output.code

    @step(timeout="2s", at_most_once=True)
    def settle(self, merchant: str, code: Annotated[str, FromStep("authorise", at="/code")], call: Call) -> str:
        """Moves the money, once."""
        log.info("effect", operation="settle", key=call.idempotency_key)
        if merchant == "closed":
            raise Rejected("merchant-closed", "the merchant takes no more payments")
        return f"{code} to {merchant}"
