"""Two branches that run side by side, and a step that joins them. `fail` names the step that refuses."""

from wasaga import Rejected, compensation, saga, step


def unless(fail: str | None, name: str) -> str:
    """Give the name, unless it is the one that is to fail."""
    if fail == name:
        raise Rejected("told-to", f"`{name}` was told to fail")
    return name


@saga("diamond")
class Diamond:
    """Splits, works on both sides, and joins."""

    @step
    def split(self, fail: str | None) -> str:
        """The beginning."""
        return unless(fail, "split")

    @compensation(of=split)
    def unsplit(self) -> None:
        """Undoes the beginning."""

    @step(depends_on=[split])
    def left(self, fail: str | None) -> str:
        """One side."""
        return unless(fail, "left")

    @compensation(of=left)
    def unleft(self) -> None:
        """Undoes one side."""

    @step(depends_on=[split])
    def right(self, fail: str | None) -> str:
        """The other side."""
        return unless(fail, "right")

    @compensation(of=right)
    def unright(self) -> None:
        """Undoes the other side."""

    @step
    def join(self, left: str, right: str, fail: str | None) -> str:
        """The end, which needs both sides."""
        unless(fail, "join")
        return f"{left} and {right}"
