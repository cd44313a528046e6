"""What a call is told, and what it writes: natively as in a component."""

from datetime import timedelta
from typing import Any

import pytest

import wasaga
from wasaga import Call, Pending, Rejected, Unknown, WriteError, _host, context, testing
from wasaga.call import Failure


@pytest.fixture(autouse=True)
def _nothing_is_left() -> None:
    testing.reset()


class Asked:
    """A host that counts what it is asked."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def __getattr__(self, name: str) -> Any:
        answers = {"attempt": 2, "token": '{"job":7}', "last_failure": ("busy", "it is busy", '{"a":1}'), "item": None}

        def answer() -> Any:
            self.questions.append(name)
            return answers[name]

        return answer


def test_a_call_asks_only_what_is_asked_of_it_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    monkeypatch.setattr(_host, "_host", asked)
    call = Call()
    assert asked.questions == []
    assert (call.attempt, call.attempt, call.item, call.item) == (2, 2, None, None)
    assert call.token == {"job": 7}
    assert call.last_failure == call.last_failure == Failure("busy", "it is busy", {"a": 1})
    assert asked.questions == ["attempt", "item", "token", "last_failure"]


def test_a_call_for_tests() -> None:
    sample = Call.sample()
    assert (sample.attempt, sample.item, sample.token, sample.last_failure, sample.headers) == (1, None, None, None, {})
    assert (sample.transaction_id, sample.idempotency_key) == ("0" * 26, "sample-key")
    assert sample.remaining > timedelta(days=30), "and its time fits a `timedelta`"
    other = sample.with_attempt(2).with_item(3).with_token({"job": 7}).with_last_failure("busy", "it is", [1])
    other = other.with_header("b", "2").with_header("a", "1").with_transaction_id("t").with_idempotency_key("k")
    assert (other.attempt, other.item, other.token) == (2, 3, {"job": 7})
    assert other.last_failure == Failure("busy", "it is", [1])
    assert (other.header("a"), other.header("c"), list(other.headers)) == ("1", None, ["a", "b"])
    assert (other.transaction_id, other.idempotency_key) == ("t", "k")
    assert sample.attempt == 1, "it stays as it is"


@pytest.mark.parametrize("left", ["2s", 2, timedelta(seconds=2)])
def test_what_remains_of_a_call(left: Any) -> None:
    assert timedelta(seconds=1) < Call.sample().with_remaining(left).remaining <= timedelta(seconds=2)
    assert Call.sample().with_remaining(0).remaining == timedelta(0)


def test_there_is_no_call_natively_but_a_sample() -> None:
    with pytest.raises(RuntimeError, match=r"make one with `Call\.sample\(\)`"):
        Call().attempt  # noqa: B018


def test_headers_are_read_as_they_were_set() -> None:
    """U13: they were found natively alone."""
    call = Call.sample().with_header("tenant", "acme")
    context.set_header("z", "1")
    context.set_header("by", "me")
    assert context.headers() == {"by": "me", "z": "1"}
    assert (context.header("by"), call.header("by"), call.header("tenant")) == ("me", "me", "acme")
    context.remove_header("by")
    context.remove_header("never")
    assert (context.header("by"), context.headers()) == (None, {"z": "1"})


def test_a_variable_is_removed_and_null_is_a_value() -> None:
    context.set_variable("a", 1)
    context.set_variable("b", None)
    assert _host.native.kept.variables == {"a": "1", "b": "null"}
    context.remove_variable("a")
    assert context.variable("a") is None
    assert _host.native.kept.variables == {"b": "null"}


def test_an_event_has_all_that_is_said_of_it() -> None:
    context.publish("order.shipped", {"id": 7})
    context.publish("x", None, topic="t", key="k", subject="s", headers={"a": "b"})
    assert testing.published() == [
        testing.Event("order.shipped", {"id": 7}),
        testing.Event("x", None, "t", "k", "s", {"a": "b"}),
    ]
    assert _host.native.kept.events[0] == '{"type":"order.shipped","data":{"id":7}}'


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (lambda: context.set_variable("", 1), "a name has 1 to 128 characters"),
        (lambda: context.set_variable("a", b"x"), "variable `a`: bytes have no form in JSON"),
        (lambda: context.set_variable("a", float("nan")), "variable `a`: nan is no number"),
        (lambda: context.set_header("a" * 129, "x"), "a name has 1 to 128 characters"),
        (lambda: context.set_header("a", 1), "header `a`: expected a str, not 1"),  # type: ignore[arg-type]
        (lambda: context.set_header("a", None), r"`remove_header` removes it"),  # type: ignore[arg-type]
        (lambda: context.set_header("a", "x\ny"), "the value of header `a` has a control character"),
        (lambda: context.remove_variable("a\0"), "has a control character"),
        (lambda: context.publish("a", object()), "event `a`: a plain object cannot be JSON"),
        (lambda: context.publish("a", 1, key=7), "event `a`: `key` is 7"),  # type: ignore[arg-type]
        (lambda: context.publish("a", 1, headers={"b": 7}), "event `a`: `b` is 7"),  # type: ignore[dict-item]
    ],
)
def test_what_cannot_be_written(write: Any, what: str) -> None:
    with pytest.raises(WriteError, match=what) as refused:
        write()
    assert refused.value.code == "invalid"
    assert isinstance(refused.value, Unknown)
    assert not isinstance(refused.value, Rejected)


def test_a_variable_of_another_type_is_no_rejection() -> None:
    context.set_variable("limit", [1])
    with pytest.raises(Unknown, match="`bad-variable`: variable `limit`: expected an integer, not an array"):
        context.variable("limit", int)


def test_what_is_for_tests_says_so_in_a_component(monkeypatch: pytest.MonkeyPatch) -> None:
    """U13: it gave an empty list, so that a guest which used it passed its tests and did nothing."""
    monkeypatch.setattr(_host, "_host", Asked())
    for of in (testing.published, testing.reset):
        with pytest.raises(RuntimeError, match=r"`wasaga\.testing` is for tests"):
            of()


@pytest.mark.parametrize("name", ["published", "reset", "Published"])
def test_names_of_before_say_where_they_are_now(name: str) -> None:
    with pytest.raises(AttributeError, match=r"\(use `wasaga\.testing\."):
        getattr(context, name)


def test_a_source_of_before_says_what_it_is_called_now() -> None:
    with pytest.raises(ImportError, match=r"`wasaga\.Literal` is now `Fixed`"):
        from wasaga import Literal  # noqa: F401


class Waits:
    def __init__(self, token: Any) -> None:
        self.token = token


def test_a_token_is_what_the_next_call_is_given() -> None:
    @wasaga.step
    def wait(good: bool, call: Call) -> Any:
        if call.token is None:
            raise Pending("20ms", token={"job": 7} if good else Waits(7))
        return call.token

    wasaga.saga("waits")
    operation = wasaga._registry.step("waits", "wait")
    with pytest.raises(Pending) as pending:
        operation.answer('{"good":true}', None, Call.sample())
    assert (pending.value.token, pending.value.after_ms) == ({"job": 7}, 20)
    assert operation.answer('{"good":true}', None, Call.sample().with_token({"job": 7})) == '{"job":7}'
    with pytest.raises(Unknown, match="`bad-token`: the token of what `wait` waits for cannot be JSON"):
        operation.answer('{"good":false}', None, Call.sample())
