"""What documentation strings say."""

from __future__ import annotations

import inspect
import itertools


def first_paragraph(doc: str | None) -> str:
    """Give the first paragraph of a documentation string as one line."""
    lines = inspect.cleandoc(doc or "").splitlines()
    return " ".join(line.strip() for line in itertools.takewhile(str.strip, lines))
