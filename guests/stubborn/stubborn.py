"""A compensation that is stuck until it gets the right key: to see retry, patch and skip."""

from wasaga import Rejected, compensation, saga, step


@saga("stubborn")
class Stubborn:
    """Opens, fails, and closes only with the right key."""

    @step
    def open(self) -> str:
        """Opens something that has to be closed."""
        return "open"

    @compensation(of=open)
    def close(self, key: str | None) -> str:
        """Closes it; the key is `right`."""
        if key != "right":
            raise Rejected("wrong-key", "this key does not fit")
        return "closed"

    @step(depends_on=[open])
    def mark(self) -> str:
        """Does something that is done with it."""
        return "marked"

    @compensation(of=mark)
    def unmark(self) -> None:
        """Undoes it."""

    @step(depends_on=[mark])
    def refuse(self) -> None:
        """Refuses."""
        raise Rejected("no", "it never works")
