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
    """One named argument of an operation.

    Attributes:
        name: in the arguments object.
        origin: where it comes from.
        required: whether it is a mistake where there is no value.
        schema: a JSON text.
        near: of a field of the input, the step or the participant that its name is nearly that of.
    """

    name: str
    origin: Origin
    required: bool
    schema: str
    near: str | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in all, and the delays between them; None takes the host's default."""

    attempts: int | None = None
    delay_ms: int | None = None
    max_delay_ms: int | None = None
    multiplier: float | None = None
    jitter: float | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A value of the start input by which transactions are found; a text where no type is said."""

    at: str
    type: str | None = None


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
    labels: dict[str, Label]
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
    labels: dict[str, Label]
    participants: dict[str, Participant]
    module: str
    place: str


@dataclass(frozen=True, slots=True)
class Asks:
    """What a module asks to reach: origins, keys of values, names of secrets."""

    http: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(slots=True)
class Module:
    """What `wasaga.module` says; `calls` is how many one instance serves."""

    name: str | None = None
    version: str | None = None
    description: str | None = None
    calls: int | None = None
    asks: Asks = field(default_factory=Asks)


@dataclass(slots=True)
class Description:
    """What a whole component says of itself."""

    name: str
    version: str | None
    description: str
    sdk: str
    sagas: list[Saga] = field(default_factory=list)
    tccs: list[Tcc] = field(default_factory=list)
    calls: int | None = None
    asks: Asks = field(default_factory=Asks)
