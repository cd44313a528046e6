"""Runs `async` functions: asyncio without sockets, for a component has none to wait for.

Timers, tasks, locks, queues, `gather`, `TaskGroup` and `timeout` work as ever. What is left running
when the function returns is cancelled, so that it does not go on in somebody else's call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from wasaga import _absent


class _Clock:
    """Stands where a loop has its selector: nothing to listen to, only time to let pass."""

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("it waits for something that can never happen: no task is running, no timer is set")
        if timeout > 0:
            time.sleep(timeout)
        return []


class _Loop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._selector = _Clock()

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing to process."""

    def _write_to_self(self) -> None:
        """Nothing to wake up: there is one thread."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        """Refuse what `asyncio.to_thread` and executors need.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"{_absent.ONE_THREAD} (call the function itself)")

    def _no_sockets(self, *_: Any, **__: Any) -> Any:
        _absent.refuse()

    create_connection = create_server = create_datagram_endpoint = getaddrinfo = getnameinfo = _no_sockets
    sock_connect = sock_recv = sock_sendall = create_unix_connection = _no_sockets


def install() -> None:
    """Let `asyncio.run` make this loop, where a function that is not `async` calls it: asyncio's own needs sockets."""
    asyncio.events.new_event_loop = asyncio.new_event_loop = _Loop


_loop: _Loop | None = None


def prepare() -> None:
    """Make the loop, so that no call has to."""
    global _loop
    if _loop is None:
        _loop = _Loop()


def run(of: Coroutine[Any, Any, Any]) -> Any:
    """Run until it has a result.

    Raises:
        BaseException: what it raised.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is not None:
        of.close()
        raise RuntimeError("an operation was called through the SDK within a running loop (await the function itself)")
    prepare()
    loop = _loop
    if loop is None:
        raise AssertionError("it was made above")
    try:
        return loop.run_until_complete(of)
    finally:
        _cancel(loop)


def _cancel(loop: _Loop) -> None:
    """End what the function left running."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
