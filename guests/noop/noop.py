"""Three steps that do nothing, to measure the host by: a fresh instance for every call."""

from wasaga import saga, step


@step
def first() -> None:
    """Does nothing."""


@step(depends_on=[first])
def second() -> None:
    """Does nothing, after `first`."""


@step(depends_on=[second])
def third() -> None:
    """Does nothing, after `second`."""


saga("noop", description="Three steps in a row.")
