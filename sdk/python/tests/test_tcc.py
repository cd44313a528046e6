"""TCCs: functions and classes, where arguments come from, what a confirm and a cancel are told."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import pytest
from kit import attempt, cancel, confirm, tcc

import wasaga
from wasaga import (
    Call,
    Fixed,
    Forward,
    FromHeader,
    FromOutput,
    FromStep,
    FromVariable,
    Rejected,
    Retry,
    context,
    participant,
    testing,
)


@dataclass
class Hold:
    number: str
    cents: int


@wasaga.tcc("moves", deadline="30s")
class Moves:
    """Moves money.

    And more.
    """

    @participant(order=1, timeout="2s", retry=Retry(delay="100ms"), fuel=5, memory="64MiB", total_timeout="1m")
    def debit(self, from_: str, cents: int, call: Call, note: str = "none") -> Hold:
        """Holds it."""
        context.set_variable("held", cents)
        return Hold(f"{from_} {note} {call.idempotency_key}", cents)

    @wasaga.confirm(of=debit, retry=Retry(delay="100ms"))
    async def take(self, output: Hold, note: str) -> str:
        return f"{output.number} {note}"

    @wasaga.cancel(of="debit", timeout="1s", retry=7)
    def release(self, debit: Hold | None, forward: Forward) -> str:
        return f"{forward.outcome} {debit and debit.cents}"

    @participant(id="the-credit", order=2, optional=True)
    @staticmethod
    async def credit(
        debit: Hold,
        part: Annotated[int, FromStep(debit, at="/cents")],
        tenant: Annotated[str | None, FromHeader("tenant")],
        held: Annotated[int, FromVariable("held")],
        rate: Annotated[float, Fixed(0.5)],
    ) -> dict[str, Any]:
        return {"a/b": [part, held], "rate": rate}

    @wasaga.confirm(of=credit)
    def book(
        self,
        first: Annotated[int, FromOutput("/a~1b/0")],
        none: Annotated[int | None, FromOutput("/a~1b/2")],
        forward: Forward,
        call: Call,
    ) -> Any:
        return [first, none, forward.output["rate"], call.attempt]

    @wasaga.cancel(of=credit)
    def unbook(self, output: dict[str, Any] = {}) -> Any:  # noqa: B006 -- the default is what is tested.
        return output


def parameters(name: str, node: str) -> dict[str, tuple[str, str, str | None, bool]]:
    return {
        of.name: (of.origin.kind, of.origin.name, of.origin.at, of.required)
        for of in tcc(name).participants[node].parameters
    }


def test_the_rule_of_arguments() -> None:
    assert parameters("moves", "debit") == {
        "from": ("input", "", "/from", True),
        "cents": ("input", "", "/cents", True),
        "note": ("input", "", "/note", True),
    }, "what one of the three requires is required"
    assert parameters("moves", "the-credit") == {
        "debit": ("step-output", "debit", None, True),
        "part": ("step-output", "debit", "/cents", True),
        "tenant": ("header", "tenant", None, False),
        "held": ("variable", "held", None, True),
        "rate": ("literal", "0.5", None, True),
    }, "what was tried is no parameter: the host gives it beside them"


def test_the_rest_of_a_definition() -> None:
    of = tcc("moves")
    assert (of.description, of.deadline_ms) == ("Moves money.", 30_000)
    debit, credit = of.participants.values()
    assert (debit.id, debit.description, debit.order, debit.optional) == ("debit", "Holds it.", 1, False)
    assert (credit.id, credit.order, credit.optional) == ("the-credit", 2, True)
    limits = debit.attempt.limits
    assert (limits.timeout_ms, limits.total_timeout_ms, limits.fuel, limits.memory_bytes) == (
        2_000,
        60_000,
        5,
        64 << 20,
    )
    attempts = [action.limits.retry.attempts for action in (debit.attempt, debit.confirm, debit.cancel)]
    assert attempts == [None, None, 7], "what is not said is the host's choice"
    assert debit.cancel.limits.timeout_ms == 1_000
    assert credit.confirm.limits.retry is None
    assert json.loads(of.input_schema) == {
        "type": "object",
        "properties": {
            "from": {"type": "string"},
            "cents": {"type": "integer"},
            "note": {"type": "string", "default": "none"},
        },
        "required": ["from", "cents", "note"],
    }


def test_what_was_tried_arrives() -> None:
    testing.reset()
    hold = attempt("moves", "debit", **{"from": "ada"}, cents=5)
    assert hold == {"number": "ada none sample-key", "cents": 5}
    assert context.variable("held", int) == 5
    assert confirm("moves", "debit", hold, note="n") == "ada none sample-key n"
    assert cancel("moves", "debit", Forward.completed(hold)) == "completed 5"
    assert cancel("moves", "debit", Forward.unknown()) == "unknown None"
    assert cancel("moves", "debit", Forward.rejected("no", "it is not")) == "rejected None"
    credit = attempt("moves", "the-credit", debit=hold, part=5, tenant=None, held=6, rate=0.5)
    assert confirm("moves", "the-credit", credit) == [5, None, 0.5, 1]
    assert cancel("moves", "the-credit") == {}
    assert cancel("moves", "the-credit", Forward.completed(credit)) == credit


def test_what_was_tried_and_cannot_be_read_is_rejected() -> None:
    for tried, what in [(None, "expected an object"), ({"number": "n"}, "field `cents` is missing")]:
        with pytest.raises(Rejected) as refused:
            confirm("moves", "debit", tried, note="n")
        assert str(refused.value).startswith("`bad-output`: what was tried, for parameter `output`: ")
        assert what in str(refused.value)
    with pytest.raises(Rejected, match="no-such-participant"):
        attempt("moves", "nobody")


def test_the_functions_stay_plain() -> None:
    hold = Hold("ada", 5)
    assert Moves().release(None, Forward.unknown()) == "unknown None"
    assert Moves().release(hold, Forward.completed(None)) == "completed 5"


def test_a_class_is_a_participant() -> None:
    @participant(order=1, timeout="2s")
    class SmallDebit:
        """Holds a little."""

        def __init__(self) -> None:
            self.prefix = "held"

        def try_(self, name: str) -> str:
            return f"{self.prefix} {name}"

        @wasaga.confirm(retry=Retry(delay="50ms"))
        async def confirm(self, output: str) -> str:
            return output.upper()

        @wasaga.cancel(timeout="1s")
        @classmethod
        def cancel(cls, small_debit: str | None) -> str:
            return f"{cls.__name__} {small_debit}"

    @participant(id="credit", order=2)
    @dataclass(slots=True)
    class Other:
        ready: bool = True

        @staticmethod
        def try_(small_debit: str, part: Annotated[str, FromStep(SmallDebit)]) -> Decimal:
            """Announces it."""
            return Decimal(len(small_debit + part))

        def confirm(self, output: Decimal) -> bool:
            return self.ready and isinstance(output, Decimal)

    @wasaga.cancel(of=Other)
    def withdraw() -> None: ...

    wasaga.tcc("classes")
    small, other = tcc("classes").participants.values()
    assert (small.id, small.description, small.order, small.attempt.limits.timeout_ms) == (
        "small_debit",
        "Holds a little.",
        1,
        2_000,
    )
    assert (small.confirm.limits.retry.delay_ms, small.cancel.limits.timeout_ms) == (50, 1_000)
    assert (other.id, other.order) == ("credit", 2)
    assert attempt("classes", "small_debit", name="a") == "held a"
    assert confirm("classes", "small_debit", "held a") == "HELD A"
    assert cancel("classes", "small_debit") == "SmallDebit None"
    assert attempt("classes", "credit", small_debit="abc", part="d") == "4"
    assert confirm("classes", "credit", "4") is True
    assert cancel("classes", "credit") is None
    assert SmallDebit().try_("b") == "held b"


def test_classes_stand_within_a_tcc() -> None:
    @wasaga.tcc
    class HTTPTransferTcc:
        @participant
        class Debit:
            def try_(self, name: str) -> str:
                return name

            def confirm(self) -> None: ...

            def cancel(self) -> None: ...

        @participant(order=1)
        def credit(self, debit: str) -> str:
            return debit + "!"

        @wasaga.confirm(of=credit)
        def book(self, credit: str) -> str:
            return credit + "?"

        @wasaga.cancel(of=credit)
        def unbook(self) -> None: ...

    assert list(tcc("http-transfer").participants) == ["debit", "credit"]
    assert attempt("http-transfer", "debit", name="a") == "a"
    assert attempt("http-transfer", "credit", debit="a") == "a!"
    assert confirm("http-transfer", "credit", "a!") == "a!?"


def test_a_saga_and_a_tcc_stand_in_one_module() -> None:
    @participant
    def reserve(sku: str) -> str:
        return sku

    @wasaga.step
    def reserve_in_saga(sku: str) -> str:
        return sku

    @wasaga.confirm(of=reserve)
    def keep() -> None: ...

    wasaga.saga("beside")

    @wasaga.cancel(of=reserve)
    def free() -> None: ...

    wasaga.tcc("beside-it")
    assert list(tcc("beside-it").participants) == ["reserve"]


def test_what_is_derived_from_a_participant_is_none() -> None:
    @participant
    class Base:
        def try_(self) -> int:
            return 1

        def confirm(self) -> None: ...

        def cancel(self) -> None: ...

    @participant(order=1)
    class Derived(Base):
        def try_(self, base: int) -> int:  # type: ignore[override]
            return base + 1

    class Plain(Base):
        pass

    one = Base()
    wasaga.tcc("derived-tcc")
    assert list(tcc("derived-tcc").participants) == ["base", "derived"]
    assert attempt("derived-tcc", "derived", base=1) == 2
    assert one.try_() == Plain().try_() == 1
