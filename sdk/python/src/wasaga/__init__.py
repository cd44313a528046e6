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
them without one. What a guest asks to reach, `http` origins, `config` values and secrets, stands in `module(…)`;
the operator grants it or not. Deliberately absent: any other IO.
"""

from wasaga import _version, config, context, http, log
from wasaga._labels import Label
from wasaga._types import Bounds, json_as
from wasaga.call import Call, Failure, Forward
from wasaga.decorators import compensation, module, saga, step
from wasaga.errors import DefinitionError, Error, Pending, Rejected, Retryable, Unknown, WriteError
from wasaga.settings import Retry
from wasaga.sources import (
    Fixed,
    FromCause,
    FromCompensation,
    FromHeader,
    FromInput,
    FromItem,
    FromOutput,
    FromStep,
    FromVariable,
)
from wasaga.tccs import cancel, confirm, participant, tcc

__version__ = _version.VERSION

__all__ = [
    "Bounds",
    "Call",
    "DefinitionError",
    "Error",
    "Failure",
    "Fixed",
    "Forward",
    "FromCause",
    "FromCompensation",
    "FromHeader",
    "FromInput",
    "FromItem",
    "FromOutput",
    "FromStep",
    "FromVariable",
    "Label",
    "Pending",
    "Rejected",
    "Retry",
    "Retryable",
    "Unknown",
    "WriteError",
    "__version__",
    "cancel",
    "compensation",
    "config",
    "confirm",
    "context",
    "http",
    "json_as",
    "log",
    "module",
    "participant",
    "saga",
    "step",
    "tcc",
]

_OLD = {
    "Input": "FromInput",
    "Variable": "FromVariable",
    "Header": "FromHeader",
    "Item": "FromItem",
    "OwnOutput": "FromOutput",
    "CompensationOutput": "FromCompensation",
    "Cause": "FromCause",
    "Literal": "Fixed",
}
"""Names of before, and those that took their place: `Literal` is typing's."""


def __getattr__(name: str) -> object:
    if name in _OLD:
        # An `AttributeError` would lose its words in `from wasaga import …`.
        raise ImportError(f"`wasaga.{name}` is now `{_OLD[name]}` (write `from wasaga import {_OLD[name]}`)")
    raise AttributeError(f"module `{__name__}` has no `{name}`")
