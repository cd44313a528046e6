"""Settings of steps, and that the order of decorators loses none."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from kit import run, saga, undo

import wasaga
from wasaga import Retry, _table, _units, compensation, step


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200ms", 200),
        ("2s", 2_000),
        ("1.5m", 90_000),
        ("1h", 3_600_000),
        (timedelta(seconds=1.25), 1_250),
        (2, 2_000),
        (0.25, 250),
    ],
)
def test_spans(text: Any, expected: int) -> None:
    assert _units.milliseconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "2", "s", "2 s", "-2s", "2sec", "2M", "inf", "1e3s", -1, True, None, timedelta(-1)]
)
def test_what_is_no_span(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a span of time such as"):
        _units.milliseconds(text)


def test_sizes() -> None:
    assert [_units.size_bytes(of) for of in ("64MiB", "1KiB", "2GiB", "7B", 9)] == [64 << 20, 1024, 2 << 30, 7, 9]
    for wrong in ("64MB", "64", -1, 1.5):
        with pytest.raises(ValueError, match="is not a size such as"):
            _units.size_bytes(wrong)  # type: ignore[arg-type]


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return f"traced {function(*arguments, **named)}"

    return wrapped


SETTINGS: dict[str, Any] = {
    "timeout": "2s",
    "total_timeout": timedelta(minutes=1),
    "fuel": 1_000_000,
    "memory": "64MiB",
    "retry": Retry(attempts=7, delay="1m", max_delay="2s", multiplier=1.5, jitter=0),
    "condition": "input.a > 1",
    "at_most_once": True,
}


def check(step_: Any) -> None:
    limits = step_.limits
    assert (limits.timeout_ms, limits.total_timeout_ms, limits.fuel, limits.memory_bytes) == (
        2_000,
        60_000,
        1_000_000,
        64 << 20,
    )
    assert (limits.retry.attempts, limits.retry.delay_ms, limits.retry.max_delay_ms) == (7, 60_000, 60_000)
    assert (step_.condition, step_.at_most_once) == ("input.a > 1", True)


def test_the_order_of_decorators_loses_no_setting() -> None:
    @wasaga.saga("orders")
    @dataclass
    class Orders:
        ready: bool = True

        @traced
        @step(**SETTINGS)
        def above(self, a: int) -> str:
            return f"above {a}"

        @step(**SETTINGS)
        @traced
        def below(self, a: int) -> str:
            return f"below {a}"

        @staticmethod
        @step(**SETTINGS)
        @traced
        def between(a: int) -> str:
            return f"between {a}"

        @compensation(of=above, **{name: SETTINGS[name] for name in ("timeout", "retry")})
        @traced
        def unabove(self) -> str:
            return "unabove"

        @traced
        @compensation(of=below, critical=True)
        async def unbelow(self) -> str:
            return "unbelow"

    steps = saga("orders").steps
    for name in ("above", "below", "between"):
        check(steps[name])
        assert run("orders", name, a=2) == f"traced {name} 2"
    assert steps["above"].undo.limits.timeout_ms == 2_000
    assert steps["above"].undo.limits.retry.attempts == 7
    assert steps["below"].undo.critical
    assert undo("orders", "above") == "traced unabove"


def test_functions_wrapped_in_any_order() -> None:
    @traced
    @step(**SETTINGS)
    def above(a: int) -> str:
        return f"above {a}"

    @step(**SETTINGS)
    @traced
    def below(a: int) -> str:
        return f"below {a}"

    wasaga.saga("wrapped")
    for name in ("above", "below"):
        check(saga("wrapped").steps[name])
        assert run("wrapped", name, a=1) == f"traced {name} 1"


def renaming(function: Callable[..., Any]) -> Callable[..., Any]:
    def inner(a: int) -> str:
        return f"renamed {function(a)}"

    return inner


def test_what_another_decorator_has_made_has_the_name_it_stands_under() -> None:
    @step(**SETTINGS)
    @renaming
    def work(a: int) -> str:
        return f"work {a}"

    @compensation(of=work)
    def undo_it() -> None: ...

    again = work
    wasaga.saga("renamed")
    check(saga("renamed").steps["work"])
    assert saga("renamed").steps["work"].undo.name == "undo_it"
    assert run("renamed", "work", a=1) == again(1) == "renamed work 1"


def test_a_step_that_is_replaced_in_a_derived_class_is_marked_again() -> None:
    class Base:
        @step
        def first(self) -> int:
            return 1

    with pytest.raises(wasaga.DefinitionError, match=r"`Derived\.first` replaces a step \(mark it with `@step` too\)"):

        @wasaga.saga("replaced")
        class Derived(Base):
            def first(self) -> int:
                return 2


def test_steps_of_a_base_class_come_first() -> None:
    class Base:
        @step(timeout="2s")
        def first(self) -> int:
            return 1

    @wasaga.saga("derived")
    class Derived(Base):
        @step
        def second(self, first: int) -> int:
            return first + 1

    assert list(saga("derived").steps) == ["first", "second"]
    assert saga("derived").steps["first"].limits.timeout_ms == 2_000


def test_a_number_of_attempts_is_a_retry() -> None:
    @step(retry=5)
    def work() -> None: ...

    wasaga.saga("attempts")
    assert saga("attempts").steps["work"].limits.retry == _table.RetryPolicy(attempts=5), (
        "the rest is the host's choice"
    )


def test_a_setting_of_before_is_told_with_the_new_one() -> None:
    remedy = r"`calls_per_instance` is not a setting of `module` \(write `instance_calls=10`\)"
    with pytest.raises(TypeError, match=remedy):
        wasaga.module(calls_per_instance=10)


def test_settings_are_parameters_by_name() -> None:
    """An editor and `help` show them, and not `**settings`."""
    import inspect

    for decorator, settings in [(step, {"timeout", "each", "id"}), (wasaga.tcc, {"deadline"}), (wasaga.cancel, {"of"})]:
        assert settings <= set(inspect.signature(decorator).parameters)
