"""Where arguments come from: the one rule, and what annotations say."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from kit import run, saga, sources, undo

import wasaga
from wasaga import (
    Call,
    Fixed,
    Forward,
    FromCause,
    FromCompensation,
    FromHeader,
    FromInput,
    FromItem,
    FromOutput,
    FromStep,
    FromVariable,
    Rejected,
    compensation,
    step,
)


@dataclass
class Order:
    id: str
    lines: list[str]
    note: str | None = None


@wasaga.saga("bindings", deadline="2m", concurrency=3, policy="circuit-breaker")
class Bindings:
    """Shows every source.

    And more.
    """

    @step
    def plan(self, input: Order, call: Call) -> dict[str, Any]:
        """Plans it,
        in a moment.

        At length.
        """
        return {"of": input.id, "key": call.idempotency_key}

    @compensation(of=plan)
    def unplan(self, output: dict[str, Any] | None, cause: Any, forward: Forward) -> str:
        return forward.outcome

    @step(each="lines", depends_on=plan)
    def pick(
        self,
        item: str,
        id: str,
        first: Annotated[str, FromInput("/lines/0")],
        whole: Annotated[Order, FromInput],
        part: Annotated[str | None, FromItem("/sku")],
        kind: Annotated[str, FromStep(plan, at="/of")],
        limit: Annotated[int | None, FromVariable("limit")],
        tenant: Annotated[str, FromHeader("tenant")],
        rate: Annotated[float, Fixed(0.5)],
        _class: Annotated[str, Fixed("x")] = "y",
        *,
        call: Call,
        note: str = "none",
    ) -> Any:
        return f"{item} {id} {first} {whole.id} {kind} {limit} {tenant} {rate} {_class} {note} {call.attempt}"

    @compensation(of="pick", critical=True)
    def unpick(
        self,
        item: str,
        plan: dict[str, Any],
        shelf: Annotated[str | None, FromOutput("/shelf")],
        before: Annotated[Any, FromCompensation("plan")],
        why: Annotated[Any, FromCause()],
    ) -> str:
        return item

    @step
    async def pack(self, pick: list[str], unknown_to_input: Annotated[str, Fixed("a")]) -> int:
        return len(pick)


def test_the_rule_of_arguments() -> None:
    assert sources("bindings", "plan") == {"input": ("input", "", None, True)}
    assert sources("bindings", "plan", of_undo=True) == {
        "output": ("own-output", "", None, False),
        "cause": ("cause", "", None, False),
    }
    assert sources("bindings", "pack")["pick"] == ("step-output", "pick", None, True)


def test_annotations_say_what_the_rule_cannot() -> None:
    assert sources("bindings", "pick") == {
        "item": ("item", "", None, True),
        "id": ("input", "", "/id", True),
        "first": ("input", "", "/lines/0", True),
        "whole": ("input", "", None, True),
        "part": ("item", "", "/sku", False),
        "kind": ("step-output", "plan", "/of", True),
        "limit": ("variable", "limit", None, False),
        "tenant": ("header", "tenant", None, True),
        "rate": ("literal", "0.5", None, True),
        "class": ("literal", '"x"', None, False),
        "note": ("input", "", "/note", False),
    }
    assert sources("bindings", "pick", of_undo=True) == {
        "item": ("item", "", None, True),
        "plan": ("step-output", "plan", None, True),
        "shelf": ("own-output", "", "/shelf", False),
        "before": ("compensation-output", "plan", None, False),
        "why": ("cause", "", None, False),
    }


def test_the_rest_of_a_definition() -> None:
    of = saga("bindings")
    assert (of.description, of.deadline_ms, of.concurrency, of.policy) == (
        "Shows every source.",
        120_000,
        3,
        "circuit-breaker",
    )
    assert list(of.steps) == ["plan", "pick", "pack"]
    assert of.steps["plan"].description == "Plans it, in a moment."
    assert of.steps["pick"].depends_on == ("plan",)
    assert (of.steps["pick"].each.kind, of.steps["pick"].each.at) == ("input", "/lines")
    assert (of.steps["pick"].undo.name, of.steps["pick"].undo.critical) == ("unpick", True)


def test_arguments_arrive() -> None:
    whole = {"id": "o-1", "lines": ["tea"]}
    assert run("bindings", "plan", input=whole) == {"of": "o-1", "key": "sample-key"}
    arguments = {"first": "tea", "whole": whole, "kind": "k", "limit": None, "tenant": "t", "rate": 0.5}
    said = run("bindings", "pick", item="tea", id="o-1", **arguments)
    assert said == "tea o-1 tea o-1 k None t 0.5 y none 1"
    assert undo("bindings", "plan", Forward.rejected("no", "it is not"), output=None, cause=None) == "rejected"
    assert run("bindings", "pack", pick=["a", "b"], unknown_to_input="a") == 2


def test_null_is_no_missing_value() -> None:
    """Y6: a default stands for an argument that was left out, and null is null."""

    @step
    def work(note: str | None = "none", count: int = 7) -> list[Any]:
        return [note, count]

    wasaga.saga("nulls")
    assert run("nulls", "work") == ["none", 7]
    assert run("nulls", "work", note=None) == [None, 7]
    with pytest.raises(Rejected, match=r"parameter `count`: expected an integer, not null"):
        run("nulls", "work", count=None)


def test_what_cannot_be_read_is_rejected() -> None:
    with pytest.raises(
        Rejected, match=r"^`bad-argument`: parameter `input`: at /lines/1: expected a string, not 7$|.*"
    ):
        run("bindings", "plan", input={"id": "o-1", "lines": ["tea", 7]})
    with pytest.raises(Rejected) as refused:
        run("bindings", "plan", input={"id": "o-1", "lines": ["tea", 7]})
    assert str(refused.value) == ("`bad-argument`: parameter `input`: at /lines/1: expected a string, not the number 7")
    with pytest.raises(Rejected, match="no-such-step"):
        run("bindings", "nothing")
    with pytest.raises(Rejected, match="no-compensation"):
        undo("bindings", "pack")


def test_the_functions_stay_plain() -> None:
    order = Order("o-2", [])
    assert Bindings().plan(order, Call.sample())["of"] == "o-2"
    assert Bindings().unpick("tea", {}, None, None, None) == "tea"


def test_a_module_level_saga_takes_the_functions_above_it() -> None:
    @step
    def first(name: str) -> str:
        return name.upper()

    @compensation(of=first)
    def unfirst(output: str | None) -> str | None:
        return output

    @step(depends_on=[first], at_most_once=True)
    async def second() -> None:
        """Nothing to do."""

    wasaga.saga("functions")
    assert list(saga("functions").steps) == ["first", "second"]
    assert saga("functions").steps["second"].at_most_once
    assert run("functions", "first", name="ada") == "ADA"
    assert run("functions", "second") is None
    assert undo("functions", "first", output=None) is None
    assert first("bob") == "BOB"


def test_the_input_is_what_the_steps_take() -> None:
    import json

    @step
    def one(id: str, quantity: int = 1) -> None: ...

    @step
    def two(id: str | None, deep: Annotated[str, FromInput("/a/b")], one: None) -> None: ...

    wasaga.saga("fields")
    assert json.loads(saga("fields").input_schema) == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "quantity": {"type": "integer", "default": 1}},
        "required": ["id"],
    }


def test_names() -> None:
    @wasaga.saga
    class BusyHTTPLoopSaga:
        @step(id="the-step")
        @staticmethod
        def one() -> int:
            return 1

        @staticmethod
        @step(depends_on="the-step")
        def two(three: Annotated[int, FromStep("the-step")]) -> int:
            return three + 1

        @classmethod
        @step
        def four(cls, two: int) -> str:
            return f"{cls.__name__} {two}"

    assert saga("busy-http-loop").steps.keys() == {"the-step", "two", "four"}
    assert run("busy-http-loop", "two", three=1) == 2
    assert run("busy-http-loop", "four", two=2) == "BusyHTTPLoopSaga 2"


def test_a_hyphen_and_an_underscore_are_the_same() -> None:
    """U6: a step `get-price` never was the parameter `get_price`, which became a field of the input."""

    @step(id="get-price")
    def price() -> int:
        return 590

    @step
    def pay(get_price: int) -> int:
        return get_price

    @step
    def log(paid: Annotated[int, FromStep("get_price")]) -> None: ...

    wasaga.saga("hyphens")
    assert sources("hyphens", "pay") == {"get_price": ("step-output", "get-price", None, True)}
    assert sources("hyphens", "log") == {"paid": ("step-output", "get-price", None, True)}
    assert run("hyphens", "pay", get_price=590) == 590
