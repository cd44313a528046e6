"""A purchase whose money is in the ledger of `examples/ledger`, a service of its own.

The ledger knows an operation by the transaction and the step that it is of, which a compensation knows as well.
"""

from dataclasses import dataclass
from typing import Annotated

from wasaga import Bounds, Call, Rejected, Retry, compensation, http, module, saga, step

module(name="remote", http=["http://localhost:*"])

Cents = Annotated[int, Bounds(ge=0)]


@dataclass
class Charge:
    """Money taken."""

    charge: str
    cents: int


@dataclass
class Refund:
    """Money given back; 0 where nothing was taken."""

    refunded: int


@saga("purchase")
class Purchase:
    """Charges and ships, or leaves nothing behind."""

    @step(timeout="2s", retry=Retry(attempts=5, delay="20ms", max_delay="100ms"))
    def charge(
        self, ledger: str, account: str, cents: Cents, fault: str | None, delay_ms: Cents | None, call: Call
    ) -> Charge:
        """Takes the money. The first attempt may be told to do so without an answer, by `fault`."""
        body = {
            "operation": f"{call.transaction_id}/charge",
            "account": account,
            "cents": cents,
            "fault": fault if call.attempt == 1 else None,
            "delay_ms": delay_ms or 0,
        }
        answer = http.post(f"{ledger}/charges", json=body, idempotent=call)
        return Charge(**answer.raise_for_status().json())

    @compensation(of=charge, critical=True, retry=Retry(attempts=20, delay="20ms", max_delay="200ms"))
    def refund(self, ledger: str, call: Call) -> Refund:
        """Gives it back, whether it is known to have been taken or not."""
        body = {"operation": f"{call.transaction_id}/charge"}
        answer = http.post(f"{ledger}/refunds", json=body, idempotent=call)
        return Refund(**answer.raise_for_status().json())

    @step(depends_on=[charge])
    def ship(self, address: str) -> str:
        """Sends the parcel; `nowhere` cannot be reached."""
        if address == "nowhere":
            raise Rejected("no-such-address", "the carrier does not know the address")
        return f"to {address}"
