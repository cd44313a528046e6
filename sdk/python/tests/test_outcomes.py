"""What a call comes to: typed errors, exceptions, results that are none; context and log."""

import asyncio
import logging
import sys
from typing import Any

import pytest
from kit import run, undo

import wasaga
from wasaga import (
    Call,
    Error,
    Pending,
    Rejected,
    Retryable,
    Unknown,
    _absent,
    _loop,
    _outcome,
    compensation,
    context,
    log,
    step,
    testing,
)

LOOP: list[Any] = []
LOOP.append(LOOP)


def _run_in(loop: Any) -> int:
    async def work() -> int:
        await asyncio.sleep(0.001)
        return 3

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work())


class Odd(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


def endless(depth: int) -> int:
    return endless(depth + 1) + 1


@wasaga.saga("outcomes")
class Outcomes:
    @step
    def raises(self, what: str) -> Any:
        match what:
            case "rejected":
                raise Rejected("no", "it is not", details={"why": [1]})
            case "retryable":
                raise Retryable("busy", "it is busy", after="30ms")
            case "unknown":
                raise Unknown("late", "nobody answered", after=2)
            case "pending":
                raise Pending("20ms")
            case "key":
                return {}[what]
            case "exit":
                sys.exit(3)
            case "interrupt":
                raise KeyboardInterrupt
            case "memory":
                raise MemoryError
            case "recursion":
                return endless(0)
            case "import":
                import nothing_of_that_name  # type: ignore[import-not-found]

                return nothing_of_that_name
            case "odd":
                raise Odd
            case "chain":
                try:
                    raise OSError("the line went dead")
                except OSError as error:
                    raise RuntimeError("no price") from error
            case "ssl":
                raise ModuleNotFoundError("No module named '_ssl'")
            case "socket":
                _absent.refuse()
            case "run":
                return _run_in(_loop._Loop)
            case "file":
                return open("/nothing/there").read()
        return None

    @step
    def returns(self, what: str) -> Any:
        return {"nan": [float("nan")], "bytes": {"a": b"x"}, "cycle": LOOP, "half": "\ud800", "none": None}[what]

    @step
    def typed(self) -> list[int]:
        return [1, "2"]  # type: ignore[list-item]

    @step
    async def waits(self, ms: int) -> str:
        async def one(name: str) -> str:
            await asyncio.sleep(ms / 1_000)
            return name

        left = asyncio.create_task(asyncio.sleep(3_600))
        both = await asyncio.gather(one("a"), one("b"))
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        assert not left.done()
        return "".join(both)

    @step
    async def grouped(self) -> None:
        async def refuse() -> None:
            raise Rejected("no", "one of the group")

        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())

    @step
    async def absent(self, what: str) -> Any:
        loop = asyncio.get_running_loop()
        match what:
            case "thread":
                return await asyncio.to_thread(len, "abc")
            case "executor":
                return await loop.run_in_executor(None, len, "abc")
            case "connection":
                return await asyncio.open_connection("localhost", 1)
            case "name":
                return await loop.getaddrinfo("localhost", 1)

    @step
    async def stalls(self) -> None:
        await asyncio.get_running_loop().create_future()

    @step
    def writes(self, call: Call) -> int | None:
        context.set_variable("limit", {"of": [1_000]})
        context.set_header("by", call.idempotency_key)
        context.publish("written", {"a": 1}, key="k")
        log.info("written", limit=1_000)
        return context.variable("count", int)

    @compensation(of=writes)
    def unwrites(self) -> None:
        context.set_variable("bad", b"x")


def raised(node: str, **arguments: Any) -> Error:
    with pytest.raises(Error) as error:
        run("outcomes", node, **arguments)
    return error.value


def test_typed_errors_stay_what_they_are() -> None:
    errors = [raised("raises", what=what) for what in ("rejected", "retryable", "unknown", "pending")]
    assert [(error.kind, error.code, error.message, error.after_ms, error.details) for error in errors] == [
        ("rejected", "no", "it is not", None, {"why": [1]}),
        ("retryable", "busy", "it is busy", 30, None),
        ("unknown", "late", "nobody answered", 2_000, None),
        ("pending", "pending", "it is not finished", 20, None),
    ]
    with pytest.raises(ValueError, match="is not a span of time"):
        Retryable("a", "b", after="soon")


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("key", "error", "KeyError: 'key'"),
        ("exit", "error", "SystemExit: 3 (a step ends by returning or raising, not by leaving the process)"),
        ("interrupt", "error", "KeyboardInterrupt"),
        ("memory", "out-of-memory", "it asked for more memory than it may have (see `memory` of the step)"),
        ("recursion", "error", "RecursionError: maximum recursion depth exceeded"),
        (
            "import",
            "error",
            "ModuleNotFoundError: No module named 'nothing_of_that_name' (a component has only what was imported "
            "when it was built: move the import to the top of the file)",
        ),
        ("odd", "error", "test_outcomes.Odd"),
        ("chain", "error", "RuntimeError: no price"),
        # U15: what a guest has not, and what to use.
        ("ssl", "error", "ModuleNotFoundError: No module named '_ssl' (the host speaks TLS: use `wasaga.http`)"),
        (
            "socket",
            "error",
            "PermissionError: a step has no sockets (use `wasaga.http`, for what `module(http=…)` asks for)",
        ),
        ("file", "error", "FileNotFoundError: [Errno 2] No such file or directory: '/nothing/there' (a step has no"),
    ],
)
def test_anything_else_is_unknown(what: str, code: str, message: str) -> None:
    error = raised("raises", what=what)
    assert (error.kind, error.code) == ("unknown", code)
    assert error.message.startswith(message)


