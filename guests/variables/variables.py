"""What steps tell each other beside their outputs: variables, headers, and events for the world outside."""

from typing import Annotated

from wasaga import Call, Fixed, FromCause, FromHeader, FromVariable, Rejected, compensation, context, saga, step


@saga("variables")
class Variables:
    """Counts up in a variable, and says so."""

    @step
    def begin(self, start: int | None, tenant: Annotated[str | None, FromHeader("tenant")]) -> int:
        """Sets the variable and a header."""
        count = 0 if start is None else start
        context.set_variable("count", count)
        context.set_header("begun-by", "nobody" if tenant is None else tenant)
        return count

    @compensation(of=begin)
    def end(self, cause: Annotated[object, FromCause()]) -> object:
        """Answers why it was undone."""
        return cause

    @step(depends_on=[begin])
    def count(self, count: Annotated[int, FromVariable("count")], by: Annotated[int, Fixed(2)]) -> int:
        """Counts on from the variable, which it reads as an argument and writes back."""
        context.set_variable("count", count + by)
        return count + by

    @step(depends_on=[count])
    def tell(self, most: int | None, call: Call) -> str:
        """Publishes what the variable is, which it asks for by name."""
        count = context.variable("count", int)
        if count is None:
            raise Rejected("no-count", "nobody has counted")
        if most is not None and count > most:
            raise Rejected("too-many", f"{count} is more than {most}")
        by = call.header("begun-by") or "nobody"
        context.publish("counted", {"count": count, "by": by}, key=by)
        return f"{count} by {by}"
