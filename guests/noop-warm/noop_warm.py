"""Three steps that do nothing, to measure the host by: one instance serves many calls."""

from wasaga import module, saga, step

module(name="noop-warm", instance_calls=10_000)


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
