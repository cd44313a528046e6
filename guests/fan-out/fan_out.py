"""One call for each element of a list, four at once, and the sum of what they gave.

A negative number is refused, and then what the others did is undone, each by itself.
"""

from typing import Annotated

from wasaga import FromInput, Rejected, compensation, context, saga, step


@saga("squares", concurrency=4, policy="best-effort-parallel")
class Squares:
    """Squares every number and adds the squares up."""

    @step(each="numbers")
    async def square(self, item: int, all: Annotated[list[int], FromInput("/numbers")]) -> int:
        """Squares one number."""
        if item < 0:
            raise Rejected("negative", f"{item} of {len(all)} numbers is negative")
        context.publish("squared", item * item)
        return item * item

    @compensation(of=square)
    async def forget(self, item: int, output: int | None) -> tuple[int, int | None]:
        """Forgets one square."""
        return item, output

    @step
    def sum(self, square: list[int]) -> int:
        """Adds the squares up."""
        return sum(square)
