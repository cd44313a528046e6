"""What a file says of its sagas and TCCs, read and checked: what the host is told, and what a call looks up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasaga._operation import Operation


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from, in the words of the contract.

    Attributes:
        kind: `input`, `step-output`, `variable`, `header`, `item`, `own-output`,
            `compensation-output`, `cause` or `literal`.
        name: of a step, a variable or a header; of a literal its JSON text.
        at: a JSON Pointer to the part.
    """

    kind: str
    name: str = ""
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One named argument of an operation; the schema is a JSON text."""

    name: str
    origin: Origin
    required: bool
    schema: str


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in all, and the delays between them."""

    attempts: int
    delay_ms: int
    max_delay_ms: int
    multiplier: float
    jitter: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Time, fuel, memory, retries; None takes the host's default."""

    timeout_ms: int | None = None
    total_timeout_ms: int | None = None
    fuel: int | None = None
    memory_bytes: int | None = None
    retry: RetryPolicy | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """How a step is undone."""

    name: str
    parameters: tuple[Parameter, ...]
    limits: Limits
    critical: bool
    operation: Operation


@dataclass(slots=True)
class Step:
    """A step."""

    id: str
    description: str
    depends_on: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    output_schema: str | None
    condition: str | None
    each: Origin | None
    at_most_once: bool
    limits: Limits
    operation: Operation
    undo: Undo | None = None
    provider: str | None = None


@dataclass(slots=True)
class Saga:
    """A saga, with the Python module and the place that it stands in."""

    name: str
    description: str
    input_schema: str | None
    policy: str | None
    deadline_ms: int | None
    concurrency: int | None
    steps: dict[str, Step]
    module: str
    place: str


@dataclass(frozen=True, slots=True)
class Action:
    """A try, a confirm or a cancel."""

    limits: Limits
    operation: Operation


@dataclass(slots=True)
class Participant:
    """A participant; its three operations share their parameters."""

    id: str
    description: str
    order: int
    optional: bool
    parameters: tuple[Parameter, ...]
    attempt: Action
    confirm: Action
    cancel: Action
    provider: str | None = None


@dataclass(slots=True)
class Tcc:
    """A TCC, with the Python module and the place that it stands in."""

    name: str
    description: str
    input_schema: str | None
    deadline_ms: int | None
    participants: dict[str, Participant]
    module: str
    place: str


@dataclass(slots=True)
class Module:
    """What `wasaga.module` says; `asked` has what it asks to reach, each with its kind."""

    name: str | None = None
    version: str | None = None
    description: str | None = None
    calls_per_instance: int = 1
    asked: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Description:
    """What a whole component says of itself."""

    name: str
    version: str
    description: str
    sagas: list[Saga] = field(default_factory=list)
    tccs: list[Tcc] = field(default_factory=list)
    calls_per_instance: int = 1
    asked: tuple[tuple[str, str], ...] = ()
    annotations: list[tuple[str, str]] = field(default_factory=list)
