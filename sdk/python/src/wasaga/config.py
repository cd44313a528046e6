"""Values that the operator gives a module, by key: those that it asks for, `module(config=["currency"])`."""

from __future__ import annotations

from wasaga._host import host


def get(key: str) -> str | None:
    """Give a value; None where the operator gives none, or the module does not ask for it.

    Under pytest it is the environment variable of that name.
    """
    return host().config(key)
