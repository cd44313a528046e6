"""Write sagas and TCCs in Python: decorators on plain functions, built into WebAssembly components.

    @saga("checkout", deadline="2m")
    class Checkout:
        \"\"\"Charges, or leaves nothing behind.\"\"\"

        @step(timeout="2s", retry=Retry(attempts=3, delay="200ms"))
        def charge(self, card: str) -> Payment: ...

        @compensation(of=charge, critical=True)
        def refund(self, card: str, output: Payment | None) -> None: ...

A TCC is written in the same manner: `@tcc`, `@participant`, `@confirm`, `@cancel`.

`python -m wasaga.build FILE.py` makes the component. The functions stay as they are, so a test calls
them without one. Deliberately absent: IO. A guest reaches the world through what the operator grants it.
"""

from wasaga import _version, context, log
from wasaga._types import Bounds
from wasaga.call import Call, Failure, Forward
from wasaga.decorators import compensation, module, saga, step
from wasaga.errors import DefinitionError, Error, Pending, Rejected, Retryable, Unknown
from wasaga.settings import Retry
from wasaga.sources import (
    Cause,
    CompensationOutput,
    FromInput,
    FromStep,
    Header,
    Input,
    Item,
    Literal,
    OwnOutput,
    Variable,
)
from wasaga.tccs import cancel, confirm, participant, tcc

__version__ = _version.VERSION

__all__ = [
    "Bounds",
    "Call",
    "Cause",
    "CompensationOutput",
    "DefinitionError",
    "Error",
    "Failure",
    "Forward",
    "FromInput",
    "FromStep",
    "Header",
    "Input",
    "Item",
    "Literal",
    "OwnOutput",
    "Pending",
    "Rejected",
    "Retry",
    "Retryable",
    "Unknown",
    "Variable",
    "__version__",
    "cancel",
    "compensation",
    "confirm",
    "context",
    "log",
    "module",
    "participant",
    "saga",
    "step",
    "tcc",
]
