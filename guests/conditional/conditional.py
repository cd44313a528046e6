"""A step that runs only for large amounts, by a condition in CEL, and one after it that runs in any case.

What was skipped gives it null. Variables and headers go from step to step.
"""

from typing import Annotated

from wasaga import Bounds, Call, FromHeader, FromVariable, context, saga, step

Amount = Annotated[int, Bounds(ge=0)]


@step
def note(amount: Amount, tenant: Annotated[str | None, FromHeader("tenant")]) -> Amount:
    """Notes the amount."""
    context.set_variable("limit", 1_000)
    context.set_header("booked-by", tenant or "nobody")
    return amount


@step(depends_on=[note], condition="input.amount > variables.limit")
def approve(limit: Annotated[Amount, FromVariable("limit")]) -> str:
    """Asks for approval."""
    return f"above {limit}"


@step
def book(note: Amount, approve: str | None, call: Call) -> str:
    """Books it."""
    by = call.header("booked-by") or "nobody"
    return f"{note} for {by}" if approve is None else f"{note} for {by}, {approve}"


saga("booking", description="Books an amount, and asks for approval where it is large.")
