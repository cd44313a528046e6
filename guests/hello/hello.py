"""The smallest saga: one step, nothing to undo."""

from wasaga import saga, step


@step
def greet(name: str) -> str:
    """Says hello to `name`."""
    return f"hello, {name}"


saga("hello", description="Greets.")