def test_the_traceback_is_in_the_details() -> None:
    details = raised("raises", what="chain").details
    assert details["exception"] == "RuntimeError"
    assert "OSError: the line went dead" in details["traceback"]
    assert 'raise RuntimeError("no price")' in details["traceback"]
    assert "wasaga/_operation.py" not in details["traceback"].partition("direct cause")[2]
    assert len(raised("raises", what="recursion").details["traceback"]) < 8_001


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nan", "at /0: nan is no number in JSON"),
        ("bytes", "at /a: bytes have no form in JSON"),
        ("cycle", "at /0: the list contains itself"),
        ("half", "a str in it has half a character"),
    ],
)
def test_results_that_are_none(what: str, message: str) -> None:
    error = raised("returns", what=what)
    assert (error.kind, error.code) == ("unknown", "bad-output")
    assert error.message.startswith("what `Outcomes.returns` returned cannot be its answer: ")
    assert message in error.message
    assert f"{__file__}:" in error.message


def test_a_result_must_be_what_the_hint_says() -> None:
    assert "at /1: expected an int, not the str '2'" in raised("typed").message


def test_none_is_a_result_like_any_other() -> None:
    assert run("outcomes", "returns", what="none") is None


def test_async_functions() -> None:
    assert run("outcomes", "waits", ms=2) == "ab"
    assert asyncio.all_tasks(_loop._loop) == set(), "what was left running is cancelled"
    error = raised("grouped")
    assert (error.kind, error.code) == ("rejected", "no"), "the one typed error of a group counts"
    assert "it waits for something that can never happen" in raised("stalls").message
    assert run("outcomes", "waits", ms=0) == "ab", "the loop is sound after that"
    assert asyncio.run(Outcomes().waits(0)) == "ab"


@pytest.mark.parametrize("what", ["thread", "executor"])
def test_threads_are_told_plainly(what: str) -> None:
    """U15: `to_thread` and executors gave advice that misleads."""
    message = raised("absent", what=what).message
    assert message == f"RuntimeError: {_absent.ONE_THREAD} (call the function itself)"


@pytest.mark.parametrize("what", ["connection", "name"])
def test_sockets_are_told_plainly(what: str) -> None:
    """U15: they may trap."""
    assert raised("absent", what=what).message == f"PermissionError: {_absent.NO_SOCKETS}"


@pytest.mark.parametrize("module", ["concurrent.futures.thread", "multiprocessing", "_ssl", "httpcore"])
def test_what_a_component_lacks_is_told_with_what_to_use(module: str) -> None:
    """U15: that of an executor was told to be imported at the top of the file."""
    said = _outcome.message(ModuleNotFoundError(f"No module named '{module}'"))
    assert "at the top of the file" not in said
    assert said.endswith(f"({_absent.of_module(str(said))})")


def test_asyncio_run_in_a_function_that_is_not_async() -> None:
    """U15: it made a loop that needs sockets."""
    assert run("outcomes", "raises", what="run") == 3


def test_the_context_of_a_call(caplog: pytest.LogCaptureFixture) -> None:
    testing.reset()
    context.set_variable("count", 3)
    with caplog.at_level(logging.INFO, "wasaga"):
        assert run("outcomes", "writes") == 3
    assert caplog.messages == ["written limit=1000"]
    assert context.variable("limit") == {"of": [1_000]}
    assert context.header("by") == "sample-key"
    assert testing.published() == [testing.Event("written", {"a": 1}, key="k")]
    refused = undone("outcomes", "writes")
    assert (refused.kind, refused.code) == ("unknown", "invalid"), "never a rejection: the step may have done its work"
    assert "variable `bad`: " in refused.message
    assert "bytes have no form in JSON" in refused.message


def undone(definition: str, node: str) -> Error:
    with pytest.raises(Error) as error:
        undo(definition, node)
    return error.value


class Recorder:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, list[tuple[str, str]]]] = []

    def log(self, level: str, message: str, fields: list[tuple[str, str]]) -> None:
        self.lines.append((level, message, fields))


def test_logging_flows_into_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr("wasaga._host._host", recorder)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler()])
    monkeypatch.setattr(root, "level", logging.WARNING)
    log.install()
    shop = logging.getLogger("shop")
    shop.debug("not shown")
    shop.info("sold %d", 3, extra={"sku": "tea"})
    shop.warning("few left")
    logging.error("none left")
    try:
        raise ValueError("no")
    except ValueError:
        shop.exception("failed")
    log.trace("all", of="it")
    assert [(level, message) for level, message, _ in recorder.lines] == [
        ("info", "sold 3"),
        ("warn", "few left"),
        ("error", "none left"),
        ("error", "failed"),
        ("trace", "all"),
    ]
    assert recorder.lines[0][2] == [("logger", "shop"), ("sku", "tea")]
    assert recorder.lines[2][2] == []
    assert "ValueError: no" in dict(recorder.lines[3][2])["traceback"]
    assert [type(handler) for handler in root.handlers] == [log.Handler]


def test_files_of_a_component_are_shown_without_its_directories() -> None:
    said = 'File "/0/order.py", line 3\n  File "/python/lib/python3.14/json/decoder.py", line 1\n /home/0/a.py'
    assert _outcome.shown(said) == 'File "order.py", line 3\n  File "json/decoder.py", line 1\n /home/0/a.py'
